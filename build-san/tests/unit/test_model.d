build-san/tests/unit/test_model: tests/unit/test_model.c user/model.h \
 user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h tests/unit/out_test.h user/util.h
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
tests/unit/out_test.h:
user/util.h:
