// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray doctor: what this machine lacks, each line with its fix. The last check is the
 * real one: every BPF program is loaded, so that the kernel's verifier has its say.
 */
#define LOG_MODULE "doctor"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "cmd_target.h"
#include "json.h"
#include "kern.h"
#include "kern_features.h"
#include "log.h"
#include "options.h"
#include "util.h"

/* One line of the answer: a feature of the table, or a check of doctor's own. */
struct check {
	struct kern_feature f;
	int status; /* exit status that it asks for, 0: none */
};

struct target_check {
	pid_t pid;
	char version[24];
	enum target_answer attachable;
	struct target_why why;
};

struct doctor {
	const struct options *opts;
	struct check checks[KERN_FEATURE_COUNT + 1];
	size_t nchecks;
	struct target_check targets[OPTIONS_PIDS_MAX];
	size_t ntargets;
};

static const char *state_of(const struct check *c)
{
	if (c->f.has)
		return c->f.need == KERN_NEED_NONE ? "info" : "ok";
	if (c->status)
		return "fail";
	return c->f.need == KERN_NEED_PART ? "warn" : "info";
}

static int status_of(const struct kern_feature *f)
{
	if (f->has)
		return EX_LR_OK;
	return f->need == KERN_NEED_KERNEL	? EX_LR_UNSUPPORTED
	       : f->need == KERN_NEED_PRIVILEGE ? EX_LR_PRIVILEGES
						: EX_LR_OK;
}

/* A missing kernel feature outweighs a missing privilege, which would not help. */
static int overall(const struct doctor *d)
{
	int status = EX_LR_OK;

	for (size_t i = 0; i < d->nchecks; i++)
		status = max_t(int, status, d->checks[i].status);
	for (size_t i = 0; i < d->ntargets && !status; i++)
		status = d->targets[i].why.status;
	return status;
}

static void check_features(struct doctor *d)
{
	for (int i = 0; i < KERN_FEATURE_COUNT; i++) {
		struct check *c = &d->checks[d->nchecks++];

		c->f = *kern_features__get(i);
		c->status = status_of(&c->f);
	}
}

static void check_programs(struct doctor *d)
{
	struct check *c = &d->checks[d->nchecks++];
	struct kern_opts opts = {.level = LR_LEVEL_RESOURCES, .lines = KERN_LINES_ALL};
	struct kern *k = NULL;
	int err;

	c->f = (struct kern_feature){
		.id = "programs",
		.title = "BPF programs",
		.use = "everything",
		.need = KERN_NEED_KERNEL,
		.fix = "run loopray -vv doctor and report what the verifier says",
	};
	if (overall(d)) {
		c->f.need = KERN_NEED_NONE;
		snprintf(c->f.found, sizeof(c->f.found), "not tried: see above");
		return;
	}
	err = kern__load(&k, &opts);
	c->f.has = !err;
	snprintf(c->f.found, sizeof(c->f.found), "%s",
		 err ? strerror(-err) : "all pass this kernel's verifier");
	if (err == -EPERM || err == -EACCES)
		c->f.need = KERN_NEED_PRIVILEGE;
	c->status = status_of(&c->f);
	kern__free(k);
}

static void check_target(struct doctor *d, pid_t pid)
{
	struct target_check *t = &d->targets[d->ntargets++];
	static struct target_inspection in; /* too large for the stack */
	struct target_process *p;
	int err;

	*t = (struct target_check){.pid = pid, .attachable = TARGET_NO};
	if (target_process__open(&p, pid, &t->why))
		return;
	memcpy(t->version, p->node.version, sizeof(t->version));
	err = cmd_target__inspect(&in, p);
	if (err) {
		t->why.status = err == -ESRCH ? EX_LR_NO_TARGET : EX_LR_RUNTIME;
		snprintf(t->why.text, sizeof(t->why.text), "process %d: %s", pid,
			 err == -ESRCH ? "it has exited" : strerror(-err));
	} else {
		t->attachable = in.attachable;
		t->why = in.why;
	}
	target_process__free(p);
}

/* ---- text ---- */

static const char *paint(const struct doctor *d, const char *state)
{
	if (!d->opts->color)
		return "";
	return strcmp(state, "ok") == 0	    ? "\033[32m"
	       : strcmp(state, "fail") == 0 ? "\033[31m"
	       : strcmp(state, "warn") == 0 ? "\033[33m"
					    : "\033[2m";
}

static void print_line(const struct doctor *d, const char *state, const char *title,
		       const char *found)
{
	printf("%s%-4s%s  %-34s  %s\n", paint(d, state), state, d->opts->color ? "\033[0m" : "",
	       title, found);
}

static void print_check(const struct doctor *d, const struct check *c)
{
	const char *state = state_of(c);
	bool wanting = strcmp(state, "fail") == 0 || strcmp(state, "warn") == 0;
	char found[384];

	if (wanting)
		snprintf(found, sizeof(found), "%s; needed for %s", c->f.found, c->f.use);
	else if (c->f.need == KERN_NEED_NONE)
		snprintf(found, sizeof(found), "%s (%s)", c->f.found, c->f.use);
	else
		snprintf(found, sizeof(found), "%s", c->f.found);
	print_line(d, state, c->f.title, found);
	if (wanting && c->f.fix)
		printf("      fix: %s\n", c->f.fix);
}

static void print_target(const struct doctor *d, const struct target_check *t)
{
	bool ok = t->attachable == TARGET_YES;
	char title[32], found[64];

	snprintf(title, sizeof(title), "process %d", t->pid);
	snprintf(found, sizeof(found), "Node.js %s can be observed",
		 *t->version ? t->version : "of unknown version");
	print_line(d, ok ? "ok" : "fail", title, ok ? found : t->why.text);
}

static void print_text(const struct doctor *d)
{
	for (size_t i = 0; i < d->nchecks; i++)
		if (d->opts->log_level > LOG_QUIET || d->checks[i].status)
			print_check(d, &d->checks[i]);
	for (size_t i = 0; i < d->ntargets; i++)
		if (d->opts->log_level > LOG_QUIET || d->targets[i].why.status)
			print_target(d, &d->targets[i]);
}

/* ---- JSON ---- */

static int write_stdout(void *ctx, const void *data, size_t len)
{
	return fwrite(data, 1, len, ctx) == len ? 0 : -EIO;
}

static void json_check(struct json *j, const struct check *c)
{
	static const char *const needs[] = {
		[KERN_NEED_KERNEL] = "kernel",
		[KERN_NEED_PRIVILEGE] = "privilege",
		[KERN_NEED_PART] = "part",
		[KERN_NEED_NONE] = "none",
	};

	json__object_begin(j);
	json__key_str(j, "id", c->f.id);
	json__key_str(j, "title", c->f.title);
	json__key_bool(j, "has", c->f.has);
	json__key_str(j, "state", state_of(c));
	json__key_str(j, "need", needs[c->f.need]);
	json__key_str(j, "found", c->f.found);
	json__key_str(j, "use", c->f.use);
	json__key_str(j, "fix", c->f.has ? NULL : c->f.fix);
	json__object_end(j);
}

static void json_target(struct json *j, const struct target_check *t)
{
	json__object_begin(j);
	json__key_i64(j, "pid", t->pid);
	json__key_str(j, "version", *t->version ? t->version : NULL);
	json__key(j, "attachable");
	if (t->attachable == TARGET_UNKNOWN)
		json__null(j);
	else
		json__bool(j, t->attachable == TARGET_YES);
	json__key_str(j, "reason", *t->why.text ? t->why.text : NULL);
	json__key_i64(j, "status", t->why.status);
	json__object_end(j);
}

static void print_json(const struct doctor *d)
{
	struct json j;

	json__init(&j, write_stdout, stdout);
	json__object_begin(&j);
	json__key_str(&j, "schema", "loopray.doctor/1");
	json__key_bool(&j, "ok", overall(d) == EX_LR_OK);
	json__key_i64(&j, "status", overall(d));
	json__key_array(&j, "checks");
	for (size_t i = 0; i < d->nchecks; i++)
		json_check(&j, &d->checks[i]);
	json__array_end(&j);
	json__key_array(&j, "processes");
	for (size_t i = 0; i < d->ntargets; i++)
		json_target(&j, &d->targets[i]);
	json__array_end(&j);
	json__object_end(&j);
	json__newline(&j);
	json__finish(&j);
}

int cmd_doctor(const struct options *opts)
{
	static struct doctor d; /* too large for the stack */

	d = (struct doctor){.opts = opts};
	check_features(&d);
	check_programs(&d);
	for (size_t i = 0; i < opts->npids; i++)
		check_target(&d, opts->pids[i]);
	if (opts->json)
		print_json(&d);
	else
		print_text(&d);
	cmd_target__free();
	return overall(&d);
}
