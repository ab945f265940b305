build-san/user/flow_http_message.o: user/flow_http_message.c \
 user/flow_http_int.h user/flow_http.h user/flow_event.h
user/flow_http_int.h:
user/flow_http.h:
user/flow_event.h:
