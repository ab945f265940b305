/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What ps and doctor both ask of one process. */
#ifndef LOOPRAY_CMD_TARGET_H
#define LOOPRAY_CMD_TARGET_H

#include "target_inspect.h"
#include "target_process.h"

/*
 * Can this user observe this process with this kernel? Returns 0 with the answer in @in,
 * -ESRCH if the process ended meanwhile, or -ENOMEM.
 */
int cmd_target__inspect(struct target_inspection *in, const struct target_process *p);

/* Releases what the answers were found with. */
void cmd_target__free(void);

#endif
