// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings as events of their request's span, in a namespace of our own. */
#include <inttypes.h>
#include <stdio.h>

#include "out_finding.h"
#include "out_otlp_span.h"

static const char *const names[FINDING_KINDS] = {
	[FINDING_FOREIGN] = "loopray.context.foreign",
	[FINDING_LOST] = "loopray.context.lost",
	[FINDING_FAN_OUT] = "loopray.context.fan_out",
};

/* What a store holds: names and fingerprints of its fields, and their values if they are shown. */
static void put_store(struct json *j, const char *which, const struct finding_store *s, bool show)
{
	char key[64], hash[17];

	if (!s->known)
		return;
	snprintf(key, sizeof(key), "loopray.finding.%s.fields", which);
	otlp_attr__array_begin(j, key);
	for (uint32_t i = 0; i < s->n && i < FINDING_FIELDS; i++)
		otlp_attr__array_str(j, s->field[i].name);
	otlp_attr__array_end(j);
	snprintf(key, sizeof(key), "loopray.finding.%s.hashes", which);
	otlp_attr__array_begin(j, key);
	for (uint32_t i = 0; i < s->n && i < FINDING_FIELDS; i++) {
		snprintf(hash, sizeof(hash), "%016" PRIx64, s->field[i].hash);
		otlp_attr__array_str(j, s->field[i].hash ? hash : "");
	}
	otlp_attr__array_end(j);
	if (!show)
		return;
	snprintf(key, sizeof(key), "loopray.finding.%s.values", which);
	otlp_attr__array_begin(j, key);
	for (uint32_t i = 0; i < s->n && i < FINDING_FIELDS; i++)
		otlp_attr__array_str(j, s->field[i].text);
	otlp_attr__array_end(j);
}

static void put_text(struct json *j, const char *key, const char *text)
{
	otlp_attr__str(j, key, text[0] ? text : NULL);
}

static void put_other(struct json *j, const struct flow_finding *f)
{
	const struct finding_request *o = &f->other;

	if (f->kind == FINDING_LOST)
		return;
	otlp_attr__known(j, "loopray.finding.other.seq", o->seq);
	otlp_attr__known(j, "loopray.finding.other.conn", flow_conn__number(o->conn));
	otlp_attr__known(j, "loopray.finding.other.stream", flow_conn__stream(o->conn));
	otlp_attr__known(j, "loopray.finding.other.peer_port", o->peer_port);
	put_text(j, "loopray.finding.other.method", o->method);
	put_text(j, "loopray.finding.other.path", o->path);
	put_text(j, "loopray.finding.other.route", o->route);
}

static void put_signs(struct json *j, const struct flow_finding *f)
{
	otlp_attr__array_begin(j, "loopray.finding.signs");
	if (f->kind == FINDING_FOREIGN && f->own_seen)
		otlp_attr__array_str(j, "own_seen");
	if (f->id_in_response)
		otlp_attr__array_str(j, "response");
	if (f->id_in_line)
		otlp_attr__array_str(j, "log_line");
	if (f->id_in_call)
		otlp_attr__array_str(j, "outgoing_call");
	otlp_attr__array_end(j);
}

static void put_finding(struct json *j, const struct otlp_world *w, const struct flow_finding *f)
{
	json__object_begin(j);
	otlp_json__key_u64(j, "timeUnixNano", otlp_targets__wall(w->targets, f->head_ns));
	json__key_str(j, "name", names[f->kind]);
	json__key_array(j, "attributes");
	otlp_attr__str(j, "loopray.finding.kind", finding_word__kind(f->kind));
	otlp_attr__str(j, "loopray.finding.grade", finding_word__grade(f->kind, f->grade));
	otlp_attr__str(j, "loopray.finding.confidence", finding_word__confidence(f));
	otlp_attr__bool(j, "loopray.finding.stale", f->stale);
	otlp_attr__bool(j, "loopray.finding.captured", f->captured);
	otlp_attr__u64(j, "loopray.finding.instance", f->instance);
	otlp_attr__u64(j, "loopray.finding.served", f->served);
	put_other(j, f);
	put_signs(j, f);
	put_text(j, "loopray.finding.id_field", f->id_field);
	put_store(j, "active", &f->active, w->show_values);
	put_store(j, "own", &f->own, w->show_values);
	put_text(j, "loopray.finding.resource", f->resource);
	if (f->exec_id >= 0)
		otlp_attr__i64(j, "loopray.finding.exec_id", f->exec_id);
	if (f->trigger_id >= 0)
		otlp_attr__i64(j, "loopray.finding.trigger_id", f->trigger_id);
	json__array_end(j);
	json__object_end(j);
}

void otlp_findings__write(struct json *j, const struct otlp_world *w, const struct flow_req *req)
{
	json__key_array(j, "events");
	for (uint32_t i = 0; i < req->nfindings; i++)
		put_finding(j, w, &req->findings[i]);
	json__array_end(j);
}
