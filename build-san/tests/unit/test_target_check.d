build-san/tests/unit/test_target_check: tests/unit/test_target_check.c \
 tests/unit/fake_world.h tests/unit/fake_node.h user/target_layout.h \
 include/layout.h user/target_elf.h user/util.h
tests/unit/fake_world.h:
tests/unit/fake_node.h:
user/target_layout.h:
include/layout.h:
user/target_elf.h:
user/util.h:
