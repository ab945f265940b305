// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * gencapture REQUESTS FILE: a capture of so many requests that nobody made, for measurements of
 * what reads captures. One process, one loop, 100 keep-alive connections, each with one request at
 * a time, 25000 a second; every tenth makes an outgoing call.
 *
 * Exit status: 0 done, 1 failed, 2 usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "out_capture.h"
#include "util.h"

#define CONNECTIONS 100
#define PID	    4242
#define STEP_NS	    20000 /* between two operations of the loop */
#define CALL_EVERY  10
#define GC_EVERY    1000 /* operations */

struct gen {
	struct out_capture *capture;
	uint64_t ts;
	uint64_t busy_ns;
	uint64_t sample_ns;
	uint64_t operations;
	uint64_t requests;
	int err;
};

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static void put(struct gen *g, struct flow_event ev)
{
	ev.pid = PID;
	ev.tid = PID;
	ev.ts = g->ts;
	if (!g->err)
		g->err = out_capture__event(g->capture, &ev);
}

static struct fe_clock clock_of(const struct gen *g)
{
	return (struct fe_clock){.has = FE_CLOCK_IDLE | FE_CLOCK_CPU,
				 .idle_ns = g->ts - g->busy_ns,
				 .cpu_ns = g->busy_ns,
				 .ran_ns = g->busy_ns,
				 .cpu = LR_CLOCK_EVERY_CPU};
}

/* The loop is busy for half of the time. */
static void step(struct gen *g)
{
	g->ts += STEP_NS;
	g->busy_ns += STEP_NS / 2;
	g->operations++;
	if (g->operations % GC_EVERY == 0)
		put(g, (struct flow_event){.type = FE_GC, .gc = {.duration_ns = STEP_NS / 4}});
	if (g->ts - g->sample_ns < 1000000000)
		return;
	g->sample_ns = g->ts;
	put(g, (struct flow_event){.type = FE_LOOP,
				   .loop = {.idle_ns = g->ts - g->busy_ns, .cpu_ns = g->busy_ns}});
}

static void begin(struct gen *g)
{
	put(g, (struct flow_event){.type = FE_TARGET,
				   .target = {1, str("22.21.1"), str("none"), str("static"),
					      str("/usr/bin/node"), str("requests")}});
	put(g, (struct flow_event){.type = FE_THREAD, .thread = {.env = 0, .env_addr = 4096}});
	for (uint64_t c = 1; c <= CONNECTIONS; c++)
		put(g, (struct flow_event){.type = FE_CONN,
					   .conn = {.conn = c,
						    .family = LR_AF_INET,
						    .local_port = 3000,
						    .peer_port = (uint16_t)(40000 + c),
						    .local_addr = {127, 0, 0, 1},
						    .peer_addr = {127, 0, 0, 1},
						    .seen_open = true}});
	put(g, (struct flow_event){.type = FE_PEER,
				   .peer = {.conn = CONNECTIONS + 1,
					    .family = LR_AF_INET,
					    .peer_port = 8080,
					    .peer_addr = {127, 0, 0, 1}}});
}

static void receive(struct gen *g, uint64_t conn)
{
	static const char *const paths[] = {"/", "/users/%llu", "/orders/%llu/items", "/search"};
	char path[64];

	snprintf(path, sizeof(path), paths[g->requests % ARRAY_SIZE(paths)],
		 (unsigned long long)g->requests);
	put(g, (struct flow_event){.type = FE_IN,
				   .io = {.conn = conn,
					  .arrival_ns = g->ts - STEP_NS / 2,
					  .clock = clock_of(g),
					  .bytes = 120,
					  .flags = FE_F_HEAD | FE_F_END,
					  .method = FM_GET,
					  .version = 11,
					  .method_name = str("GET"),
					  .path = str(path)}});
	g->requests++;
}

static void answer(struct gen *g, uint64_t conn)
{
	put(g, (struct flow_event){.type = FE_OUT,
				   .io = {.conn = conn,
					  .clock = clock_of(g),
					  .bytes = 300,
					  .flags = FE_F_HEAD | FE_F_END | FE_F_LENGTH,
					  .version = 11,
					  .status = conn % 50 ? 200 : 500}});
}

/* Sent in the turn of the loop that read the request of @work. */
static void call(struct gen *g, uint64_t work)
{
	put(g, (struct flow_event){.type = FE_CLIENT,
				   .client = {.conn = CONNECTIONS + 1,
					      .work = work,
					      .clock = clock_of(g),
					      .bytes = 80,
					      .flags = FE_CL_HEAD,
					      .op = LR_CLIENT_SEND,
					      .version = 11,
					      .head_bytes = 80,
					      .method = str("GET"),
					      .path = str("/up")}});
}

static void called(struct gen *g)
{
	put(g, (struct flow_event){.type = FE_CLIENT,
				   .client = {.conn = CONNECTIONS + 1,
					      .arrival_ns = g->ts - STEP_NS / 4,
					      .clock = clock_of(g),
					      .bytes = 100,
					      .flags = FE_CL_HEAD | FE_CL_LENGTH,
					      .op = LR_CLIENT_RECEIVE,
					      .version = 11,
					      .status = 200,
					      .head_bytes = 100}});
}

/* All connections ask, one of ten calls, and all are answered. */
static void round_of(struct gen *g, uint64_t n)
{
	for (uint64_t c = 1; c <= n; c++) {
		step(g);
		receive(g, c);
		if (g->requests % CALL_EVERY)
			continue;
		call(g, c);
		step(g);
		called(g);
	}
	for (uint64_t c = 1; c <= n; c++) {
		step(g);
		answer(g, c);
	}
}

int main(int argc, char **argv)
{
	struct out_capture_opts opts = {.path = argc == 3 ? argv[2] : NULL,
					.command = "gencapture"};
	uint64_t left = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	struct gen g = {0};
	int err;

	if (!left) {
		fputs("usage: gencapture REQUESTS FILE\n", stderr);
		return 2;
	}
	if (out_capture__create(&g.capture, &opts))
		return 1;
	g.ts = g.sample_ns = now_mono_ns();
	begin(&g);
	for (; left && !g.err; left -= min_t(uint64_t, left, CONNECTIONS))
		round_of(&g, min_t(uint64_t, left, CONNECTIONS));
	out_capture__set_requests(g.capture, g.requests);
	err = out_capture__close(g.capture, !g.err);
	return g.err || err ? 1 : 0;
}
