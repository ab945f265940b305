// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * argp does the parsing and lays out --help; what it is given comes from options_table.c.
 *
 * Two passes: the first reads flags in front of the command's name, the second the rest
 * with the flags of that command alone. Neither exits: argp prints an error (as it does
 * for what getopt finds), the caller learns of it from the result.
 */
#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "choose.h"
#include "man.h"
#include "options.h"
#include "options_table.h"
#include "options_value.h"
#include "util.h"

#define FLAGS_MAX	64
#define BLOCKING_NS	50000000ULL    /* a loop held for longer is told of */
#define LINE_LIMIT	4096	       /* bytes of a line that logs shows */
#define LIVE_NS		10000000000ULL /* report, export and logs of live processes */
#define CHECK_SHARE_MAX 0.05	       /* that may be unknown, or worse than the baseline */
#define PROGRAM		"loopray"

struct parse {
	struct options *opts;
	const struct command *command; /* NULL: in front of the command */
	char **argv_end;	       /* of the program's own words: behind the last */
	int verbose;
	bool quiet;
	bool no_color;
	bool format_given;
	const char *live_flag; /* a flag was given that has no meaning for a capture file */
	enum options_next next;
};

/* What argp needs to know about one command; built from the tables. */
struct argp_model {
	struct argp argp;
	struct argp_option options[FLAGS_MAX];
	char format_help[192];
	char doc[2048];
};

static error_t parse_flag(int key, char *arg, struct argp_state *state);

static const char *flag_help(struct argp_model *m, const struct command *c, const struct flag *f)
{
	char list[128];

	if (f->key != FLAG_FORMAT || !c)
		return f->help;
	format__list(c->formats, list, sizeof(list));
	snprintf(m->format_help, sizeof(m->format_help), "%s: %s. Default %s", f->help, list,
		 format_names[c->format]);
	return m->format_help;
}

static void model_options(struct argp_model *m, const struct command *c)
{
	unsigned int bit = CMD_BIT(c ? c->id : COMMAND_NONE);
	size_t n = 0;

	for (int g = 1; g < GROUP_COUNT; g++) {
		bool heading = false;

		for (size_t i = 0; i < flags_count && n < FLAGS_MAX - 2; i++) {
			const struct flag *f = &flags[i];

			if ((int)f->group != g || !(f->commands & bit))
				continue;
			if (!heading)
				m->options[n++] =
					(struct argp_option){.doc = flag_groups[g], .group = g};
			heading = true;
			m->options[n++] = (struct argp_option){.name = f->name,
							       .key = (int)f->key,
							       .arg = f->arg,
							       .doc = flag_help(m, c, f),
							       .group = g};
		}
	}
}

static void model_doc(struct argp_model *m, const struct command *c)
{
	size_t len = sizeof(m->doc), at = 0;

	if (c) {
		snprintf(m->doc, len, "%s\v%s%s", c->about, "Examples:\n", c->examples);
		return;
	}
	at += (size_t)snprintf(m->doc + at, len - at,
			       "Shows, request by request, where time goes in running Node.js "
			       "processes.\n\nCommands:\n");
	for (size_t i = 0; i < commands_count && at < len; i++)
		at += (size_t)snprintf(m->doc + at, len - at, "  %-8s %s\n", commands[i].name,
				       commands[i].summary);
	if (at < len)
		snprintf(m->doc + at, len - at,
			 "\vRun `" PROGRAM
			 " COMMAND --help' for the flags of a command. Exit status: "
			 "0 ok, 1 an operation failed, 2 usage, 3 no such target, 4 privileges, "
			 "5 unsupported Node.js or kernel, 6 data was lost (with --fail-on-loss, "
			 "or so "
			 "that a check is unsure), 7 a check failed.");
}

static struct argp_model *model__new(const struct command *c)
{
	struct argp_model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	model_options(m, c);
	model_doc(m, c);
	m->argp = (struct argp){.options = m->options,
				.parser = parse_flag,
				.args_doc = c ? c->args : "COMMAND",
				.doc = m->doc};
	return m;
}

static error_t bad(struct argp_state *state, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static error_t bad(struct argp_state *state, const char *fmt, ...)
{
	struct parse *p = state->input;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* argp says it once; a further error of the same command line would only confuse. */
	if (p->next == OPTIONS_RUN)
		argp_error(state, "%s", text);
	p->next = OPTIONS_BAD;
	state->next = state->argc;
	return EINVAL;
}

static error_t bad_value(struct argp_state *state, const struct flag *f, const char *value,
			 const char *allowed)
{
	char letter = flag__letter(f);
	char form[8] = "";

	if (letter)
		snprintf(form, sizeof(form), "-%c, ", letter);
	return bad(state, "%s--%s: '%s' is not allowed; give %s", form, f->name, value, allowed);
}

static error_t parse_format(struct argp_state *state, const struct flag *f, const char *arg)
{
	struct parse *p = state->input;
	char list[128];

	for (unsigned int i = 0; i < FORMAT_COUNT; i++) {
		if (!(p->command->formats & (1u << i)) || strcmp(format_names[i], arg) != 0)
			continue;
		if (p->format_given && p->opts->format != i)
			return bad(state, "--format %s contradicts --%s", arg,
				   p->opts->json		    ? "json"
				   : p->opts->format == FORMAT_HTML ? "html"
								    : "format");
		p->opts->format = i;
		p->opts->json = i == FORMAT_JSON;
		p->format_given = true;
		return 0;
	}
	format__list(p->command->formats, list, sizeof(list));
	return bad_value(state, f, arg, list);
}

static error_t done(struct argp_state *state)
{
	struct parse *p = state->input;

	if (p->next == OPTIONS_RUN)
		p->next = OPTIONS_DONE;
	state->next = state->argc;
	return 0;
}

/* Flags that print something and end the program. */
static error_t parse_general(int key, struct argp_state *state)
{
	struct parse *p = state->input;

	switch (key) {
	case FLAG_VERBOSE:
		p->verbose++;
		return 0;
	case FLAG_QUIET:
		p->quiet = true;
		return 0;
	case FLAG_NO_COLOR:
		p->no_color = true;
		return 0;
	case FLAG_HELP:
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return done(state);
	case FLAG_USAGE:
		argp_state_help(state, stdout, ARGP_HELP_USAGE);
		return done(state);
	case FLAG_VERSION:
		printf(PROGRAM " " LOOPRAY_VERSION "\n");
		return done(state);
	case FLAG_HELP_MAN:
		man__page(stdout);
		return done(state);
	case FLAG_HELP_COMPLETION:
		man__completion(stdout);
		return done(state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_value(int key, char *arg, struct argp_state *state)
{
	const struct flag *f = flag__by_key(key);
	struct parse *p = state->input;
	char hint[VALUE_HINT];
	const char *allowed;

	if (key == FLAG_FORMAT)
		return parse_format(state, f, arg);
	if (key == FLAG_JSON)
		return parse_format(state, flag__by_key(FLAG_FORMAT), format_names[FORMAT_JSON]);
	if (key == FLAG_HTML)
		return parse_format(state, flag__by_key(FLAG_FORMAT), format_names[FORMAT_HTML]);
	if (key == FLAG_FOLLOW || key == FLAG_DURATION ||
	    (f->group == GROUP_PROBE && key != FLAG_FAIL_ON_LOSS))
		p->live_flag = f->name;
	allowed = options_value__set(p->opts, f, arg, hint);
	return allowed ? bad_value(state, f, arg, allowed) : 0;
}

/* What follows is the program's own, flags too. argp was given a copy of the words that ends alike.
 */
static error_t parse_program(const char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	if (!*arg)
		return bad(state, "PROGRAM is an empty name");
	p->opts->program = p->argv_end - (state->argc - state->next + 1);
	state->next = state->argc;
	return 0;
}

static error_t parse_positional(char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	if (p->command->id == COMMAND_RUN)
		return parse_program(arg, state);
	if (!p->command->args)
		return bad(state, "unexpected argument '%s'%s", arg,
			   *arg >= '0' && *arg <= '9' ? "; give a process with -p" : "");
	if (p->opts->capture && p->command->id != COMMAND_REPORT)
		return bad(state, "more than one FILE: '%s' and '%s'", p->opts->capture, arg);
	if (p->opts->capture_b)
		return bad(state, "more than two FILEs: '%s' is the third", arg);
	if (!*arg)
		return bad(state, "FILE is an empty name");
	if (p->opts->capture)
		p->opts->capture_b = arg;
	else
		p->opts->capture = arg;
	return 0;
}

/* Of what is exported: a capture is compressed by itself, a report is for reading. */
static error_t check_gzip(struct argp_state *state)
{
	struct options *o = ((struct parse *)state->input)->opts;
	size_t len = o->output ? strlen(o->output) : 0;
	bool exported =
		o->format != FORMAT_TEXT && o->format != FORMAT_JSON && o->format != FORMAT_LRAY;

	if (o->gzip && !exported)
		return bad(state, "--gzip has no meaning for --format %s", format_names[o->format]);
	if (exported && len > 3 && strcmp(o->output + len - 3, ".gz") == 0)
		o->gzip = true;
	return 0;
}

static error_t check_run(struct argp_state *state)
{
	struct parse *p = state->input;
	struct options *o = p->opts;
	size_t len = o->output ? strlen(o->output) : 0;

	if (!o->program)
		return bad(state, "nothing to run: give -- PROGRAM [ARG...]");
	if (!p->format_given && len > 5 && strcmp(o->output + len - 5, ".lray") == 0)
		o->format = FORMAT_LRAY;
	o->follow = true;
	return check_gzip(state);
}

/* What only the whole command line can tell. */
static error_t check_command(struct argp_state *state)
{
	struct parse *p = state->input;
	const struct command *c = p->command;
	struct options *o = p->opts;
	bool live = o->all || o->npids;

	o->follow |= o->all;
	if (o->all && o->npids)
		return bad(state, "--pid and --all exclude each other");
	if (o->capture && live)
		return bad(state, "give either FILE or processes (--%s), not both",
			   o->all ? "all" : "pid");
	if (o->capture && p->live_flag)
		return bad(state, "--%s has no meaning for a capture FILE", p->live_flag);
	if (o->capture_b && o->format == FORMAT_HTML)
		return bad(state, "--format html shows one FILE, not a comparison");
	if (!o->context && (o->context_key || o->show_values))
		return bad(state, "--no-context leaves nothing for --%s",
			   o->context_key ? "context-key" : "show-values");
	o->choose = c->needs_target && !o->capture && !live && choose__possible();
	if (c->needs_target && !o->capture && !live && !o->choose)
		return bad(state, "nothing to look at: give %s-p PID or --all",
			   c->args ? "a capture FILE, " : "");
	if (c->id == COMMAND_RUN)
		return check_run(state);
	if (o->regress_given && !o->baseline)
		return bad(state, "--max-regress needs --baseline");
	if (o->keep && !o->rotate)
		return bad(state, "--keep needs --rotate");
	if (o->rotate && o->output && strcmp(o->output, "-") == 0)
		return bad(state, "--rotate writes several files, which standard output is not");
	if (o->forever && o->duration_ns)
		return bad(state, "--duration and --forever exclude each other");
	o->every_line = c->id == COMMAND_LOGS;
	if (((c->args && !o->capture) || o->every_line) && !o->duration_ns && !o->forever)
		o->duration_ns = LIVE_NS;
	return check_gzip(state);
}

static error_t parse_command(char *arg, struct argp_state *state);

static error_t parse_flag(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	error_t err;

	if (p->next != OPTIONS_RUN)
		return 0;
	switch (key) {
	case ARGP_KEY_ARG:
		return p->command ? parse_positional(arg, state) : parse_command(arg, state);
	case ARGP_KEY_NO_ARGS:
		return p->command ? 0 : bad(state, "no command given");
	case ARGP_KEY_END:
		return p->command ? check_command(state) : 0;
	default:
		if (!flag__by_key(key))
			return ARGP_ERR_UNKNOWN;
		err = parse_general(key, state);
		return err == ARGP_ERR_UNKNOWN ? parse_value(key, arg, state) : err;
	}
}

/* Runs argp over @argc words, the first of which is the name used in messages. */
static enum options_next run_argp(struct parse *p, int argc, char **argv, unsigned int flags_in)
{
	struct argp_model *m = model__new(p->command);
	error_t err;

	if (!m)
		return OPTIONS_BAD;
	err = argp_parse(&m->argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP | flags_in, NULL, p);
	free(m);
	if (err && p->next == OPTIONS_RUN)
		p->next = OPTIONS_BAD;
	return p->next;
}

static error_t parse_command(char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	const struct command *c = command__by_name(arg);
	const char *near = c ? NULL : command__nearest(arg);
	int argc = state->argc - state->next + 1;
	char name[64];
	char **argv;

	if (!c && near)
		return bad(state, "unknown command '%s'; did you mean '%s'?", arg, near);
	if (!c)
		return bad(state, "unknown command '%s'", arg);
	argv = calloc((size_t)argc + 1, sizeof(*argv));
	if (!argv)
		return ENOMEM;
	snprintf(name, sizeof(name), PROGRAM " %s", c->name);
	argv[0] = name;
	for (int i = 1; i < argc; i++)
		argv[i] = state->argv[state->next + i - 1];
	p->command = c;
	p->opts->command = c->id;
	p->opts->format = c->format;
	/* A program's flags are not loopray's, "--" or not. */
	run_argp(p, argc, argv, c->id == COMMAND_RUN ? ARGP_IN_ORDER : 0);
	free(argv);
	state->next = state->argc;
	return 0;
}

static bool want_color(const struct parse *p)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	int fd = p->opts->command == COMMAND_RUN ? STDERR_FILENO : STDOUT_FILENO;

	if (p->no_color || (no_color && *no_color) || !isatty(fd))
		return false;
	return !term || strcmp(term, "dumb") != 0;
}

enum options_next options__parse(struct options *opts, int argc, char **argv)
{
	struct parse p = {.opts = opts, .next = OPTIONS_RUN, .argv_end = argv + argc};
	char *words[] = {PROGRAM, NULL};
	char **copy;

	memset(opts, 0, sizeof(*opts));
	opts->context = true;
	opts->lines = true;
	opts->blocking_ns = BLOCKING_NS;
	opts->line_limit = LINE_LIMIT;
	opts->max_unknown = opts->max_regress = CHECK_SHARE_MAX;
	copy = argc > 0 ? calloc((size_t)argc + 1, sizeof(*copy)) : NULL;
	if (copy) {
		memcpy(copy, argv, (size_t)argc * sizeof(*copy));
		copy[0] = words[0]; /* the name in messages, however it was started */
	}
	run_argp(&p, copy ? argc : 1, copy ? copy : words, ARGP_IN_ORDER);
	free(copy);
	opts->log_level = p.quiet ? LOG_QUIET : min_t(int, LOG_NORMAL + p.verbose, LOG_DEBUG);
	opts->color = want_color(&p);
	return p.next;
}

const char *options__format_name(enum output_format format)
{
	return format < FORMAT_COUNT ? format_names[format] : "unknown";
}

const char *options__level_name(enum observe_level level)
{
	return level == LEVEL_RESOURCES ? "resources" : "requests";
}
