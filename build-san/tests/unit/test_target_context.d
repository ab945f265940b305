build-san/tests/unit/test_target_context: \
 tests/unit/test_target_context.c tests/unit/fake_world.h \
 tests/unit/fake_node.h user/target_layout.h include/layout.h \
 user/target_elf.h user/target_layout_parts.h user/target_layout.h \
 user/target_layout_trace.h user/target_code.h user/target_probe.h
tests/unit/fake_world.h:
tests/unit/fake_node.h:
user/target_layout.h:
include/layout.h:
user/target_elf.h:
user/target_layout_parts.h:
user/target_layout.h:
user/target_layout_trace.h:
user/target_code.h:
user/target_probe.h:
