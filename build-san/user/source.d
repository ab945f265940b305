build-san/user/source.o: user/source.c user/log.h user/out_capture.h \
 user/flow_event.h user/session.h user/options.h user/source.h \
 user/model.h user/flow_context.h user/flow_latency.h user/flow_request.h \
 user/out.h user/util.h
user/log.h:
user/out_capture.h:
user/flow_event.h:
user/session.h:
user/options.h:
user/source.h:
user/model.h:
user/flow_context.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
user/util.h:
