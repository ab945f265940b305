build-san/tests/unit/test_flow_latency: tests/unit/test_flow_latency.c \
 user/flow_latency.h
user/flow_latency.h:
