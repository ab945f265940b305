build-san/user/target_layout_wrap.o: user/target_layout_wrap.c \
 user/target_layout_parts.h user/target_elf.h user/target_layout.h \
 include/layout.h user/target_layout_trace.h user/target_code.h \
 user/target_probe.h
user/target_layout_parts.h:
user/target_elf.h:
user/target_layout.h:
include/layout.h:
user/target_layout_trace.h:
user/target_code.h:
user/target_probe.h:
