/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_decode*.c only: threads, connections, and the records that are not bytes. */
#ifndef LOOPRAY_FLOW_DECODE_INT_H
#define LOOPRAY_FLOW_DECODE_INT_H

#include "flow_decode.h"
#include "flow_http.h"
#include "flow_table.h"

struct decode_conn;
struct decode_stream;

struct decode_thread {
	uint32_t pid;
	uint32_t tid;
	uint32_t env; /* ENV_NONE until it does something */
	uint32_t next_seq;
	uint64_t env_addr;
	uint64_t loss_epoch; /* decoder's epoch when records of this thread were last lost */
	uint64_t gc_start;   /* 0 none */
	uint64_t stores_ts;  /* of the last send whose stores were told; 0 none was active */
	uint64_t stores_conn;
	struct decode_conn *open;	     /* receive whose continuation may come */
	struct decode_thread *newer, *older; /* by last use */
};

#define ENV_NONE UINT32_MAX

struct decode_conn {
	struct flow_http http;
	uint64_t id;
	uint64_t epoch; /* decoder's loss epoch at the last operation */
	uint32_t pid;
	uint16_t family;
	uint16_t local_port;
	bool seen_open;
	uint16_t peer_port;
	uint8_t local_addr[16];
	uint8_t peer_addr[16];
	bool announced;
	bool peer_told; /* FE_PEER is out, with what was known */
	bool closed;	/* FE_CLOSE is out; kept a while for operations that come late */
	struct decode_thread *holder;  /* whose @open this is, NULL none */
	struct decode_stream *streams; /* HTTP/2: that are not over, newest first */
	struct decode_stream *unsent;  /* of these, with something that the next send takes */
	bool h2_eof;		       /* the client has ended its side */
	struct decode_conn *newer, *older;
};

/*
 * Fingerprints that a process' stores were seen to hold, for comparison with its responses.
 * When @recent is full it takes the place of @older: a value is remembered for at least
 * SEEN_MAX / 2 new ones.
 */
struct decode_seen_half {
	uint64_t *slots;  /* open addressing, 0 free */
	uint64_t lengths; /* bit n: a value of n characters is in here */
	uint32_t count;
	uint32_t cap; /* a power of two, 0 nothing allocated */
};

struct decode_seen {
	struct decode_seen_half recent, older;
};

#define SEEN_MAX 16384

struct decode_process {
	uint32_t workers; /* environments that were numbered */
	struct decode_seen seen;
};

/* The send that is being framed, if its response is to be searched for values of stores. */
struct decode_send {
	const struct decode_seen *seen; /* NULL: it is not */
	const char *bytes;
	size_t len;
};

struct flow_decode {
	struct flow_decode_opts opts;
	struct flow_decode_stats stats;
	struct flow_http_shared http;
	struct flow_table threads;   /* tid */
	struct flow_table conns;     /* id */
	struct flow_table processes; /* pid */
	struct flow_table streams;   /* LR_H2_CONN */
	struct flow_pool thread_pool;
	struct flow_pool conn_pool;
	struct flow_pool stream_pool;
	struct decode_thread *newest_thread, *oldest_thread;
	struct decode_conn *newest, *oldest; /* open connections by last use */
	struct decode_conn *newest_closed, *oldest_closed;
	uint32_t closed;
	struct decode_conn *current; /* whose framer is at work */
	struct decode_send send;
	uint64_t loss_epoch;
	bool threads_evicted; /* a first record with a high number is no loss any more */
};

int flow_decode__emit(struct flow_decode *d, const struct flow_event *ev);

/* flow_decode_thread.c */
struct decode_thread *flow_decode__thread(struct flow_decode *d, const struct lr_event *h,
					  int *err);
int flow_decode__number(struct flow_decode *d, struct decode_thread *t, uint64_t env_addr,
			uint64_t ts);
int flow_decode__process(struct flow_decode *d, struct decode_thread *t, const void *rec);
/* What is known of the process, made if it is not; NULL: no memory. */
struct decode_process *flow_decode__process_of(struct flow_decode *d, uint32_t pid);
void flow_decode__process_free(struct decode_process *p);
int flow_decode__loss(struct flow_decode *d, uint8_t kind, uint32_t pid, uint32_t tid, uint64_t ts,
		      uint64_t count);

/* flow_decode_conn.c */
struct decode_conn *flow_decode__conn(struct flow_decode *d, const struct lr_event *h, uint64_t id,
				      bool create);
void flow_decode__use_conn(struct flow_decode *d, struct decode_conn *c, struct decode_thread *t);
int flow_decode__announce(struct flow_decode *d, struct decode_conn *c,
			  const struct flow_event *ev);
int flow_decode__close_conn(struct flow_decode *d, struct decode_conn *c, uint64_t ts,
			    bool by_peer);
void flow_decode__drop_conn(struct flow_decode *d, struct decode_conn *c);

/* flow_decode_runtime.c */
/* The bits of a double that must be a whole number in [0, 2^53] -> that number, else -1. */
int64_t flow_decode__whole(uint64_t bits);
/* A number that cannot be: a read that went wrong. Counted and told, the field is unknown. */
int flow_decode__bad_number(struct flow_decode *d, const struct lr_event *h);
int flow_decode__resource(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__scope(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__parser(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__gc(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__turn(struct flow_decode *d, const void *rec);
int flow_decode__tenured(struct flow_decode *d, const void *rec);
/* @ts: of the record; @idle: its flags say that the loop's count is valid. */
struct fe_clock flow_decode__clock(const struct lr_clock *clock, uint64_t ts, bool idle);

/* flow_decode_store.c */
/* Of the records below, whose size is at least that of their fixed part. */
bool flow_decode__stores_valid(const struct lr_event *h, const void *rec);
int flow_decode__stores(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__store(struct flow_decode *d, struct decode_thread *t, const void *rec);

/* flow_decode_write.c */
bool flow_decode__write_valid(const struct lr_event *h, const void *rec);
/* Ids that came with a request: to be found again in what is written. */
void flow_decode__note_ids(struct flow_decode *d, const struct flow_event *ev);
int flow_decode__write(struct flow_decode *d, struct decode_thread *t, const void *rec);
/* flow_decode_client.c */
bool flow_decode__client_valid(const struct lr_event *h, const void *rec);
/* @t: NULL for a close, which concerns no thread. */
int flow_decode__client(struct flow_decode *d, struct decode_thread *t, const void *rec);

/* flow_decode_job.c */
bool flow_decode__job_valid(const void *rec);
int flow_decode__job(struct flow_decode *d, const void *rec);

/* flow_decode_h2.c */
int flow_decode__h2_init(struct flow_decode *d);
void flow_decode__h2_destroy(struct flow_decode *d);
/* Of the records below, whose size is at least that of their fixed part. */
bool flow_decode__h2_valid(const struct lr_event *h, const void *rec);
int flow_decode__h2_head(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__h2(struct flow_decode *d, struct decode_thread *t, const void *rec);
int flow_decode__h2_fields(struct flow_decode *d, struct decode_thread *t, const void *rec);
/* The connection is over, and so are its streams; or it is forgotten with them. */
int flow_decode__h2_close_conn(struct flow_decode *d, struct decode_conn *c, uint64_t ts,
			       bool by_peer);
void flow_decode__h2_drop_conn(struct flow_decode *d, struct decode_conn *c);

/* flow_decode_value.c */
#define VALUE_TEXT 32 /* room for any number as text */

/* Could such a field be? */
bool decode_value__valid(const struct lr_store_field *f);
/*
 * All of @to, which points into @f or into @text, of VALUE_TEXT bytes. True if the hash is that
 * of the value's whole text.
 */
bool decode_value__fill(struct fe_store_field *to, const struct lr_store_field *f, uint64_t key,
			char *text);

/* flow_decode_seen.c */
/* Remembers a field's value, whose hash is that of its text, if it may name something. */
void decode_seen__add(struct decode_seen *s, const struct fe_store_field *f);
/* The same for a fingerprint of @len characters, which were of one word. */
void decode_seen__add_id(struct decode_seen *s, uint64_t hash, uint32_t len);
void decode_seen__free(struct decode_seen *s);
/*
 * Fingerprints of what occurs in @p and was remembered, the longest ones if there are too many.
 * Returns their number.
 */
uint32_t decode_seen__find(const struct decode_seen *s, uint64_t key, const char *p, size_t n,
			   uint64_t ids[FE_IDS_MAX]);

#endif
