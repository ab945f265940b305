build-san/user/options.o: user/options.c user/man.h user/options.h \
 user/log.h user/options_table.h user/options_value.h user/util.h
user/man.h:
user/options.h:
user/log.h:
user/options_table.h:
user/options_value.h:
user/util.h:
