build-san/user/flow_decode.o: user/flow_decode.c user/flow_decode_int.h \
 user/flow_decode.h include/events.h user/flow_event.h user/flow_http.h \
 user/flow_table.h user/util.h
user/flow_decode_int.h:
user/flow_decode.h:
include/events.h:
user/flow_event.h:
user/flow_http.h:
user/flow_table.h:
user/util.h:
