build-san/user/out_jsonl.o: user/out_jsonl.c include/events.h user/json.h \
 user/model.h user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h user/out_jsonl.h user/out.h user/util.h
include/events.h:
user/json.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out_jsonl.h:
user/out.h:
user/util.h:
