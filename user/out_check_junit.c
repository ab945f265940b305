// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Results of checks as the XML that JUnit made common: one test case a limit. One that failed has
 * an element <failure>, one that is unsure <error>, which is what readers show apart.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "out_check.h"
#include "util.h"

typedef unsigned long long ull;

/*
 * Text of an attribute or element. What XML 1.0 cannot hold, even escaped, becomes '?': control
 * characters, and bytes that are no UTF-8.
 */
static void put_text(struct out_file *f, const char *s)
{
	static const struct {
		char c;
		const char *as;
	} escapes[] = {{'&', "&amp;"},	{'<', "&lt;"},	 {'>', "&gt;"},
		       {'"', "&quot;"}, {'\n', "&#10;"}, {'\t', "&#9;"}};

	for (; *s; s++) {
		const char *as = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
			if (*s == escapes[i].c)
				as = escapes[i].as;
		if (as)
			out_file__write(f, as, strlen(as));
		else if ((unsigned char)*s < 0x20 || *s == 0x7f || (unsigned char)*s >= 0x80)
			out_file__write(f, "?", 1);
		else
			out_file__write(f, s, 1);
	}
}

static void put_attribute(struct out_file *f, const char *name, const char *value)
{
	out_file__printf(f, " %s=\"", name);
	put_text(f, value);
	out_file__printf(f, "\"");
}

/* Values have a unit that is no ASCII. */
static void ascii_value(char *buf, size_t cap, const struct check_result *r)
{
	char *micro;

	if (!r->known) {
		snprintf(buf, cap, "nothing");
		return;
	}
	out_check__value(buf, cap, r->unit, r->measured);
	micro = strstr(buf, "µ");
	if (micro) {
		memmove(micro, micro + 1, strlen(micro));
		*micro = 'u';
	}
}

static void ascii_limit(char *buf, size_t cap, const struct check_result *r)
{
	char *micro;

	out_check__limit(buf, cap, r);
	while ((micro = strstr(buf, "µ"))) {
		memmove(micro, micro + 1, strlen(micro));
		*micro = 'u';
	}
}

static void put_problem(struct out_file *f, const struct out_check *c, const struct check_result *r)
{
	const char *tag = r->is == CHECK_FAILED ? "failure" : "error";
	char value[40], limit[112], text[512];

	ascii_value(value, sizeof(value), r);
	ascii_limit(limit, sizeof(limit), r);
	snprintf(text, sizeof(text), "%s: %s, expected %s", r->what, value, limit);
	out_file__printf(f, "      <%s", tag);
	put_attribute(f, "message", text);
	put_attribute(f, "type", check_is__name(r->is));
	out_file__printf(f, ">");
	for (size_t i = 0; i < r->nreasons; i++) {
		put_text(f, r->reason[i]);
		out_file__printf(f, "\n");
	}
	for (size_t i = 0, n = 0; r->is == CHECK_FAILED && strstr(r->id, "mismatches") &&
				  i < c->m->group_count && n < CHECK_CAUSES;
	     i++) {
		if (c->m->groups[i].kind == FINDING_FAN_OUT)
			continue;
		n++;
		put_text(f, out_check__cause(text, sizeof(text), &c->m->groups[i]));
		out_file__printf(f, "\n");
	}
	out_file__printf(f, "</%s>\n", tag);
}

static void put_case(struct out_file *f, const struct out_check *c, const struct check_result *r)
{
	char name[160], limit[112];

	snprintf(name, sizeof(name), "%s %s", r->what,
		 (ascii_limit(limit, sizeof(limit), r), limit));
	out_file__printf(f, "    <testcase");
	put_attribute(f, "name", name);
	out_file__printf(f, " classname=\"loopray.%s\" time=\"0\"", r->id);
	if (r->is == CHECK_HELD) {
		out_file__printf(f, "/>\n");
		return;
	}
	out_file__printf(f, ">\n");
	put_problem(f, c, r);
	out_file__printf(f, "    </testcase>\n");
}

static void put_counts(struct out_file *f, const struct out_check *c)
{
	const struct check_report *r = c->report;

	out_file__printf(f,
			 " name=\"loopray check\" tests=\"%zu\" failures=\"%llu\" errors=\"%llu\""
			 " time=\"%.3f\"",
			 r->n, (ull)r->failed, (ull)r->unsure, model__duration(c->m));
}

static void put_when(struct out_file *f, const struct out_check *c)
{
	time_t seconds = (time_t)(c->opts->wall_ns / 1000000000);
	char when[40];
	struct tm tm;

	if (c->opts->wall_ns && gmtime_r(&seconds, &tm) &&
	    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm))
		put_attribute(f, "timestamp", when);
	put_attribute(f, "hostname", c->opts->host ? c->opts->host : "unknown");
}

static void put_property(struct out_file *f, const char *name, const char *value)
{
	out_file__printf(f, "      <property");
	put_attribute(f, "name", name);
	put_attribute(f, "value", value);
	out_file__printf(f, "/>\n");
}

int out_check__junit(struct out_file *f, const struct out_check *c)
{
	const struct check_report *r = c->report;
	char number[32];

	out_file__printf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	put_counts(f, c);
	out_file__printf(f, ">\n  <testsuite");
	put_counts(f, c);
	out_file__printf(f, " skipped=\"0\"");
	put_when(f, c);
	out_file__printf(f, ">\n    <properties>\n");
	put_property(f, "capture", c->capture ? c->capture : "live");
	if (c->baseline)
		put_property(f, "baseline", c->baseline);
	snprintf(number, sizeof(number), "%llu", (ull)c->m->requests.total);
	put_property(f, "requests", number);
	out_file__printf(f, "    </properties>\n");
	for (size_t i = 0; i < r->n; i++)
		put_case(f, c, &r->result[i]);
	for (size_t i = 0; i < r->nallowed; i++) {
		out_file__printf(f, "%s", i ? "" : "    <system-out>");
		put_text(f, "allowed by --allow-loss: ");
		put_text(f, r->allowed[i]);
		out_file__printf(f, "%s", i + 1 < r->nallowed ? "\n" : "</system-out>\n");
	}
	out_file__printf(f, "  </testsuite>\n</testsuites>\n");
	return out_file__flush(f);
}
