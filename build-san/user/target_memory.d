build-san/user/target_memory.o: user/target_memory.c user/target_memory.h \
 include/layout.h
user/target_memory.h:
include/layout.h:
