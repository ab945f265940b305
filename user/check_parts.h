/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by check*.c only. */
#ifndef LOOPRAY_CHECK_PARTS_H
#define LOOPRAY_CHECK_PARTS_H

#include "check.h"
#include "check_rules.h"

/* check.c */
struct check_result *check__new(struct check_report *report, const struct check_rule *rule);
void check__reason(struct check_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Decides by what is filled in and by what speaks against it. @base: NULL, or compared with. */
void check__settle(struct check_report *report, struct check_result *r, const struct model *m,
		   const struct model *base, unsigned int bits);

/* check_baseline.c */
void check_baseline__run(struct check_report *report, const struct model *m,
			 const struct model *base);

#endif
