build-san/tests/unit/test_options: tests/unit/test_options.c user/man.h \
 user/options.h user/log.h user/options_table.h user/options.h \
 user/util.h
user/man.h:
user/options.h:
user/log.h:
user/options_table.h:
user/options.h:
user/util.h:
