build-san/user/cmd_target.o: user/cmd_target.c user/cmd_target.h \
 user/target_inspect.h user/target_layout.h include/layout.h \
 user/target_elf.h user/target_process.h user/target_image.h \
 user/target_proc.h user/kern_features.h user/kern_threads.h user/log.h \
 user/util.h
user/cmd_target.h:
user/target_inspect.h:
user/target_layout.h:
include/layout.h:
user/target_elf.h:
user/target_process.h:
user/target_image.h:
user/target_proc.h:
user/kern_features.h:
user/kern_threads.h:
user/log.h:
user/util.h:
