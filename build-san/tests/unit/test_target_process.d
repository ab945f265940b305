build-san/tests/unit/test_target_process: \
 tests/unit/test_target_process.c user/target_process.h \
 user/target_image.h user/target_elf.h user/target_proc.h user/util.h
user/target_process.h:
user/target_image.h:
user/target_elf.h:
user/target_proc.h:
user/util.h:
