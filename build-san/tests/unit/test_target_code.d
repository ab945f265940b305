build-san/tests/unit/test_target_code: tests/unit/test_target_code.c \
 user/target_code.h user/target_elf.h user/target_probe.h \
 user/target_elf.h user/target_probe.h user/util.h
user/target_code.h:
user/target_elf.h:
user/target_probe.h:
user/target_elf.h:
user/target_probe.h:
user/util.h:
