build-san/user/target_image.o: user/target_image.c user/log.h \
 user/target_code.h user/target_elf.h user/target_probe.h \
 user/target_image.h user/util.h
user/log.h:
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
user/target_image.h:
user/util.h:
