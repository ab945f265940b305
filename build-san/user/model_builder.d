build-san/user/model_builder.o: user/model_builder.c user/model_builder.h \
 user/model.h user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h user/util.h
user/model_builder.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/util.h:
