build-san/tests/unit/test_flow_http: tests/unit/test_flow_http.c \
 user/flow_http.h user/flow_event.h user/util.h
user/flow_http.h:
user/flow_event.h:
user/util.h:
