build-san/user/model.o: user/model.c user/model.h user/flow_context.h \
 user/flow_event.h user/flow_latency.h user/flow_request.h \
 user/model_builder.h
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/model_builder.h:
