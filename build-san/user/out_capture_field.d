build-san/user/out_capture_field.o: user/out_capture_field.c \
 user/out_capture_parts.h user/out_capture_codec.h user/flow_event.h \
 user/util.h
user/out_capture_parts.h:
user/out_capture_codec.h:
user/flow_event.h:
user/util.h:
