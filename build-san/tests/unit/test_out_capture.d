build-san/tests/unit/test_out_capture: tests/unit/test_out_capture.c \
 user/out_capture.h user/flow_event.h user/out_capture_codec.h \
 tests/unit/out_test.h user/util.h
user/out_capture.h:
user/flow_event.h:
user/out_capture_codec.h:
tests/unit/out_test.h:
user/util.h:
