build-san/tests/unit/test_out_memory: tests/unit/test_out_memory.c \
 user/model.h user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h user/out_capture.h user/out_report.h user/model.h \
 user/out.h tests/unit/out_test.h user/util.h
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out_capture.h:
user/out_report.h:
user/model.h:
user/out.h:
tests/unit/out_test.h:
user/util.h:
