// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Outgoing calls in both reports: by peer, and what could not be attributed. */
#include <stdio.h>

#include "out_call.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define PEERS_SHOWN 20

void call_text__peer(const struct model_peer *p, char *buf, size_t cap)
{
	char text[PEER_TEXT];
	const char *addr = call_peer__addr(p->family, p->addr, text);

	if (addr)
		snprintf(buf, cap, p->addr[4] ? "[%s]:%u" : "%s:%u", addr, p->port);
	else
		snprintf(buf, cap, "(other peers)");
}

static void cell_time(struct text_table *t, bool known, uint64_t ns)
{
	if (known)
		text_table__duration(t, ns);
	else
		text_table__cell(t, "-");
}

static void cells_peer(const struct printer *p, struct text_table *t, const struct model_peer *c)
{
	const struct model_latency *l = &c->latency;
	char name[TEXT_CELL];

	call_text__peer(c, name, sizeof(name));
	text_table__cell(t, "%s", call_kind__name(c->kind));
	text_table__cell(t, "%s", name);
	text_table__cell(t, "%llu", (ull)c->calls);
	text_table__cell(t, "%llu", (ull)c->failed);
	cell_time(t, l->count, l->p50);
	cell_time(t, l->count, l->p95);
	cell_time(t, l->count, l->p99);
	cell_time(t, c->first_byte.count, c->first_byte.p50);
	text_table__cell(t, "%llu", (ull)c->new_connections);
	text_table__cell(t, "%llu", (ull)c->late);
	text_table__cell(t, "%llu", (ull)c->by[CALL_BY_NOTHING]);
	text_table__cell(t, "%.1f%%", part_percent(c->waited_ns, p->m->calls.request_ns));
}

static const char *why_text(unsigned int why)
{
	static const char *const text[CALL_UNKNOWNS] = {
		[CALL_UNKNOWN_TURN] = "no store was active, and the loop was at nobody's request",
		[CALL_UNKNOWN_SLEPT] = "the same, the thread slept since it had read a request",
		[CALL_UNKNOWN_SEVERAL] = "several requests came in one receive",
		[CALL_UNKNOWN_STORE] = "whose the active store is cannot be told",
		[CALL_UNKNOWN_CONTRADICT] = "active stores are of different requests",
		[CALL_UNKNOWN_CONNECTION] =
			"perhaps the context of the connection, not of the call",
		[CALL_UNKNOWN_ROUTE] = "nothing shows that requests of the route have stores",
		[CALL_UNKNOWN_READ] = "the active stores could not be read",
		[CALL_UNKNOWN_PROBES] = "a probe on turns of the loop is not there",
		[CALL_UNKNOWN_LOSS] = "records were lost",
	};

	return why < CALL_UNKNOWNS && text[why] ? text[why] : "not known";
}

static void unattributed(const struct printer *p)
{
	const struct model_calls *c = &p->m->calls;
	uint64_t all = 0;

	for (unsigned int i = 0; i < CALL_UNKNOWNS; i++)
		all += c->unknown[i];
	if (!all)
		return;
	out_file__printf(p->f, "  of no known request: %llu of %llu calls\n", (ull)all,
			 (ull)c->total);
	for (unsigned int i = 0; i < CALL_UNKNOWNS; i++)
		if (c->unknown[i])
			out_file__printf(p->f, "  %9llu  %s\n", (ull)c->unknown[i], why_text(i));
}

int printer__calls(const struct printer *p)
{
	static const char *const heads[] = {"KIND", "PEER", "CALLS", "FAILED", "P50",	  "P95",
					    "P99",  "TTFB", "NEW",   "LATE",   "UNKNOWN", "SHARE"};
	const struct model_calls *c = &p->m->calls;
	size_t shown = min_t(size_t, c->peer_count, PEERS_SHOWN);
	struct text_table *t;
	int err;

	if (!shown)
		return 0;
	err = text_table__new(&t, "llrrrrrrrrrr", heads);
	if (err)
		return err;
	printer__title(p, "Outgoing calls (new: connections; late: after the response; share: of "
			  "the requests' latency)");
	for (size_t i = 0; i < shown; i++)
		cells_peer(p, t, &c->peers[i]);
	err = text_table__print(t, p->f);
	if (c->peer_count > shown)
		out_file__printf(p->f, "  and %zu more peers\n", c->peer_count - shown);
	unattributed(p);
	text_table__free(t);
	return err;
}

static void put_ms(struct json *j, const char *key, bool known, double ns)
{
	json__key(j, key);
	if (known)
		json__double(j, ns / 1e6, 6);
	else
		json__null(j);
}

static void put_latency(struct json *j, const char *key, const struct model_latency *l)
{
	bool known = l->count != 0;

	json__key_object(j, key);
	put_ms(j, "p50", known, (double)l->p50);
	put_ms(j, "p95", known, (double)l->p95);
	put_ms(j, "p99", known, (double)l->p99);
	put_ms(j, "max", known, (double)l->max);
	put_ms(j, "mean", known, (double)l->mean);
	json__key_u64(j, "measured", l->count);
	json__object_end(j);
}

static void put_peer(struct json *j, const struct model *m, const struct model_peer *c)
{
	char text[PEER_TEXT];
	double share = m->calls.request_ns ? (double)c->waited_ns / (double)m->calls.request_ns
					   : 0.0 / 0.0;

	json__object_begin(j);
	json__key_str(j, "kind", call_kind__name(c->kind));
	json__key_str(j, "addr", call_peer__addr(c->family, c->addr, text));
	json__key_u64(j, "port", c->port);
	json__key_u64(j, "calls", c->calls);
	json__key_u64(j, "failed", c->failed);
	put_latency(j, "latency_ms", &c->latency);
	put_latency(j, "ttfb_ms", &c->first_byte);
	put_ms(j, "connect_mean_ms", c->connects,
	       c->connects ? (double)c->connect_ns / (double)c->connects : 0);
	json__key_u64(j, "new_connections", c->new_connections);
	json__key_u64(j, "by_store", c->by[CALL_BY_STORE]);
	json__key_u64(j, "by_loop", c->by[CALL_BY_LOOP]);
	json__key_u64(j, "unknown", c->by[CALL_BY_NOTHING]);
	json__key_u64(j, "after_response", c->late);
	json__key_u64(j, "outlived", c->outlived);
	json__key_u64(j, "approximate", c->approximate);
	json__key_u64(j, "setup", c->setup);
	json__key_u64(j, "open", c->open);
	json__key_u64(j, "bytes_out", c->bytes_out);
	json__key_u64(j, "bytes_in", c->bytes_in);
	/* NaN, which is written as null, where nothing is known. */
	json__key_double(j, "share_of_latency", share, 6);
	json__object_end(j);
}

void report_json__calls(struct json *j, const struct model *m)
{
	const struct model_calls *c = &m->calls;

	json__key_object(j, "calls");
	json__key_u64(j, "total", c->total);
	json__key_u64(j, "requests", c->requests);
	json__key_u64(j, "not_kept", c->not_kept);
	json__key_object(j, "unknown");
	for (unsigned int i = 1; i < CALL_UNKNOWNS; i++)
		json__key_u64(j, call_unknown__name((uint8_t)i), c->unknown[i]);
	json__object_end(j);
	json__key_array(j, "peers");
	for (size_t i = 0; i < c->peer_count; i++)
		put_peer(j, m, &c->peers[i]);
	json__array_end(j);
	json__object_end(j);
}
