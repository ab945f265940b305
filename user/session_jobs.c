// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Jobs of the thread pool: followed only if all is there that tells of their life. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "session"
#include "log.h"
#include "session_impl.h"
#include "target_elf_shared.h"
#include "target_jobs.h"

static bool all_attached(const struct session *s)
{
	static const enum lr_probe probes[] = {LR_PROBE_job_submit, LR_PROBE_job_queue,
					       LR_PROBE_job_start,  LR_PROBE_job_end,
					       LR_PROBE_job_done,   LR_PROBE_job_over};

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!kern__attached(s->kern, probes[i]))
			return false;
	return true;
}

/* Of a runtime that has no libuv of its own. */
static int follow_library(struct session *s, struct session_target *t, struct target_jobs *jobs)
{
	char image[PATH_MAX + 64], why[256] = "";
	uint64_t dev, inode;
	struct target_elf *elf;
	int err = target_jobs__library(t->proc->pid, image, sizeof(image), &dev, &inode);

	if (!err)
		err = target_elf__acquire(&elf, image, why, sizeof(why));
	if (err) {
		log_info("pid %d: libuv: %s", t->proc->pid, *why ? why : strerror(-err));
		return err;
	}
	err = kern__attach_library(s->kern, elf, image, t->proc->pid, dev, inode);
	if (!err)
		err = target_jobs__decode(jobs, elf);
	target_elf__release(elf);
	return err;
}

int session__follow_jobs(struct session *s, struct session_target *t)
{
	struct target_jobs jobs;
	int err;

	if (target_elf__symbol(t->elf, "uv_queue_work"))
		err = target_jobs__decode(&jobs, t->elf);
	else
		err = follow_library(s, t, &jobs);
	if (err == -ENOMEM)
		return err;
	if (err || !target_jobs__complete(&jobs) || !all_attached(s)) {
		log_info("pid %d: jobs of the thread pool are not followed", t->proc->pid);
		return 0;
	}
	t->config.jobs = jobs.lr;
	t->config.jobs.type = target_jobs__type(t->elf);
	t->config.jobs.followed = 1;
	return kern__add_process(s->kern, t->proc->pid, &t->config);
}
