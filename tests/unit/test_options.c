// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "man.h"
#include "options.h"
#include "options_table.h"
#include "util.h"

#define WORDS_MAX 32

/* What the last parse printed. */
static char err_text[16384], out_text[16384];

static int redirect(int fd, FILE *to)
{
	int saved = dup(fd);

	dup2(fileno(to), fd);
	return saved;
}

static void restore(int fd, int saved, FILE *from, char *text, size_t len)
{
	size_t n;

	dup2(saved, fd);
	close(saved);
	rewind(from);
	n = fread(text, 1, len - 1, from);
	text[n] = '\0';
	fclose(from);
}

/* Parses a command line given as words separated by blanks; '~' stands for an empty word. */
static enum options_next parse(struct options *o, const char *line)
{
	char words[512], *argv[WORDS_MAX + 1], *save = NULL;
	static char kept[512];
	FILE *err = tmpfile(), *out = tmpfile();
	int saved_err, saved_out, argc = 0;
	enum options_next next;

	snprintf(words, sizeof(words), "%s", line);
	memcpy(kept, words, sizeof(kept)); /* options point into it */
	argv[argc++] = (char[]){"prog"};
	for (char *w = strtok_r(kept, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "~") == 0 ? w + 1 : w;
	argv[argc] = NULL;
	fflush(stdout);
	fflush(stderr);
	saved_err = redirect(STDERR_FILENO, err);
	saved_out = redirect(STDOUT_FILENO, out);
	next = options__parse(o, argc, argv);
	fflush(stdout);
	fflush(stderr);
	restore(STDERR_FILENO, saved_err, err, err_text, sizeof(err_text));
	restore(STDOUT_FILENO, saved_out, out, out_text, sizeof(out_text));
	return next;
}

static void defaults(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "ps"), OPTIONS_RUN);
	assert_int_equal(o.command, COMMAND_PS);
	assert_int_equal(o.npids, 0);
	assert_false(o.all || o.follow || o.json || o.fail_on_loss || o.color);
	assert_int_equal(o.format, FORMAT_TEXT);
	assert_int_equal(o.log_level, LOG_NORMAL);
	assert_null(o.output);

	assert_int_equal(parse(&o, "record --all"), OPTIONS_RUN);
	assert_int_equal(o.format, FORMAT_LRAY);
	assert_int_equal(o.duration_ns, 0); /* until interrupted */
	assert_int_equal(o.level, LEVEL_REQUESTS);
	assert_int_equal(o.attach_method, ATTACH_AUTO);
	assert_int_equal(o.byte_source, BYTES_AUTO);
	assert_true(o.context);
	assert_false(o.show_values);
	assert_null(o.context_key);

	assert_int_equal(parse(&o, "report -p 1"), OPTIONS_RUN);
	assert_int_equal(o.duration_ns, 10000000000ULL);
	assert_int_equal(parse(&o, "report run.lray"), OPTIONS_RUN);
	assert_int_equal(o.duration_ns, 0);
	assert_string_equal(o.capture, "run.lray");
	assert_null(o.capture_b);
	assert_int_equal(parse(&o, "report a.lray b.lray"), OPTIONS_RUN);
	assert_string_equal(o.capture, "a.lray");
	assert_string_equal(o.capture_b, "b.lray");
	assert_int_equal(parse(&o, "report --html a.lray"), OPTIONS_RUN);
	assert_int_equal(o.format, FORMAT_HTML);
}

static void every_flag(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "record -p 7,8 --pid=9 -p 7 --follow -o out.lray -d 1500ms -i 2 "
				   "--level resources --attach-method=perf --byte-source syscall "
				   "--ring-size 3M --fail-on-loss --format lray -vv --no-color"),
			 OPTIONS_RUN);
	assert_int_equal(o.npids, 3);
	assert_int_equal(o.pids[0], 7);
	assert_int_equal(o.pids[1], 8);
	assert_int_equal(o.pids[2], 9);
	assert_true(o.follow);
	assert_string_equal(o.output, "out.lray");
	assert_int_equal(o.duration_ns, 1500000000ULL);
	assert_int_equal(o.interval_ns, 2000000000ULL);
	assert_int_equal(o.level, LEVEL_RESOURCES);
	assert_int_equal(o.attach_method, ATTACH_PERF);
	assert_int_equal(o.byte_source, BYTES_SYSCALL);
	assert_int_equal(o.ring_bytes, 4u << 20);
	assert_true(o.fail_on_loss);
	assert_int_equal(o.log_level, LOG_DEBUG);
}

static void rotation(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "record -p 1"), OPTIONS_RUN);
	assert_false(o.rotate);
	assert_int_equal(parse(&o, "record -p 1 --rotate 100M,10m --keep 24"), OPTIONS_RUN);
	assert_true(o.rotate);
	assert_int_equal(o.rotate_bytes, 100u << 20);
	assert_int_equal(o.rotate_ns, 600000000000ULL);
	assert_int_equal(o.keep, 24);
	assert_int_equal(parse(&o, "record -p 1 --rotate 1h"), OPTIONS_RUN);
	assert_int_equal(o.rotate_bytes, 0);
	assert_int_equal(o.rotate_ns, 3600000000000ULL);
	assert_int_equal(parse(&o, "record -p 1 --rotate signal"), OPTIONS_RUN);
	assert_true(o.rotate && !o.rotate_bytes && !o.rotate_ns);
}

static void limits(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "check a --max-mismatches 0 --max-p99 200ms --min-rps 0.5 "
				   "--max-error-rate 0.1% --allow-loss --baseline b "
				   "--max-regress 10% --junit c"),
			 OPTIONS_RUN);
	assert_int_equal(o.limits, 1u << LIMIT_MISMATCHES | 1u << LIMIT_P99 | 1u << LIMIT_RPS |
					   1u << LIMIT_ERROR_RATE);
	assert_true(o.limit[LIMIT_P99] == 200e6);
	assert_true(o.limit[LIMIT_RPS] == 0.5);
	assert_float_equal(o.limit[LIMIT_ERROR_RATE], 0.001, 1e-12);
	assert_float_equal(o.max_regress, 0.1, 1e-12);
	assert_float_equal(o.max_unknown, 0.05, 1e-12);
	assert_true(o.allow_loss);
	assert_string_equal(o.baseline, "b");
	assert_string_equal(o.junit, "c");
	/* Live, as report. */
	assert_int_equal(parse(&o, "check -p 1 --format junit"), OPTIONS_RUN);
	assert_int_equal(o.format, FORMAT_JUNIT);
	assert_int_equal(o.duration_ns, 10000000000ULL);
}

static void flags_before_the_command(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "-v --no-color ps --json"), OPTIONS_RUN);
	assert_int_equal(o.log_level, LOG_VERBOSE);
	assert_true(o.json);
	assert_int_equal(o.format, FORMAT_JSON);
	assert_int_equal(parse(&o, "-v ps -v"), OPTIONS_RUN);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_int_equal(parse(&o, "ps -vvv -q"), OPTIONS_RUN);
	assert_int_equal(o.log_level, LOG_QUIET);
	/* A flag of a command is not one of the program. */
	assert_int_equal(parse(&o, "--json ps"), OPTIONS_BAD);
}

static void context(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "record -p 7 --context-key=requestId --show-values"),
			 OPTIONS_RUN);
	assert_string_equal(o.context_key, "requestId");
	assert_true(o.show_values && o.context);
	assert_int_equal(o.context_path.n, 1);
	assert_int_equal(parse(&o, "record -p 7 --context-key req.ids.trace"), OPTIONS_RUN);
	assert_int_equal(o.context_path.n, 3);
	assert_string_equal(o.context_path.label, "req.ids.trace");
	assert_int_equal(parse(&o, "report -p 7 --no-context"), OPTIONS_RUN);
	assert_false(o.context);
	assert_true(o.lines);
	assert_int_equal(parse(&o, "report -p 7 --no-lines"), OPTIONS_RUN);
	assert_true(o.context);
	assert_false(o.lines);
	/* Rules and masks are applied to a capture as they are to live processes. */
	assert_int_equal(parse(&o, "report --context-key traceId --show-values run.lray"),
			 OPTIONS_RUN);
	assert_string_equal(o.context_key, "traceId");
	assert_int_equal(parse(&o, "export --show-values run.lray"), OPTIONS_RUN);
	assert_true(o.show_values);
}

static void compressed(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "export --format perfetto a -o b.pftrace"), OPTIONS_RUN);
	assert_int_equal(o.format, FORMAT_PERFETTO);
	assert_false(o.gzip);
	assert_int_equal(parse(&o, "export --format perfetto a -o b.pftrace.gz"), OPTIONS_RUN);
	assert_true(o.gzip);
	assert_int_equal(parse(&o, "record -p 7 --format csv --gzip"), OPTIONS_RUN);
	assert_true(o.gzip);
	assert_int_equal(o.duration_ns, 0);
	assert_int_equal(parse(&o, "run --format chrome -o a.gz -- b"), OPTIONS_RUN);
	assert_true(o.gzip);
	/* A name alone asks nothing of what is not exported. */
	assert_int_equal(parse(&o, "report a -o b.gz"), OPTIONS_RUN);
	assert_false(o.gzip);
	assert_int_equal(parse(&o, "record -p 7 -o b.gz"), OPTIONS_RUN);
	assert_false(o.gzip);
	assert_int_equal(parse(&o, "export a -o .gz"), OPTIONS_RUN);
	assert_false(o.gzip);
}

static void headers(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "record -p 7 --header X-Request-Id,a --header b"), OPTIONS_RUN);
	assert_int_equal(o.headers.n, 3);
	assert_string_equal(o.headers.name[0], "x-request-id");
	assert_string_equal(o.headers.name[2], "b");
	assert_int_equal(parse(&o, "record -p 7 --header a:b"), OPTIONS_BAD);
	assert_int_equal(parse(&o, "report --header a run.lray"), OPTIONS_BAD);
}

static void logs(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "logs -p 7"), OPTIONS_RUN);
	assert_int_equal(o.duration_ns, 10000000000ULL);
	assert_int_equal(o.line_limit, 4096);
	assert_int_equal(o.stream, STREAM_BOTH);
	assert_true(o.every_line && o.lines && o.context && !o.mismatch);
	assert_int_equal(parse(&o, "logs --all -f --mismatch --stream stderr --request 12 "
				   "--path /users/* --line-limit 80 --json --follow"),
			 OPTIONS_RUN);
	assert_int_equal(o.duration_ns, 0);
	assert_true(o.mismatch && o.json && o.follow && o.forever);
	assert_int_equal(o.stream, STREAM_STDERR);
	assert_int_equal(o.request, 12);
	assert_string_equal(o.path, "/users/*");
	assert_int_equal(o.line_limit, 80);
	assert_int_equal(parse(&o, "record -p 7"), OPTIONS_RUN);
	assert_false(o.every_line);
}

/* Each wrong command line, and what its message must contain. */
static void refusals(void **state)
{
	static const struct {
		const char *line, *flag, *says;
	} cases[] = {
		{"", "no command", "--help"},
		{"recrod", "'recrod'", "'record'"},
		{"rep", "'rep'", "'report'"},
		{"frobnicate", "'frobnicate'", "unknown"},
		{"watch", "'watch'", "unknown"},
		{"~", "unknown command", "''"},
		{"ps --bogus", "--bogus", "loopray ps"},
		{"ps -d 1s", "'d'", "loopray ps"},
		{"ps -p", "'p'", "argument"},
		{"ps -p abc", "--pid", "'abc'"},
		{"ps -p ~", "--pid", "''"},
		{"ps -p 0", "--pid", "1 to 4194304"},
		{"ps -p -5", "--pid", "'-5'"},
		{"ps -p 1,", "--pid", "'1,'"},
		{"ps -p 4194305", "--pid", "'4194305'"},
		{"ps -p 99999999999999999999", "--pid", "99999999999999999999"},
		{"ps -p 1 --all", "--pid", "--all"},
		{"ps 123", "'123'", "-p"},
		{"ps --format xml", "--format", "text or json"},
		{"ps --json --format text", "--format text", "--json"},
		{"export --format yaml a", "--format", "perfetto, chrome or csv"},
		{"record -p 1 --gzip", "--gzip", "lray"},
		{"run --gzip --format json -- a", "--gzip", "json"},
		{"report --gzip a", "--gzip", "report"},
		{"record", "-p PID", "--all"},
		{"report", "FILE", "--all"},
		{"export a b", "'a'", "'b'"},
		{"report a b c", "'c'", "more than two"},
		{"report --html a b", "html", "one FILE"},
		{"report --html --json a", "--format json", "--html"},
		{"report a -p 1", "FILE", "--pid"},
		{"report a --level requests", "--level", "FILE"},
		{"record -p 1 -o ~", "--output", "file name"},
		{"record -p 1 -d 0", "--duration", "'0'"},
		{"record -p 1 -d 5x", "--duration", "'5x'"},
		{"record -p 1 -d 11000000h", "--duration", "10 years"},
		{"record -p 1 -i 1ms", "--interval", "10ms to 1h"},
		{"record -p 1 --level all", "--level", "requests or resources"},
		{"record -p 1 --attach-method x", "--attach-method", "auto, multi or perf"},
		{"record -p 1 --byte-source x", "--byte-source", "tracepoint or syscall"},
		{"record -p 1 --context-key ~", "--context-key", "requestId"},
		{"record -p 1 --context-key a..b", "--context-key", "'a..b'"},
		{"record -p 1 --context-key a.b.c.d.e.f", "--context-key", "up to 5"},
		{"record -p 1 --context-key .a", "--context-key", "'.a'"},
		{"record -p 1 --context-key a.", "--context-key", "'a.'"},
		{"record -p 1 --context-key a --no-context", "--no-context", "--context-key"},
		{"report -p 1 --show-values --no-context", "--no-context", "--show-values"},
		{"report a --no-context", "--no-context", "FILE"},
		{"report a --no-lines", "--no-lines", "FILE"},
		{"ps --show-values", "--show-values", "loopray ps"},
		{"logs", "-p PID", "--all"},
		{"logs run.lray -p 1", "'run.lray'", "unexpected"},
		{"logs -p 1 -f -d 5s", "--duration", "--forever"},
		{"logs -p 1 --stream out", "--stream", "stdout or stderr"},
		{"logs -p 1 --request 0", "--request", "'0'"},
		{"logs -p 1 --request 1x", "--request", "'1x'"},
		{"logs -p 1 --path ~", "--path", "pattern"},
		{"logs -p 1 --line-limit 79", "--line-limit", "80 to 65536"},
		{"logs -p 1 --no-lines", "--no-lines", "loopray logs"},
		{"top run.lray", "'run.lray'", "unexpected"},
		{"top -o run.lray", "'o'", "loopray top"},
		{"record -p 1 -f", "'f'", "loopray record"},
		{"record -p 1 --rotate 1K", "--rotate", "64K to 1T"},
		{"record -p 1 --rotate 100", "--rotate", "'100'"},
		{"record -p 1 --rotate 2000G", "--rotate", "'2000G'"},
		{"record -p 1 --rotate 10m,5m", "--rotate", "'10m,5m'"},
		{"record -p 1 --rotate 1M,", "--rotate", "signal"},
		{"record -p 1 --rotate 100ms", "--rotate", "1s or more"},
		{"record -p 1 --rotate 1M -o -", "--rotate", "standard output"},
		{"record -p 1 --keep 3", "--keep", "--rotate"},
		{"record -p 1 --rotate 1M --keep 0", "--keep", "1 to 1000000"},
		{"check", "-p PID", "capture FILE"},
		{"check a b", "'a'", "'b'"},
		{"check a --max-p99 0", "--max-p99", "'0'"},
		{"check a --max-error-rate 0.1", "--max-error-rate", "0.1%"},
		{"check a --max-error-rate 101%", "--max-error-rate", "100%"},
		{"check a --max-unknown nan%", "--max-unknown", "'nan%'"},
		{"check a --max-mismatches -1", "--max-mismatches", "whole number"},
		{"check a --max-regress 5%", "--max-regress", "--baseline"},
		{"check a --format lray", "--format", "text, json or junit"},
		{"report a --max-p99 1s", "--max-p99", "loopray report"},
		{"record -p 1 --ring-size 1", "--ring-size", "64K to 1G"},
		{"record -p 1 --ring-size 2G", "--ring-size", "64K to 1G"},
		{"record -p 1 --ring-size 16Q", "--ring-size", "'16Q'"},
		{"record -p 1 --ring-size -1", "--ring-size", "'-1'"},
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse(&o, cases[i].line) != OPTIONS_BAD)
			fail_msg("accepted: %s", cases[i].line);
		if (!strstr(err_text, cases[i].flag) || !strstr(err_text, cases[i].says))
			fail_msg("'%s' says: %s", cases[i].line, err_text);
		assert_string_equal(out_text, "");
	}
}

static void too_many_pids(void **state)
{
	struct options o;
	char *argv[OPTIONS_PIDS_MAX + 4] = {"loopray", "ps"};
	static char word[OPTIONS_PIDS_MAX + 1][16];

	(void)state;
	for (int i = 0; i <= OPTIONS_PIDS_MAX; i++) {
		snprintf(word[i], sizeof(word[i]), "-p%d", i + 1);
		argv[i + 2] = word[i];
	}
	assert_int_equal(options__parse(&o, OPTIONS_PIDS_MAX + 2, argv), OPTIONS_RUN);
	assert_int_equal(o.npids, OPTIONS_PIDS_MAX);
	assert_int_equal(options__parse(&o, OPTIONS_PIDS_MAX + 3, argv), OPTIONS_BAD);
}

static void help_and_version(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, "--version"), OPTIONS_DONE);
	assert_string_equal(out_text, "loopray " LOOPRAY_VERSION "\n");
	assert_int_equal(parse(&o, "-V record"), OPTIONS_DONE);
	assert_int_equal(parse(&o, "record -V"), OPTIONS_DONE);

	assert_int_equal(parse(&o, "--help"), OPTIONS_DONE);
	for (size_t i = 0; i < commands_count; i++)
		assert_non_null(strstr(out_text, commands[i].summary));
	/* Help wins over what is missing or wrong behind it. */
	assert_int_equal(parse(&o, "record --help --level x"), OPTIONS_DONE);
	assert_non_null(strstr(out_text, "loopray record"));
	assert_string_equal(err_text, "");
}

/* A command's help shows its own flags and no others. */
static void help_is_per_command(void **state)
{
	struct options o;
	char line[64], shown[64];

	(void)state;
	for (size_t c = 0; c < commands_count; c++) {
		snprintf(line, sizeof(line), "%s --help", commands[c].name);
		assert_int_equal(parse(&o, line), OPTIONS_DONE);
		for (size_t i = 0; i < flags_count; i++) {
			bool takes = flags[i].commands & CMD_BIT(commands[c].id);

			snprintf(shown, sizeof(shown), " --%s%s", flags[i].name,
				 flags[i].arg ? "=" : " ");
			if (takes != (strstr(out_text, shown) != NULL))
				fail_msg("%s: --%s", line, flags[i].name);
		}
	}
}

/* The tables themselves: what the code that reads them relies on. */
static void tables_are_consistent(void **state)
{
	(void)state;
	for (size_t i = 0; i < flags_count; i++) {
		assert_ptr_equal(flag__by_key((int)flags[i].key), &flags[i]);
		assert_in_range(flags[i].group, 1, GROUP_COUNT - 1);
		assert_true(!flags[i].values || flags[i].arg);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(flags[i].name, flags[k].name);
	}
	for (size_t i = 0; i < commands_count; i++) {
		bool json = commands[i].formats & (1u << FORMAT_JSON);
		bool flag = flag__by_key(FLAG_JSON)->commands & CMD_BIT(commands[i].id);

		assert_true(commands[i].formats & (1u << commands[i].format));
		assert_true(json == flag);
		assert_ptr_equal(command__by_name(commands[i].name), &commands[i]);
		assert_ptr_equal(command__by_id(commands[i].id), &commands[i]);
	}
}

static void nearest_names(void **state)
{
	(void)state;
	assert_string_equal(command__nearest("recrod"), "record");
	assert_string_equal(command__nearest("reports"), "report");
	assert_string_equal(command__nearest("exprot"), "export");
	assert_string_equal(command__nearest("doc"), "doctor");
	assert_null(command__nearest("xyzzy"));
	assert_null(command__nearest("watch"));
	assert_ptr_equal(command__by_name("attach"), command__by_id(COMMAND_TOP));
	assert_null(command__nearest(""));
	assert_null(command__nearest("a word far longer than any command has"));
}

/* Every command and flag is in the page, and no line starts with an accidental request. */
static void man_page(void **state)
{
	char *page = NULL, name[64];
	size_t len = 0;
	FILE *f = open_memstream(&page, &len);

	(void)state;
	man__page(f);
	fclose(f);
	for (size_t i = 0; i < commands_count; i++)
		assert_non_null(strstr(page, commands[i].name));
	for (size_t i = 0; i < flags_count; i++) {
		size_t at = (size_t)snprintf(name, sizeof(name), "\\fB\\-\\-");

		for (const char *s = flags[i].name; *s; s++)
			at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%c",
					       *s == '-' ? "\\" : "", *s);
		if (!strstr(page, name))
			fail_msg("--%s is not in the page", flags[i].name);
	}
	for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n"))
		if (line[0] == '.' && !(line[1] >= 'A' && line[1] <= 'Z') &&
		    strcmp(line, ".br") != 0 && strcmp(line, ".nf") != 0 &&
		    strcmp(line, ".fi") != 0 && line[1] != '\\')
			fail_msg("not a request: %s", line);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_flag),
		cmocka_unit_test(rotation),
		cmocka_unit_test(limits),
		cmocka_unit_test(flags_before_the_command),
		cmocka_unit_test(context),
		cmocka_unit_test(compressed),
		cmocka_unit_test(headers),
		cmocka_unit_test(logs),
		cmocka_unit_test(refusals),
		cmocka_unit_test(too_many_pids),
		cmocka_unit_test(help_and_version),
		cmocka_unit_test(help_is_per_command),
		cmocka_unit_test(tables_are_consistent),
		cmocka_unit_test(nearest_names),
		cmocka_unit_test(man_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
