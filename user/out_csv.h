/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Comma-separated values (RFC 4180): a line of column names, then a line for each request as it
 * ends. Columns are added at the end, never renamed or moved; docs/export.md says what they are.
 */
#ifndef LOOPRAY_OUT_CSV_H
#define LOOPRAY_OUT_CSV_H

#include "out.h"

extern const struct out_format out_csv_format;

#endif
