build-san/user/flow_context_ids.o: user/flow_context_ids.c \
 user/flow_context_int.h user/flow_context.h user/flow_event.h \
 user/flow_request.h user/flow_table.h
user/flow_context_int.h:
user/flow_context.h:
user/flow_event.h:
user/flow_request.h:
user/flow_table.h:
