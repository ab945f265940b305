build-san/user/out_capture_member.o: user/out_capture_member.c \
 user/out_capture_codec.h user/flow_event.h user/out_capture_parts.h
user/out_capture_codec.h:
user/flow_event.h:
user/out_capture_parts.h:
