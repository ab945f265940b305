build-san/user/target_elf_words.o: user/target_elf_words.c \
 user/target_elf_parts.h user/target_elf.h user/target_elf_words.h \
 user/util.h
user/target_elf_parts.h:
user/target_elf.h:
user/target_elf_words.h:
user/util.h:
