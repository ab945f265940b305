// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two captures that overlap: when the first has taken a third of the room, the second begins, and
 * when the first has taken two thirds, the second takes its place. So between one and two thirds of
 * the room's worth can be written at any time once there was that much, as it is, without packing
 * anything anew. The price is that events are packed twice from the first third on.
 */
#define LOG_MODULE "keep"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow_state.h"
#include "log.h"
#include "out.h"
#include "out_capture.h"
#include "top_keep.h"
#include "util.h"

#define PART_MIN (1ull << 20)

struct part {
	struct out_capture *capture; /* NULL: not begun */
	int fd;			     /* its memory */
	uint64_t since_ns;
};

struct top_keep {
	struct flow_state *state;
	struct part first, second;
	uint64_t third; /* of the room, bytes */
	uint64_t last_ns;
	bool dropped;
	int err; /* nothing is kept any more */
	char command[512];
};

int top_keep__new(struct top_keep **out, uint64_t bytes, const char *command)
{
	struct top_keep *k = calloc(1, sizeof(*k));
	int err = k ? flow_state__new(&k->state, &(struct flow_state_opts){}) : -ENOMEM;

	*out = NULL;
	if (err) {
		free(k);
		return err;
	}
	k->first.fd = k->second.fd = -1;
	k->third = max_t(uint64_t, bytes / 3, PART_MIN);
	snprintf(k->command, sizeof(k->command), "%s", command);
	*out = k;
	return 0;
}

static void part_end(struct part *p)
{
	if (p->capture)
		out_capture__close(p->capture, false);
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct part){.fd = -1};
}

void top_keep__free(struct top_keep *k)
{
	if (!k)
		return;
	part_end(&k->first);
	part_end(&k->second);
	flow_state__free(k->state);
	free(k);
}

static int part_begin(struct top_keep *k, struct part *p)
{
	struct out_capture_opts opts = {.command = k->command};
	int err;

	p->fd = memfd_create("loopray-kept", MFD_CLOEXEC);
	if (p->fd < 0)
		return -errno;
	err = out_file__open_fd(&opts.file, dup(p->fd), "memory");
	if (!err)
		err = out_capture__create(&p->capture, &opts);
	if (err)
		part_end(p);
	return err;
}

/* Without what was seen before there is nothing that could be written. */
static void give_up(struct top_keep *k, int err)
{
	k->err = err;
	log_warn("what is seen is no longer kept: %s", strerror(-err));
	part_end(&k->first);
	part_end(&k->second);
}

static int put(struct part *p, const struct flow_event *ev)
{
	if (!p->since_ns)
		p->since_ns = ev->ts;
	return out_capture__event(p->capture, ev);
}

int top_keep__event(void *keep, const struct flow_event *ev)
{
	struct top_keep *k = keep;
	int err = 0;

	if (k->err)
		return 0;
	flow_state__event(k->state, ev);
	k->last_ns = max_t(uint64_t, k->last_ns, ev->ts);
	if (!k->first.capture)
		err = part_begin(k, &k->first);
	if (!err)
		err = put(&k->first, ev);
	if (!err && k->second.capture)
		err = put(&k->second, ev);
	if (err)
		give_up(k, err);
	return 0;
}

static uint64_t part_bytes(const struct part *p)
{
	struct out_capture_stats stats = {};

	if (p->capture)
		out_capture__stats(p->capture, &stats);
	return stats.file_bytes;
}

uint64_t top_keep__bytes(const struct top_keep *k)
{
	return part_bytes(&k->first) + part_bytes(&k->second);
}

/* The state's events are those before now: the part tells of what comes from now on. */
static int begin_second(struct top_keep *k)
{
	int err = part_begin(k, &k->second);
	struct flow_sink to = {.event = out_capture__event, .ctx = k->second.capture};

	if (err)
		return err;
	k->second.since_ns = k->last_ns;
	return flow_state__tell(k->state, k->last_ns, &to);
}

void top_keep__tick(struct top_keep *k, uint64_t now_ns)
{
	int err = 0;

	if (k->err || !k->first.capture)
		return;
	err = out_capture__flush(k->first.capture, now_ns);
	if (!err && k->second.capture)
		err = out_capture__flush(k->second.capture, now_ns);
	if (!err && k->second.capture && part_bytes(&k->first) >= 2 * k->third) {
		part_end(&k->first);
		k->first = k->second;
		k->second = (struct part){.fd = -1};
		k->dropped = true;
	}
	if (!err && !k->second.capture && part_bytes(&k->first) >= k->third)
		err = begin_second(k);
	if (err)
		give_up(k, err);
}

int top_keep__write(struct top_keep *k, const char *path, struct top_kept *kept)
{
	struct out_capture_stats stats;
	int err;

	*kept = (struct top_kept){};
	if (k->err)
		return k->err;
	if (!k->first.capture)
		return -ENODATA;
	err = out_capture__save(k->first.capture, k->first.fd, path, &kept->file_bytes);
	out_capture__stats(k->first.capture, &stats);
	kept->since_ns = k->first.since_ns;
	kept->last_ns = k->last_ns;
	kept->whole = !k->dropped;
	kept->events = stats.events;
	return err;
}
