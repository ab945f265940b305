build-san/user/session_follow.o: user/session_follow.c include/events.h \
 user/log.h user/session_impl.h user/flow_decode.h user/flow_event.h \
 user/flow_ring.h user/kern.h include/config.h include/layout.h \
 include/probes.h include/stats.h user/target_code.h user/target_elf.h \
 user/target_probe.h user/session.h user/options.h user/target_layout.h \
 include/layout.h user/target_process.h user/target_image.h \
 user/target_proc.h user/util.h
include/events.h:
user/log.h:
user/session_impl.h:
user/flow_decode.h:
user/flow_event.h:
user/flow_ring.h:
user/kern.h:
include/config.h:
include/layout.h:
include/probes.h:
include/stats.h:
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
user/session.h:
user/options.h:
user/target_layout.h:
include/layout.h:
user/target_process.h:
user/target_image.h:
user/target_proc.h:
user/util.h:
