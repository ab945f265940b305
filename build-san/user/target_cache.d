build-san/user/target_cache.o: user/target_cache.c user/log.h \
 user/target_cache.h user/target_elf.h user/target_layout.h \
 include/layout.h user/util.h
user/log.h:
user/target_cache.h:
user/target_elf.h:
user/target_layout.h:
include/layout.h:
user/util.h:
