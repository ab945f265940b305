build-san/user/out.o: user/out.c user/log.h user/out.h \
 user/flow_context.h user/flow_event.h user/flow_request.h \
 user/out_jsonl.h user/out_report.h user/model.h user/flow_latency.h \
 user/util.h
user/log.h:
user/out.h:
user/flow_context.h:
user/flow_event.h:
user/flow_request.h:
user/out_jsonl.h:
user/out_report.h:
user/model.h:
user/flow_latency.h:
user/util.h:
