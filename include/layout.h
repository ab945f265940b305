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

/* What could be decoded of V8's heap and of the two context mechanisms. */
#define LR_HEAP_OBJECTS (1u << 0) /* types, maps, properties, strings */
#define LR_HEAP_TOP	(1u << 1) /* isolate_top */
#define LR_HEAP_ACF	(1u << 2) /* the continuation-preserved slot and what lies in it */
#define LR_HEAP_HOOKS	(1u << 3) /* the current resource of async_hooks */
#define LR_HEAP_OLD	(1u << 4) /* isolate_old_top */

/* async_hooks: the native stack of resources is a std::vector or a std::deque of handles. */
#define LR_HOOKS_FIELDS	      8 /* of fields[] that are read: kInit to kStackLength */
#define LR_RESOURCES_DEQUE    (1u << 0)
#define LR_RESOURCES_POINTERS (1u << 1) /* its elements are pointers to handles */

/*
 * V8's heap as far as stores are read. Offsets of heap objects have the heap tag folded in (a
 * member at +16 is offset 15). Types are instance types. Numbers come from the v8dbg_ symbols
 * of the binary, from its code, or are part of a check that fails closed.
 */
struct lr_heap {
	__u32 flags;		     /* LR_HEAP_* */
	struct lr_chain isolate_top; /* isolate -> value of the new space's allocation top */
	__u32 isolate_cped;	     /* of the slot in the isolate */
	__u32 isolate_undefined;     /* root slot of undefined in the isolate, 0 unknown */
	__u32 isolate_js_entry; /* word that is 0 while no JavaScript is on the stack, 0 unknown */
	/* Instance types. */
	__u16 type_string_max; /* first type that is no string (FIRST_NONSTRING_TYPE) */
	__u16 type_symbol;
	__u16 type_heap_number;
	__u16 type_oddball;
	__u16 type_js_object_min; /* smallest type of a JSReceiver that has properties */
	__u16 type_js_object;	  /* JS_OBJECT_TYPE */
	__u16 type_js_map;
	__u16 type_js_promise;
	__u16 type_js_array;
	__u16 type_property_array;
	__u16 type_descriptor_array_min, type_descriptor_array_max;
	__u16 oddball_false, oddball_true, oddball_null, oddball_undefined; /* kinds */
	/* String types: masks and tags. */
	__u16 str_encoding_mask, str_one_byte;
	__u16 str_shape_mask, str_seq, str_cons, str_external, str_sliced, str_thin;
	/* Offsets, tag folded in. */
	__s16 map_instance_type, map_size, map_inobject_start, map_bit_field3, map_descriptors;
	__s16 descriptors_header; /* of the first descriptor: key, details, value, 8 bytes each */
	__s16 name_hash;	  /* raw_hash_field of a Name, u32 */
	__s16 symbol_description;
	__s16 string_length, string_chars, cons_first, sliced_parent, sliced_offset, thin_actual,
		external_resource;
	__s16 heap_number_value;
	__s16 oddball_kind;
	__s16 object_properties, object_elements;
	__s16 property_array_data;
	__s16 js_map_table, js_array_length, fixed_array_data;
	__u32 bit_field3_dictionary;			 /* mask of is_dictionary_map */
	__u32 bit_field3_own_shift, bit_field3_own_mask; /* number of own descriptors; in place */
	/* Details of a property: a field of the object with data in it, which one, and whether it
	 * was never assigned again (only where the details lie in descriptors). */
	__u32 details_kind_mask, details_location_mask, details_const_mask;
	__u32 details_index_shift, details_index_mask; /* the mask is in place */
	/* NameDictionary: index of the first entry among the elements, and its stride of 3. */
	__u16 dictionary_start;
	__u16 pad;
	/*
	 * async_hooks: the stacks of current resources. The chain ends with the handle of the
	 * JSArray: a slot that holds its tagged pointer. The vector (begin, end) or the deque's
	 * first iterator (cur, first, last, node) lies in Environment itself.
	 */
	struct lr_chain env_js_resources;
	__u32 env_native_resources;	 /* offset in Environment */
	__u32 resources_kind;		 /* LR_RESOURCES_* */
	__u32 field_stack;		 /* index in fields[] of kStackLength; kInit is the first */
	struct lr_chain isolate_old_top; /* as isolate_top, of the old space */
};

/*
 * Where the plaintext of TLS is seen: at the place in TLSWrap::ClearOut behind its SSL_read, where
 * registers tell what was read, and at the entry of TLSWrap::DoWrite. Decoded from the code of
 * ClearOut. Registers are numbered as the processor does.
 */
struct lr_tls {
	__u32 followed; /* both places have a probe: the rest is valid */
	__u32 listener; /* offset of the StreamListener in TLSWrap */
	__u8 wrap;	/* register: TLSWrap */
	__u8 length;	/* register: bytes that SSL_read gave (int) */
	__u8 base;	/* register: the buffer is at base + disp, */
	__u8 indirect;	/* ... or its address lies there */
	__s32 disp;
};

/*
 * libuv's thread pool. A uv_work_t has its struct uv__work, by which libuv knows a job, behind the
 * fields of a request (64 bytes) and three pointers: public in uv.h, the same in all of libuv 1.
 */
#define LR_UV_WORK_REQ 88

struct lr_jobs {
	__u32 followed; /* the probes that jobs need are there: the rest is valid */
	__u32 type;	/* from the uv__work of a node::ThreadPoolWork to its name, 0 it has none */
	__s32 disp;	/* in `worker`, the uv__work is at register + disp */
	__u8 reg;
	__u8 pad[3];
	__u32 kind_fs;	/* what uv__work_submit is told of file operations, ... */
	__u32 kind_dns; /* ... and of names looked up; ~0 not known */
};

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
	__u32 loop_count;    /* offset of the iteration count (u64), 0 if this libuv has none */
	__u32 timer_timeout; /* uv_timer_t: offset of when it is due (u64, ms), 0 unknown */
	/* environment: offset of the address of the immediates' counters, as JavaScript has them:
	 * u32 count, count of those that keep the loop alive, some are left over; 0 unknown */
	__u32 env_immediates;
	struct lr_chain wrap_env; /* AsyncWrap -> node::Environment */
	__u32 wrap_provider;	  /* offset of the provider number (u32) in AsyncWrap */
	__u32 wrap_async_id;	  /* offset of async_id_ (double); the trigger id is at +8 */
};

#endif
