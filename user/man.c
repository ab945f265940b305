// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "man.h"
#include "options_table.h"

/*
 * Writes text so that roff takes nothing in it as its own: backslashes, hyphens that must
 * stay hyphens, and control characters at a line's start. A newline breaks the line if
 * @breaks, else it is a space.
 */
static void roff(FILE *out, const char *text, bool breaks)
{
	bool start = true;

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '`' || *text == '\'')
			fputs(*text == '`' ? "\\(ga" : "\\(aq", out);
		else if (*text != '\n')
			fputc(*text, out);
		else if (breaks)
			fputs("\n", out);
		else
			fputc(' ', out);
		start = breaks && *text == '\n';
	}
	fputc('\n', out);
}

static void heading(FILE *out, const char *title)
{
	fprintf(out, ".SH %s\n", title);
}

static void write_flag(FILE *out, const struct flag *f)
{
	char letter = flag__letter(f);

	fprintf(out, ".TP\n");
	if (letter)
		fprintf(out, "\\fB\\-%c\\fR, ", letter);
	fprintf(out, "\\fB\\-\\-");
	for (const char *s = f->name; *s; s++)
		fputs(*s == '-' ? "\\-" : (char[]){*s, '\0'}, out);
	fprintf(out, "\\fR");
	if (f->arg)
		fprintf(out, "=\\fI%s\\fR", f->arg);
	fputc('\n', out);
	roff(out, f->help, false);
}

static void write_flags(FILE *out)
{
	heading(out, "OPTIONS");
	fprintf(out, "Each command takes those listed with it; the others are refused.\n");
	for (int g = 1; g < GROUP_COUNT; g++) {
		fprintf(out, ".SS %s\n", flag_groups[g]);
		for (size_t i = 0; i < flags_count; i++)
			if ((int)flags[i].group == g)
				write_flag(out, &flags[i]);
	}
}

static void write_command_flags(FILE *out, const struct command *c)
{
	char list[64];

	fprintf(out, ".PP\nTakes:");
	for (size_t i = 0; i < flags_count; i++) {
		const struct flag *f = &flags[i];

		/* What every command and the program itself take need not be said each time. */
		if (!(f->commands & CMD_BIT(c->id)) || f->commands & CMD_BIT(COMMAND_NONE))
			continue;
		fprintf(out, "\n.B \\-\\-");
		for (const char *s = f->name; *s; s++)
			fputs(*s == '-' ? "\\-" : (char[]){*s, '\0'}, out);
	}
	format__list(c->formats, list, sizeof(list));
	fprintf(out, "\n.PP\nFormats: %s.\n", list);
}

static void write_commands(FILE *out)
{
	heading(out, "COMMANDS");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands[i];

		fprintf(out, ".SS %s%s%s\n", c->name, c->args ? " " : "", c->args ? c->args : "");
		roff(out, c->about, false);
		write_command_flags(out, c);
		fprintf(out, ".PP\n.nf\n.RS\n");
		roff(out, c->examples, true);
		fprintf(out, ".RE\n.fi\n");
	}
}

static void write_exit_status(FILE *out)
{
	static const char *const meaning[] = {
		"Success.",
		"An operation failed, or standard output was closed before everything was written.",
		"The command line is wrong.",
		"There is no such process, or it is not Node.js.",
		"A privilege is missing; the message names it.",
		"This Node.js or this kernel cannot be observed; the message says why.",
		"Data was lost (--fail-on-loss), or a limit of check is unsure and none failed.",
		"A limit of loopray check did not hold.",
	};

	heading(out, "EXIT STATUS");
	for (size_t i = 0; i < sizeof(meaning) / sizeof(meaning[0]); i++) {
		fprintf(out, ".TP\n.B %zu\n", i);
		roff(out, meaning[i], false);
	}
	fprintf(out, ".TP\n.B 128+n\n");
	roff(out, "Signal n came while a capture was read, before there was a result.", false);
	fprintf(out, ".PP\n");
	roff(out, "loopray run ends with the status of the program that it runs.", false);
}

static void write_notes(FILE *out)
{
	heading(out, "ENVIRONMENT");
	fprintf(out, ".TP\n.B NO_COLOR\n");
	roff(out, "If set and not empty, nothing is coloured, as with --no-color.", false);
	heading(out, "PRIVILEGES");
	roff(out,
	     "Reading a capture file needs none. Observing needs CAP_BPF and CAP_PERFMON, and "
	     "CAP_SYS_PTRACE for processes of other users; attaching by perf events (kernels "
	     "before 6.6, or --attach-method perf) needs CAP_SYS_ADMIN. loopray doctor says "
	     "which of them are missing here.",
	     false);
	heading(out, "NOTES");
	roff(out,
	     "The observed processes are only read: loopray sends them no signal, does not stop "
	     "them, and writes nothing into their memory. When loopray ends, however it ends, the "
	     "kernel removes its probes.",
	     false);
	fprintf(out, ".PP\n");
	roff(out,
	     "Records that could not be kept are counted where they were lost and shown in every "
	     "report and file.",
	     false);
	fprintf(out, ".PP\n");
	roff(out,
	     "When the reader of its standard output goes away (as head does), loopray ends "
	     "without a message and with status 1; a capture file that is being written is "
	     "completed first.",
	     false);
}

void man__page(FILE *out)
{
	fprintf(out, ".\\\" SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause\n");
	fprintf(out, ".TH LOOPRAY 8 \"\" \"loopray %s\" \"System Administration\"\n",
		LOOPRAY_VERSION);
	heading(out, "NAME");
	fprintf(out, "loopray \\- X\\-ray for Node.js event loops\n");
	heading(out, "SYNOPSIS");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands[i];

		fprintf(out, "%s.B loopray %s\n.RI [ OPTION ...]\n", i ? ".br\n" : "", c->name);
		if (c->args)
			roff(out, c->args, false);
	}
	heading(out, "DESCRIPTION");
	roff(out,
	     "loopray attaches to Node.js processes that are already running, unmodified, and "
	     "shows, request by request, where the time went. It works from outside the process, "
	     "with eBPF: no restart, no change to the program, no inspector.",
	     false);
	write_commands(out);
	write_flags(out);
	write_exit_status(out);
	write_notes(out);
}

static void completion_flags(FILE *out, unsigned int bit)
{
	for (size_t i = 0; i < flags_count; i++)
		if (flags[i].commands & bit)
			fprintf(out, " --%s", flags[i].name);
}

static void completion_values(FILE *out)
{
	for (size_t i = 0; i < flags_count; i++) {
		const struct flag *f = &flags[i];

		if (!f->values)
			continue;
		fprintf(out, "\t--%s) words=\"", f->name);
		for (size_t v = 0; f->values[v]; v++)
			fprintf(out, "%s%s", v ? " " : "", f->values[v]);
		fprintf(out, "\" ;;\n");
	}
	fprintf(out, "\t--user) COMPREPLY=($(compgen -u -- \"$cur\")); return ;;\n");
	fprintf(out, "\t--pid|-p) words=\"$(pgrep -x node 2>/dev/null)\" ;;\n");
	fprintf(out, "\t--output|-o) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
	fprintf(out, "\t--format) case $command in\n");
	for (size_t i = 0; i < commands_count; i++) {
		fprintf(out, "\t\t%s) words=\"", commands[i].name);
		for (unsigned int b = 0, n = 0; b < FORMAT_COUNT; b++)
			if (commands[i].formats & (1u << b))
				fprintf(out, "%s%s", n++ ? " " : "", format_names[b]);
		fprintf(out, "\" ;;\n");
	}
	fprintf(out, "\t\tesac ;;\n");
}

void man__completion(FILE *out)
{
	fprintf(out, "# bash completion for loopray\n_loopray()\n{\n");
	fprintf(out, "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n");
	fprintf(out, "\tlocal command=\"\" words=\"\" w\n");
	fprintf(out, "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n");
	fprintf(out, "\t\tcase $w in -*) ;; *) command=$w; break ;; esac\n\tdone\n");
	fprintf(out, "\tcase $prev in\n");
	completion_values(out);
	fprintf(out, "\t*) case $command in\n");
	for (size_t i = 0; i < commands_count; i++) {
		fprintf(out, "\t\t%s) ", commands[i].name);
		/* What to run, and then its arguments, are names of commands and files. */
		if (commands[i].id == COMMAND_RUN)
			fprintf(out, "[[ $cur = -* ]] || { COMPREPLY=($(compgen -A command -A file "
				     "-- \"$cur\")); return; }; ");
		fprintf(out, "words=\"");
		completion_flags(out, CMD_BIT(commands[i].id));
		fprintf(out, "\" ;;\n");
	}
	fprintf(out, "\t\t*) words=\"");
	for (size_t i = 0; i < commands_count; i++)
		fprintf(out, "%s%s", i ? " " : "", commands[i].name);
	completion_flags(out, CMD_BIT(COMMAND_NONE));
	fprintf(out, "\" ;;\n\t\tesac ;;\n\tesac\n");
	fprintf(out, "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n");
	/* A capture file can be an argument wherever a word without a dash can. */
	fprintf(out, "\tcase $command$cur in report*|export*) "
		     "COMPREPLY+=($(compgen -f -X '!*.lray' -- \"$cur\")) ;; esac\n");
	fprintf(out, "}\ncomplete -F _loopray loopray\n");
}
