build-san/user/model_request.o: user/model_request.c user/model_builder.h \
 user/model.h user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h user/util.h
user/model_builder.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/util.h:
