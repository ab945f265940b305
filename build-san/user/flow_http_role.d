build-san/user/flow_http_role.o: user/flow_http_role.c \
 user/flow_http_int.h user/flow_http.h user/flow_event.h
user/flow_http_int.h:
user/flow_http.h:
user/flow_event.h:
