// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The comparison for programs: both reports, and each figure's difference. */
#include <stdlib.h>

#include "json.h"
#include "out_compare_parts.h"
#include "out_report_parts.h"

static const char *unit_name(enum figure_unit unit)
{
	static const char *const names[] = {
		[UNIT_COUNT] = "count",
		[UNIT_PER_S] = "1/s",
		[UNIT_NS] = "ms",
		[UNIT_SHARE] = "share",
	};

	return names[unit];
}

static const char *verdict_name(enum compare_verdict v)
{
	static const char *const names[] = {
		[VERDICT_NONE] = NULL,	     [VERDICT_UNKNOWN] = "unknown", [VERDICT_SAME] = "same",
		[VERDICT_BETTER] = "better", [VERDICT_WORSE] = "worse",
	};

	return names[v];
}

static void put_value(struct json *j, const char *key, bool known, enum figure_unit unit, double v)
{
	json__key(j, key);
	if (!known)
		json__null(j);
	else if (unit == UNIT_COUNT)
		json__i64(j, (int64_t)v);
	else
		json__double(j, unit == UNIT_NS ? v / 1e6 : v, unit == UNIT_PER_S ? 3 : 6);
}

/* Members a, b, absolute, relative and b_is; null what is not known. */
static void put_difference(struct json *j, const struct figure *a, const struct figure *b)
{
	bool both = a->known && b->known;

	json__key_object(j, a->key);
	json__key_str(j, "unit", unit_name(a->unit));
	put_value(j, "a", a->known, a->unit, a->value);
	put_value(j, "b", b->known, b->unit, b->value);
	put_value(j, "absolute", both, a->unit, b->value - a->value);
	json__key_double(j, "relative",
			 both && a->value != 0 ? (b->value - a->value) / a->value : 0.0 / 0.0, 6);
	json__key_str(j, "b_is", verdict_name(compare_figures__verdict(a, b)));
	json__object_end(j);
}

static int put_routes(struct json *j, const struct compare_side side[2])
{
	struct compare_route *routes;
	size_t n;
	int err = compare_routes(side, &routes, &n);

	if (err)
		return err;
	json__key_array(j, "routes");
	for (size_t i = 0; i < n; i++) {
		json__object_begin(j);
		json__key_str(j, "method", routes[i].method);
		json__key_str(j, "route", routes[i].route);
		for (int k = 0; k < ROUTE_FIGURES; k++) {
			struct figure a, b;

			compare_route__figure(routes[i].of[0], (enum route_figure)k, &a);
			compare_route__figure(routes[i].of[1], (enum route_figure)k, &b);
			put_difference(j, &a, &b);
		}
		json__object_end(j);
	}
	json__array_end(j);
	free(routes);
	return 0;
}

static void put_sides(struct json *j, const struct compare_side side[2])
{
	static const char *const names[] = {"a", "b"};

	for (int i = 0; i < 2; i++) {
		json__key_object(j, names[i]);
		json__key_str(j, "file", side[i].file);
		json__key_object(j, "report");
		report_json__members(j, side[i].m, side[i].opts);
		json__object_end(j);
		json__object_end(j);
	}
}

static void put_warnings(struct json *j, const struct compare_side side[2])
{
	char warnings[COMPARE_WARNINGS][COMPARE_WARNING];
	size_t n = compare_warnings(side, warnings);

	json__key_array(j, "warnings");
	for (size_t i = 0; i < n; i++)
		json__str(j, warnings[i]);
	json__array_end(j);
}

int out_compare__json(struct out_file *f, const struct compare_side side[2])
{
	struct figure a[FIGURES_MAX], b[FIGURES_MAX];
	size_t n = compare_figures(side[0].m, a);
	struct json j;
	int err, routes;

	compare_figures(side[1].m, b);
	json__init(&j, out_file__write, f);
	json__object_begin(&j);
	json__key_str(&j, "schema", "loopray.compare/1");
	json__key_double(&j, "same_within", COMPARE_SAME, 3);
	put_warnings(&j, side);
	json__key_object(&j, "differences");
	for (size_t i = 0; i < n; i++)
		put_difference(&j, &a[i], &b[i]);
	json__object_end(&j);
	routes = put_routes(&j, side);
	put_sides(&j, side);
	json__object_end(&j);
	json__newline(&j);
	err = json__finish(&j);
	if (!err)
		err = routes;
	return err ? err : out_file__flush(f);
}
