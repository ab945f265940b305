build-san/user/options_value.o: user/options_value.c user/options_value.h \
 user/options.h user/log.h user/options_table.h user/util.h
user/options_value.h:
user/options.h:
user/log.h:
user/options_table.h:
user/util.h:
