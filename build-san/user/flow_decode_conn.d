build-san/user/flow_decode_conn.o: user/flow_decode_conn.c \
 user/flow_decode_int.h user/flow_decode.h include/events.h \
 user/flow_event.h user/flow_http.h user/flow_table.h
user/flow_decode_int.h:
user/flow_decode.h:
include/events.h:
user/flow_event.h:
user/flow_http.h:
user/flow_table.h:
