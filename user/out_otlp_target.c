// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "out_otlp_target.h"
#include "util.h"

#define TICK_NS 10000000ULL /* USER_HZ is 100 on every architecture that Node.js runs on */

void otlp_targets__init(struct otlp_targets *t, const struct out_opts *opts)
{
	const char *service = getenv("OTEL_SERVICE_NAME");

	memset(t, 0, sizeof(*t));
	t->mono_ns = opts->mono_ns;
	t->wall_ns = opts->wall_ns;
	snprintf(t->host, sizeof(t->host), "%s", opts->host ? opts->host : "");
	snprintf(t->version, sizeof(t->version), "%s", opts->version ? opts->version : "");
	snprintf(t->service, sizeof(t->service), "%s", service ? service : "");
	t->mix = otlp_mix__recording(opts);
}

static void target_free(struct otlp_target *target)
{
	otlp_buf__free(&target->spans);
	free(target);
}

void otlp_targets__destroy(struct otlp_targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		target_free(t->list[i]);
	free(t->list);
	t->list = NULL;
	t->count = t->cap = 0;
}

/* The newest: a pid may come again. */
static struct otlp_target *find(const struct otlp_targets *t, uint32_t pid)
{
	for (size_t i = t->count; i > 0; i--)
		if (t->list[i - 1]->pid == pid)
			return t->list[i - 1];
	return NULL;
}

/* Takes the oldest that has ended out of the list, if there are too many. */
static int make_room(struct otlp_targets *t)
{
	size_t i = 0;
	int err;

	if (!t->leaving || t->count < OTLP_TARGETS)
		return 0;
	while (i < t->count && !t->list[i]->ended)
		i++;
	if (i == t->count)
		return 0;
	err = t->leaving(t->ctx, t->list[i]);
	target_free(t->list[i]);
	t->count--;
	memmove(t->list + i, t->list + i + 1, (t->count - i) * sizeof(*t->list));
	return err;
}

static int add(struct otlp_targets *t, struct otlp_target **out)
{
	int err = make_room(t);

	*out = NULL;
	if (err)
		return err;
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 8;
		void *grown = realloc(t->list, cap * sizeof(*t->list));

		if (!grown)
			return -ENOMEM;
		t->list = grown;
		t->cap = cap;
	}
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	t->list[t->count++] = *out;
	return 0;
}

static void identify(const struct otlp_targets *t, struct otlp_target *target, uint32_t pid,
		     uint64_t start_time)
{
	target->pid = pid;
	target->start_time = start_time;
	target->mix = otlp_mix__word(otlp_mix__word(t->mix, pid), start_time);
}

struct otlp_target *otlp_targets__of(struct otlp_targets *t, uint32_t pid)
{
	struct otlp_target *target = find(t, pid);

	if (!target && add(t, &target) == 0)
		identify(t, target, pid, 0);
	return target;
}

static void copy_str(char *to, size_t cap, const struct flow_str *s)
{
	size_t len = min_t(size_t, s->len, cap - 1);

	if (len)
		memcpy(to, s->s, len);
	to[len] = '\0';
}

int otlp_targets__event(struct otlp_targets *t, const struct flow_event *ev)
{
	struct otlp_target *target;
	int err;

	if (ev->type != FE_TARGET && ev->type != FE_TARGET_END && ev->type != FE_SERVICE)
		return 0;
	target = find(t, ev->pid);
	if (ev->type == FE_SERVICE) {
		if (target) {
			copy_str(target->name, sizeof(target->name), &ev->service.name);
			copy_str(target->release, sizeof(target->release), &ev->service.version);
		}
		return 0;
	}
	if (ev->type == FE_TARGET_END) {
		if (target)
			target->ended = true;
		return 0;
	}
	if (!target || target->start_time != ev->target.start_time) {
		err = add(t, &target);
		if (err)
			return err;
		identify(t, target, ev->pid, ev->target.start_time);
	}
	copy_str(target->version, sizeof(target->version), &ev->target.version);
	copy_str(target->exe, sizeof(target->exe), &ev->target.exe);
	copy_str(target->context, sizeof(target->context), &ev->target.context);
	return 0;
}

uint64_t otlp_targets__wall(const struct otlp_targets *t, uint64_t mono_ns)
{
	return mono_ns + (t->wall_ns - t->mono_ns);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* The kernel counts it in ticks, and from a clock that also runs while the machine sleeps. */
static void put_creation(const struct otlp_targets *t, const struct otlp_target *target,
			 struct json *j)
{
	uint64_t ns = otlp_targets__wall(t, target->start_time * TICK_NS);
	time_t seconds = (time_t)(ns / 1000000000ULL);
	char day[32], text[48];
	struct tm tm;

	if (!target->start_time || !gmtime_r(&seconds, &tm))
		return;
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned int)(ns % 1000000000ULL / 1000000));
	otlp_attr__str(j, "process.creation.time", text);
}

/* What has no name at all is unknown_service and what its process executes. */
static void put_service(const struct otlp_targets *t, const struct otlp_target *target,
			struct json *j)
{
	char text[300];

	snprintf(text, sizeof(text), "unknown_service:%s",
		 target->exe[0] ? base_name(target->exe) : "node");
	otlp_attr__str(j, "service.name",
		       t->service[0]	 ? t->service
		       : target->name[0] ? target->name
					 : text);
	if (target->release[0])
		otlp_attr__str(j, "service.version", target->release);
}

static void put_process(const struct otlp_targets *t, const struct otlp_target *target,
			struct json *j)
{
	put_service(t, target, j);
	otlp_attr__u64(j, "process.pid", target->pid);
	put_creation(t, target, j);
	if (target->exe[0]) {
		otlp_attr__str(j, "process.executable.path", target->exe);
		otlp_attr__str(j, "process.executable.name", base_name(target->exe));
	}
	otlp_attr__str(j, "process.runtime.name", "nodejs");
	if (target->version[0])
		otlp_attr__str(j, "process.runtime.version", target->version);
	if (target->context[0])
		otlp_attr__str(j, "loopray.context.mechanism", target->context);
	otlp_attr__str(j, "telemetry.sdk.language", "nodejs");
}

void otlp_targets__resource(const struct otlp_targets *t, const struct otlp_target *target,
			    struct json *j)
{
	const char *version = t->version[0] ? t->version : NULL;

	json__key_object(j, "resource");
	json__key_array(j, "attributes");
	if (target)
		put_process(t, target, j);
	else
		otlp_attr__str(j, "service.name", "loopray");
	if (t->host[0])
		otlp_attr__str(j, "host.name", t->host);
	otlp_attr__str(j, "telemetry.sdk.name", "loopray");
	otlp_attr__str(j, "telemetry.sdk.version", version);
	otlp_attr__str(j, "telemetry.distro.name", "loopray");
	otlp_attr__str(j, "telemetry.distro.version", version);
	json__array_end(j);
	json__object_end(j);
}
