build-san/tests/unit/test_target_ports: tests/unit/test_target_ports.c \
 user/target_ports.h
user/target_ports.h:
