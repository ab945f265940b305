build-san/user/cmd_ps.o: user/cmd_ps.c user/cmd.h user/cmd_target.h \
 user/target_inspect.h user/target_layout.h include/layout.h \
 user/target_elf.h user/target_process.h user/target_image.h \
 user/target_proc.h user/json.h user/log.h user/options.h user/util.h
user/cmd.h:
user/cmd_target.h:
user/target_inspect.h:
user/target_layout.h:
include/layout.h:
user/target_elf.h:
user/target_process.h:
user/target_image.h:
user/target_proc.h:
user/json.h:
user/log.h:
user/options.h:
user/util.h:
