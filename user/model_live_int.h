/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by model_live*.c and live.c only. */
#ifndef LOOPRAY_MODEL_LIVE_INT_H
#define LOOPRAY_MODEL_LIVE_INT_H

#include "model_live.h"

void live_request__put(struct live_request *r); /* NULL-safe */

#endif
