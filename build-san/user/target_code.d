build-san/user/target_code.o: user/target_code.c user/target_code.h \
 user/target_elf.h user/target_probe.h user/util.h
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
user/util.h:
