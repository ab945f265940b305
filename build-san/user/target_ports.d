build-san/user/target_ports.o: user/target_ports.c user/target_ports.h
user/target_ports.h:
