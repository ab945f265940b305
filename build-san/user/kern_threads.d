build-san/user/kern_threads.o: user/kern_threads.c user/kern_impl.h \
 user/kern.h include/config.h include/layout.h include/probes.h \
 include/stats.h user/target_code.h user/target_elf.h user/target_probe.h \
 build-san/loopray.skel.h user/kern_threads.h user/target_layout.h \
 include/layout.h user/log.h
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
user/kern_threads.h:
user/target_layout.h:
include/layout.h:
user/log.h:
