build-san/tests/unit/test_kern_features: tests/unit/test_kern_features.c \
 user/kern_features_parts.h user/kern_features.h user/util.h
user/kern_features_parts.h:
user/kern_features.h:
user/util.h:
