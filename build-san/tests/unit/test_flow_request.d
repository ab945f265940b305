build-san/tests/unit/test_flow_request: tests/unit/test_flow_request.c \
 user/flow_request.h user/flow_event.h
user/flow_request.h:
user/flow_event.h:
