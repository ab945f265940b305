// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes that come while all of them are observed (--all). The kernel tells of what a followed
 * process starts, and what is started by that is followed in turn; so all that is there is
 * followed, and then nothing can come unseen.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "follow"
#include "log.h"
#include "session_impl.h"
#include "util.h"

/* What was forked during one pass, by a process that it had not come to, is met by the next. */
#define PASSES 5

/* 1: not followed before; 0; or -errno. */
static int follow_pid(struct session *s, pid_t pid, uint8_t *known)
{
	int err;

	if (known[pid / 8] & 1u << (pid % 8))
		return 0;
	known[pid / 8] |= (uint8_t)(1u << (pid % 8));
	err = kern__follow_process(s->kern, pid);
	return err ? err : 1;
}

/* How many were not followed before, or -errno. */
static int pass(struct session *s, uint8_t *known, pid_t limit)
{
	const struct dirent *entry;
	DIR *dir = opendir("/proc");
	int n = 0, err = 0;

	if (!dir)
		return -errno;
	while (err >= 0 && (entry = readdir(dir))) {
		long pid = isdigit((unsigned char)entry->d_name[0]) ? atol(entry->d_name) : 0;

		if (pid <= 0 || pid >= limit || pid == getpid())
			continue;
		err = follow_pid(s, (pid_t)pid, known);
		n += err > 0;
	}
	closedir(dir);
	return err < 0 ? err : n;
}

/* What began between the first look at all processes and now. */
static int found_late(struct target_process *p, void *ctx)
{
	struct session *s = ctx;

	if (!session__knows(s, p->pid))
		session__pend(s, p->pid);
	target_process__free(p);
	return 0;
}

void session__follow_all(struct session *s)
{
	const pid_t limit = 4194304; /* PID_MAX_LIMIT of 64-bit kernels */
	uint8_t *known = calloc((size_t)limit / 8, 1);
	int n = known ? 1 : -ENOMEM;

	for (int i = 0; i < PASSES && n > 0; i++)
		n = pass(s, known, limit);
	free(known);
	if (n == -E2BIG)
		log_warn("there are more processes than can be followed: new ones may be missed");
	else if (n < 0)
		log_warn("new processes may be missed: %s", strerror(-n));
	target_process__scan(found_late, s, NULL);
}
