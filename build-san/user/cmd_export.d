build-san/user/cmd_export.o: user/cmd_export.c user/cmd.h user/pipeline.h \
 user/flow_event.h user/model.h user/flow_context.h user/flow_latency.h \
 user/flow_request.h user/out.h user/log.h user/options.h user/source.h \
 user/util.h
user/cmd.h:
user/pipeline.h:
user/flow_event.h:
user/model.h:
user/flow_context.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
user/log.h:
user/options.h:
user/source.h:
user/util.h:
