build-san/bpf/async.bpf.o: bpf/async.bpf.c bpf/emit.bpf.h bpf/maps.bpf.h \
  bpf/kernel.bpf.h include/config.h include/layout.h include/events.h \
  include/probes.h include/stats.h bpf/filter.bpf.h bpf/runtime.bpf.h

bpf/emit.bpf.h:

bpf/maps.bpf.h:

bpf/kernel.bpf.h:

include/config.h:

include/layout.h:

include/events.h:

include/probes.h:

include/stats.h:

bpf/filter.bpf.h:

bpf/runtime.bpf.h:
