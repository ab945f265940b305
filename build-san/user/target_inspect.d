build-san/user/target_inspect.o: user/target_inspect.c user/log.h \
 user/target_cache.h user/target_elf.h user/target_layout.h \
 include/layout.h user/target_inspect.h user/target_process.h \
 user/target_image.h user/target_proc.h user/util.h
user/log.h:
user/target_cache.h:
user/target_elf.h:
user/target_layout.h:
include/layout.h:
user/target_inspect.h:
user/target_process.h:
user/target_image.h:
user/target_proc.h:
user/util.h:
