// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the OpenTelemetry conventions (1.44) call things, for spans and metrics alike. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "events.h"
#include "out_otlp_span.h"
#include "util.h"

const char *otlp_method(const char *method)
{
	static const char *const known[] = {"GET",     "HEAD",	  "POST",  "PUT",  "DELETE",
					    "CONNECT", "OPTIONS", "TRACE", "PATCH"};

	for (size_t i = 0; method && i < ARRAY_SIZE(known); i++)
		if (strcmp(method, known[i]) == 0)
			return known[i];
	return "_OTHER";
}

const char *otlp_route(const char *route)
{
	return route && route[0] == '/' ? route : NULL;
}

void otlp_name(char *buf, size_t len, const char *method, const char *route)
{
	const char *word = otlp_method(method);

	if (word[0] == '_')
		word = "HTTP";
	snprintf(buf, len, route ? "%s %s" : "%s", word, route);
}

const char *otlp_address(uint16_t family, const uint8_t addr[16], char text[48])
{
	if (family == LR_AF_INET)
		return inet_ntop(AF_INET, addr, text, 48);
	if (family == LR_AF_INET6)
		return inet_ntop(AF_INET6, addr, text, 48);
	return NULL;
}

const char *otlp_protocol_version(uint8_t version)
{
	switch (version) {
	case 10:
		return "1.0";
	case 11:
		return "1.1";
	case FLOW_VERSION_H2:
		return "2";
	}
	return NULL;
}

static const char *status_text(uint16_t status, char buf[16])
{
	snprintf(buf, 16, "%u", status);
	return buf;
}

/* A client that goes away is no error of the server. */
const char *otlp_error_type__request(const struct flow_req *req, char buf[16])
{
	if (req->status >= 500)
		return status_text(req->status, buf);
	return req->end == REQ_ABORTED_SERVER ? "aborted_by_server" : NULL;
}

const char *otlp_error_type__call(const struct flow_call *call, char buf[16])
{
	const char *name = call->error ? strerrorname_np(call->error) : NULL;

	switch (call->outcome) {
	case CALL_ERROR:
		return name ? name : "_OTHER";
	case CALL_ABORTED:
		return "aborted_by_client";
	case CALL_CLOSED:
		return "closed_by_peer";
	}
	return call->status >= 400 ? status_text(call->status, buf) : NULL;
}

const char *otlp_db_system(uint8_t kind)
{
	switch (kind) {
	case CALL_POSTGRESQL:
		return "postgresql";
	case CALL_MYSQL:
		return "mysql";
	case CALL_REDIS:
		return "redis";
	}
	return NULL;
}
