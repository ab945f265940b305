build-san/user/target_elf_symbols.o: user/target_elf_symbols.c \
 user/target_elf.h user/target_elf_parts.h user/util.h
user/target_elf.h:
user/target_elf_parts.h:
user/util.h:
