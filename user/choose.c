// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "choose.h"
#include "cmd_target.h"
#include "log.h"
#include "target_inspect.h"
#include "target_process.h"
#include "util.h"

#define CHOICES	   99
#define ANSWER_MAX 512
#define WIDTH	   80
#define INDENT	   29 /* where the command of a process begins */

struct choice {
	struct target_process *p;
	enum target_answer attachable;
	char why[256];
	char cwd[PATH_MAX];
};

struct choices {
	struct choice *list;
	size_t n;
	size_t beyond; /* processes for which there was no room */
	size_t usable; /* of those listed */
	size_t only;   /* the last usable one */
	int status;    /* why the first that is not usable is not */
	struct target_scan scan;
};

bool choose__possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static void read_cwd(struct choice *c)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/cwd", c->p->pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 0)
		proc_text__printable(c->cwd, sizeof(c->cwd), path, (size_t)n);
}

/* Takes @p. A process that ended meanwhile is none of them. */
static int add(struct target_process *p, void *ctx)
{
	struct target_inspection *in = calloc(1, sizeof(*in));
	struct choices *cs = ctx;
	struct choice *c = &cs->list[cs->n];
	int err = in ? 0 : -ENOMEM;

	if (!err && cs->n == CHOICES) {
		cs->beyond++;
		err = -ESRCH;
	}
	if (!err)
		err = cmd_target__inspect(in, p);
	if (!err) {
		c->p = p;
		c->attachable = in->attachable;
		snprintf(c->why, sizeof(c->why), "%s", in->why.text);
		read_cwd(c);
		if (in->attachable != TARGET_NO) {
			cs->usable++;
			cs->only = cs->n;
		} else if (!cs->status) {
			cs->status = in->why.status;
		}
		cs->n++;
	} else {
		target_process__free(p);
	}
	free(in);
	return err == -ESRCH ? 0 : err;
}

static void choices__free(struct choices *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		target_process__free(cs->list[i].p);
	free(cs->list);
	cmd_target__free();
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col <= INDENT + 16)
		return WIDTH;
	return size.ws_col;
}

/* The arguments, without the directory of the first: it is long, and says nothing here. */
static const char *command_of(const struct target_process *p, char *buf, size_t len)
{
	const char *slash;

	target_process__args(p, buf, len);
	slash = memrchr(buf, '/', strnlen(buf, strnlen(p->args, p->args_len)));
	return slash && slash[1] ? slash + 1 : buf;
}

static void print_choice(size_t number, const struct choice *c, size_t width)
{
	char args[TARGET_ARGS_MAX];

	fprintf(stderr, " %3zu  pid %-8d %-9s  %.*s\n", number, c->p->pid,
		*c->p->node.version ? c->p->node.version : "unknown", (int)(width - INDENT),
		command_of(c->p, args, sizeof(args)));
	if (*c->cwd)
		fprintf(stderr, "%*sin %.*s\n", INDENT - 1, "", (int)(width - INDENT - 3), c->cwd);
	if (c->attachable != TARGET_YES)
		fprintf(stderr, "      %s: %s\n",
			c->attachable == TARGET_NO ? "cannot be observed"
						   : "it is not known whether it can be observed",
			c->why);
}

static void print_list(const struct choices *cs)
{
	size_t width = terminal_width();

	fputs("No process was given. These run Node.js:\n", stderr);
	for (size_t i = 0; i < cs->n; i++)
		print_choice(i + 1, &cs->list[i], width);
	if (cs->beyond)
		fprintf(stderr, "      and %zu more: see loopray ps\n", cs->beyond);
	if (cs->scan.denied)
		fprintf(stderr, "      %u processes may not be examined by this user\n",
			cs->scan.denied);
}

/* False if one of them cannot be observed, which is said. */
static bool take(struct options *opts, const struct choices *cs, const bool *picked)
{
	bool good = true;

	opts->npids = 0;
	for (size_t i = 0; i < cs->n; i++) {
		if (!picked[i])
			continue;
		if (cs->list[i].attachable == TARGET_NO) {
			fprintf(stderr, "%zu cannot be observed: %s\n", i + 1, cs->list[i].why);
			good = false;
		}
		opts->pids[opts->npids++] = cs->list[i].p->pid;
	}
	if (!good)
		opts->npids = 0;
	return good;
}

static void print_question(const struct choices *cs)
{
	const char *several = cs->n > 1 ? ", or several, or \"all\"" : "";

	if (cs->usable == 1)
		fprintf(stderr, "Which? A number%s; Enter for %zu, q to leave: ", several,
			cs->only + 1);
	else
		fprintf(stderr, "Which? A number%s; q to leave: ", several);
	fflush(stderr);
}

/* Whether there is an answer that can be acted on; *status then says what came of it. */
static bool act(struct options *opts, const struct choices *cs, const char *line, int *status)
{
	bool picked[CHOICES] = {};

	*status = EX_LR_OK;
	switch (choose__read(line, cs->n, picked)) {
	case CHOOSE_LEAVE:
		*status = EX_LR_NO_TARGET;
		return true;
	case CHOOSE_ALL:
		opts->all = opts->follow = true;
		return true;
	case CHOOSE_DEFAULT:
		if (cs->usable != 1)
			return false;
		picked[cs->only] = true;
		return take(opts, cs, picked);
	case CHOOSE_SOME:
		return take(opts, cs, picked);
	default:
		fprintf(stderr, "Numbers from 1 to %zu, such as \"1\", \"1 3\" or \"2-4\".\n",
			cs->n);
		return false;
	}
}

/* A line, without what is too long of it. False at the end. */
static bool read_line(char *line, size_t len)
{
	int c = 0;

	if (!fgets(line, (int)len, stdin))
		return false;
	while (!strchr(line, '\n') && c != '\n' && c != EOF)
		c = getchar();
	return true;
}

static int ask(struct options *opts, const struct choices *cs)
{
	char line[ANSWER_MAX];
	int status;

	do {
		print_question(cs);
		if (!read_line(line, sizeof(line))) {
			fputc('\n', stderr);
			return EX_LR_NO_TARGET;
		}
	} while (!act(opts, cs, line, &status));
	return status;
}

int choose__targets(struct options *opts)
{
	struct choices cs = {.list = calloc(CHOICES, sizeof(*cs.list))};
	int status, err = cs.list ? target_process__scan(add, &cs, &cs.scan) : -ENOMEM;

	if (err) {
		log_err_errno(err, "cannot list processes");
		status = EX_LR_RUNTIME;
	} else if (!cs.n) {
		log_err("no process given, and no Node.js process found%s",
			cs.scan.denied ? " among those that this user may examine" : "");
		status = EX_LR_NO_TARGET;
	} else {
		print_list(&cs);
		status = cs.usable ? ask(opts, &cs) : cs.status;
		if (!cs.usable)
			log_err("none of them can be observed");
	}
	choices__free(&cs);
	return status;
}
