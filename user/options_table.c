// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "options_table.h"
#include "util.h"

#define PS     CMD_BIT(COMMAND_PS)
#define RECORD CMD_BIT(COMMAND_RECORD)
#define REPORT CMD_BIT(COMMAND_REPORT)
#define EXPORT CMD_BIT(COMMAND_EXPORT)
#define DOCTOR CMD_BIT(COMMAND_DOCTOR)
#define RUN    CMD_BIT(COMMAND_RUN)
#define TOP    CMD_BIT(COMMAND_NONE)
#define LOGS   CMD_BIT(COMMAND_LOGS)
#define CHECK  CMD_BIT(COMMAND_CHECK)
#define SCREEN CMD_BIT(COMMAND_TOP)
#define LIVE   (RECORD | REPORT | EXPORT | CHECK | SCREEN)
#define SEEN   (LIVE | RUN)
#define PRINT  (PS | RECORD | REPORT | EXPORT | DOCTOR | LOGS | RUN | CHECK)
#define EACH   (PRINT | SCREEN)

#define FMT(f)	 (1u << FORMAT_##f)
#define LIMIT(l) ((enum flag_key)(FLAG_LIMIT + LIMIT_##l))
#define EXPORTS \
	(FMT(JSONL) | FMT(OTLP) | FMT(OTLP_METRICS) | FMT(PERFETTO) | FMT(CHROME) | FMT(CSV))

const char *const format_names[FORMAT_COUNT] = {
	[FORMAT_TEXT] = "text",		[FORMAT_JSON] = "json",
	[FORMAT_LRAY] = "lray",		[FORMAT_JSONL] = "jsonl",
	[FORMAT_OTLP] = "otlp",		[FORMAT_OTLP_METRICS] = "otlp-metrics",
	[FORMAT_PERFETTO] = "perfetto", [FORMAT_CHROME] = "chrome",
	[FORMAT_CSV] = "csv",		[FORMAT_HTML] = "html",
	[FORMAT_JUNIT] = "junit",
};

const struct command commands[] = {
	{COMMAND_PS, "ps", NULL, "list Node.js processes and whether they can be observed",
	 "Finds Node.js by what a process has mapped, not by its name: official and distribution "
	 "binaries, renamed, deleted or replaced ones, and processes in containers. Shows pid, "
	 "Node.js version, how it is linked, threads that run JavaScript, the mechanism that "
	 "carries asynchronous context, and whether loopray can attach or the reason why not.",
	 "loopray ps\nloopray ps --json -p 1234", FMT(TEXT) | FMT(JSON), FORMAT_TEXT, false, true},
	{COMMAND_RECORD, "record", NULL, "capture what processes do into a file",
	 "Attaches to running Node.js processes, unmodified, and writes every HTTP request and "
	 "(at level resources) every asynchronous resource to a capture file, with the "
	 "AsyncLocalStorage stores that were active at each response, until the duration is over "
	 "or until interrupted with ^C. The targets are only read, and keep running when "
	 "loopray ends.",
	 "loopray record -p 1234 -d 30s -o run.lray\nloopray record --all --level resources\n"
	 "loopray record --all --rotate 100M,1h --keep 24 -o run.lray",
	 FMT(LRAY) | EXPORTS, FORMAT_LRAY, true, false},
	{COMMAND_REPORT, "report", "[FILE [FILE]]", "summarize a capture, or live processes",
	 "Prints requests by route with their latency and where it went, requests that were "
	 "answered under the AsyncLocalStorage store of another one or without their own, "
	 "asynchronous resources by type, event loop and garbage collection figures, probe "
	 "coverage and losses. Reads "
	 "the capture FILE (no privileges needed), or observes the processes given by -p or "
	 "--all for the duration. Of two captures it prints their figures side by side, the "
	 "differences, and which of them are for the worse; the first is what the second is "
	 "compared with. With --html the report is one page that any browser shows, and that needs "
	 "nothing else.",
	 "loopray report run.lray\nloopray report -p 1234 -d 10s --json\n"
	 "loopray report --html -o run.html run.lray\nloopray report before.lray after.lray",
	 FMT(TEXT) | FMT(JSON) | FMT(HTML), FORMAT_TEXT, true, false},
	{COMMAND_EXPORT, "export", "[FILE]", "turn a capture into another format",
	 "Converts the capture FILE (no privileges needed), or what it observes of the processes "
	 "given by -p or --all for the duration. A FILE appears under its name only when it is "
	 "whole: interrupted while it reads a capture, loopray leaves none and exits with 128 and "
	 "the signal's number.",
	 "loopray export --format jsonl run.lray -o run.jsonl\n"
	 "loopray export --format otlp run.lray -o traces.jsonl\n"
	 "loopray export --format perfetto run.lray -o run.pftrace.gz",
	 EXPORTS, FORMAT_JSONL, true, false},
	{COMMAND_CHECK, "check", "[FILE]", "check a capture, or live processes, against limits",
	 "Says line by line which limits held: requests answered under another request's store, "
	 "latency, errors, throughput, and each against a baseline. Reads the capture FILE (no "
	 "privileges needed), or observes the processes given by -p or --all for the duration. "
	 "Without any limit it expects no mismatch.\n\n"
	 "What was lost, cut off or could not be read makes unsure the limits that it bears on: "
	 "unsure is not held. Exit status: 0 all held, 7 at least one failed, 6 none failed, but "
	 "at least one is unsure.",
	 "loopray check run.lray\n"
	 "loopray check run.lray --max-mismatches 0 --max-p99 200ms --max-error-rate 0.1%\n"
	 "loopray check new.lray --baseline old.lray --max-regress 5% --junit check.xml",
	 FMT(TEXT) | FMT(JSON) | FMT(JUNIT), FORMAT_TEXT, true, false},
	{COMMAND_LOGS, "logs", NULL, "show what processes log, each line with its request",
	 "Prints the lines that running processes write to standard output and error, to whatever "
	 "these lead, as they are written: with time, process and the request that each belongs "
	 "to, "
	 "by the AsyncLocalStorage store that was active at the write. A line that a request wrote "
	 "under the store of another one is marked with !, one where this may be so with ~. Lines "
	 "are "
	 "shown as they were written, and may hold data of customers.",
	 "loopray logs -p 1234 -f\nloopray logs -p 1234 -d 1m --mismatch --json",
	 FMT(TEXT) | FMT(JSON), FORMAT_TEXT, true, true},
	{COMMAND_DOCTOR, "doctor", NULL, "check what this machine lacks, each with its fix",
	 "Checks the kernel's features and this user's privileges against what loopray needs. "
	 "With -p, also whether those processes can be observed.",
	 "loopray doctor\nsudo loopray doctor -p 1234", FMT(TEXT) | FMT(JSON), FORMAT_TEXT, false,
	 true},
	{COMMAND_TOP, "top", NULL, "show live what processes do, on the terminal (also: attach)",
	 "Attaches to running Node.js processes and shows, until q, their requests as they come, "
	 "findings, routes, event loops, resources and calls, each in a view of its own; a row "
	 "opens with Enter, ? lists the keys. Without -p or --all it asks which processes. The "
	 "targets are only read, and keep running when loopray ends. With --replay it shows a "
	 "capture, whose time can be held, gone through in steps, at any speed, forwards and back. "
	 "Where standard output is no terminal, or with --json, it prints a row or a JSON object "
	 "for each interval, of a capture at once.",
	 "loopray top\nloopray top -p 1234\nloopray top --all --level resources\n"
	 "loopray top --replay run.lray\nloopray top -p 1234 -d 1m --json > top.jsonl",
	 FMT(TEXT) | FMT(JSON), FORMAT_TEXT, false, false},
	{COMMAND_RUN, "run", "PROGRAM [ARG...]",
	 "start a program and observe it from the first request",
	 "Starts PROGRAM and observes it, and all that it starts, from the first request until it "
	 "ends; it may be Node.js or start it, as npm and shell scripts do. Standard input, output "
	 "and error are the program's own; the report is written when it has ended, to standard "
	 "error or FILE. A FILE that ends in .lray becomes a capture. The program begins once "
	 "loopray is ready, is only read, and goes on by itself should loopray be killed. Signals "
	 "(HUP, INT, QUIT, TERM, USR1, USR2) are passed on to it.\n\n"
	 "The exit status is that of the program, or 128 and the number of the signal that ended "
	 "it; 127 if it is not found, 126 if it cannot be executed. If loopray cannot observe, the "
	 "program is not started, and the status is loopray's own.",
	 "sudo loopray run -- node app.js\n"
	 "sudo loopray run --user app -o run.lray -- npm start\n"
	 "sudo loopray run --format json -o report.json -- node test.js",
	 FMT(TEXT) | FMT(JSON) | FMT(LRAY) | FMT(HTML) | EXPORTS, FORMAT_TEXT, false, false},
};
const size_t commands_count = ARRAY_SIZE(commands);

const struct command_alias command_aliases[] = {{"attach", COMMAND_TOP}};
const size_t command_aliases_count = ARRAY_SIZE(command_aliases);

/* In the order of enum observe_level, attach_method, byte_source. */
static const char *const level_words[] = {"requests", "resources", NULL};
static const char *const attach_words[] = {"auto", "multi", "perf", NULL};
static const char *const stream_words[] = {"both", "stdout", "stderr", NULL};
static const char *const byte_words[] = {"auto", "tracepoint", "syscall", NULL};

const char *const flag_groups[GROUP_COUNT] = {
	[GROUP_TARGET] = "What to look at:",
	[GROUP_LIMIT] = "What to expect:",
	[GROUP_OUTPUT] = "What to print or write:",
	[GROUP_PROBE] = "How to observe:",
	[GROUP_GENERAL] = "General:",
};

const struct flag flags[] = {
	{FLAG_PID, "pid", "PID[,PID]", (EACH & ~RUN), GROUP_TARGET,
	 "These processes only; may be given several times", NULL},
	{FLAG_ALL, "all", NULL, PS | LIVE | LOGS, GROUP_TARGET,
	 "Every Node.js process, also those that are started meanwhile: until interrupted", NULL},
	{FLAG_FOLLOW, "follow", NULL, LIVE | LOGS, GROUP_TARGET,
	 "Also processes that the targets start, such as cluster workers, and those that are "
	 "started "
	 "in their place with the same command, as by a shell's loop or systemd",
	 NULL},
	{FLAG_DURATION, "duration", "TIME", LIVE | LOGS, GROUP_TARGET,
	 "Observe for this long: 500ms, 30s, 5m, 1h. Default: record until interrupted, top until "
	 "q, others 10s",
	 NULL},
	{FLAG_FOREVER, "forever", NULL, LOGS, GROUP_TARGET,
	 "Until interrupted or until the last process has ended, as tail -f", NULL},
	{FLAG_REQUEST, "request", "SEQ", LOGS, GROUP_OUTPUT,
	 "Only lines of the request with this number", NULL},
	{FLAG_PATH, "path", "PATTERN", LOGS, GROUP_OUTPUT,
	 "Only lines of requests whose path matches; * is any text: \"/users/*\"", NULL},
	{FLAG_MISMATCH, "mismatch", NULL, LOGS, GROUP_OUTPUT,
	 "Only lines that were, or may have been, written under another request's store", NULL},
	{FLAG_STREAM, "stream", "STREAM", LOGS, GROUP_OUTPUT,
	 "Only lines of one stream: stdout or stderr", stream_words},
	{FLAG_LINE_LIMIT, "line-limit", "BYTES", LOGS, GROUP_OUTPUT,
	 "Cut lines that are longer than this, 80 to 65536. Default 4096", NULL},
	{FLAG_USER, "user", "NAME", RUN, GROUP_TARGET,
	 "Start the program as this user, with its groups and HOME. Default: as loopray itself",
	 NULL},
	{FLAG_REPLAY, "replay", "FILE", SCREEN, GROUP_TARGET,
	 "Show a capture, as if it happened now or faster; no privileges needed", NULL},
	{FLAG_OUTPUT, "output", "FILE", PRINT, GROUP_OUTPUT,
	 "Write to FILE. Default: standard output; run: standard error; what is recorded: "
	 "loopray-TIME.lray, or the ending of its format",
	 NULL},
	{FLAG_ROTATE, "rotate", "SIZE[,TIME]", RECORD, GROUP_OUTPUT,
	 "Begin a new file at this size (64K to 1T) or after this time (10s, 5m, 1h) or both, and "
	 "at SIGUSR1; \"signal\": then only. FILE.lray becomes FILE-0001.lray and so on, each a "
	 "whole capture",
	 NULL},
	{FLAG_KEEP, "keep", "N", RECORD, GROUP_OUTPUT,
	 "With --rotate: delete the oldest files beyond N, those of earlier runs too. Default: all "
	 "are kept",
	 NULL},
	{LIMIT(MISMATCHES), "max-mismatches", "N", CHECK, GROUP_LIMIT,
	 "Requests answered under another one's store, or without their own, at most", NULL},
	{LIMIT(P50), "max-p50", "TIME", CHECK, GROUP_LIMIT,
	 "Latency that half of the requests may exceed", NULL},
	{LIMIT(P95), "max-p95", "TIME", CHECK, GROUP_LIMIT,
	 "Latency that one request of 20 may exceed", NULL},
	{LIMIT(P99), "max-p99", "TIME", CHECK, GROUP_LIMIT,
	 "Latency that one request of 100 may exceed", NULL},
	{LIMIT(ERROR_RATE), "max-error-rate", "PERCENT", CHECK, GROUP_LIMIT,
	 "Responses with status 5xx, at most: 0.1%", NULL},
	{LIMIT(BLOCKED), "max-blocked", "N", CHECK, GROUP_LIMIT,
	 "Times that an event loop was held for longer than --blocked-over, at most", NULL},
	{LIMIT(REQUESTS), "min-requests", "N", CHECK, GROUP_LIMIT,
	 "Requests seen, at least: so that a check of nothing fails", NULL},
	{LIMIT(RPS), "min-rps", "RATE", CHECK, GROUP_LIMIT, "Requests a second, at least", NULL},
	{FLAG_BASELINE, "baseline", "FILE", CHECK, GROUP_LIMIT,
	 "Compare throughput, latency, errors and mismatches with this capture", NULL},
	{FLAG_MAX_REGRESS, "max-regress", "PERCENT", CHECK, GROUP_LIMIT,
	 "How much worse than the baseline each may be. Default 5%", NULL},
	{FLAG_MAX_UNKNOWN, "max-unknown", "PERCENT", CHECK, GROUP_LIMIT,
	 "Responses whose context may be unknown, and requests that may be incomplete, before what "
	 "depends on them is unsure. Default 5%",
	 NULL},
	{FLAG_ALLOW_LOSS, "allow-loss", NULL, CHECK, GROUP_LIMIT,
	 "Judge by what is there, though records were lost or the capture is cut off; it is told",
	 NULL},
	{FLAG_JUNIT, "junit", "FILE", CHECK, GROUP_OUTPUT,
	 "Also write the results to FILE as JUnit's XML, whatever the format", NULL},
	{FLAG_FORMAT, "format", "FORMAT", PRINT, GROUP_OUTPUT, "Output format", NULL},
	{FLAG_JSON, "json", NULL, PS | REPORT | DOCTOR | LOGS | RUN | CHECK | SCREEN, GROUP_OUTPUT,
	 "Same as --format json", NULL},
	{FLAG_HTML, "html", NULL, REPORT | RUN, GROUP_OUTPUT, "Same as --format html", NULL},
	{FLAG_GZIP, "gzip", NULL, RECORD | EXPORT | RUN, GROUP_OUTPUT,
	 "Compress what is exported; a FILE that ends in .gz is compressed without", NULL},
	{FLAG_NO_COLOR, "no-color", NULL, EACH | TOP, GROUP_OUTPUT,
	 "No colours, even on a terminal (also: environment variable NO_COLOR)", NULL},
	{FLAG_INTERVAL, "interval", "TIME", LIVE, GROUP_OUTPUT,
	 "Time between progress lines, event loop samples and refreshes of the screen, 10ms to 1h. "
	 "Default 1s",
	 NULL},
	{FLAG_ASCII, "ascii", NULL, SCREEN, GROUP_OUTPUT,
	 "Nothing but ASCII on the screen, as where the locale is not UTF-8", NULL},
	{FLAG_BLOCKED_OVER, "blocked-over", "TIME", REPORT | EXPORT | RUN | CHECK | SCREEN,
	 GROUP_OUTPUT,
	 "Tell of every turn of an event loop that held it for longer than this. Default 50ms",
	 NULL},
	{FLAG_CONTEXT_KEY, "context-key", "NAME[.NAME]", SEEN | LOGS, GROUP_OUTPUT,
	 "The property of a store that names its request, such as requestId, or a path of up to 5: "
	 "req.ids.trace; NAME is also a key of a Map, or what a symbol is described as. Default: "
	 "whatever tells stores apart; the ids of an OpenTelemetry Context's span are always read",
	 NULL},
	{FLAG_SHOW_VALUES, "show-values", NULL, SEEN, GROUP_OUTPUT,
	 "Keep and show what stores hold; it may be data of customers. Default: fingerprints, "
	 "which only tell whether two values are equal",
	 NULL},
	{FLAG_HEADER, "header", "NAME[,NAME]", SEEN, GROUP_PROBE,
	 "Keep these headers of incoming requests, such as x-request-id; may be given several "
	 "times. Their values may be data of customers. Default: none",
	 NULL},
	{FLAG_LEVEL, "level", "LEVEL", SEEN, GROUP_PROBE,
	 "How much to observe, which is what it costs the target: requests (least, default) or "
	 "resources (also every asynchronous resource)",
	 level_words},
	{FLAG_NO_CONTEXT, "no-context", NULL, SEEN, GROUP_PROBE,
	 "Do not read which AsyncLocalStorage stores are active: no findings", NULL},
	{FLAG_NO_LINES, "no-lines", NULL, SEEN, GROUP_PROBE,
	 "Do not look at what the targets write to standard output and error, and to others: fewer "
	 "signs of harm",
	 NULL},
	{FLAG_ATTACH_METHOD, "attach-method", "METHOD", SEEN | LOGS, GROUP_PROBE,
	 "How uprobes are attached: auto, multi (one link, kernel 6.6 and later) or perf",
	 attach_words},
	{FLAG_BYTE_SOURCE, "byte-source", "SOURCE", SEEN | LOGS, GROUP_PROBE,
	 "Where sent and received bytes are seen: auto, tracepoint (of sockets) or syscall",
	 byte_words},
	{FLAG_RING_SIZE, "ring-size", "SIZE", SEEN | LOGS, GROUP_PROBE,
	 "Size of the ring buffer, 64K to 1G, rounded up to a power of two", NULL},
	{FLAG_FAIL_ON_LOSS, "fail-on-loss", NULL, SEEN | LOGS, GROUP_PROBE,
	 "Exit with status 6 if any record was lost", NULL},
	{FLAG_VERBOSE, "verbose", NULL, EACH | TOP, GROUP_GENERAL,
	 "Say what is found, decoded and attached; twice: every decision", NULL},
	{FLAG_QUIET, "quiet", NULL, EACH | TOP, GROUP_GENERAL,
	 "Errors only: no warnings, no progress", NULL},
	{FLAG_HELP, "help", NULL, EACH | TOP, GROUP_GENERAL, "Print this help", NULL},
	{FLAG_USAGE, "usage", NULL, EACH | TOP, GROUP_GENERAL, "Print a short usage line", NULL},
	{FLAG_VERSION, "version", NULL, EACH | TOP, GROUP_GENERAL, "Print the version", NULL},
	{FLAG_HELP_MAN, "help-man", NULL, TOP, GROUP_GENERAL, "Print the manual page (roff)", NULL},
	{FLAG_HELP_COMPLETION, "help-completion", NULL, TOP, GROUP_GENERAL,
	 "Print a completion script for bash", NULL},
};
const size_t flags_count = ARRAY_SIZE(flags);

const struct command *command__by_id(enum command_id id)
{
	for (size_t i = 0; i < commands_count; i++)
		if (commands[i].id == id)
			return &commands[i];
	return NULL;
}

const struct command *command__by_name(const char *name)
{
	for (size_t i = 0; i < commands_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	for (size_t i = 0; i < command_aliases_count; i++)
		if (strcmp(command_aliases[i].name, name) == 0)
			return command__by_id(command_aliases[i].id);
	return NULL;
}

const struct flag *flag__by_key(int key)
{
	for (size_t i = 0; i < flags_count; i++)
		if ((int)flags[i].key == key)
			return &flags[i];
	return NULL;
}

#define WORD_MAX 16

/* Levenshtein distance, adjacent transpositions not counted as one; both words are short. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t up = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			best = min_t(size_t, best, up + 1);
			row[j] = min_t(size_t, best, row[j - 1] + 1);
			diagonal = up;
		}
	}
	return row[nb];
}

const char *command__nearest(const char *word)
{
	const char *nearest = NULL;
	size_t best = WORD_MAX;

	for (size_t i = 0; i < commands_count; i++) {
		const char *name = commands[i].name;
		size_t d = edit_distance(word, name);

		/* A prefix such as "rec" is meant, however far it is from the whole word. */
		if (strlen(word) >= 2 && strncmp(name, word, strlen(word)) == 0)
			d = 1;
		if (d < best && d <= 2 && d < strlen(name)) {
			best = d;
			nearest = name;
		}
	}
	return nearest;
}

void words__list(const char *const *words, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && at < len; i++) {
		const char *sep = i == 0 ? "" : words[i + 1] ? ", " : " or ";

		at += (size_t)snprintf(buf + at, len - at, "%s%s", sep, words[i]);
	}
}

void format__list(unsigned int formats, char *buf, size_t len)
{
	const char *words[FORMAT_COUNT + 1] = {NULL};
	size_t n = 0;

	for (unsigned int i = 0; i < FORMAT_COUNT; i++)
		if (formats & (1u << i))
			words[n++] = format_names[i];
	words__list(words, buf, len);
}
