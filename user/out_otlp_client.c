// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The span of an outgoing call. Of HTTP its method, address and status are known, of a database
 * which one it is and where, of TLS and of anything else only where: such a span claims no more.
 */
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "out_finding.h"
#include "out_otlp_span.h"
#include "util.h"

static bool is_http(const struct flow_call *call)
{
	return call->kind == CALL_HTTP && call->method[0];
}

/* Without query, which is not kept. */
static void put_url(struct json *j, const struct flow_call *call, const char *addr,
		    struct otlp_cuts *cuts)
{
	const char *path = call->path;
	char text[CALL_PATH_MAX + 80];

	if (!addr || path[0] != '/')
		return;
	snprintf(text, sizeof(text),
		 call->family == LR_AF_INET6 ? "http://[%s]:%u%s" : "http://%s:%u%s", addr,
		 call->peer_port, path);
	otlp_attr__str(j, "url.full", text);
	if (strlen(path) >= CALL_PATH_MAX - 1 && cuts->n < OTLP_CUTS)
		cuts->key[cuts->n++] = "url.full";
}

static void put_http(struct json *j, const struct flow_call *call, const char *addr,
		     struct otlp_cuts *cuts)
{
	const char *word = otlp_method(call->method);

	otlp_attr__str(j, "http.request.method", word);
	if (word[0] == '_')
		otlp_attr__str(j, "http.request.method_original", call->method);
	put_url(j, call, addr, cuts);
	otlp_attr__known(j, "http.response.status_code", call->status);
	otlp_attr__str(j, "network.protocol.name", "http");
	otlp_attr__str(j, "network.protocol.version", otlp_protocol_version(call->version));
}

static void put_peer(struct json *j, const struct flow_call *call, const char *addr)
{
	if (call->family == LR_AF_UNIX)
		otlp_attr__str(j, "network.transport", "unix");
	otlp_attr__str(j, "server.address", addr);
	otlp_attr__known(j, "server.port", call->peer_port);
	otlp_attr__str(j, "network.peer.address", addr);
	otlp_attr__known(j, "network.peer.port", call->peer_port);
	otlp_attr__known(j, "network.local.port", call->local_port);
}

/* Whose it is, which its parent says too if that is in its trace and still known. */
static void put_owner(struct json *j, const struct flow_call *call)
{
	bool known = call->by != CALL_BY_NOTHING;

	otlp_attr__str(j, "loopray.call.request_by", call_by__name(call->by));
	if (!known) {
		otlp_attr__str(j, "loopray.call.unknown_reason", call_unknown__name(call->unknown));
		otlp_attr__str(j, "loopray.call.store_unknown_reason",
			       finding_word__unknown(call->store));
		return;
	}
	if (call->request.env != FLOW_ENV_UNKNOWN)
		otlp_attr__u64(j, "loopray.env", call->request.env);
	otlp_attr__u64(j, "loopray.request.seq", call->request.seq);
	otlp_attr__u64(j, "loopray.request.conn", flow_conn__number(call->request.conn));
	otlp_attr__known(j, "loopray.request.stream", flow_conn__stream(call->request.conn));
	otlp_attr__bool(j, "loopray.call.after_response", call->late);
	otlp_attr__bool(j, "loopray.call.outlived", call->outlived);
}

static void put_own(struct json *j, const struct flow_call *call)
{
	otlp_attr__str(j, "loopray.call.kind", call_kind__name(call->kind));
	otlp_attr__str(j, "loopray.call.outcome", call_outcome__name(call->outcome));
	otlp_attr__u64(j, "loopray.call.conn", call->conn);
	put_owner(j, call);
	otlp_attr__bool(j, "loopray.call.reused", call->reused);
	otlp_attr__bool(j, "loopray.call.setup", call->setup);
	otlp_attr__bool(j, "loopray.call.approximate", call->approximate);
	otlp_attr__known(j, "loopray.call.connect_ns", call->connect_ns);
	otlp_attr__known(j, "loopray.call.tls_ns", call->tls_ns);
	if (call->sent_ns && call->first_byte_ns > call->sent_ns)
		otlp_attr__u64(j, "loopray.call.first_byte_ns",
			       call->first_byte_ns - call->sent_ns);
	otlp_attr__u64(j, "loopray.call.bytes_out", call->bytes_out);
	otlp_attr__u64(j, "loopray.call.bytes_in", call->bytes_in);
}

/* Of what is no HTTP the target is all that is known, and so the name. */
static void name_of(const struct flow_call *call, const char *addr, char *name, size_t len)
{
	if (is_http(call))
		otlp_name(name, len, call->method, NULL);
	else if (addr)
		snprintf(name, len, call->family == LR_AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
			 call->peer_port);
	else
		snprintf(name, len, "%s", call_kind__name(call->kind));
}

static uint64_t end_of(const struct otlp_world *w, const struct flow_call *call)
{
	if (call->end_ns)
		return call->end_ns;
	if (call->outcome == CALL_OPEN)
		return w->last_ns;
	return max_t(uint64_t, call->first_byte_ns, call->sent_ns);
}

void otlp_client__write(struct json *j, const struct otlp_world *w, const struct otlp_place *p,
			const struct flow_call *call)
{
	char text[48], name[80], buf[16];
	const char *addr = otlp_address(call->family, call->peer_addr, text);
	const char *error = otlp_error_type__call(call, buf);
	struct otlp_cuts cuts = {0};

	name_of(call, addr, name, sizeof(name));
	otlp_span__begin(j, w, p, name, OTLP_KIND_CLIENT, call->start_ns, end_of(w, call));
	json__key_array(j, "attributes");
	if (is_http(call))
		put_http(j, call, addr, &cuts);
	otlp_attr__str(j, "db.system.name", otlp_db_system(call->kind));
	put_peer(j, call, addr);
	otlp_attr__str(j, "error.type", error);
	put_own(j, call);
	otlp_attr__cuts(j, &cuts);
	json__array_end(j);
	otlp_span__status(j, error != NULL, NULL);
}
