/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An interruption of work that is not a session (which reads its signals itself): noted, so that
 * what was begun is taken back in order and no half of a file is left.
 */
#ifndef LOOPRAY_INTERRUPT_H
#define LOOPRAY_INTERRUPT_H

/* From now on SIGINT, SIGTERM and SIGHUP are noted, except those that were ignored. */
void interrupt__catch(void);
/* The first of them that came, 0 none. */
int interrupt__signal(void);

#endif
