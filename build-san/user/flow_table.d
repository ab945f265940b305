build-san/user/flow_table.o: user/flow_table.c user/flow_table.h \
 user/util.h
user/flow_table.h:
user/util.h:
