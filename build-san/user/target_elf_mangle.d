build-san/user/target_elf_mangle.o: user/target_elf_mangle.c \
 user/target_elf_parts.h user/target_elf.h user/target_elf_words.h \
 user/util.h
user/target_elf_parts.h:
user/target_elf.h:
user/target_elf_words.h:
user/util.h:
