build-san/user/session_target.o: user/session_target.c \
 user/kern_threads.h user/target_layout.h include/layout.h \
 user/target_elf.h user/log.h user/session_impl.h user/flow_decode.h \
 include/events.h user/flow_event.h user/flow_ring.h user/kern.h \
 include/config.h include/layout.h include/probes.h include/stats.h \
 user/target_code.h user/target_probe.h user/session.h user/options.h \
 user/target_process.h user/target_image.h user/target_proc.h \
 user/target_cache.h user/target_ports.h user/util.h
user/kern_threads.h:
user/target_layout.h:
include/layout.h:
user/target_elf.h:
user/log.h:
user/session_impl.h:
user/flow_decode.h:
include/events.h:
user/flow_event.h:
user/flow_ring.h:
user/kern.h:
include/config.h:
include/layout.h:
include/probes.h:
include/stats.h:
user/target_code.h:
user/target_probe.h:
user/session.h:
user/options.h:
user/target_process.h:
user/target_image.h:
user/target_proc.h:
user/target_cache.h:
user/target_ports.h:
user/util.h:
