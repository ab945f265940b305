/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map and knob: its key, who owns the entries, where they die, and what happens when
 * it is full. All are bounded. Definitions are weak because each program file includes this
 * header and the static linker folds them into one.
 */
#ifndef LOOPRAY_MAPS_BPF_H
#define LOOPRAY_MAPS_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "config.h"
#include "events.h"
#include "probes.h"
#include "stats.h"

#define LR_WEAK __attribute__((weak))

/* Knobs, set before load: dead paths vanish in the verifier. */
const volatile __u32 lr_single_tgid LR_WEAK;	 /* the only target, 0: look in lr_processes */
const volatile __u64 lr_jiffy_ns LR_WEAK;	 /* length of a jiffy, 0 unknown */
const volatile __u32 lr_follow LR_WEAK;		 /* report forks of targets */
const volatile __u32 lr_sockets_by_addr LR_WEAK; /* system call path: lr_conns_by_addr is used */
const volatile __u32 lr_lines LR_WEAK;		 /* stdout and stderr are looked at */
const volatile __u32 lr_lines_by_socket LR_WEAK; /* ... those that are sockets at their sends */
const volatile __u32 lr_lines_tty LR_WEAK;	 /* ... terminals under other descriptors, too */
const volatile __u32 lr_lines_every LR_WEAK;	 /* ... also where no store can be active */

/* The ring: drained by a timer; only an exec that is followed wakes the reader. Full: counted,
 * dropped. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LR_RING_BYTES);
} lr_ring SEC(".maps") LR_WEAK;

/* Counters of stats.h, one slot each. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LR_STAT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} lr_stats SEC(".maps") LR_WEAK;

/* Hits per probe of probes.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LR_PROBE_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} lr_probe_hits SEC(".maps") LR_WEAK;

/* tgid -> how to read that process. Entries: made and removed by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, struct lr_process_config);
} lr_processes SEC(".maps") LR_WEAK;

/*
 * tgid of a process that is only followed (--follow): what targets started, and what that started.
 * Made by the agent and by forks, removed by the end of the process; full: counted, not followed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_FOLLOWED);
	__type(key, __u32);
	__type(value, __u32);
} lr_followed SEC(".maps") LR_WEAK;

/* A V8 map that never moves (of strings, numbers and the like) and its instance type. */
#define LR_MAP_TYPES 8
struct lr_map_type {
	__u64 map;
	__u64 type;
};

/* A name of a field, by the address of the string, good within an epoch. */
#define LR_NAMES 64
struct lr_name {
	__u64 key;
	__u32 epoch;
	__u32 len;
	__u64 words[LR_FIELD_NAME / 8];
};

/* Where objects of a hidden class have their fields: see heap_shape.bpf.h. */
#define LR_SHAPES 4
struct lr_shape_field {
	__u8 word;  /* in the object */
	__u8 flags; /* LR_FIELD_F_* */
	__u8 name_len;
	__u8 pad[5];
	__u64 name[LR_FIELD_NAME / 8];
};

struct lr_shape {
	__u64 map; /* 0: free */
	__u64 until_ns;
	__u32 epoch;
	__u32 words; /* of the object that are needed */
	__u32 n;
	__u32 more; /* it has more than these fields */
	struct lr_shape_field field[LR_STORE_FIELDS];
};

/* An AsyncLocalStorage instance's identity hash. */
#define LR_INSTANCES 4
struct lr_instance {
	__u64 key;
	__u32 epoch;
	__u32 hash;
};

/* Where objects of a hidden class have a property that is looked for: see heap_path.bpf.h. */
#define LR_NAMES_WANTED 16
#define LR_PLACES	(2 * LR_NAMES_WANTED) /* two hidden classes for each name */
struct lr_place {
	__u64 map;
	__u32 epoch;
	__s16 where;
	__u8 which;
	__u8 number; /* of the descriptor */
};

/*
 * What a thread is doing: the per-task context. Dies with the thread. Addresses are cached
 * walks of the layout, valid while @isolate is the thread's current isolate.
 */
struct lr_task {
	__u32 seq;	 /* records tried: lr_event.seq */
	__u32 nvcsw;	 /* voluntary context switches at the last record */
	__u64 idle_addr; /* of the loop's idle nanoseconds, 0 unknown */
	__u64 idle_ns;	 /* last value read there, 0 if it is not known */
	__u64 idle_known;
	__u64 isolate;
	__u64 env;
	__u64 uid_addr;	   /* async_id_fields */
	__u64 fields_addr; /* AsyncHooks' fields, counts of hooks first */
	__u64 conn;	   /* connection last received from since the thread last slept, 0 none */
	__u32 conn_in;	   /* receives on it so far: which of its requests */
	__u32 walks;	   /* attempts to find the environment */
	__u64 scope_id;	   /* async id of the callback scope that ended last, bits of a double */
	__u64 exec_id;	   /* execution and trigger id when last read */
	__u64 trigger_id;
	__u64 destroyed; /* object and id of the last destroy: the same one is probed twice */
	__u64 destroyed_id;
	__u64 gc_start_ns;
	__u32 epoch;	 /* garbage collections so far: within one, objects keep their address */
	__u32 turn_open; /* a receive on a server connection was the last turn of the loop */
	__u64 top_addr;	 /* of the new space's allocation top, 0 unknown */
	__u64 old_addr;	 /* of the old space's allocation top, 0 unknown */
	__u64 old_top;	 /* what was there at the last look, 0: no area, or not known */
	__u64 old_limit; /* where that area ends */
	__u64 undefined; /* V8's, 0 unknown */
	__u64 frame_map; /* of an AsyncContextFrame, seen to be a JSMap's in frame_epoch */
	__u32 frame_epoch;
	__u32 stores_used; /* async_hooks: an init hook was enabled once */
	__u64 work;	   /* server connection whose receive began this turn of the loop, 0 none */
	__u64 work_nvcsw;  /* voluntary context switches then */
	__u64 work_idle;   /* the loop's idle time then, 0 unknown */
	struct lr_map_type types[LR_MAP_TYPES];
	struct lr_instance instances[LR_INSTANCES];
	struct lr_shape shapes[LR_SHAPES];
	struct lr_name names[LR_NAMES];
	struct lr_place places[LR_PLACES];
	__u64 wanted[LR_NAMES_WANTED]; /* keys of these names, as seen last in wanted_epoch */
	__u32 wanted_epoch[LR_NAMES_WANTED];
	__u64 tls_conn;	   /* connection that TLS records were last received from, 0 none */
	__u64 tls_arrival; /* of these, 0 unknown */
	__u64 h2_conn;	   /* connection last received from, whatever it speaks */
	__u64 h2_arrival;  /* of what was received then, 0 unknown */
	__u64 h2_counter;  /* async ids given out by then (bits of a double), 0 unknown */
	__u32 h2_used;	   /* it has HTTP/2 connections */
	__u32 h2_headers;  /* where a stream has its headers, 0 not known */
	__u32 async_seq;   /* seq of the last turn of kind ASYNC */
	__u32 job_runs;	   /* the callback of a job in the thread pool */
	__u64 delay_ns;	   /* time without a CPU as of the record that is being made: clock_mark */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lr_task);
} lr_tasks SEC(".maps") LR_WEAK;

/*
 * What the callbacks of unanswered requests allocated, of threads that run JavaScript with stores.
 * Dies with the thread. Full: the oldest goes, and its stores are unknown after a collection.
 */
#define LR_BIRTHS      256
#define LR_BIRTH_MAPS  2
#define LR_BIRTH_FOUND 64

struct lr_birth {
	__u64 begin;
	__u64 end;  /* 0: not over */
	__u64 conn; /* 0: free */
	__u64 epoch;
};

struct lr_births {
	__u32 next;
	__u32 open; /* slot of the callback that runs */
	__u32 is_open;
	__u32 nmaps; /* learned so far */
	__u32 nfound;
	__u32 tgid;
	__u32 tid;
	__u32 instance[LR_BIRTH_MAPS];
	__u64 map[LR_BIRTH_MAPS]; /* of stores */
	struct lr_birth slot[LR_BIRTHS];
	struct lr_store_ref found[LR_BIRTH_FOUND];
	__u64 words[64];
	__u64 scratch[1024]; /* struct store_scratch: uprobes may be preempted, so not per CPU */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lr_births);
} lr_births SEC(".maps") LR_WEAK;

enum lr_conn_class {
	LR_CONN_NEW = 0,
	LR_CONN_SERVER = 1, /* receives HTTP/1 requests */
	LR_CONN_OTHER = 2,  /* anything else; looked at again when bytes look like a request */
	LR_CONN_OPAQUE = 3, /* left HTTP for good: upgraded */
	LR_CONN_TLS = 4,    /* a socket that carries TLS: what it says is in lr_tls_conns */
};

enum lr_conn_layer {
	LR_LAYER_SOCKET = 0,  /* what goes over the socket */
	LR_LAYER_RECORDS = 1, /* the same, and it is TLS: there is one of LR_LAYER_PLAIN besides */
	LR_LAYER_PLAIN = 2,   /* what is said inside of TLS, as uprobes see it */
};

/* What a connection that the process opened speaks, by the peer's port. */
enum lr_client {
	LR_CLIENT_NOT = 0, /* it was not opened by the process, or that is not known */
	LR_CLIENT_ANY = 1,
	LR_CLIENT_POSTGRESQL = 2,
	LR_CLIENT_MYSQL = 3,
	LR_CLIENT_REDIS = 4,
};

/* One connection of a target. Socket storage: dies with the socket. */
struct lr_conn {
	__u64 id; /* 0: not numbered yet */
	__u32 tgid;
	__u32 class; /* enum lr_conn_class */
	__u32 ins;   /* receives seen */
	__u32 outs;
	__u32 inode;
	__u32 closed; /* its end has been told */
	__u32 opened; /* its beginning was seen */
	__u32 birth;  /* slots in lr_births: of the first receive since the last response, ... */
	__u32 birth_more; /* ... and of the last one behind it */
	__u32 asked;	  /* receives since the last response, 2 at most */
	__u32 client;	  /* enum lr_client */
	__u32 layer;	  /* enum lr_conn_layer */
	__u64 arrival_ns; /* of the first byte that the process has not received, 0 unknown */
	__u64 connect_ns; /* client: when connect() was called, 0 not seen */
	__u64 connected_ns;
	__u32 http; /* client: a request head was sent */
	__u32 told; /* announced with both ends */
	__u64 owed; /* LR_LAYER_PLAIN: bytes written that have not gone to the socket yet */
	__u32 h2;   /* HTTP/2 requests come over it */
	__u32 pad;
	__u64 last_ns; /* HTTP/2: when bytes arrived last, 0 unknown */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lr_conn);
} lr_conns SEC(".maps") LR_WEAK;

/*
 * The same for kernels without the socket tracepoints, where no trusted socket pointer is at
 * hand: keyed by the socket's address, checked by its inode. Removed on close (TCP) or reused
 * with the address. Full: counted, the connection is not followed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_CONNECTIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct lr_conn);
} lr_conns_by_addr SEC(".maps") LR_WEAK;

/*
 * What is said inside of TLS: the same connection as its socket's, keyed by the socket's address.
 * Made when the socket is seen to carry TLS, removed when it is closed. Full: counted, the
 * connection is not followed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_CONNECTIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct lr_conn);
} lr_tls_conns SEC(".maps") LR_WEAK;

/*
 * TLSWrap -> socket: what tls_find has found out, good as long as the wrap has the same stream and
 * the socket the same connection. A cache: the least recently used one goes.
 */
struct lr_tls_wrap_key {
	__u64 wrap;
	__u64 tgid;
};

struct lr_tls_wrap {
	__u64 stream;
	__u64 sk;   /* 0: it has no socket that is known, which has been counted */
	__u64 conn; /* id */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct lr_tls_wrap_key);
	__type(value, struct lr_tls_wrap);
} lr_tls_wraps SEC(".maps") LR_WEAK;

/*
 * Where uprobes that see the plaintext of TLS put records together. Tracepoint programs do that per
 * CPU, but uprobes may be preempted. Dies with the thread.
 */
struct lr_plain_scratch {
	__u64 bytes[1040];  /* struct bytes_scratch */
	__u64 vector[256];  /* struct bytes_vector */
	__u64 stores[1024]; /* struct store_scratch */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lr_plain_scratch);
} lr_plain_scratch SEC(".maps") LR_WEAK;

/*
 * Ports that targets were reached at (host byte order): connections to them get their storage
 * when they are established, so that the arrival of their first bytes is known.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u16);
	__type(value, __u8);
} lr_ports SEC(".maps") LR_WEAK;

/*
 * HTTP/2 sessions (nghttp2_session *) and the connections they run over, both ways: made at the
 * first frame, removed when the connection closes. Full: counted, the session is not followed.
 */
struct lr_h2_key {
	__u64 session;
	__u64 tgid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_H2_SESSIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lr_h2_key);
	__type(value, __u64); /* number of the connection */
} lr_h2_sessions SEC(".maps") LR_WEAK;

struct lr_h2_conn {
	struct lr_h2_key key;
	__u32 unsent; /* something was put into frames since the last send */
	__u32 serves; /* requests came over it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_H2_SESSIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* number of the connection */
	__type(value, struct lr_h2_conn);
} lr_h2_conns SEC(".maps") LR_WEAK;

/* The stream that a thread made last, and its head. Dies with the thread. */
struct lr_h2_head {
	__u64 session; /* node::http2::Http2Session */
	__u64 object;  /* node::http2::Http2Stream */
	struct lr_ev_h2_head rec;
	char spare[LR_H2_PATH]; /* length and position are bounded apart: see bytes_scratch */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lr_h2_head);
} lr_h2_heads SEC(".maps") LR_WEAK;

/*
 * Jobs in libuv's thread pool, by the struct uv__work that libuv knows them by: made where a job is
 * handed in, removed where its callback begins. One whose callback never runs leaves its entry
 * until another job has the address, or until the agent lets the process go. Full: counted, the job
 * is not followed.
 */
struct lr_job_key {
	__u64 work;
	__u64 tgid;
};

struct lr_job {
	__u64 number;
	__u64 conn; /* lr_task.work when it was handed in */
	__u64 submit_ns;
	__u64 start_ns; /* 0: not yet */
	__u64 end_ns;
	__u32 kind; /* enum lr_job_kind */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_JOBS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lr_job_key);
	__type(value, struct lr_job);
} lr_jobs SEC(".maps") LR_WEAK;

/* Last number of a job given out, in slot 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lr_job_last SEC(".maps") LR_WEAK;

/* Last connection number given out, in slot 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lr_conn_last SEC(".maps") LR_WEAK;

/*
 * Live async resources: filled at init, removed at destroy. Full: counted, the resource is
 * still reported but a later destroy of it finds nothing.
 */
struct lr_resource_key {
	__u64 env;
	__u64 async_id; /* bits of a double */
};

struct lr_resource {
	__u64 trigger_id;
	__u64 birth_ns;
	__u64 conn; /* with conn_in: the request it was created under, 0 none */
	__u32 conn_in;
	__u32 provider;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LR_MAX_RESOURCES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lr_resource_key);
	__type(value, struct lr_resource);
} lr_resources SEC(".maps") LR_WEAK;

/*
 * Stores that were told: a slot by address, of the thread and the epoch in which it was. Another
 * one that needs the slot takes it, and then the first is told again. Nobody removes them.
 */
#define LR_TOLD 2048
struct lr_told {
	__u64 value;
	__u64 by; /* thread, epoch and kind in one word: whoever else writes it, it is whole */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LR_TOLD);
	__type(key, __u32);
	__type(value, struct lr_told);
} lr_told SEC(".maps") LR_WEAK;

static __always_inline void stat_add(__u32 stat, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&lr_stats, &stat);

	if (v)
		*v += n;
}

static __always_inline void probe_hit(__u32 probe)
{
	__u64 *v = bpf_map_lookup_elem(&lr_probe_hits, &probe);

	if (v)
		*v += 1;
}

#endif
