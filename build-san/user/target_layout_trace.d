build-san/user/target_layout_trace.o: user/target_layout_trace.c \
 user/target_layout_trace.h include/layout.h user/target_code.h \
 user/target_elf.h user/target_probe.h user/util.h
user/target_layout_trace.h:
include/layout.h:
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
user/util.h:
