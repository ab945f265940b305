// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "context_key.h"
#include "options_value.h"
#include "util.h"

#define PID_LIMIT    4194304 /* PID_MAX_LIMIT of 64-bit kernels */
#define INTERVAL_MIN 10000000ULL
#define INTERVAL_MAX 3600000000000ULL

static const char *add_pid(struct options *o, pid_t pid, char *hint)
{
	for (size_t i = 0; i < o->npids; i++)
		if (o->pids[i] == pid)
			return NULL;
	if (o->npids == OPTIONS_PIDS_MAX) {
		snprintf(hint, VALUE_HINT, "at most %d processes, or --all", OPTIONS_PIDS_MAX);
		return hint;
	}
	o->pids[o->npids++] = pid;
	return NULL;
}

static const char *set_pids(struct options *o, const char *arg, char *hint)
{
	for (const char *at = arg;;) {
		const char *allowed;
		char *end;
		long pid;

		errno = 0;
		pid = strtol(at, &end, 10);
		if (*at < '0' || *at > '9' || errno || pid < 1 || pid > PID_LIMIT ||
		    (*end && *end != ','))
			return "process ids from 1 to 4194304, separated by commas";
		allowed = add_pid(o, (pid_t)pid, hint);
		if (allowed || !*end)
			return allowed;
		at = end + 1;
	}
}

static const char *set_word(const struct flag *f, const char *arg, int *index, char *hint)
{
	for (int i = 0; f->values[i]; i++) {
		if (strcmp(f->values[i], arg) != 0)
			continue;
		*index = i;
		return NULL;
	}
	words__list(f->values, hint, VALUE_HINT);
	return hint;
}

static const char *set_time(const char *arg, uint64_t *ns)
{
	int err = parse_duration(arg, ns);

	if (err == -ERANGE)
		return "at most 10 years";
	if (err || *ns == 0)
		return "a time over 0, such as 500ms, 30s, 5m or 1h";
	return NULL;
}

static const char *set_interval(const char *arg, uint64_t *ns)
{
	const char *allowed = set_time(arg, ns);

	if (!allowed && (*ns < INTERVAL_MIN || *ns > INTERVAL_MAX))
		return "10ms to 1h";
	return allowed;
}

static const char *set_ring(const char *arg, uint32_t *bytes)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t size;
	char *end;

	errno = 0;
	size = strtoull(arg, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit && size <= OPTIONS_RING_MAX)
		size <<= 10 * (unit - units + 1);
	if (unit)
		end++;
	if (*arg < '0' || *arg > '9' || errno || *end || size < OPTIONS_RING_MIN ||
	    size > OPTIONS_RING_MAX)
		return "64K to 1G";
	*bytes = OPTIONS_RING_MIN;
	while (*bytes < size)
		*bytes <<= 1;
	return NULL;
}

#define ROTATE_MIN    (64ULL << 10)
#define ROTATE_MAX    (1ULL << 40)
#define ROTATE_MIN_NS 1000000000ULL

/* A size such as 100M; a plain number is none. 0 or -EINVAL. */
static int set_size(const char *arg, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t value;
	int shift;
	char *end;

	errno = 0;
	value = strtoull(arg, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (*arg < '0' || *arg > '9' || errno || !unit || end[1])
		return -EINVAL;
	shift = 10 * (int)(unit - units + 1);
	if (value > ROTATE_MAX >> shift || value << shift < ROTATE_MIN)
		return -EINVAL;
	*size = value << shift;
	return 0;
}

static int set_age(const char *arg, uint64_t *ns)
{
	uint64_t value;

	if (strspn(arg, "0123456789.") == strlen(arg)) /* seconds, or a size without its unit? */
		return -EINVAL;
	if (parse_duration(arg, &value) || value < ROTATE_MIN_NS)
		return -EINVAL;
	*ns = value;
	return 0;
}

/* Of SIZE, TIME or both, each at most once, or "signal". */
static const char *set_rotate(struct options *o, const char *arg)
{
	static const char allowed[] = "a size such as 100M (64K to 1T), a time such as 10m (1s or "
				      "more), both with a comma between, or signal";
	char word[32];

	o->rotate = true;
	o->rotate_bytes = o->rotate_ns = 0;
	if (strcmp(arg, "signal") == 0)
		return NULL;
	for (const char *at = arg;; at++) {
		size_t n = strcspn(at, ",");

		if (n == 0 || n >= sizeof(word))
			return allowed;
		memcpy(word, at, n);
		word[n] = '\0';
		if ((o->rotate_bytes || set_size(word, &o->rotate_bytes)) &&
		    (o->rotate_ns || set_age(word, &o->rotate_ns)))
			return allowed;
		at += n;
		if (!*at)
			return NULL;
	}
}

/* A whole number from @min to @max. 0 or -EINVAL. */
static int set_number(const char *arg, uint64_t min, uint64_t max, uint64_t *number)
{
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || errno || value < min || value > max)
		return -EINVAL;
	*number = value;
	return 0;
}

/* A number in front of @unit, from 0 to @max. 0 or -EINVAL. */
static int set_real(const char *arg, const char *unit, double max, double *number)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(arg, &end);
	if (*arg < '0' || *arg > '9' || errno || strcmp(end, unit) != 0 || !(value <= max))
		return -EINVAL;
	*number = value;
	return 0;
}

static const char *set_share(const char *arg, double *share)
{
	if (set_real(arg, "%", 100, share))
		return "a share such as 0.1%, at most 100%";
	*share /= 100;
	return NULL;
}

static const char *set_limit(struct options *o, enum check_limit limit, const char *arg)
{
	const char *allowed = NULL;
	uint64_t n = 0;

	switch (limit) {
	case LIMIT_P50:
	case LIMIT_P95:
	case LIMIT_P99:
		allowed = set_time(arg, &n);
		o->limit[limit] = (double)n;
		break;
	case LIMIT_ERROR_RATE:
		allowed = set_share(arg, &o->limit[limit]);
		break;
	case LIMIT_RPS:
		if (set_real(arg, "", 1e12, &o->limit[limit]))
			allowed = "a number of requests a second";
		break;
	default:
		if (set_number(arg, 0, 1ULL << 53, &n))
			allowed = "a whole number";
		o->limit[limit] = (double)n;
		break;
	}
	if (!allowed)
		o->limits |= 1u << limit;
	return allowed;
}

static const char *set_path(const char *arg, const char **path)
{
	if (!*arg)
		return "a file name";
	*path = arg;
	return NULL;
}

static const char *set_user(struct options *o, const char *arg)
{
	if (!getpwnam(arg))
		return "the name of a user of this machine";
	o->user = arg;
	return NULL;
}

static const char *set_key(struct options *o, const char *arg)
{
	const char *allowed = context_key__parse(&o->context_path, arg);

	if (!allowed)
		o->context_key = arg;
	return allowed;
}

static const char *set_header(struct options *o, const char *arg, char *hint)
{
	int err = flow_keep__add(&o->headers, arg);

	if (err == -E2BIG)
		snprintf(hint, VALUE_HINT, "at most %d names", FE_HEADERS_MAX);
	else if (err)
		return "names of headers, separated by commas";
	return err ? hint : NULL;
}

const char *options_value__set(struct options *o, const struct flag *f, const char *arg,
			       char hint[VALUE_HINT])
{
	const char *allowed;
	uint64_t number;
	int word = 0;

	if (f->values) {
		allowed = set_word(f, arg, &word, hint);
		if (allowed)
			return allowed;
	}
	if (f->key >= FLAG_LIMIT && f->key <= FLAG_LIMIT_LAST)
		return set_limit(o, (enum check_limit)(f->key - FLAG_LIMIT), arg);
	switch (f->key) {
	case FLAG_PID:
		return set_pids(o, arg, hint);
	case FLAG_ALL:
		o->all = true;
		return NULL;
	case FLAG_FOLLOW:
		o->follow = true;
		return NULL;
	case FLAG_OUTPUT:
		return set_path(arg, &o->output);
	case FLAG_DURATION:
		return set_time(arg, &o->duration_ns);
	case FLAG_INTERVAL:
		return set_interval(arg, &o->interval_ns);
	case FLAG_USER:
		return set_user(o, arg);
	case FLAG_LEVEL:
		o->level = word;
		return NULL;
	case FLAG_ATTACH_METHOD:
		o->attach_method = word;
		return NULL;
	case FLAG_BYTE_SOURCE:
		o->byte_source = word;
		return NULL;
	case FLAG_RING_SIZE:
		return set_ring(arg, &o->ring_bytes);
	case FLAG_BLOCKED_OVER:
		return set_time(arg, &o->blocking_ns);
	case FLAG_CONTEXT_KEY:
		return set_key(o, arg);
	case FLAG_SHOW_VALUES:
		o->show_values = true;
		return NULL;
	case FLAG_GZIP:
		o->gzip = true;
		return NULL;
	case FLAG_NO_CONTEXT:
		o->context = false;
		return NULL;
	case FLAG_NO_LINES:
		o->lines = false;
		return NULL;
	case FLAG_HEADER:
		return set_header(o, arg, hint);
	case FLAG_FOREVER:
		o->forever = true;
		return NULL;
	case FLAG_REQUEST:
		return set_number(arg, 1, UINT64_MAX, &o->request)
			       ? "the number of a request, from 1"
			       : NULL;
	case FLAG_PATH:
		o->path = arg;
		return *arg ? NULL : "a path, or a pattern such as \"/users/*\"";
	case FLAG_MISMATCH:
		o->mismatch = true;
		return NULL;
	case FLAG_STREAM:
		o->stream = word;
		return NULL;
	case FLAG_LINE_LIMIT:
		if (set_number(arg, LINE_LIMIT_MIN, LINE_LIMIT_MAX, &number))
			return "80 to 65536";
		o->line_limit = (uint32_t)number;
		return NULL;
	case FLAG_REPLAY:
		return set_path(arg, &o->capture);
	case FLAG_ASCII:
		o->ascii = true;
		return NULL;
	case FLAG_ROTATE:
		return set_rotate(o, arg);
	case FLAG_KEEP:
		if (set_number(arg, 1, 1000000, &number))
			return "1 to 1000000";
		o->keep = (uint32_t)number;
		return NULL;
	case FLAG_MAX_UNKNOWN:
		return set_share(arg, &o->max_unknown);
	case FLAG_MAX_REGRESS:
		o->regress_given = true;
		return set_share(arg, &o->max_regress);
	case FLAG_ALLOW_LOSS:
		o->allow_loss = true;
		return NULL;
	case FLAG_BASELINE:
		return set_path(arg, &o->baseline);
	case FLAG_JUNIT:
		return set_path(arg, &o->junit);
	case FLAG_FAIL_ON_LOSS:
		o->fail_on_loss = true;
		return NULL;
	default:
		return "another flag";
	}
}
