build-san/user/target_proc.o: user/target_proc.c user/target_proc.h \
 user/util.h
user/target_proc.h:
user/util.h:
