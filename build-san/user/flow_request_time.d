build-san/user/flow_request_time.o: user/flow_request_time.c \
 user/flow_request_int.h user/flow_request.h user/flow_event.h \
 user/flow_route.h user/flow_table.h user/util.h
user/flow_request_int.h:
user/flow_request.h:
user/flow_event.h:
user/flow_route.h:
user/flow_table.h:
user/util.h:
