build-san/user/target_process.o: user/target_process.c user/log.h \
 user/target_process.h user/target_image.h user/target_elf.h \
 user/target_proc.h user/util.h
user/log.h:
user/target_process.h:
user/target_image.h:
user/target_elf.h:
user/target_proc.h:
user/util.h:
