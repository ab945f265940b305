build-san/user/flow_context.o: user/flow_context.c \
 user/flow_context_int.h user/flow_context.h user/flow_event.h \
 user/flow_request.h user/flow_table.h
user/flow_context_int.h:
user/flow_context.h:
user/flow_event.h:
user/flow_request.h:
user/flow_table.h:
