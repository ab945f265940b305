build-san/user/kern_attach.o: user/kern_attach.c user/kern_features.h \
 user/kern_impl.h user/kern.h include/config.h include/layout.h \
 include/probes.h include/stats.h user/target_code.h user/target_elf.h \
 user/target_probe.h build-san/loopray.skel.h user/log.h user/util.h
user/kern_features.h:
user/kern_impl.h:
user/kern.h:
include/config.h:
include/layout.h:
include/probes.h:
include/stats.h:
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
build-san/loopray.skel.h:
user/log.h:
user/util.h:
