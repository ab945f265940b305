/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A heat map of latency over time. */
#ifndef LOOPRAY_UI_VIEW_HEAT_H
#define LOOPRAY_UI_VIEW_HEAT_H

#include "model_live.h"
#include "ui_grid.h"

/* In at most @rows of the grid, from @row on. Returns those used, 0: no room, or no request. */
unsigned int ui_heat__draw(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows);

#endif
