/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Wire records: what BPF programs write to the ring buffer and flow_decode reads.
 *
 * Enums are append-only and every size is asserted: both sides are built from this header,
 * but records are still treated as hostile input (size, type and lengths are checked).
 * Times are CLOCK_MONOTONIC nanoseconds. Ids of async resources travel as the bits of the
 * double they are kept in.
 */
#ifndef LOOPRAY_EVENTS_H
#define LOOPRAY_EVENTS_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum lr_event_type {
	LR_EV_THREAD = 1,   /* first record of a thread: lr_ev_thread */
	LR_EV_CONN = 2,	    /* first operation on a connection: lr_ev_conn */
	LR_EV_IN = 3,	    /* bytes received from a connection: lr_ev_data */
	LR_EV_OUT = 4,	    /* bytes sent to a connection: lr_ev_data */
	LR_EV_CLOSE = 5,    /* connection closed by the process or reset: lr_ev_close */
	LR_EV_INIT = 6,	    /* async resource created: lr_ev_resource */
	LR_EV_DESTROY = 7,  /* async resource destroyed: lr_ev_resource */
	LR_EV_SCOPE = 8,    /* native callback scope ended: lr_ev_scope */
	LR_EV_PARSER = 9,   /* HTTP parser reached the end of a request's headers: lr_ev_parser */
	LR_EV_GC = 10,	    /* garbage collection: lr_ev_gc */
	LR_EV_PROCESS = 11, /* fork, exec or exit of a process: lr_ev_process */
	LR_EV_STORES = 12,  /* which stores are active at an operation: lr_ev_stores */
	LR_EV_STORE = 13,   /* what one store holds, at first sight in an epoch: lr_ev_store */
	LR_EV_TURN = 14,    /* the loop turns to something that is no receive: lr_ev_turn */
	LR_EV_WRITE = 15,   /* bytes written that are no response: lr_ev_write */
	LR_EV_CLIENT = 16,  /* an operation on a connection that the process opened: lr_ev_client */
	LR_EV_H2_HEAD = 17, /* HTTP/2: the head of a request is complete: lr_ev_h2_head */
	LR_EV_H2 = 18,	    /* HTTP/2: what else happens to a stream: lr_ev_h2 */
	LR_EV_H2_FIELDS = 19, /* HTTP/2: values in a response head: lr_ev_h2_fields */
	LR_EV_JOB = 20,	      /* a job for libuv's thread pool: lr_ev_job */
	LR_EV_TENURED = 21,   /* a callback allocated in the old space: lr_ev_tenured */
};

/*
 * Header of every record. @seq counts the records that a thread tried to write, so a hole
 * is exactly what was lost and from whom; 0 means the record has no thread (socket closed
 * from an interrupt) and takes no part in that.
 */
struct lr_event {
	__u64 ts;
	__u32 pid; /* thread group id in the agent's pid namespace's root */
	__u32 tid;
	__u32 seq;
	__u16 type; /* enum lr_event_type */
	__u16 size; /* bytes of the whole record that carry meaning */
};

/*
 * Clocks of the thread of a record. Only what lies between two records says something: how much
 * of it the loop waited, the thread was on a CPU, and it could run but had none.
 *
 * The kernel brings its count of a thread's time on a CPU up to date at ticks and context switches
 * only. With the time since, by the scheduler's clock, it is exact at any moment. Where the kernel
 * does not show by how much the clocks of CPUs differ, that holds between two records on one CPU;
 * across two there is the count.
 *
 * Two things to know. Who wakes up in the poll and gets no CPU waits in @idle_ns and in @delay_ns
 * alike. And the kernel takes a thread that loses its CPU to one that was woken as off it since
 * that wake-up, so right before, the time on a CPU is some microseconds too high, and the next
 * difference may be below zero; that of time on a CPU and delay together is right.
 */
#define LR_CLOCK_EVERY_CPU 0xffffffffU

struct lr_clock {
	__u64 idle_ns;	/* libuv's count; valid if the record's flags say so */
	__u64 ran_ns;	/* time on a CPU, as of ... */
	__u64 since_ns; /* ... this moment of the scheduler's clock */
	__u64 delay_ns; /* time it could run and waited for a CPU */
	__u32 cpu;	/* whose clock since_ns is of, LR_CLOCK_EVERY_CPU: of all alike */
	__u32 pad;
};

struct lr_ev_thread {
	struct lr_event h;
	__u64 fsbase;
	__u64 start_ns; /* of the thread, CLOCK_BOOTTIME or MONOTONIC as task->start_time */
};

enum lr_family {
	LR_AF_UNKNOWN = 0,
	LR_AF_INET = 1,
	LR_AF_INET6 = 2,
	LR_AF_UNIX = 3,
};

struct lr_ev_conn {
	struct lr_event h;
	__u64 conn;   /* number of the connection: unique for the life of the agent, never reused */
	__u16 family; /* enum lr_family */
	__u16 local_port; /* host byte order */
	__u16 peer_port;
	__u16 first_out; /* 1: the process wrote first (a client connection, most likely) */
	__u32 inode;	 /* socket inode, 0 unknown */
	__u32 seen_open; /* 1: it was opened after the attach, nothing of it was missed */
	__u8 local_addr[16];
	__u8 peer_addr[16];
};

/* The data part of lr_ev_data holds only what a parser needs; it is never stored. */
#define LR_DATA_MAX  4096 /* bytes captured in one record */
#define LR_DATA_TAIL 8	  /* last bytes of a send that was not captured whole */

#define LR_DATA_F_IDLE	(1u << 0) /* clock.idle_ns is valid */
#define LR_DATA_F_SLEPT (1u << 1) /* the thread slept since its previous record */
#define LR_DATA_F_TAIL	(1u << 2) /* tail is valid */
#define LR_DATA_F_FAULT \
	(1u << 3) /* reading the bytes failed: captured is shorter than it should be */
#define LR_DATA_F_FIRST (1u << 4) /* first operation seen on this connection */
#define LR_DATA_F_TLS	(1u << 5) /* plaintext: what was said inside of TLS */
/* With TLS, of a send: what was written before it goes to the socket; ret: bytes of TLS records. */
#define LR_DATA_F_SENT (1u << 6)

/*
 * One receive or send (or a further part of it: @offset > 0). @data holds @captured bytes
 * of the operation from @offset on; what lies behind them was not captured.
 */
struct lr_ev_data {
	struct lr_event h;
	__u64 conn;
	__u64 arrival_ns; /* receive: when the last segment arrived in the socket, 0 unknown */
	struct lr_clock clock;
	__s32 ret; /* bytes of the whole operation, 0 end of stream, -errno */
	__u32 offset;
	__u32 captured;
	__u32 flags; /* LR_DATA_F_* */
	__u32 epoch; /* receive: as in lr_ev_turn */
	__u32 pad;
	__u64 top;
	__u64 counter; /* receive: the last async id given out so far, bits of a double; 0 unknown
			*/
	__u8 tail[LR_DATA_TAIL];
	__u8 data[];
};

struct lr_ev_close {
	struct lr_event h;
	__u64 conn;
	__u32 old_state; /* TCP_* states of the kernel's enum */
	__u32 new_state;
};

#define LR_RES_F_IDS	  (1u << 0) /* async_id and trigger_id are valid */
#define LR_RES_F_EXEC	  (1u << 1) /* exec_id and counter are valid */
#define LR_RES_F_PROVIDER (1u << 2)
#define LR_RES_F_REUSE	  (1u << 3) /* destroy of the old id of an object that gets a new one */

struct lr_ev_resource {
	struct lr_event h;
	__u64 env;	/* address of node::Environment: names the environment in its process */
	__u64 object;	/* address of the AsyncWrap */
	__u64 async_id; /* bits of a double, as are the next three */
	__u64 trigger_id;
	__u64 exec_id;	/* execution async id when this happened */
	__u64 counter;	/* async id counter when this happened */
	__u64 conn;	/* connection this thread last received from in this wake-up, 0 none */
	__u32 provider; /* index into the binary's provider table */
	__u32 flags;	/* LR_RES_F_* */
};

struct lr_ev_scope {
	struct lr_event h;
	__u64 env;
	__u64 async_id; /* of the resource whose callback ran: bits of a double */
	__u64 trigger_id;
	__u64 counter; /* async id counter at the end of the scope */
	__u64 conn;    /* as in lr_ev_resource */
	__u32 flags;   /* LR_RES_F_* */
	__u32 pad;
};

struct lr_ev_parser {
	struct lr_event h;
	__u64 env;
	__u64 parser; /* address of the llhttp_t */
	__u64 conn;
	__u64 exec_id;
	__u8 type; /* llhttp: 1 request, 2 response */
	__u8 method;
	__u16 flags;
	__u32 pad;
};

struct lr_ev_gc {
	struct lr_event h;
	__u32 phase; /* 0 start, 1 end */
	__u32 space; /* AllocationSpace argument */
	__u32 epoch; /* end: as in lr_ev_turn, of the epoch that begins */
	__u32 pad;
	__u64 top;
};

/*
 * A top is an address and, in the bits above, how many words below it V8 has handed out since it
 * took this piece of the page: what lies further below on the page may be from elsewhere.
 */
#define LR_TOP_BITS	 48
#define LR_TOP_RUN_MAX	 0xffffULL
#define LR_TOP_ADDR(top) ((top) & ((1ULL << LR_TOP_BITS) - 1))
#define LR_TOP_RUN(top)	 (((top) >> LR_TOP_BITS) * 8) /* bytes */

/*
 * Young objects are allocated one behind the other, so the allocation top when a callback begins
 * and when the next one begins are the borders of what it allocated. An epoch is the time
 * between two garbage collections: within one, an object keeps its address. A receive begins
 * a callback (lr_ev_data has the same two members); this record tells of what else does.
 *
 * V8 allocates page by page, and its next page may lie anywhere: two tops are the borders of what
 * was allocated between them only if both lie in one page (LR_HEAP_PAGE) and have one epoch.
 */
#define LR_HEAP_PAGE (1u << 18) /* V8's kPageSizeBits, the same in 18 to 26 */

enum lr_turn_kind {
	LR_TURN_OTHER = 0,
	LR_TURN_TIMERS = 1,	/* timers of JavaScript run */
	LR_TURN_IMMEDIATES = 2, /* immediates run */
	LR_TURN_ASYNC = 3, /* another thread woke the loop, or a job of the thread pool is done */
	LR_TURN_KINDS
};

#define LR_TURN_F_IDLE (1u << 0) /* clock.idle_ns is valid */

struct lr_ev_turn {
	struct lr_event h;
	/* where this thread's isolate allocates next: see LR_TOP_ADDR; 0: unknown, or not asked */
	__u64 top;
	struct lr_clock clock;
	__u64 due_ns; /* TIMERS: the first of them was due then, CLOCK_MONOTONIC; 0 unknown */
	__u32 epoch;  /* garbage collections of this thread since it was first seen */
	__u16 kind;   /* enum lr_turn_kind */
	__u16 flags;  /* LR_TURN_F_* */
};

#define LR_TENURED_F_AREA (1u << 0) /* in an area that is new: something may have come before */
#define LR_TENURED_F_REST (1u << 1) /* what was left of an area, used up or given back since */

/*
 * What the callback that the last receive on a server connection began has allocated in the old
 * space, [begin, end). Objects there keep their addresses until a collection of that space.
 */
struct lr_ev_tenured {
	struct lr_event h;
	__u64 begin;
	__u64 end;
	__u32 epoch; /* as in lr_ev_turn */
	__u32 flags; /* LR_TENURED_F_* */
};

#define LR_STORES_MAX 8 /* AsyncLocalStorage instances told of at one operation */

enum lr_value_kind {
	LR_VALUE_OTHER = 0, /* nothing that is looked into */
	LR_VALUE_UNDEFINED = 1,
	LR_VALUE_NULL = 2,
	LR_VALUE_BOOL = 3,   /* bits: 0, 1 */
	LR_VALUE_SMI = 4,    /* bits: a signed number */
	LR_VALUE_DOUBLE = 5, /* bits: of the double */
	LR_VALUE_STRING =
		6, /* bits: length in characters; text: the first bytes, UTF-8 or Latin-1 */
	LR_VALUE_OBJECT = 7,
	LR_VALUE_MAP = 8,
};

enum lr_store_op {
	LR_OP_SERVER = 1, /* a send on a connection that serves requests */
	LR_OP_CLIENT = 2, /* a send on any other socket */
	LR_OP_STDOUT = 3, /* a write to file descriptor 1, whatever that is */
	LR_OP_STDERR = 4,
	LR_OP_JOB = 5, /* a job is handed to the thread pool */
	LR_OP_MAX
};

enum lr_store_status {
	LR_STORES_OK = 0,    /* n stores are active; 0: none is */
	LR_STORES_NO_JS = 1, /* no JavaScript is on the stack: nothing can be active */
	LR_STORES_NO_ENV = 2,
	LR_STORES_FAULT = 3, /* a read failed */
	LR_STORES_CHECK = 4, /* what was read cannot be right */
	LR_STORES_OFF = 5,   /* this process' layout or mechanism is not known */
};

#define LR_STORES_F_MORE    (1u << 0) /* more than LR_STORES_MAX instances */
#define LR_STORES_F_HOOKS   (1u << 1) /* over async_hooks, else AsyncContextFrame */
#define LR_STORES_F_PROMISE (1u << 2) /* async_hooks, not all active: it runs for a promise */

struct lr_store_ref {
	__u64 value;	/* the tagged value: an object's address is good within the epoch */
	__u32 instance; /* what names the AsyncLocalStorage instance: a hash that never changes */
	__u16 kind;	/* enum lr_value_kind; UNDEFINED: entered and left again (async_hooks) */
	__u16 flags;
};

/* Comes right before the record of the send or write, if there is one, with the same time. */
struct lr_ev_stores {
	struct lr_event h;
	__u64 env;
	__u64 conn; /* that is written to, 0: not a numbered connection */
	__u64 top;
	/*
	 * What brought the stores here, tagged: the AsyncContextFrame, or the resource that
	 * JavaScript runs in; 0 unknown.
	 */
	__u64 carrier;
	__u64 exec_id; /* bits of doubles */
	__u64 trigger_id;
	__u32 epoch;
	__u16 op;     /* enum lr_store_op */
	__u16 status; /* enum lr_store_status */
	__u32 flags;  /* LR_STORES_F_* */
	__u32 n;
	struct lr_store_ref ref[LR_STORES_MAX];
};

#define LR_STORE_FIELDS 12
#define LR_FIELD_NAME	24
#define LR_FIELD_TEXT	48

#define LR_FIELD_F_CONST (1u << 0) /* never assigned again since it was made, as V8 knows */
#define LR_FIELD_F_CUT	 (1u << 1) /* text holds only the beginning */
#define LR_FIELD_F_SPAN	 (1u << 2) /* an id of the span in an OpenTelemetry Context */

struct lr_store_field {
	__u8 name_len;
	__u8 text_len;
	__u8 kind; /* enum lr_value_kind */
	__u8 flags;
	__u32 pad;
	__u64 bits; /* 0 where the kind says nothing of them: an object's address changes */
	char name[LR_FIELD_NAME];
	char text[LR_FIELD_TEXT];
};

#define LR_STORE_F_MORE (1u << 0) /* it has more fields than are told */
#define LR_STORE_F_BORN                                                          \
	(1u << 1) /* not seen active: found where a request's callback allocated \
		   */

/* Only n of the fields are written. A store that is itself a string or a number is one nameless
 * field. */
struct lr_ev_store {
	struct lr_event h;
	__u64 env;
	__u64 value;
	__u32 instance;
	__u32 epoch;
	__u16 kind;
	__u16 n;
	__u32 flags; /* LR_STORE_F_* */
	struct lr_store_field field[LR_STORE_FIELDS];
};

#define LR_WRITE_MAX 16384 /* bytes captured: as much as loggers that buffer write at once */

#define LR_WRITE_F_FAULT (1u << 0) /* reading the bytes failed: captured is too short */

/* The first bytes of a write, for what identifies requests in them; never stored. */
struct lr_ev_write {
	struct lr_event h;
	__u64 conn; /* as in lr_ev_stores */
	__s32 ret;  /* bytes written: what lies behind the captured ones was cut off */
	__u32 captured;
	__u16 op;    /* enum lr_store_op */
	__u16 flags; /* LR_WRITE_F_* */
	__u32 pad;
	__u8 data[];
};

/*
 * Operations on a connection that the process opened to a peer. Nothing of what is sent or received
 * is copied but the head of an HTTP/1 message, and that only where the peer's port is none of a
 * protocol that is known to be another.
 */
enum lr_client_op {
	LR_CLIENT_CONNECT = 1, /* the connection is being established: connect_ns */
	LR_CLIENT_SEND = 2,
	LR_CLIENT_RECEIVE = 3, /* ret 0: the peer ended its side */
	LR_CLIENT_CLOSE = 4,   /* ret: old state, counter: new state (TCP_* of the kernel) */
};

#define LR_CLIENT_HEAD 1024 /* bytes of a head that are copied */

#define LR_CLIENT_F_FIRST (1u << 0)  /* first send on a connection whose beginning was seen */
#define LR_CLIENT_F_HTTP  (1u << 1)  /* begins as an HTTP/1 message does: data has the head */
#define LR_CLIENT_F_TLS	  (1u << 2)  /* begins as a TLS record other than of data does */
#define LR_CLIENT_F_DATA  (1u << 3)  /* begins as a TLS record of data does */
#define LR_CLIENT_F_SETUP (1u << 4)  /* a message by which a database's client logs in */
#define LR_CLIENT_F_TAIL  (1u << 5)  /* tail is valid */
#define LR_CLIENT_F_FAULT (1u << 6)  /* reading the bytes failed */
#define LR_CLIENT_F_CHAIN (1u << 7)  /* counter is valid */
#define LR_CLIENT_F_QUIT  (1u << 9)  /* it says good-bye to a database: no answer will come */
#define LR_CLIENT_F_SLEPT (1u << 8)  /* work is 0 because the thread slept in between */
#define LR_CLIENT_F_IDLE  (1u << 10) /* clock.idle_ns is valid */
#define LR_CLIENT_F_CLOCK (1u << 11) /* clock is valid: an operation of the thread itself */

struct lr_ev_client {
	struct lr_event h;
	__u64 conn;
	__u64 work;	  /* server connection whose receive began this turn of the loop, 0 none */
	__u64 connect_ns; /* when the connection began to be established, 0 not seen */
	__u64 connected_ns; /* when it was, 0 not (yet) */
	__u64 counter;	    /* the last async id given out so far, bits of a double */
	__u64 arrival_ns;   /* RECEIVE: as in lr_ev_data */
	struct lr_clock clock;
	__s32 ret;   /* bytes of the operation, or -errno */
	__u16 op;    /* enum lr_client_op */
	__u16 flags; /* LR_CLIENT_F_* */
	__u32 captured;
	__u32 pad;
	__u8 tail[8]; /* last bytes of a receive */
	__u8 data[];
};

/*
 * Jobs that the thread hands to libuv's thread pool, which every environment of the process shares.
 * SUBMIT comes behind the lr_ev_stores of LR_OP_JOB with its time, if stores were read.
 */
enum lr_job_op {
	LR_JOB_SUBMIT = 1,
	LR_JOB_DONE = 2, /* its callback begins: a turn of the loop */
};

enum lr_job_kind {
	LR_JOB_OTHER = 0,
	LR_JOB_FS = 1,	/* uv_fs_*: a file operation */
	LR_JOB_DNS = 2, /* getaddrinfo, getnameinfo */
	LR_JOB_CRYPTO = 3,
	LR_JOB_ZLIB = 4,
};

#define LR_JOB_F_IDLE  (1u << 0) /* clock.idle_ns is valid */
#define LR_JOB_F_CHAIN (1u << 1) /* counter is valid */
#define LR_JOB_F_SLEPT (1u << 2) /* work is 0 because the thread slept in between */

struct lr_ev_job {
	struct lr_event h;
	__u64 job;  /* number: unique for the life of the agent */
	__u64 work; /* SUBMIT: as in lr_ev_client */
	struct lr_clock clock;
	__u64 submit_ns;
	__u64 start_ns; /* DONE: a thread of the pool took it; 0: never (cancelled), or not seen */
	__u64 end_ns;	/* DONE: and was finished with it; 0 not seen */
	__u64 counter;	/* the last async id given out so far, bits of a double */
	__u16 op;	/* enum lr_job_op */
	__u16 kind;	/* enum lr_job_kind */
	__u32 flags;	/* LR_JOB_F_* */
};

/*
 * HTTP/2. What the runtime's HTTP/2 library (nghttp2) tells Node.js of a session that serves
 * requests. In stores and resources a stream is named by LR_H2_CONN, where connections are.
 */
#define LR_H2_CONN_BITS		 32
#define LR_H2_CONN(conn, stream) ((conn) | (__u64)(stream) << LR_H2_CONN_BITS)

#define LR_H2_METHOD   32
#define LR_H2_PATH     2048
#define LR_H2_IDS      3
#define LR_H2_ID_NAME  24
#define LR_H2_ID_VALUE 128

#define LR_H2_F_END  (1u << 0) /* END_STREAM: nothing more comes from this side */
#define LR_H2_F_IDLE (1u << 1) /* clock.idle_ns is valid */

/* A header field whose value names the request, such as x-request-id and traceparent. */
struct lr_h2_id {
	__u8 name_len;
	__u8 value_len;
	__u8 pad[6];
	char name[LR_H2_ID_NAME];
	char value[LR_H2_ID_VALUE];
};

/* Of @path only what there is of it is written. It has its query: the reader cuts that off. */
struct lr_ev_h2_head {
	struct lr_event h;
	__u64 conn;
	__u64 arrival_ns; /* of what was received last, as in lr_ev_data */
	struct lr_clock clock;
	__u64 top;     /* as in lr_ev_turn */
	__u64 counter; /* as in lr_ev_data, before the stream's own resource was made */
	__u32 stream;
	__u32 epoch;
	__u32 flags; /* LR_H2_F_* */
	__u16 method_len;
	__u16 nids;
	__u32 path_len; /* as it came, which may be more than is here */
	__u32 pad;
	char method[LR_H2_METHOD];
	struct lr_h2_id id[LR_H2_IDS];
	char path[LR_H2_PATH];
};

#define LR_H2_FIELDS_MAX 2048

/*
 * Values of the header fields of a response, each followed by a line feed, before its SUBMIT
 * and with its time: are values of the active stores among them? Told only where stores are active.
 */
struct lr_ev_h2_fields {
	struct lr_event h;
	__u64 conn;
	__u32 stream;
	__u32 captured;
	char data[LR_H2_FIELDS_MAX]; /* as much as was captured */
};

enum lr_h2_op {
	LR_H2_DATA_IN = 1,  /* bytes of the request's body, or only its end */
	LR_H2_RESET_IN = 2, /* the client resets the stream: code */
	LR_H2_SUBMIT = 3,   /* the program hands in the response head: code is the status */
	LR_H2_DATA_OUT = 4, /* bytes of the response's body are put into frames */
	LR_H2_CLOSE = 5,    /* the stream is over: code */
	LR_H2_SENT = 6,	    /* the connection sends what was put into frames: stream is 0 */
	LR_H2_EOF = 8,	    /* the connection's client has ended its side: stream is 0 */
};

struct lr_ev_h2 {
	struct lr_event h;
	__u64 conn;
	struct lr_clock clock;
	__u64 top; /* DATA_IN: as in lr_ev_h2_head */
	__u32 stream;
	__u32 epoch;
	__u16 op; /* enum lr_h2_op */
	__u16 flags;
	__u32 bytes;
	__u32 code;
	__u32 pad;
};

enum lr_process_op {
	LR_PROC_FORK = 1,
	LR_PROC_EXEC = 2,
	LR_PROC_EXIT = 3,
};

struct lr_ev_process {
	struct lr_event h;
	__u32 op;	 /* enum lr_process_op */
	__u32 other;	 /* fork: pid of the child */
	__s32 exit_code; /* exit: wait(2) status */
	__u32 pad;
};

#define LR_ASSERT_SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), #type " changed size")
LR_ASSERT_SIZE(lr_event, 24);
LR_ASSERT_SIZE(lr_ev_thread, 40);
LR_ASSERT_SIZE(lr_ev_conn, 80);
LR_ASSERT_SIZE(lr_ev_data, 128);
LR_ASSERT_SIZE(lr_ev_close, 40);
LR_ASSERT_SIZE(lr_ev_resource, 88);
LR_ASSERT_SIZE(lr_ev_scope, 72);
LR_ASSERT_SIZE(lr_ev_parser, 64);
LR_ASSERT_SIZE(lr_ev_gc, 48);
LR_ASSERT_SIZE(lr_ev_tenured, 48);
LR_ASSERT_SIZE(lr_ev_turn, 88);
LR_ASSERT_SIZE(lr_ev_stores, 216);
LR_ASSERT_SIZE(lr_store_field, 88);
LR_ASSERT_SIZE(lr_ev_store, 56 + 88 * LR_STORE_FIELDS);
LR_ASSERT_SIZE(lr_ev_write, 48);
LR_ASSERT_SIZE(lr_ev_client, 136);
LR_ASSERT_SIZE(lr_ev_job, 120);
LR_ASSERT_SIZE(lr_ev_process, 40);
LR_ASSERT_SIZE(lr_h2_id, 160);
LR_ASSERT_SIZE(lr_ev_h2_head, 152 + 160 * LR_H2_IDS + LR_H2_PATH);
LR_ASSERT_SIZE(lr_ev_h2, 104);
LR_ASSERT_SIZE(lr_ev_h2_fields, 40 + LR_H2_FIELDS_MAX);

#endif
