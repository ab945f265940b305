// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "events.h"
#include "flow_trace.h"
#include "out_call.h"
#include "out_finding.h"

const char *call_peer__addr(uint16_t family, const uint8_t addr[16], char text[PEER_TEXT])
{
	if (family == LR_AF_INET)
		return inet_ntop(AF_INET, addr, text, PEER_TEXT);
	if (family == LR_AF_INET6)
		return inet_ntop(AF_INET6, addr, text, PEER_TEXT);
	return NULL;
}

static void number(struct json *j, const char *key, bool known, uint64_t v)
{
	json__key(j, key);
	if (known)
		json__u64(j, v);
	else
		json__null(j);
}

static uint64_t since(uint64_t end, uint64_t start)
{
	return end > start ? end - start : 0;
}

static void put_times(struct json *j, const struct flow_call *c)
{
	json__key_u64(j, "start_ns", c->start_ns);
	number(j, "sent_ns", c->sent_ns, c->sent_ns);
	number(j, "first_byte_ns", c->first_byte_ns, c->first_byte_ns);
	number(j, "end_ns", c->end_ns, c->end_ns);
	number(j, "connect_ns", c->connect_ns, c->connect_ns);
	number(j, "tls_ns", c->tls_ns, c->tls_ns);
	number(j, "ttfb_ns", c->first_byte_ns && c->sent_ns, since(c->first_byte_ns, c->sent_ns));
	number(j, "duration_ns", c->end_ns, since(c->end_ns, c->start_ns));
}

static void put_trace(struct json *j, const struct fe_trace *t)
{
	char id[FLOW_TRACE_ID_TEXT], span[FLOW_TRACE_SPAN_TEXT];

	flow_trace__text(t, id, span);
	json__key_str(j, "trace_id", t->known ? id : NULL);
	json__key_str(j, "span_id", t->known ? span : NULL);
}

void call_json__members(struct json *j, const struct flow_call *c)
{
	bool http = c->kind == CALL_HTTP && c->method[0];
	char text[PEER_TEXT];

	json__key_str(j, "kind", call_kind__name(c->kind));
	json__key_str(j, "peer_addr", call_peer__addr(c->family, c->peer_addr, text));
	json__key_u64(j, "peer_port", c->peer_port);
	json__key_u64(j, "local_port", c->local_port);
	json__key_u64(j, "conn", c->conn);
	json__key_str(j, "method", http ? c->method : NULL);
	json__key_str(j, "path", http ? c->path : NULL);
	number(j, "status", c->status, c->status);
	json__key_str(j, "by", call_by__name(c->by));
	json__key_str(j, "unknown",
		      c->by == CALL_BY_NOTHING ? call_unknown__name(c->unknown) : NULL);
	json__key_str(j, "store_unknown", finding_word__unknown(c->store));
	json__key_str(j, "outcome", call_outcome__name(c->outcome));
	number(j, "error", c->error, (uint64_t)c->error);
	put_times(j, c);
	json__key_u64(j, "bytes_out", c->bytes_out);
	json__key_u64(j, "bytes_in", c->bytes_in);
	json__key_u64(j, "sends", c->sends);
	json__key_u64(j, "round_trips", c->round_trips);
	json__key_bool(j, "reused", c->reused);
	json__key_bool(j, "setup", c->setup);
	json__key_bool(j, "approximate", c->approximate);
	put_trace(j, &c->trace);
}

void kept_json__members(struct json *j, const struct flow_kept *kept)
{
	bool traced = kept && kept->trace.known;
	char id[FLOW_TRACE_ID_TEXT], span[FLOW_TRACE_SPAN_TEXT];

	if (traced)
		flow_trace__text(&kept->trace, id, span);
	json__key_str(j, "trace_id", traced ? id : NULL);
	json__key_str(j, "parent_span_id", traced ? span : NULL);
	number(j, "trace_flags", traced, traced ? kept->trace.flags : 0);
	json__key_str(j, "tracestate", traced ? kept->tracestate : NULL);
	json__key_object(j, "headers");
	for (uint32_t i = 0; kept && i < kept->n; i++)
		json__key_str(j, kept->header[i].name, kept->header[i].value);
	json__object_end(j);
}
