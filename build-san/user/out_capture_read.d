build-san/user/out_capture_read.o: user/out_capture_read.c \
 user/out_capture.h user/flow_event.h user/out_capture_codec.h \
 user/util.h
user/out_capture.h:
user/flow_event.h:
user/out_capture_codec.h:
user/util.h:
