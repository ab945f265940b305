build-san/user/cmd_doctor.o: user/cmd_doctor.c user/cmd.h \
 user/cmd_target.h user/target_inspect.h user/target_layout.h \
 include/layout.h user/target_elf.h user/target_process.h \
 user/target_image.h user/target_proc.h user/json.h user/kern.h \
 include/config.h include/layout.h include/probes.h include/stats.h \
 user/target_code.h user/target_probe.h user/kern_features.h user/log.h \
 user/options.h user/util.h
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
user/kern.h:
include/config.h:
include/layout.h:
include/probes.h:
include/stats.h:
user/target_code.h:
user/target_probe.h:
user/kern_features.h:
user/log.h:
user/options.h:
user/util.h:
