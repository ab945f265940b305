// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray ps: which Node.js processes there are, and whether each can be observed.
 *
 * Processes are collected first and printed at the end, so that the columns fit and JSON is
 * one object. A process that ends while it is looked at was never there, unless it was
 * asked for by its pid.
 */
#define LOG_MODULE "ps"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_target.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "target_inspect.h"
#include "target_process.h"
#include "util.h"

#define COMMAND_COLUMN 61 /* where the last column begins */

struct ps_row {
	struct target_process *p;
	struct target_inspection *in;
};

struct ps_error {
	pid_t pid;
	struct target_why why;
};

struct ps {
	const struct options *opts;
	struct ps_row *rows;
	size_t nrows, cap;
	struct ps_error errors[OPTIONS_PIDS_MAX];
	size_t nerrors;
	struct target_scan scan;
};

static void ps_free(struct ps *ps)
{
	if (!ps)
		return;
	for (size_t i = 0; i < ps->nrows; i++) {
		target_process__free(ps->rows[i].p);
		free(ps->rows[i].in);
	}
	free(ps->rows);
	free(ps);
	cmd_target__free();
}

/* Takes ownership of @p. */
static int add_process(struct target_process *p, void *ctx)
{
	struct ps *ps = ctx;
	struct ps_row row = {.p = p, .in = calloc(1, sizeof(*row.in))};
	int err = row.in ? 0 : -ENOMEM;

	if (!err && ps->nrows == ps->cap) {
		size_t cap = ps->cap ? 2 * ps->cap : 16;
		struct ps_row *rows = realloc(ps->rows, cap * sizeof(*rows));

		err = rows ? 0 : -ENOMEM;
		if (rows) {
			ps->rows = rows;
			ps->cap = cap;
		}
	}
	if (!err)
		err = cmd_target__inspect(row.in, p);
	if (err) {
		target_process__free(p);
		free(row.in);
		return err;
	}
	ps->rows[ps->nrows++] = row;
	return 0;
}

/* In a scan, a process that ended is no error. */
static int scan_process(struct target_process *p, void *ctx)
{
	int err = add_process(p, ctx);

	return err == -ESRCH ? 0 : err;
}

static int collect_pids(struct ps *ps)
{
	for (size_t i = 0; i < ps->opts->npids; i++) {
		struct ps_error *e = &ps->errors[ps->nerrors];
		struct target_process *p;
		int err;

		e->pid = ps->opts->pids[i];
		err = target_process__open(&p, e->pid, &e->why);
		if (!err) {
			err = add_process(p, ps);
			if (err == -ENOMEM)
				return err;
			e->why.status = EX_LR_NO_TARGET;
			snprintf(e->why.text, sizeof(e->why.text), "process %d has exited", e->pid);
		}
		if (err) {
			log_err("%s", e->why.text);
			ps->nerrors++;
		}
	}
	return 0;
}

static const char *answer_name(enum target_answer a)
{
	return a == TARGET_YES ? "yes" : a == TARGET_NO ? "no" : "unknown";
}

/* ---- text ---- */

static void print_path(const char *what, const char *path, const char *note)
{
	char text[PATH_MAX];

	proc_text__printable(text, sizeof(text), path, strlen(path));
	printf("    %-10s %s%s\n", what, text, note);
}

static void print_details(const struct ps_row *row)
{
	const struct target_process *p = row->p;

	print_path("exe", p->exe, "");
	print_path("runtime", p->path, p->deleted ? " (deleted or replaced)" : "");
	printf("    %-10s %s\n", "build id", p->node.build_id);
	printf("    %-10s uid %u, parent %d, pid %d in its own namespace, %u threads\n", "process",
	       p->uid, p->ppid, p->nspid, p->threads);
	for (size_t i = 0; i < min_t(size_t, row->in->nenvs, TARGET_ENVS_MAX); i++) {
		const struct target_env *e = &row->in->envs[i];

		printf("    %-10s %d: %s%s%s\n", "thread", e->tid, target_context__name(e->context),
		       *e->context_why ? ", " : "", e->context_why);
	}
}

/* How much of a command line to show: what fits on a terminal's line, all of it elsewhere. */
static size_t command_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return TARGET_ARGS_MAX;
	return max_t(size_t, size.ws_col, COMMAND_COLUMN + 16) - COMMAND_COLUMN;
}

static void print_text(const struct ps *ps)
{
	size_t width = min_t(size_t, command_width() + 1, TARGET_ARGS_MAX);

	if (ps->nrows)
		printf("%8s  %-9s %-8s %8s  %-12s %-7s  %s\n", "PID", "VERSION", "LINKED",
		       "ISOLATES", "CONTEXT", "ATTACH", "COMMAND");
	for (size_t i = 0; i < ps->nrows; i++) {
		const struct target_process *p = ps->rows[i].p;
		const struct target_inspection *in = ps->rows[i].in;
		char args[TARGET_ARGS_MAX], envs[24] = "?";

		if (in->envs_known)
			snprintf(envs, sizeof(envs), "%zu", in->nenvs);
		target_process__args(p, args, width);
		printf("%8d  %-9s %-8s %8s  %-12s %-7s  %s\n", p->pid,
		       *p->node.version ? p->node.version : "unknown", target_process__linked(p),
		       envs, target_context__name(in->context), answer_name(in->attachable), args);
		if (in->attachable != TARGET_YES)
			printf("%8s  %s: %s\n", "", answer_name(in->attachable), in->why.text);
		if (ps->opts->log_level >= LOG_VERBOSE)
			print_details(&ps->rows[i]);
	}
}

/* ---- JSON ---- */

static int write_stdout(void *ctx, const void *data, size_t len)
{
	return fwrite(data, 1, len, ctx) == len ? 0 : -EIO;
}

static void json_or_null(struct json *j, const char *key, const char *text)
{
	json__key(j, key);
	json__str(j, *text ? text : NULL);
}

static void json_envs(struct json *j, const struct target_inspection *in)
{
	json__key(j, "environments");
	if (!in->envs_known) {
		json__null(j);
		json__key(j, "threads");
		json__null(j);
		return;
	}
	json__u64(j, in->nenvs);
	json__key_array(j, "threads");
	for (size_t i = 0; i < min_t(size_t, in->nenvs, TARGET_ENVS_MAX); i++) {
		json__object_begin(j);
		json__key_i64(j, "tid", in->envs[i].tid);
		json__key_str(j, "context", target_context__name(in->envs[i].context));
		json_or_null(j, "context_reason", in->envs[i].context_why);
		json__object_end(j);
	}
	json__array_end(j);
}

static void json_process(struct json *j, const struct ps_row *row)
{
	const struct target_inspection *in = row->in;
	const struct target_process *p = row->p;
	char args[TARGET_ARGS_MAX];

	target_process__args(p, args, sizeof(args));
	json__object_begin(j);
	json__key_i64(j, "pid", p->pid);
	json__key_i64(j, "nspid", p->nspid);
	json__key_i64(j, "ppid", p->ppid);
	json__key_u64(j, "uid", p->uid);
	json__key_u64(j, "start_time", p->start_time);
	json_or_null(j, "version", p->node.version);
	json__key_str(j, "linked", target_process__linked(p));
	json__key_str(j, "exe", p->exe);
	json__key_str(j, "runtime", p->path);
	json__key_bool(j, "deleted", p->deleted);
	json__key_str(j, "build_id", p->node.build_id);
	json__key_str(j, "command", args);
	json__key_u64(j, "thread_count", p->threads);
	json_envs(j, in);
	json__key_str(j, "context", target_context__name(in->context));
	json_or_null(j, "context_reason", in->context_why);
	json__key(j, "attachable");
	if (in->attachable == TARGET_UNKNOWN)
		json__null(j);
	else
		json__bool(j, in->attachable == TARGET_YES);
	json_or_null(j, "reason", in->why.text);
	json__object_end(j);
}

static void print_json(const struct ps *ps)
{
	struct json j;

	json__init(&j, write_stdout, stdout);
	json__object_begin(&j);
	json__key_str(&j, "schema", "loopray.ps/1");
	json__key_array(&j, "processes");
	for (size_t i = 0; i < ps->nrows; i++)
		json_process(&j, &ps->rows[i]);
	json__array_end(&j);
	json__key_u64(&j, "not_permitted", ps->scan.denied);
	json__key_u64(&j, "failed", ps->scan.failed);
	json__key_array(&j, "errors");
	for (size_t i = 0; i < ps->nerrors; i++) {
		json__object_begin(&j);
		json__key_i64(&j, "pid", ps->errors[i].pid);
		json__key_i64(&j, "status", ps->errors[i].why.status);
		json__key_str(&j, "reason", ps->errors[i].why.text);
		json__object_end(&j);
	}
	json__array_end(&j);
	json__object_end(&j);
	json__newline(&j);
	json__finish(&j);
}

static void explain_scan(const struct ps *ps)
{
	if (ps->scan.denied)
		log_info(
			"%u processes may not be examined by this user; there may be Node.js among "
			"them",
			ps->scan.denied);
	if (ps->nrows || ps->opts->npids)
		return;
	if (ps->scan.denied > 1)
		log_warn("no Node.js process found among those that this user may examine; %u "
			 "others "
			 "need root or CAP_SYS_PTRACE",
			 ps->scan.denied);
	else
		log_warn("no Node.js process found");
}

int cmd_ps(const struct options *opts)
{
	struct ps *ps = calloc(1, sizeof(*ps));
	int status = EX_LR_OK;
	int err = -ENOMEM;

	if (ps) {
		ps->opts = opts;
		err = opts->npids ? collect_pids(ps)
				  : target_process__scan(scan_process, ps, &ps->scan);
	}
	if (err) {
		log_err_errno(err, "cannot list processes");
		status = EX_LR_RUNTIME;
		goto out;
	}
	if (opts->json)
		print_json(ps);
	else
		print_text(ps);
	explain_scan(ps);
	if (ps->nerrors)
		status = ps->errors[0].why.status;
out:
	ps_free(ps);
	return status;
}
