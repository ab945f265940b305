/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_state*.c only. */
#ifndef LOOPRAY_FLOW_STATE_INT_H
#define LOOPRAY_FLOW_STATE_INT_H

#include "flow_state.h"
#include "flow_table.h"

/* An event that is told again as it was, in the order of first sight. */
struct st_fact {
	struct flow_event ev;
	struct st_fact *next, *before;
	char text[]; /* its strings */
};

struct st_thread {
	uint32_t epoch;
	/* An FE_STORES whose operation has not come yet. */
	bool pending;
	uint64_t stores_ts;
	struct fe_stores stores;
};

/* The first part of a head that comes in several, and the bytes of all of them. */
struct st_part {
	uint64_t ts; /* 0: none */
	uint64_t arrival_ns;
	struct fe_clock clock;
	uint32_t bytes;
};

/* What an FE_HEADERS said. */
struct st_headers {
	struct flow_event ev;
	struct fe_header header[]; /* and its strings */
};

/* A request in flight. */
struct st_request {
	struct st_request *next; /* on its connection */
	uint64_t conn;
	uint32_t pid;
	uint32_t tid;
	uint64_t ts;
	struct fe_io in; /* its strings are in @text */
	bool in_done;
	struct st_part part;
	struct st_headers *headers; /* NULL: none */
	uint64_t order;		    /* of arrival, over all connections */
	/* Of its response. */
	bool answered;
	uint64_t head_ns;
	uint64_t last_ns; /* the last send but that of the head, 0 none */
	uint32_t more;	  /* bytes sent so */
	struct fe_io out;
	char *text;
};

struct st_conn {
	struct st_conn *newer, *older; /* by last use */
	uint64_t id;
	uint32_t pid;
	uint32_t tid;
	bool known; /* facts are */
	struct fe_conn facts;
	struct st_request *first, *last;
	uint32_t untracked; /* requests behind these that there was no room for */
	uint64_t eof_ns;    /* the peer ended its side, 0: it did not */
	bool unpaired;	    /* what is sent answers a request that was not seen */
	struct st_part part;
};

struct st_peer {
	struct st_peer *newer, *older;
	uint32_t pid;
	uint32_t tid;
	struct fe_peer facts;
};

/* What a store holds. */
struct st_store {
	struct st_store *next, *before; /* in the order in which they were told */
	struct flow_event ev;
	struct fe_store_field fields[];
};

struct flow_state {
	struct flow_state_opts opts;
	struct flow_state_lost lost;
	uint64_t lost_told;	   /* of lost.requests */
	struct flow_table facts;   /* type and pid, number */
	struct flow_table threads; /* pid, tid */
	struct flow_table conns;   /* id */
	struct flow_table peers;   /* conn */
	struct flow_table stores;  /* value, thread */
	struct flow_pool thread_pool, conn_pool, peer_pool, request_pool;
	struct st_fact *first_fact, *last_fact;
	struct st_conn *newest, *oldest;
	struct st_peer *newest_peer, *oldest_peer;
	struct st_store *first_store, *last_store;
	uint32_t in_flight;
	uint64_t came; /* requests, ever */
};

/* Moves the bytes of @s to *@at, which goes behind them. */
static inline void st_keep(struct flow_str *s, char **at)
{
	for (uint32_t i = 0; i < s->len; i++)
		(*at)[i] = s->s[i];
	s->s = *at;
	*at += s->len;
}

/* flow_state.c */
struct st_thread *st_thread__get(struct flow_state *s, uint32_t pid, uint32_t tid);

/* flow_state_conn.c: connections, and requests in flight on them */
void st_conn__event(struct flow_state *s, const struct flow_event *ev);
void st_conn__drop(struct flow_state *s, struct st_conn *c);
void st_conns__end(struct flow_state *s, uint32_t pid); /* @pid 0: all */
int st_conns__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to);

/* flow_state_request.c */
void st_request__in(struct flow_state *s, struct st_conn *c, const struct flow_event *ev);
void st_request__out(struct flow_state *s, struct st_conn *c, const struct flow_event *ev);
void st_request__headers(struct st_conn *c, const struct flow_event *ev);
void st_requests__drop(struct flow_state *s, struct st_conn *c);
int st_requests__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to);

/* flow_state_peer.c: connections that the targets opened */
void st_peer__event(struct flow_state *s, const struct flow_event *ev);
void st_peers__end(struct flow_state *s, uint32_t pid); /* @pid 0: all */
int st_peers__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to);

/* flow_state_store.c */
void st_store__event(struct flow_state *s, const struct flow_event *ev);
void st_stores__end(struct flow_state *s, uint32_t pid); /* @pid 0: all */
int st_stores__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to);

#endif
