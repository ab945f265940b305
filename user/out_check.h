/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Results of checks, for people, for programs (loopray.check/1), and as JUnit's XML. */
#ifndef LOOPRAY_OUT_CHECK_H
#define LOOPRAY_OUT_CHECK_H

#include "check.h"
#include "out.h"

struct out_check {
	const struct check_report *report;
	const struct model *m;
	const struct out_opts *opts;
	const char *capture;  /* NULL: live */
	const char *baseline; /* NULL: none */
};

/* Each 0 or -errno. */
int out_check__text(struct out_file *f, const struct out_check *c);
int out_check__json(struct out_file *f, const struct out_check *c);
int out_check__junit(struct out_file *f, const struct out_check *c);

/* What the mismatches of one cause were: "12 x foreign: POST /a under the store of GET /b". */
char *out_check__cause(char *buf, size_t cap, const struct model_group *g);

/* Writes a value in its unit: "34.3 ms", "0.10%", "12". Returns @buf. */
char *out_check__value(char *buf, size_t cap, enum check_unit unit, double value);
/* What is expected: "at most 20.0 ms". Returns @buf. */
char *out_check__limit(char *buf, size_t cap, const struct check_result *r);

#define CHECK_CAUSES 5 /* that are named; the report has all */

#endif
