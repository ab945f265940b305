// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out_leak.h"
#include "util.h"

static const struct {
	const char *word, *text;
} reasons[FLOW_COUNT_REASONS] = {
	[FLOW_COUNT_KNOWN] = {NULL, ""},
	[FLOW_COUNT_NOT_KEPT] = {"not_kept", "unknown: this version counts in JavaScript only"},
	[FLOW_COUNT_NOT_DECODED] = {"not_decoded", "unknown: not found in this binary's code"},
	[FLOW_COUNT_UNREADABLE] = {"unreadable", "unknown: could not be read"},
};

const char *leak_text__unknown(unsigned int unknown)
{
	return unknown < FLOW_COUNT_REASONS ? reasons[unknown].text : "unknown";
}

bool leak_suspected(const struct model_count *c)
{
	return c->unknown == FLOW_COUNT_KNOWN && c->trend == TREND_LINEAR;
}

/* "trend" is null where the observation is too short; "per_s" is 0 where nothing grew. */
static void put_trend(struct json *j, enum flow_trend trend, double per_s)
{
	static const char *const words[TREND_KINDS] = {
		[TREND_SHORT] = NULL,
		[TREND_STEADY] = "steady",
		[TREND_SLOWING] = "slowing",
		[TREND_LINEAR] = "linear",
	};

	json__key_str(j, "trend", trend < TREND_KINDS ? words[trend] : NULL);
	json__key_double(j, "per_s", per_s, 3);
	json__key_bool(j, "suspected", trend == TREND_LINEAR);
}

void leak_json__resource(struct json *j, const struct flow_outlived *t)
{
	json__key_u64(j, "alive_after", t->alive);
	json__key_double(j, "after_s", (double)t->after_ns / 1e9, 3);
	json__key_u64(j, "in_use", t->in_use);
	json__key_u64(j, "uncollected", t->uncollected);
	json__key_u64(j, "leaked", t->leaked);
	json__key_double(j, "oldest_s", (double)t->oldest_ns / 1e9, 3);
}

void leak_json__stores(struct json *j, const struct flow_left *l)
{
	json__key_u64(j, "instance", l->instance);
	json__key_u64(j, "stores", l->stores);
	json__key_u64(j, "operations", l->operations);
	json__key_double(j, "oldest_s", (double)l->oldest_ns / 1e9, 3);
	put_trend(j, l->trend, l->per_s);
}

static void put_count(struct json *j, const char *key, const char *why, const struct model_count *c)
{
	unsigned int unknown = min_t(unsigned int, c->unknown, FLOW_COUNT_UNREADABLE);

	json__key(j, key);
	if (unknown != FLOW_COUNT_KNOWN) {
		json__null(j);
	} else {
		json__object_begin(j);
		json__key_u64(j, "now", c->now);
		json__key_u64(j, "min", c->min);
		json__key_u64(j, "max", c->max);
		put_trend(j, c->trend, c->per_s);
		json__object_end(j);
	}
	json__key_str(j, why, reasons[unknown].word);
}

void leak_json__waiting(struct json *j, const struct model_waiting *w)
{
	json__key_u64(j, "pid", w->pid);
	json__key_u64(j, "env", w->env);
	put_count(j, "timers", "timers_unknown", &w->timers);
	put_count(j, "immediates", "immediates_unknown", &w->immediates);
}
