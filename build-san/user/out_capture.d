build-san/user/out_capture.o: user/out_capture.c user/log.h user/out.h \
 user/flow_context.h user/flow_event.h user/flow_request.h \
 user/out_capture.h user/out_capture_codec.h user/util.h
user/log.h:
user/out.h:
user/flow_context.h:
user/flow_event.h:
user/flow_request.h:
user/out_capture.h:
user/out_capture_codec.h:
user/util.h:
