build-san/tests/unit/test_out_report: tests/unit/test_out_report.c \
 user/model.h user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h user/out_report.h user/model.h user/out.h \
 tests/unit/out_test.h user/out_text.h user/util.h \
 tests/unit/out_report.golden
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out_report.h:
user/model.h:
user/out.h:
tests/unit/out_test.h:
user/out_text.h:
user/util.h:
tests/unit/out_report.golden:
