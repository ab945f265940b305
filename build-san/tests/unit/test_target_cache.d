build-san/tests/unit/test_target_cache: tests/unit/test_target_cache.c \
 tests/unit/fake_node.h user/target_cache.h user/target_elf.h \
 user/target_layout.h include/layout.h user/util.h
tests/unit/fake_node.h:
user/target_cache.h:
user/target_elf.h:
user/target_layout.h:
include/layout.h:
user/util.h:
