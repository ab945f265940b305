// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The span of a request: what the conventions ask for, and what only loopray knows of it. */
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "out_finding.h"
#include "out_otlp_span.h"
#include "util.h"

void otlp_span__begin(struct json *j, const struct otlp_world *w, const struct otlp_place *p,
		      const char *name, int kind, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t end = max_t(uint64_t, start_ns, end_ns);

	json__object_begin(j);
	otlp_json__key_trace(j, "traceId", &p->trace);
	otlp_json__key_span(j, "spanId", &p->span);
	if (otlp_span_id__word(&p->parent))
		otlp_json__key_span(j, "parentSpanId", &p->parent);
	if (p->state)
		json__key_str(j, "traceState", p->state);
	json__key_u64(j, "flags", p->flags);
	json__key_str(j, "name", name);
	json__key_i64(j, "kind", kind);
	otlp_json__key_u64(j, "startTimeUnixNano", otlp_targets__wall(w->targets, start_ns));
	otlp_json__key_u64(j, "endTimeUnixNano", otlp_targets__wall(w->targets, end));
}

void otlp_span__status(struct json *j, bool error, const char *message)
{
	json__key_object(j, "status");
	if (error) {
		if (message)
			json__key_str(j, "message", message);
		json__key_i64(j, "code", OTLP_STATUS_ERROR);
	}
	json__object_end(j);
}

void otlp_links__write(struct json *j, const struct otlp_links *l)
{
	uint32_t dropped = l->dropped;

	json__key_array(j, "links");
	for (uint32_t i = 0; i < l->n; i++) {
		if (!l->link[i].known) {
			dropped++;
			continue;
		}
		json__object_begin(j);
		otlp_json__key_trace(j, "traceId", &l->link[i].trace);
		otlp_json__key_span(j, "spanId", &l->link[i].span);
		json__key_array(j, "attributes");
		otlp_attr__str(j, "loopray.link.reason", l->link[i].why);
		json__array_end(j);
		json__object_end(j);
	}
	json__array_end(j);
	if (dropped)
		json__key_u64(j, "droppedLinksCount", dropped);
	json__object_end(j);
}

static void put_method(struct json *j, const struct flow_req *req)
{
	const char *word = otlp_method(req->method);

	otlp_attr__str(j, "http.request.method", word);
	if (word[0] == '_')
		otlp_attr__str(j, "http.request.method_original", req->method);
}

/* "example.com:8080", "[::1]:80" or without a port: only the name or address. */
static void put_host(struct json *j, const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
	size_t len = end ? (size_t)(end - host) : strlen(host);

	if (host[0] == '[' && end)
		otlp_attr__str_n(j, "server.address", host + 1, len - 1);
	else if (len)
		otlp_attr__str_n(j, "server.address", host, len);
}

/* Those that the user named when recording. */
static void put_headers(struct json *j, const struct flow_kept *kept, struct otlp_cuts *cuts)
{
	char key[FE_HEADER_NAME + 32];

	for (uint32_t i = 0; kept && i < kept->n; i++) {
		const char *name = kept->header[i].name, *value = kept->header[i].value;

		if (strcmp(name, "host") == 0) {
			put_host(j, value);
			continue;
		}
		if (strcmp(name, "user-agent") == 0) {
			otlp_attr__cut(j, "user_agent.original", value, FE_HEADER_VALUE, cuts);
			continue;
		}
		snprintf(key, sizeof(key), "http.request.header.%s", name);
		otlp_attr__array_begin(j, key);
		otlp_attr__array_str(j, value);
		otlp_attr__array_end(j);
		if (strlen(value) >= FE_HEADER_VALUE)
			otlp_attr__bool(j, "loopray.request.headers_truncated", true);
	}
}

static void put_http(struct json *j, const struct flow_req *req, struct otlp_cuts *cuts)
{
	const char *protocol = otlp_protocol_version(req->version);
	bool h2 = req->version == FLOW_VERSION_H2;
	char buf[16];

	put_method(j, req);
	otlp_attr__cut(j, "url.path", req->path, FLOW_PATH_MAX, cuts);
	otlp_attr__str(j, "url.scheme", req->tls ? "https" : "http");
	otlp_attr__str(j, "http.route", otlp_route(req->route));
	otlp_attr__known(j, "http.response.status_code", req->status);
	otlp_attr__str(j, "error.type", otlp_error_type__request(req, buf));
	if (protocol) {
		otlp_attr__str(j, "network.protocol.name", "http");
		otlp_attr__str(j, "network.protocol.version", protocol);
	}
	otlp_attr__u64(j, h2 ? "http.request.body.size" : "http.request.size", req->bytes_in);
	otlp_attr__u64(j, h2 ? "http.response.body.size" : "http.response.size", req->bytes_out);
}

static void put_network(struct json *j, const struct flow_req *req)
{
	char text[48];
	const char *addr = otlp_address(req->family, req->peer_addr, text);

	if (req->family == LR_AF_UNIX)
		otlp_attr__str(j, "network.transport", "unix");
	otlp_attr__known(j, "server.port", req->local_port);
	otlp_attr__str(j, "client.address", addr);
	otlp_attr__str(j, "network.peer.address", addr);
	otlp_attr__known(j, "network.peer.port", req->peer_port);
}

static void put_waits(struct json *j, const struct flow_req *req)
{
	const struct flow_breakdown *b = &req->breakdown;
	char key[64];

	otlp_attr__bool(j, "loopray.breakdown.known", b->known);
	if (b->known) {
		otlp_attr__u64(j, "loopray.breakdown.queue_ns", b->queue);
		otlp_attr__u64(j, "loopray.breakdown.cpu_ns", b->cpu);
		otlp_attr__u64(j, "loopray.breakdown.loop_busy_ns", b->loop_busy);
		otlp_attr__u64(j, "loopray.breakdown.wait_ns", b->wait);
	}
	otlp_attr__bool(j, "loopray.wait.known", req->waits.known);
	for (int i = 0; req->waits.known && i < WAIT_KINDS; i++) {
		snprintf(key, sizeof(key), "loopray.wait.%s_ns",
			 flow_wait__name((enum flow_wait)i));
		otlp_attr__known(j, key, req->waits.ns[i]);
	}
}

/* Who held the loop while it was ready: in the same environment, so that seq names them. */
static void put_blockers(struct json *j, const struct flow_req *req)
{
	if (!req->blocker[0].ns)
		return;
	otlp_attr__array_begin(j, "loopray.blockers.seq");
	for (int i = 0; i < FLOW_BLOCKERS && req->blocker[i].ns; i++)
		otlp_attr__array_u64(j, req->blocker[i].seq);
	otlp_attr__array_end(j);
	otlp_attr__array_begin(j, "loopray.blockers.ns");
	for (int i = 0; i < FLOW_BLOCKERS && req->blocker[i].ns; i++)
		otlp_attr__array_u64(j, req->blocker[i].ns);
	otlp_attr__array_end(j);
}

static void put_incomplete(struct json *j, const struct flow_req *req)
{
	static const char *const ends[] = {"in_flight",		"complete", "aborted_by_client",
					   "aborted_by_server", "upgraded", "lost"};
	static const char *const why[] = {"loss", "gap", "attach"};
	bool whole = req->end != REQ_IN_FLIGHT && req->end != REQ_LOST && !req->incomplete;

	otlp_attr__str(j, "loopray.request.outcome", ends[req->end]);
	otlp_attr__bool(j, "loopray.request.incomplete", !whole);
	if (!req->incomplete)
		return;
	otlp_attr__array_begin(j, "loopray.request.incomplete_because");
	for (size_t i = 0; i < ARRAY_SIZE(why); i++)
		if (req->incomplete & (1u << i))
			otlp_attr__array_str(j, why[i]);
	otlp_attr__array_end(j);
}

static void put_own(struct json *j, const struct flow_req *req)
{
	if (req->env != FLOW_ENV_UNKNOWN)
		otlp_attr__u64(j, "loopray.env", req->env);
	otlp_attr__u64(j, "loopray.request.seq", req->seq);
	otlp_attr__u64(j, "loopray.request.conn", flow_conn__number(req->conn));
	otlp_attr__u64(j, "loopray.request.conn_seq", req->conn_seq);
	otlp_attr__known(j, "loopray.request.stream", flow_conn__stream(req->conn));
	put_incomplete(j, req);
	if (req->first_byte_ns > req->start_ns)
		otlp_attr__u64(j, "loopray.request.first_byte_ns",
			       req->first_byte_ns - req->start_ns);
	put_waits(j, req);
	put_blockers(j, req);
	otlp_attr__str(j, "loopray.context.state", finding_word__context(req->context));
	otlp_attr__str(j, "loopray.context.unknown_reason", finding_word__unknown(req->unknown));
	otlp_attr__known(j, "loopray.calls.open", req->calls_open);
	otlp_attr__known(j, "loopray.calls.not_kept", req->calls_not_kept);
	otlp_attr__known(j, "loopray.resources.created", req->resources_created);
	otlp_attr__known(j, "loopray.resources.alive", req->resources_alive);
}

/* The end, or the last moment at which it is known to have been there. */
static uint64_t end_of(const struct otlp_world *w, const struct flow_req *req)
{
	if (req->end_ns)
		return req->end_ns;
	if (req->end == REQ_IN_FLIGHT)
		return w->last_ns;
	return max_t(uint64_t, req->first_byte_ns, req->recv_ns);
}

void otlp_server__write(struct json *j, const struct otlp_world *w, const struct otlp_place *p,
			const struct flow_req *req)
{
	const char *aborted = "the process closed the connection before the response was complete";
	struct otlp_cuts cuts = {0};
	char name[320], buf[16];

	otlp_name(name, sizeof(name), req->method, otlp_route(req->route));
	otlp_span__begin(j, w, p, name, OTLP_KIND_SERVER, req->start_ns, end_of(w, req));
	json__key_array(j, "attributes");
	put_http(j, req, &cuts);
	put_network(j, req);
	put_headers(j, req->kept, &cuts);
	put_own(j, req);
	otlp_attr__cuts(j, &cuts);
	json__array_end(j);
	otlp_findings__write(j, w, req);
	otlp_span__status(j, otlp_error_type__request(req, buf) != NULL,
			  req->end == REQ_ABORTED_SERVER ? aborted : NULL);
}
