/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Commands and flags as data. The parser, --help, the man page, shell completion and the
 * "did you mean" hints all read these two tables, so that they cannot drift apart.
 */
#ifndef LOOPRAY_OPTIONS_TABLE_H
#define LOOPRAY_OPTIONS_TABLE_H

#include <stddef.h>

#include "options.h"

#define CMD_BIT(id) (1u << (id))

struct command {
	enum command_id id;
	const char *name;
	const char *args;	   /* positional arguments as shown, NULL: takes none */
	const char *summary;	   /* one line, lower case, no full stop */
	const char *about;	   /* paragraphs, separated by an empty line */
	const char *examples;	   /* command lines, one a line */
	unsigned int formats;	   /* bits of enum output_format */
	enum output_format format; /* the default one */
	bool needs_target;	   /* a FILE (if it takes one), -p or --all must be given */
	bool stdout_only;	   /* -o simply redirects what it prints */
};

/* Flags without a letter have keys above any character. */
enum flag_key {
	FLAG_PID = 'p',
	FLAG_OUTPUT = 'o',
	FLAG_DURATION = 'd',
	FLAG_INTERVAL = 'i',
	FLAG_VERBOSE = 'v',
	FLAG_QUIET = 'q',
	FLAG_VERSION = 'V',
	FLAG_HELP = 'h',
	FLAG_FOREVER = 'f',
	FLAG_ALL = 0x100,
	FLAG_FOLLOW,
	FLAG_FORMAT,
	FLAG_JSON,
	FLAG_GZIP,
	FLAG_NO_COLOR,
	FLAG_LEVEL,
	FLAG_ATTACH_METHOD,
	FLAG_BYTE_SOURCE,
	FLAG_RING_SIZE,
	FLAG_FAIL_ON_LOSS,
	FLAG_CONTEXT_KEY,
	FLAG_SHOW_VALUES,
	FLAG_NO_CONTEXT,
	FLAG_NO_LINES,
	FLAG_HEADER,
	FLAG_BLOCKED_OVER,
	FLAG_REQUEST,
	FLAG_PATH,
	FLAG_MISMATCH,
	FLAG_STREAM,
	FLAG_LINE_LIMIT,
	FLAG_USER,
	FLAG_ASCII,
	FLAG_HTML,
	FLAG_REPLAY,
	FLAG_ROTATE,
	FLAG_KEEP,
	FLAG_LIMIT, /* and LIMIT_COUNT - 1 more, in the order of enum check_limit */
	FLAG_LIMIT_LAST = FLAG_LIMIT + LIMIT_COUNT - 1,
	FLAG_MAX_UNKNOWN,
	FLAG_ALLOW_LOSS,
	FLAG_BASELINE,
	FLAG_MAX_REGRESS,
	FLAG_JUNIT,
	FLAG_USAGE,
	FLAG_HELP_MAN,
	FLAG_HELP_COMPLETION,
};

enum flag_group {
	GROUP_TARGET = 1,
	GROUP_LIMIT,
	GROUP_OUTPUT,
	GROUP_PROBE,
	GROUP_GENERAL,
	GROUP_COUNT
};

struct flag {
	enum flag_key key;
	const char *name;      /* long name without dashes */
	const char *arg;       /* name of its value as shown, NULL: takes none */
	unsigned int commands; /* CMD_BIT(...); CMD_BIT(COMMAND_NONE): before any command */
	enum flag_group group;
	const char *help;
	const char *const *values; /* NULL-terminated list of allowed words, or NULL */
};

extern const struct command commands[];
extern const size_t commands_count;
extern const struct flag flags[];
extern const size_t flags_count;
extern const char *const flag_groups[GROUP_COUNT]; /* headings */
extern const char *const format_names[FORMAT_COUNT];

/* Other names of commands. */
struct command_alias {
	const char *name;
	enum command_id id;
};

extern const struct command_alias command_aliases[];
extern const size_t command_aliases_count;

/* NULL if there is none. */
const struct command *command__by_id(enum command_id id);
const struct command *command__by_name(const char *name);
const struct flag *flag__by_key(int key);

/* The flag's one-letter form, 0 if it has none. */
static inline char flag__letter(const struct flag *f)
{
	return f->key < 0x100 ? (char)f->key : 0;
}

/* The name nearest to @word by edit distance, NULL if none is near enough to be meant. */
const char *command__nearest(const char *word);

/* Writes "a, b or c" of a command's formats or of a word list. */
void format__list(unsigned int formats, char *buf, size_t len);
void words__list(const char *const *words, char *buf, size_t len);

#endif
