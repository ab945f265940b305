/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* First thing every program does: is this one of the processes that are observed? */
#ifndef LOOPRAY_FILTER_BPF_H
#define LOOPRAY_FILTER_BPF_H

#include "maps.bpf.h"

static __always_inline bool filter_tgid(__u32 tgid)
{
	if (lr_single_tgid)
		return tgid == lr_single_tgid;
	return bpf_map_lookup_elem(&lr_processes, &tgid) != NULL;
}

#endif
