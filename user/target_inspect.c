// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define LOG_MODULE "find"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "target_cache.h"
#include "target_inspect.h"
#include "util.h"

/* Layouts decoded so far, by build id: a machine runs few different binaries. */
#define LAYOUTS_MAX 32

struct known_layout {
	struct known_layout *next;
	int err; /* of decoding it */
	char why[192];
	struct target_layout layout;
};

static struct known_layout *layouts;
static size_t layouts_count;

static void decode(struct known_layout *k, const struct target_process *p)
{
	struct target_elf *elf;

	k->err = target_elf__open(&elf, p->image, k->why, sizeof(k->why));
	if (k->err)
		return;
	k->err = target_cache__decode(&k->layout, elf, k->why, sizeof(k->why));
	target_elf__free(elf);
	snprintf(k->layout.build_id, sizeof(k->layout.build_id), "%.*s",
		 (int)sizeof(k->layout.build_id) - 1, p->node.build_id);
}

static const struct known_layout *layout_of(const struct target_process *p)
{
	struct known_layout *k;

	for (k = layouts; k; k = k->next)
		if (strncmp(k->layout.build_id, p->node.build_id, sizeof(k->layout.build_id) - 1) ==
		    0)
			return k;
	if (layouts_count == LAYOUTS_MAX)
		target_inspect__forget();
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	decode(k, p);
	k->next = layouts;
	layouts = k;
	layouts_count++;
	return k;
}

void target_inspect__forget(void)
{
	while (layouts) {
		struct known_layout *next = layouts->next;

		free(layouts);
		layouts = next;
	}
	layouts_count = 0;
}

static int answer(struct target_inspection *in, enum target_answer a, int status, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));

static int answer(struct target_inspection *in, enum target_answer a, int status, const char *fmt,
		  ...)
{
	va_list ap;

	in->attachable = a;
	in->why.status = status;
	va_start(ap, fmt);
	vsnprintf(in->why.text, sizeof(in->why.text), fmt, ap);
	va_end(ap);
	return 0;
}

/* An error of reading the process, or of a check that did not hold. */
static int refused(struct target_inspection *in, int err, const char *why)
{
	switch (err) {
	case -ESRCH:
		return -ESRCH;
	case -EPERM:
	case -EACCES:
		return answer(in, TARGET_NO, EX_LR_PRIVILEGES,
			      "its memory may not be read: run as root, or with CAP_SYS_PTRACE");
	case -ENOTSUP:
	case -EPROTO:
		return answer(in, TARGET_NO, EX_LR_UNSUPPORTED, "%s", why);
	default:
		return answer(in, TARGET_NO, EX_LR_RUNTIME, "%s: %s",
			      *why ? why : "it cannot be examined", strerror(-err));
	}
}

static int check_threads(struct target_inspection *in, const struct target_process *p,
			 const struct target_layout *l, const struct target_thread *threads,
			 size_t n)
{
	char why[192] = "";
	const char *context_why = "";
	int found;

	found = target_layout__check(l, p->pid, p->load_bias, threads, n, in->envs, TARGET_ENVS_MAX,
				     why, sizeof(why));
	if (found < 0)
		return refused(in, found, why);
	in->envs_known = true;
	in->nenvs = (size_t)found;
	if (found == 0)
		return answer(in, TARGET_NO, EX_LR_UNSUPPORTED,
			      "no thread of it runs JavaScript (it may be starting or ending)");
	in->context = target_context__of(in->envs, min_t(size_t, in->nenvs, TARGET_ENVS_MAX),
					 &context_why);
	snprintf(in->context_why, sizeof(in->context_why), "%s", context_why ? context_why : "");
	return answer(in, TARGET_YES, EX_LR_OK, "%s", "");
}

int target_inspect(struct target_inspection *in, const struct target_process *p,
		   const struct target_thread *threads, int nthreads)
{
	const struct known_layout *known;
	struct target_layout layout;
	char why[192] = "";
	int err;

	memset(in, 0, sizeof(*in));
	if (!p->code_mapped)
		return answer(in, TARGET_NO, EX_LR_UNSUPPORTED,
			      "its code was moved out of its file, where no probe can reach it: "
			      "start it without --use-largepages");
	known = layout_of(p);
	if (!known)
		return answer(in, TARGET_UNKNOWN, EX_LR_RUNTIME, "out of memory");
	if (known->err)
		return refused(in, known->err, known->why);
	layout = known->layout;
	err = target_layout__bind(&layout, p->pid, p->load_bias, why, sizeof(why));
	if (err)
		return refused(in, err, why);
	if (nthreads >= 0)
		return check_threads(in, p, &layout, threads, (size_t)nthreads);
	if (nthreads == -ESRCH)
		return -ESRCH;
	if (nthreads == -EPERM || nthreads == -EACCES)
		return answer(in, TARGET_UNKNOWN, EX_LR_PRIVILEGES,
			      "its threads cannot be listed: needs CAP_BPF and CAP_PERFMON");
	return answer(in, TARGET_UNKNOWN, EX_LR_UNSUPPORTED, "its threads cannot be listed: %s",
		      strerror(-nthreads));
}
