build-san/user/pipeline.o: user/pipeline.c user/flow_context.h \
 user/flow_event.h user/pipeline.h user/model.h user/flow_latency.h \
 user/flow_request.h user/out.h
user/flow_context.h:
user/flow_event.h:
user/pipeline.h:
user/model.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
