build-san/user/flow_ring.o: user/flow_ring.c user/flow_ring.h
user/flow_ring.h:
