// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "out_finding.h"
#include "out_text.h"
#include "util.h"

const char *finding_word__kind(enum finding_kind k)
{
	static const char *const words[FINDING_KINDS] = {
		[FINDING_FOREIGN] = "foreign",
		[FINDING_LOST] = "lost",
		[FINDING_FAN_OUT] = "fan_out",
	};

	return k < FINDING_KINDS ? words[k] : NULL;
}

/* Each kind has grades of its own; that of a loss is not known before the end. */
const char *finding_word__grade(enum finding_kind k, enum finding_grade g)
{
	if (k == FINDING_FOREIGN)
		return g == GRADE_HARM ? "harm" : "mixed";
	if (k == FINDING_LOST && g == GRADE_INTERMITTENT)
		return "intermittent";
	return k == FINDING_LOST && g == GRADE_ALWAYS ? "always" : NULL;
}

const char *finding_word__context(unsigned int context)
{
	static const char *const words[] = {
		[CONTEXT_UNREAD] = "unread",
		[CONTEXT_OWN] = "own",
		[CONTEXT_NONE] = "none",
		[CONTEXT_FOREIGN] = "foreign",
		[CONTEXT_LOST] = "lost",
		[CONTEXT_UNKNOWN] = "unknown",
		[CONTEXT_UNREADABLE] = "unreadable",
	};

	return context < ARRAY_SIZE(words) ? words[context] : "unread";
}

static const struct {
	const char *word, *text;
} reasons[UNKNOWN_REASONS] = {
	[UNKNOWN_NOT] = {NULL, NULL},
	[UNKNOWN_OLDER] = {"older", "older than the attach, or than what is remembered"},
	[UNKNOWN_MOVED] = {"moved", "moved by a garbage collection before it was first seen"},
	[UNKNOWN_ELSEWHERE] = {"elsewhere", "made outside of any request's own callback"},
	[UNKNOWN_SHARED] = {"shared", "entered by several requests deliberately"},
	[UNKNOWN_LOSS] = {"loss", "records were lost"},
	[UNKNOWN_PLAIN] = {"plain", "a bare value that nothing tells from another"},
	[UNKNOWN_ENTERED] = {"entered", "another request's, but perhaps entered deliberately"},
};

const char *finding_word__unknown(unsigned int unknown)
{
	return unknown < UNKNOWN_REASONS ? reasons[unknown].word : NULL;
}

const char *finding_text__unknown(unsigned int unknown)
{
	return unknown < UNKNOWN_REASONS ? reasons[unknown].text : NULL;
}

const char *finding_word__confidence(const struct flow_finding *f)
{
	bool same = f->identity == IDENTITY_ADDRESS, born = f->binding == BINDING_BIRTH;

	if (f->proof == PROOF_ROUTE || f->binding == BINDING_NONE) /* by what others do */
		return "fair";
	return same && born ? "high" : same || born ? "good" : "fair";
}

static const char *kind_word(uint8_t kind)
{
	static const char *const words[] = {
		[LR_VALUE_OTHER] = "value",   [LR_VALUE_UNDEFINED] = "undefined",
		[LR_VALUE_NULL] = "null",     [LR_VALUE_BOOL] = "boolean",
		[LR_VALUE_SMI] = "number",    [LR_VALUE_DOUBLE] = "number",
		[LR_VALUE_STRING] = "string", [LR_VALUE_OBJECT] = "object",
		[LR_VALUE_MAP] = "map",
	};

	return kind < ARRAY_SIZE(words) ? words[kind] : words[LR_VALUE_OTHER];
}

char *finding_text__value(char *buf, const struct finding_field *f, unsigned int digits, bool show)
{
	const char *kind = kind_word(f->kind);
	char text[FINDING_VALUE - 2], hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64, f->hash);
	if (f->kind == LR_VALUE_UNDEFINED || f->kind == LR_VALUE_NULL)
		snprintf(buf, FINDING_VALUE, "%s", kind);
	else if (show && (f->text[0] || f->kind == LR_VALUE_STRING))
		snprintf(buf, FINDING_VALUE, f->kind == LR_VALUE_STRING ? "\"%s\"" : "%s",
			 text_safe(text, sizeof(text), f->text));
	else if (f->hash)
		snprintf(buf, FINDING_VALUE, "\u2039%s %.*s\u2026\u203a", kind, (int)digits, hash);
	else
		snprintf(buf, FINDING_VALUE, "\u2039%s\u203a", kind);
	return buf;
}

#define DIGITS 4

unsigned int finding_digits(const struct finding_field *a, const struct finding_field *b)
{
	unsigned int n = DIGITS;

	if (!a || !b || a->hash == b->hash)
		return n;
	while (n < 16 && a->hash >> (64 - 4 * n) == b->hash >> (64 - 4 * n))
		n++;
	return n;
}

const struct finding_field *finding_store__field(const struct finding_store *s, const char *name)
{
	for (uint32_t i = 0; s->known && i < s->n && i < FINDING_FIELDS; i++)
		if (strcmp(s->field[i].name, name) == 0)
			return &s->field[i];
	return NULL;
}

/* What is not known is null. */
static void put_known(struct json *j, const char *key, bool known, uint64_t v)
{
	json__key(j, key);
	if (known)
		json__u64(j, v);
	else
		json__null(j);
}

void finding_json__store(struct json *j, const struct finding_store *s, bool show)
{
	char hash[17];

	if (!s->known) {
		json__null(j);
		return;
	}
	json__object_begin(j);
	json__key_array(j, "fields");
	for (uint32_t i = 0; i < s->n && i < FINDING_FIELDS; i++) {
		const struct finding_field *f = &s->field[i];

		snprintf(hash, sizeof(hash), "%016" PRIx64, f->hash);
		json__object_begin(j);
		json__key_str(j, "name", f->name);
		json__key_str(j, "kind", kind_word(f->kind));
		json__key_str(j, "hash", f->hash ? hash : NULL);
		json__key_bool(j, "constant", f->constant);
		if (show)
			json__key_str(j, "value", f->text);
		json__object_end(j);
	}
	json__array_end(j);
	json__object_end(j);
}

static void put_other(struct json *j, const struct flow_finding *f)
{
	const struct finding_request *o = &f->other;

	json__key(j, "other");
	if (f->kind == FINDING_LOST) {
		json__null(j);
		return;
	}
	json__object_begin(j);
	put_known(j, "seq", o->seq, o->seq);
	put_known(j, "conn", o->conn, flow_conn__number(o->conn));
	put_known(j, "stream", flow_conn__stream(o->conn), flow_conn__stream(o->conn));
	put_known(j, "peer_port", o->peer_port, o->peer_port);
	json__key_str(j, "method", o->method[0] ? o->method : NULL);
	json__key_str(j, "path", o->path[0] ? o->path : NULL);
	json__key_str(j, "route", o->route[0] ? o->route : NULL);
	put_known(j, "start_ns", o->start_ns, o->start_ns);
	put_known(j, "head_ns", o->head_ns, o->head_ns);
	put_known(j, "end_ns", o->end_ns, o->end_ns);
	json__object_end(j);
}

static void put_id(struct json *j, const char *key, int64_t id)
{
	put_known(j, key, id >= 0, (uint64_t)id);
}

/* From the callback that wrote back to what triggered it. */
static void put_chain(struct json *j, const struct flow_finding *f)
{
	json__key_array(j, "chain");
	for (uint32_t i = 0; i < f->nchain && i < FINDING_CHAIN; i++) {
		const struct finding_link *l = &f->chain[i];

		json__object_begin(j);
		put_id(j, "async_id", l->async_id);
		put_id(j, "trigger_id", l->trigger_id);
		put_id(j, "exec_id", l->exec_id);
		json__key_str(j, "resource", l->resource[0] ? l->resource : NULL);
		put_known(j, "init_ns", l->init_ns, l->init_ns);
		put_known(j, "request_seq", l->seq, l->seq);
		put_known(j, "conn", l->seq, flow_conn__number(l->conn));
		put_known(j, "stream", l->seq && flow_conn__stream(l->conn),
			  flow_conn__stream(l->conn));
		json__key_str(j, "method", l->method[0] ? l->method : NULL);
		json__key_str(j, "path", l->path[0] ? l->path : NULL);
		json__object_end(j);
	}
	json__array_end(j);
}

/* What makes it harm. */
static void put_signs(struct json *j, const struct flow_finding *f)
{
	json__key_array(j, "signs");
	if (f->kind == FINDING_FOREIGN && f->own_seen)
		json__str(j, "own_seen");
	if (f->id_in_response)
		json__str(j, "response");
	if (f->id_in_line)
		json__str(j, "log_line");
	if (f->id_in_call)
		json__str(j, "outgoing_call");
	json__array_end(j);
}

void finding_json__members(struct json *j, const struct flow_finding *f, bool show)
{
	static const char *const bindings[] = {"birth", "inbound", NULL, "span"};
	static const char *const proofs[] = {NULL,	 "older",   "carrier",
					     "own_seen", "inbound", "route"};
	json__key_str(j, "kind", finding_word__kind(f->kind));
	json__key_str(j, "grade", finding_word__grade(f->kind, f->grade));
	json__key_bool(j, "stale", f->stale);
	json__key_bool(j, "captured", f->captured);
	json__key_u64(j, "instance", f->instance);
	json__key_str(j, "identity", f->identity == IDENTITY_ADDRESS ? "address" : "content");
	json__key_str(j, "binding",
		      bindings[f->binding <= BINDING_SPAN ? f->binding : BINDING_NONE]);
	json__key_str(j, "proof", proofs[f->proof <= PROOF_ROUTE ? f->proof : PROOF_NONE]);
	json__key_str(j, "confidence", finding_word__confidence(f));
	put_other(j, f);
	json__key(j, "active");
	finding_json__store(j, &f->active, show);
	json__key(j, "own");
	finding_json__store(j, &f->own, show);
	json__key_bool(j, "own_seen", f->own_seen);
	json__key_bool(j, "id_in_response", f->id_in_response);
	json__key_str(j, "id_field", f->id_field[0] ? f->id_field : NULL);
	json__key_bool(j, "id_in_log_line", f->id_in_line);
	json__key_str(j, "log_line_field", f->line_field[0] ? f->line_field : NULL);
	json__key_bool(j, "id_in_outgoing_call", f->id_in_call);
	json__key_str(j, "outgoing_call_field", f->call_field[0] ? f->call_field : NULL);
	put_signs(j, f);
	put_id(j, "exec_id", f->exec_id);
	put_id(j, "trigger_id", f->trigger_id);
	json__key_str(j, "resource", f->resource[0] ? f->resource : NULL);
	put_chain(j, f);
	json__key_u64(j, "head_ns", f->head_ns);
	json__key_u64(j, "epoch", f->epoch);
	json__key_u64(j, "served", f->served);
}

void finding_json__unknown(struct json *j, const char *key, const uint64_t counts[UNKNOWN_REASONS])
{
	json__key_object(j, key);
	for (size_t i = UNKNOWN_NOT + 1; i < UNKNOWN_REASONS; i++)
		json__key_u64(j, reasons[i].word, counts[i]);
	json__object_end(j);
}
