build-san/user/target_elf_id.o: user/target_elf_id.c \
 user/target_elf_parts.h user/target_elf.h user/util.h
user/target_elf_parts.h:
user/target_elf.h:
user/util.h:
