build-san/user/kern_features_bpf.o: user/kern_features_bpf.c \
 user/kern_features_parts.h user/kern_features.h user/util.h
user/kern_features_parts.h:
user/kern_features.h:
user/util.h:
