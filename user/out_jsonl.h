/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flat JSON lines, for analysis: a header line, one line a request and resource as they end,
 * a summary line. Schema loopray.jsonl/1; a file without a summary line was cut off.
 */
#ifndef LOOPRAY_OUT_JSONL_H
#define LOOPRAY_OUT_JSONL_H

#include "out.h"

extern const struct out_format out_jsonl_format;

#endif
