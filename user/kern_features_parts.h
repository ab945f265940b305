/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of kern_features. Only kern_features*.c and their tests include this header. */
#ifndef LOOPRAY_KERN_FEATURES_PARTS_H
#define LOOPRAY_KERN_FEATURES_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern_features.h"

/* ---- kern_features_text.c: what files of /proc and /sys say ---- */

/* The effective capabilities in the text of /proc/self/status: 0 or -EINVAL. */
int kern_text__caps(const char *status, uint64_t *caps);

/* True if the text of /proc/self/uid_map is that of the initial user namespace. */
bool kern_text__initial_userns(const char *uid_map);

/* The word in brackets, as in "none [integrity] confidentiality". False if there is none. */
bool kern_text__chosen(const char *text, char *word, size_t len);

/* Sets found; returns @has. */
bool kern_feature__found(struct kern_feature *f, bool has, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- kern_features_bpf.c: what the kernel's types and bpf(2) say ---- */

enum btf_kind { BTF_IS_FUNC, BTF_IS_STRUCT, BTF_IS_TYPEDEF };

/* 0 or -errno why there is no kernel BTF. */
int kern_btf__load(void);
/* Whether the kernel's BTF has that name; false without BTF. */
bool kern_btf__has(const char *name, enum btf_kind kind);
void kern_btf__free(void);

/* Whether maps of that type can be made. 1, 0, or -EPERM if it cannot be tried. */
int kern_bpf__map_type(unsigned int type);

/* Answers of a uprobe_multi link that is refused on purpose: nothing is ever attached. */
enum multi_answer {
	MULTI_UNKNOWN, /* not permitted to try */
	MULTI_NO,
	MULTI_YES, /* the process filter is wrong: it lets one thread through */
	MULTI_YES_PID,
};
enum multi_answer kern_bpf__uprobe_multi(void);

/* Whether a program may be put at the exit of write(2): 1, 0, or -EPERM if it is refused. */
int kern_bpf__trampoline(void);

/*
 * Asks perf for a uprobe in a place that can have none. 0 if only the place was wrong,
 * -EACCES if that is not permitted, -ENOENT if this kernel has no uprobe events.
 */
int kern_bpf__perf_uprobe(void);

#endif
