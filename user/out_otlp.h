/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* OTLP/JSON lines: spans and metrics, each signal a format and so a file of its own. */
#ifndef LOOPRAY_OUT_OTLP_H
#define LOOPRAY_OUT_OTLP_H

#include "out.h"

extern const struct out_format out_otlp_format;
extern const struct out_format out_otlp_metrics_format;

#endif
