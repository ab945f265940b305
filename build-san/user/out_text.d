build-san/user/out_text.o: user/out_text.c user/out_text.h user/out.h \
 user/flow_context.h user/flow_event.h user/flow_request.h user/util.h
user/out_text.h:
user/out.h:
user/flow_context.h:
user/flow_event.h:
user/flow_request.h:
user/util.h:
