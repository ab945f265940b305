build-san/tests/unit/test_loadgen: tests/unit/test_loadgen.c \
 tests/unit/../../tools/loadgen/histogram.h \
 tests/unit/../../tools/loadgen/mix.h \
 tests/unit/../../tools/loadgen/response.h
tests/unit/../../tools/loadgen/histogram.h:
tests/unit/../../tools/loadgen/mix.h:
tests/unit/../../tools/loadgen/response.h:
