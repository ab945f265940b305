/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Diagnostics: one line each, on stderr, naming the module that speaks.
 *
 * Each .c file that logs defines LOG_MODULE before including this header. A message
 * says what failed and what to do, and ends with the error's text where there is one
 * (pass the negative errno to log_err_errno).
 */
#ifndef LOOPRAY_LOG_H
#define LOOPRAY_LOG_H

enum log_level {
	LOG_QUIET = 0,	 /* errors only */
	LOG_NORMAL = 1,	 /* errors and warnings, the default */
	LOG_VERBOSE = 2, /* -v: what was found, decoded, attached */
	LOG_DEBUG = 3,	 /* -vv: every decision */
};

#ifndef LOG_MODULE
#define LOG_MODULE "loopray"
#endif

/* Sets the level that log_write lets through. Not thread safe; call it from main. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/*
 * Hands every line, without its newline, to @sink instead of stderr; NULL: to stderr again. For
 * whoever has the terminal to itself.
 */
void log_set_sink(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx);

/* Writes "loopray: MODULE: text" to stderr. @err: 0, or a negative errno whose text is appended. */
void log_write(enum log_level level, const char *module, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_err(...)	       log_write(LOG_QUIET, LOG_MODULE, 0, __VA_ARGS__)
#define log_err_errno(e, ...)  log_write(LOG_QUIET, LOG_MODULE, (e), __VA_ARGS__)
#define log_warn(...)	       log_write(LOG_NORMAL, LOG_MODULE, 0, __VA_ARGS__)
#define log_warn_errno(e, ...) log_write(LOG_NORMAL, LOG_MODULE, (e), __VA_ARGS__)
#define log_info(...)	       log_write(LOG_VERBOSE, LOG_MODULE, 0, __VA_ARGS__)
#define log_debug(...)	       log_write(LOG_DEBUG, LOG_MODULE, 0, __VA_ARGS__)

#endif
