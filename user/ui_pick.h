/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The list of Node.js processes: which of them are observed, and which of these are shown. */
#ifndef LOOPRAY_UI_PICK_H
#define LOOPRAY_UI_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ui_grid.h"
#include "ui_table.h"

struct ui_process {
	pid_t pid;
	char version[32];
	char args[256];
	bool observed;
	bool ended;  /* was observed */
	bool found;  /* by the last scan */
	bool marked; /* observed: shown; else: to be observed */
};

struct ui_pick {
	struct ui_process process[UI_PIDS_MAX];
	size_t n;
	size_t at, top;
	unsigned int height;
	bool starting;	     /* nothing is observed yet */
	unsigned int denied; /* processes that may not be examined */
};

/*
 * Finds what runs. Processes that are in the list already keep their order and marks, and the
 * selected one stays selected. 0 or -errno.
 */
int ui_pick__scan(struct ui_pick *p);
/* Of those observed: to be called with every target of a view. */
void ui_pick__observed(struct ui_pick *p, pid_t pid, const char *version, bool ended);
struct ui_process *ui_pick__find(struct ui_pick *p, pid_t pid);
struct ui_process *ui_pick__selected(struct ui_pick *p);
void ui_pick__move(struct ui_pick *p, long delta);
/* Whose rows are to be shown: n 0 where none is hidden. */
void ui_pick__shown(const struct ui_pick *p, struct ui_pids *out);
void ui_pick__draw(struct ui_pick *p, struct ui_grid *g, unsigned int row, unsigned int rows);

#endif
