build-san/user/target_find.o: user/target_find.c user/log.h \
 user/target_process.h user/target_image.h user/target_elf.h \
 user/target_proc.h
user/log.h:
user/target_process.h:
user/target_image.h:
user/target_elf.h:
user/target_proc.h:
