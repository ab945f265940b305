build-san/user/kern_features_text.o: user/kern_features_text.c \
 user/kern_features_parts.h user/kern_features.h
user/kern_features_parts.h:
user/kern_features.h:
