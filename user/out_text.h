/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text for people: units that fit the size, input that cannot talk to the terminal, tables. */
#ifndef LOOPRAY_OUT_TEXT_H
#define LOOPRAY_OUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "out.h"

/* Accents: orange for titles and for what needs attention, blue for what was observed. */
#define ORANGE "\033[38;5;208m"
#define BLUE   "\033[38;5;33m"
#define PLAIN  "\033[0m"

/* "850 ns" is "0.85 µs"; three digits: "12.3 ms", "1.50 s". Returns @buf. */
char *text_duration(char *buf, size_t cap, uint64_t ns);

/*
 * Copies text that came from outside so that it is safe to print: what is not printable
 * ASCII becomes \xNN, and what is longer than @cap - 1 ends in "...". @cap is at least 8.
 * Returns @buf.
 */
char *text_safe(char *buf, size_t cap, const char *s);

/*
 * The time of day of @mono_ns of the recording: "2026-11-26 11:20:05 UTC". Returns @buf, or NULL if
 * its clocks are not known.
 */
char *text_moment(char *buf, size_t cap, const struct out_opts *o, uint64_t mono_ns);

#define TEXT_WIDTH 100

/*
 * Prints a paragraph in lines of at most TEXT_WIDTH columns, broken at blanks; the first is
 * indented by @first columns, the others by @rest.
 */
void text_wrap(struct out_file *f, size_t first, size_t rest, const char *text);

#define TEXT_CELL     64
#define TEXT_COLUMNS  16
#define TEXT_ROWS_MAX 1024 /* more rows are counted, and named below the table */

/* Columns as wide as their widest cell; numbers to the right. */
struct text_table;

/* @align: one 'l' or 'r' per column. @heads: as many titles. */
int text_table__new(struct text_table **out, const char *align, const char *const *heads);
void text_table__free(struct text_table *t);
/* Fills the next cell, row by row. Longer text than a cell holds is cut. */
void text_table__cell(struct text_table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void text_table__duration(struct text_table *t, uint64_t ns);
/* Prints with two spaces before each row. 0 or -errno, also of earlier failures. */
int text_table__print(const struct text_table *t, struct out_file *f);

#endif
