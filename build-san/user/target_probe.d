build-san/user/target_probe.o: user/target_probe.c user/log.h \
 user/target_code.h user/target_elf.h user/target_probe.h \
 user/target_elf_parts.h user/util.h
user/log.h:
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
user/target_elf_parts.h:
user/util.h:
