build-san/tests/unit/test_target_elf: tests/unit/test_target_elf.c \
 user/target_elf.h user/target_elf_parts.h user/target_elf.h user/util.h
user/target_elf.h:
user/target_elf_parts.h:
user/target_elf.h:
user/util.h:
