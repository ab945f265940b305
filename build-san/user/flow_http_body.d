build-san/user/flow_http_body.o: user/flow_http_body.c \
 user/flow_http_int.h user/flow_http.h user/flow_event.h user/util.h
user/flow_http_int.h:
user/flow_http.h:
user/flow_event.h:
user/util.h:
