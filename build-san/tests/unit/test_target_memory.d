build-san/tests/unit/test_target_memory: tests/unit/test_target_memory.c \
 user/target_memory.h include/layout.h
user/target_memory.h:
include/layout.h:
