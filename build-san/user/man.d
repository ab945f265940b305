build-san/user/man.o: user/man.c user/man.h user/options_table.h \
 user/options.h user/log.h
user/man.h:
user/options_table.h:
user/options.h:
user/log.h:
