build-san/user/flow_route.o: user/flow_route.c user/flow_route.h \
 user/flow_table.h user/util.h
user/flow_route.h:
user/flow_table.h:
user/util.h:
