build-san/tests/unit/test_flow_context: tests/unit/test_flow_context.c \
 user/flow_context.h user/flow_event.h user/flow_request.h
user/flow_context.h:
user/flow_event.h:
user/flow_request.h:
