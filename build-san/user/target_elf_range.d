build-san/user/target_elf_range.o: user/target_elf_range.c \
 user/target_elf_parts.h user/target_elf.h user/util.h
user/target_elf_parts.h:
user/target_elf.h:
user/util.h:
