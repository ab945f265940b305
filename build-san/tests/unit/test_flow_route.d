build-san/tests/unit/test_flow_route: tests/unit/test_flow_route.c \
 user/flow_route.h user/flow_table.h user/util.h
user/flow_route.h:
user/flow_table.h:
user/util.h:
