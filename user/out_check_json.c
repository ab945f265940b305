// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Results of checks for programs: one object, schema loopray.check/1. Fields are only added. */
#include "json.h"
#include "out_check.h"

/* Times in milliseconds, shares in percent. */
static void number(struct json *j, const char *key, const struct check_result *r, double value,
		   bool known)
{
	double scale = r->unit == CHECK_NS ? 1e-6 : r->unit == CHECK_SHARE ? 100 : 1;

	json__key(j, key);
	if (known)
		json__double(j, value * scale, 6);
	else
		json__null(j);
}

static void put_result(struct json *j, const struct check_result *r)
{
	static const char *const units[] = {"count", "ms", "percent", "per_s"};

	json__object_begin(j);
	json__key_str(j, "id", r->id);
	json__key_str(j, "what", r->what);
	json__key_str(j, "result", check_is__name(r->is));
	json__key_str(j, "unit", units[r->unit]);
	json__key_str(j, "bound", r->minimum ? "min" : "max");
	number(j, "measured", r, r->measured, r->known);
	number(j, "limit", r, r->limit, !r->against || r->known);
	number(j, "baseline", r, r->baseline, r->against && r->known);
	json__key_array(j, "reasons");
	for (size_t i = 0; i < r->nreasons; i++)
		json__str(j, r->reason[i]);
	json__array_end(j);
	json__object_end(j);
}

static void put_causes(struct json *j, const struct model *m)
{
	char text[512];
	size_t n = 0;

	json__key_array(j, "mismatches");
	for (size_t i = 0; i < m->group_count && n < CHECK_CAUSES; i++) {
		if (m->groups[i].kind == FINDING_FAN_OUT)
			continue;
		n++;
		json__str(j, out_check__cause(text, sizeof(text), &m->groups[i]));
	}
	json__array_end(j);
}

int out_check__json(struct out_file *f, const struct out_check *c)
{
	const struct check_report *r = c->report;
	struct json j;
	int err;

	json__init(&j, out_file__write, f);
	json__object_begin(&j);
	json__key_str(&j, "schema", "loopray.check/1");
	json__key_str(&j, "version", c->opts->version);
	json__key_str(&j, "capture", c->capture);
	json__key_str(&j, "baseline", c->baseline);
	json__key_str(&j, "result", check_is__name(check__all(r)));
	json__key_u64(&j, "status", (uint64_t)check__status(r));
	json__key_u64(&j, "held", r->held);
	json__key_u64(&j, "failed", r->failed);
	json__key_u64(&j, "unsure", r->unsure);
	json__key_bool(&j, "by_default", r->by_default);
	json__key_u64(&j, "requests", c->m->requests.total);
	json__key_double(&j, "duration_s", model__duration(c->m), 6);
	json__key_u64(&j, "responses", r->responses);
	json__key_u64(&j, "unknown", r->unknown);
	json__key_double(&j, "max_unknown_percent", r->max_unknown * 100, 6);
	json__key_array(&j, "checks");
	for (size_t i = 0; i < r->n; i++)
		put_result(&j, &r->result[i]);
	json__array_end(&j);
	json__key_array(&j, "allowed");
	for (size_t i = 0; i < r->nallowed; i++)
		json__str(&j, r->allowed[i]);
	json__array_end(&j);
	put_causes(&j, c->m);
	json__object_end(&j);
	json__newline(&j);
	err = json__finish(&j);
	return err ? err : out_file__flush(f);
}
