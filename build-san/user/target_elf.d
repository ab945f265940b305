build-san/user/target_elf.o: user/target_elf.c user/log.h \
 user/target_elf.h user/target_elf_parts.h user/util.h
user/log.h:
user/target_elf.h:
user/target_elf_parts.h:
user/util.h:
