build-san/user/target_elf_digest.o: user/target_elf_digest.c \
 user/target_elf_parts.h user/target_elf.h user/util.h
user/target_elf_parts.h:
user/target_elf.h:
user/util.h:
