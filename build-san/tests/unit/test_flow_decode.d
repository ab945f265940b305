build-san/tests/unit/test_flow_decode: tests/unit/test_flow_decode.c \
 user/flow_decode.h include/events.h user/flow_event.h user/util.h
user/flow_decode.h:
include/events.h:
user/flow_event.h:
user/util.h:
