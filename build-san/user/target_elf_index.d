build-san/user/target_elf_index.o: user/target_elf_index.c \
 user/target_elf_parts.h user/target_elf.h
user/target_elf_parts.h:
user/target_elf.h:
