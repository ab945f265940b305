/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where this Node.js binary keeps what loopray reads. Decoded from the binary's own code
 * by target_layout (user space), checked against the running process, then handed to BPF.
 * No number in here ever comes from a version table.
 */
#ifndef LOOPRAY_LAYOUT_H
#define LOOPRAY_LAYOUT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define LR_CHAIN_MAX 6

/*
 * A pointer walk: p = base; for each of the n offsets, p = *(u64 *)(p + off[i]).
 * V8 heap tags are folded into the offsets (a tagged field at +16 is offset 15).
 */
struct lr_chain {
	__u32 n;
	__s32 off[LR_CHAIN_MAX];
};

/* What could be decoded and passed its self-check; what is not set must not be read. */
#define LR_LAYOUT_ENV	    (1u << 0) /* thread -> isolate -> environment */
#define LR_LAYOUT_IDS	    (1u << 1) /* environment -> async_id_fields, fields */
#define LR_LAYOUT_WRAP	    (1u << 2) /* AsyncWrap: provider, ids, environment */
#define LR_LAYOUT_LOOP	    (1u << 3) /* environment -> event loop, idle time */
#define LR_LAYOUT_ENTRY_IDS (1u << 4) /* at AsyncReset entry the ids are already in the object */

struct lr_layout {
	__u32 flags;	    /* LR_LAYOUT_* */
	__u32 provider_max; /* number of provider names: any number >= this is a failed read */
	/*
	 * fsbase + tls_isolate is the address of the thread's current isolate pointer. Depends
	 * on the process for builds that use a pthread key (18), else on the binary alone.
	 */
	__s64 tls_isolate;
	struct lr_chain isolate_env;   /* isolate -> node::Environment */
	struct lr_chain env_isolate;   /* environment -> isolate: the walk's own check */
	struct lr_chain env_uid;       /* environment -> double async_id_fields[4] */
	struct lr_chain env_fields;    /* environment -> uint32_t fields[] */
	struct lr_chain env_loop;      /* environment -> uv_loop_t */
	struct lr_chain loop_internal; /* uv_loop_t -> internal fields */
	__u32 loop_idle;	       /* offset of idle nanoseconds (u64) in the internal fields */
	__u32 loop_count; /* offset of the iteration count (u64), 0 if this libuv has none */
	struct lr_chain wrap_env; /* AsyncWrap -> node::Environment */
	__u32 wrap_provider;	  /* offset of the provider number (u32) in AsyncWrap */
	__u32 wrap_async_id;	  /* offset of async_id_ (double); the trigger id is at +8 */
};

#endif
