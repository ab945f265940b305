build-san/tests/unit/test_json: tests/unit/test_json.c user/json.h \
 tests/unit/out_test.h
user/json.h:
tests/unit/out_test.h:
