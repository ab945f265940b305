build-san/user/cmd_record.o: user/cmd_record.c user/cmd.h user/log.h \
 user/options.h user/out_capture.h user/flow_event.h user/session.h \
 user/source.h user/model.h user/flow_context.h user/flow_latency.h \
 user/flow_request.h user/out.h user/util.h
user/cmd.h:
user/log.h:
user/options.h:
user/out_capture.h:
user/flow_event.h:
user/session.h:
user/source.h:
user/model.h:
user/flow_context.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
user/util.h:
