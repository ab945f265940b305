build-san/user/options_table.o: user/options_table.c user/options_table.h \
 user/options.h user/log.h user/util.h
user/options_table.h:
user/options.h:
user/log.h:
user/util.h:
