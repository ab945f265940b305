/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Perfetto's trace format (protocol buffers, .pftrace), for ui.perfetto.dev and the trace
 * processor: what the tracks are is said in docs/export.md.
 */
#ifndef LOOPRAY_OUT_PERFETTO_H
#define LOOPRAY_OUT_PERFETTO_H

#include "out.h"

extern const struct out_format out_perfetto_format;

#endif
