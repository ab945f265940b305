build-san/user/flow_latency.o: user/flow_latency.c user/flow_latency.h \
 user/util.h
user/flow_latency.h:
user/util.h:
