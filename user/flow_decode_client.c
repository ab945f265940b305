// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Operations on connections that the process opened. A head that came with one is read for its
 * first line, its framing and its trace context, and goes no further.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "flow_decode_int.h"
#include "flow_http_int.h"
#include "flow_trace.h"

bool flow_decode__client_valid(const struct lr_event *h, const void *rec)
{
	struct lr_ev_client r;

	memcpy(&r, rec, sizeof(r));
	return r.op >= LR_CLIENT_CONNECT && r.op <= LR_CLIENT_CLOSE &&
	       r.captured <= LR_CLIENT_HEAD && r.captured <= h->size - sizeof(r);
}

/* The next line of a head without its end, which may be a bare LF. False: it is not whole. */
static bool next_line(const char **at, const char *end, const char **line, size_t *n)
{
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));

	if (!nl)
		return false;
	*line = *at;
	*n = (size_t)(nl - *at);
	if (*n && nl[-1] == '\r')
		--*n;
	*at = nl + 1;
	return true;
}

static void trace_header(struct fe_client *cl, const char *p, size_t n)
{
	const char *value = p + 12;
	size_t len = n - 12;

	http_head__trim(&value, &len);
	flow_trace__parent(&cl->trace, value, len);
}

static bool first_line(struct http_head *head, struct fe_client *cl, const char *p, size_t n)
{
	struct http_target target;
	bool cut;

	if (cl->op == LR_CLIENT_RECEIVE)
		return !http_head__status_line(head, p, n);
	if (http_head__request_line(head, p, n, &target) || head->version < 10)
		return false;
	target = http_head__path(target, &cut);
	cl->method = (struct flow_str){head->method_name, (uint32_t)strlen(head->method_name)};
	cl->path = (struct flow_str){target.s, target.len};
	if (cl->path.len > FLOW_PATH_MAX)
		cl->path.len = FLOW_PATH_MAX;
	if (cut)
		cl->flags |= FE_CL_MASKED;
	return true;
}

/* The end of the last chunk and of the trailers, of which there are hardly ever any. */
static bool last_chunk(const void *end)
{
	return memcmp((const char *)end - 5, "0\r\n\r\n", 5) == 0;
}

static void take_head(struct fe_client *cl, const char *p, uint32_t captured)
{
	const char *at = p, *end = p + captured, *line;
	struct http_head head = {0};
	bool whole = false;
	size_t n;

	if (!next_line(&at, end, &line, &n) || !first_line(&head, cl, line, n))
		return;
	while (!whole && next_line(&at, end, &line, &n)) {
		whole = n == 0;
		if (whole)
			break;
		(void)http_head__header(&head, 0, line, n, HTTP_LOOSE);
		if (cl->op == LR_CLIENT_SEND && n > 12 && !strncasecmp(line, "traceparent:", 12))
			trace_header(cl, line, n);
	}
	cl->flags |= FE_CL_HEAD;
	cl->version = head.version;
	cl->status = cl->op == LR_CLIENT_RECEIVE ? head.status : 0;
	if (!whole) {
		cl->flags |= FE_CL_CUT;
		return;
	}
	cl->head_bytes = (uint32_t)(at - p);
	if (captured == cl->bytes && captured >= cl->head_bytes + 5 && last_chunk(end))
		cl->flags |= FE_CL_LAST;
	if (head.flags & HH_CHUNKED) {
		cl->flags |= FE_CL_CHUNKED;
	} else if (head.flags & HH_LENGTH) {
		cl->flags |= FE_CL_LENGTH;
		cl->content_length = head.content_length;
	}
}

static const struct {
	uint16_t wire;
	uint16_t flow;
} flag_map[] = {
	{LR_CLIENT_F_FIRST, FE_CL_FIRST}, {LR_CLIENT_F_TLS, FE_CL_TLS},
	{LR_CLIENT_F_DATA, FE_CL_DATA},	  {LR_CLIENT_F_SETUP, FE_CL_SETUP},
	{LR_CLIENT_F_SLEPT, FE_CL_SLEPT}, {LR_CLIENT_F_QUIT, FE_CL_QUIT},
};

static void fill(struct flow_event *ev, const struct lr_ev_client *r)
{
	struct fe_client *cl = &ev->client;

	cl->conn = r->conn;
	cl->work = r->work;
	cl->connect_ns = r->connect_ns <= r->h.ts ? r->connect_ns : 0;
	cl->connected_ns = r->connected_ns >= cl->connect_ns ? r->connected_ns : 0;
	cl->op = (uint8_t)r->op;
	for (size_t i = 0; i < sizeof(flag_map) / sizeof(flag_map[0]); i++)
		if (r->flags & flag_map[i].wire)
			cl->flags |= flag_map[i].flow;
	if (r->ret > 0)
		cl->bytes = (uint32_t)r->ret;
	else if (r->ret < 0)
		cl->error = r->ret < -4095 ? EIO : -r->ret;
	if (r->flags & LR_CLIENT_F_CHAIN) {
		cl->counter = flow_decode__whole(r->counter);
		if (cl->counter < 0)
			cl->counter = 0;
	}
	if (r->op == LR_CLIENT_RECEIVE && r->arrival_ns <= r->h.ts)
		cl->arrival_ns = r->arrival_ns;
	if (r->flags & LR_CLIENT_F_CLOCK)
		cl->clock = flow_decode__clock(&r->clock, r->h.ts, r->flags & LR_CLIENT_F_IDLE);
	if ((r->flags & LR_CLIENT_F_TAIL) && last_chunk(r->tail + sizeof(r->tail)))
		cl->flags |= FE_CL_LAST;
}

static int announce(struct flow_decode *d, struct decode_conn *c, const struct flow_event *ev)
{
	struct flow_event peer = {.type = FE_PEER, .pid = ev->pid, .tid = ev->tid, .ts = ev->ts};

	if (c->peer_told)
		return 0;
	c->peer_told = true;
	peer.peer.conn = c->id;
	peer.peer.family = c->family;
	peer.peer.local_port = c->local_port;
	peer.peer.peer_port = c->peer_port;
	memcpy(peer.peer.local_addr, c->local_addr, sizeof(c->local_addr));
	memcpy(peer.peer.peer_addr, c->peer_addr, sizeof(c->peer_addr));
	return flow_decode__emit(d, &peer);
}

/*
 * FIN_WAIT1 is the process's own end, perhaps of its side only. Straight to CLOSE is a reset, and
 * LAST_ACK comes after the other side's end.
 */
static void fill_close(struct fe_client *cl, const struct lr_ev_client *r)
{
	enum { STATE_SYN_SENT = 2, STATE_FIN_WAIT1 = 4, STATE_CLOSE = 7, STATE_LAST_ACK = 9 };

	cl->bytes = 0;
	cl->error = r->ret == STATE_SYN_SENT ? ECONNREFUSED : 0;
	if (r->counter == STATE_CLOSE || r->counter == STATE_LAST_ACK)
		cl->flags |= FE_CL_BY_PEER;
	else if (r->counter == STATE_FIN_WAIT1)
		cl->flags |= FE_CL_HALF;
}

int flow_decode__client(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct flow_event ev = {.type = FE_CLIENT};
	struct lr_ev_client r;
	struct decode_conn *c;
	int err;

	memcpy(&r, rec, sizeof(r));
	if (r.ret == -EAGAIN || r.ret == -EINTR)
		return 0;
	c = flow_decode__conn(d, &r.h, r.conn, r.op != LR_CLIENT_CLOSE);
	if (!c || c->closed)
		return 0;
	ev.pid = r.h.pid;
	ev.tid = r.h.tid;
	ev.ts = r.h.ts;
	fill(&ev, &r);
	if (r.op == LR_CLIENT_CLOSE)
		fill_close(&ev.client, &r);
	if (t && t->loss_epoch > c->epoch)
		ev.client.flags |= FE_CL_LOST;
	if (t)
		flow_decode__use_conn(d, c, t);
	if ((r.flags & LR_CLIENT_F_HTTP) && r.op != LR_CLIENT_CLOSE)
		take_head(&ev.client, (const char *)rec + sizeof(r), r.captured);
	err = announce(d, c, &ev);
	if (!err)
		err = flow_decode__emit(d, &ev);
	if (r.op == LR_CLIENT_CLOSE && !(ev.client.flags & FE_CL_HALF))
		flow_decode__drop_conn(d, c);
	return err;
}
