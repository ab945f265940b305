/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chrome's trace format (JSON, "Trace Event Format"), which many viewers read. The Perfetto format
 * says more: arrows between requests are not possible here.
 */
#ifndef LOOPRAY_OUT_CHROME_H
#define LOOPRAY_OUT_CHROME_H

#include "out.h"

extern const struct out_format out_chrome_format;

#endif
