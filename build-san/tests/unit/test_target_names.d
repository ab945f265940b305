build-san/tests/unit/test_target_names: tests/unit/test_target_names.c \
 user/target_elf_parts.h user/target_elf.h user/util.h
user/target_elf_parts.h:
user/target_elf.h:
user/util.h:
