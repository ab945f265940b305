build-san/tests/unit/test_out_jsonl: tests/unit/test_out_jsonl.c \
 include/events.h user/model.h user/flow_context.h user/flow_event.h \
 user/flow_latency.h user/flow_request.h user/out_jsonl.h user/out.h \
 tests/unit/out_test.h user/util.h
include/events.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out_jsonl.h:
user/out.h:
tests/unit/out_test.h:
user/util.h:
