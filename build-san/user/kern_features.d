build-san/user/kern_features.o: user/kern_features.c \
 user/kern_features_parts.h user/kern_features.h user/util.h
user/kern_features_parts.h:
user/kern_features.h:
user/util.h:
