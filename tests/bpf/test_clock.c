// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The clocks of a thread in its records, against what the kernel itself says of the thread: between
 * two records of any kind they must have moved as far as the kernel's counts did. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "victim.inc.h"

#include "events.h"
#include "flow_ring.h"
#include "kern.h"
#include "kern_features.h"

#define MS 1000000ULL
/* What lies between a record and the measurement next to it: two system calls and what probes cost;
 * the machine may be busy. */
#define NEAR_CPU MS
#define ROUNDS	 3

/* A record's time and clocks. */
struct point {
	uint64_t ts;
	uint64_t cpu, delay, idle;
	bool idle_known;
};

struct seen {
	uint32_t nturns, nclient, nclosed;
	struct point turn[2]; /* around the work */
	struct point in, out;
	struct point connect, send, receive;
	uint64_t arrival_ns;
};

struct fixture {
	struct victim victim;
	struct kern *kern;
	struct flow_ring *ring;
	struct target_elf *elf;
	struct seen seen;
};

static struct point point_of(const struct lr_event *h, const struct lr_clock *c, bool idle)
{
	return (struct point){h->ts, c->ran_ns + h->ts - c->since_ns, c->delay_ns, c->idle_ns,
			      idle};
}

static void on_client(struct seen *s, const struct lr_ev_client *rec)
{
	struct point p = point_of(&rec->h, &rec->clock, rec->flags & LR_CLIENT_F_IDLE);

	if (rec->op == LR_CLIENT_CLOSE) {
		assert_false(rec->flags & (LR_CLIENT_F_CLOCK | LR_CLIENT_F_IDLE));
		s->nclosed++;
		return;
	}
	s->nclient++;
	assert_true(rec->flags & LR_CLIENT_F_CLOCK);
	if (rec->op == LR_CLIENT_CONNECT) {
		s->connect = p;
	} else if (rec->op == LR_CLIENT_SEND) {
		s->send = p;
	} else {
		s->receive = p;
		s->arrival_ns = rec->arrival_ns;
	}
}

static int on_record(void *ctx, const void *data, size_t len)
{
	const struct lr_event *h = data;
	const struct lr_ev_turn *turn = data;
	const struct lr_ev_data *io = data;
	struct seen *s = ctx;

	assert_true(len >= sizeof(*h) && h->size <= len);
	if (h->type == LR_EV_TURN && turn->kind == LR_TURN_IMMEDIATES) {
		s->turn[s->nturns % 2] = point_of(h, &turn->clock, turn->flags & LR_TURN_F_IDLE);
		s->nturns++;
	} else if (h->type == LR_EV_IN && io->ret > 0) {
		s->in = point_of(h, &io->clock, io->flags & LR_DATA_F_IDLE);
	} else if (h->type == LR_EV_OUT) {
		s->out = point_of(h, &io->clock, io->flags & LR_DATA_F_IDLE);
	} else if (h->type == LR_EV_CLIENT) {
		on_client(s, data);
	}
	return 0;
}

static void start(struct fixture *f, enum kern_bytes bytes)
{
	struct kern_opts opts = {.level = LR_LEVEL_REQUESTS, .bytes = bytes};
	struct lr_process_config config = {.level = LR_LEVEL_REQUESTS};
	char why[256] = "", path[64];

	memset(f, 0, sizeof(*f));
	victim__start(&f->victim);
	victim__layout(&config.layout);
	assert_int_equal(kern__load(&f->kern, &opts), 0);
	assert_int_equal(kern__add_process(f->kern, f->victim.pid, &config), 0);
	assert_int_equal(target_elf__open(&f->elf, "/proc/self/exe", why, sizeof(why)), 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", f->victim.pid);
	if (kern__attach_image(f->kern, f->elf, path, f->victim.pid, 1, 1, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(kern__attach_bytes(f->kern), 0);
	assert_int_equal(flow_ring__new(&f->ring, kern__ring_fd(f->kern), LR_RING_BYTES, on_record,
					&f->seen),
			 0);
}

static void stop(struct fixture *f)
{
	flow_ring__free(f->ring);
	kern__free(f->kern);
	target_elf__free(f->elf);
	victim__stop(&f->victim);
}

/* From @a to @b the clocks moved as the kernel measured, and not past what the wall clock did. */
static void compare(const char *what, const struct point *a, const struct point *b,
		    const struct victim_measure *m)
{
	uint64_t wall = b->ts - a->ts, cpu = b->cpu - a->cpu, delay = b->delay - a->delay;

	print_message("  %-14s wall %8.3f (%8.3f) cpu %8.3f (%8.3f) delay %8.3f (%8.3f) ms\n", what,
		      (double)wall / 1e6, (double)m->wall_ns / 1e6, (double)cpu / 1e6,
		      (double)m->cpu_ns / 1e6, (double)delay / 1e6, (double)m->delay_ns / 1e6);
	assert_true(a->idle_known && b->idle_known);
	assert_in_range(wall, m->wall_ns, m->wall_ns + 200 * MS);
	assert_in_range(cpu, m->cpu_ns, m->cpu_ns + NEAR_CPU);
	assert_true(delay >= m->delay_ns);
	assert_true(cpu + delay <= wall + MS / 10);
	assert_int_equal(b->idle - a->idle, m->idle_ns);
}

/* Between its parts, that what lies between is all that there was. */
static void check_work(enum victim_work work, const struct victim_measure *m)
{
	uint64_t rest = m->wall_ns - m->cpu_ns - m->delay_ns;

	switch (work) {
	case VICTIM_WORK_SPIN:
	case VICTIM_WORK_MIGRATE:
		assert_true(m->cpu_ns >= VICTIM_WORK_MS * MS);
		break;
	case VICTIM_WORK_SLEEP:
		assert_true(m->idle_ns >= VICTIM_WORK_MS * MS && m->cpu_ns < 5 * MS);
		break;
	case VICTIM_WORK_COMPETE:
		assert_true(m->cpu_ns >= VICTIM_WORK_MS * MS && m->delay_ns >= 10 * MS);
		break;
	case VICTIM_WORK_CHILD:
		assert_true(rest >= VICTIM_WORK_MS * MS / 2 && m->idle_ns == 0);
		break;
	case VICTIM_WORKS:
		break;
	}
}

static void check_clocks(enum kern_bytes bytes)
{
	static const char *const names[] = {"spin", "sleep", "migrate", "compete", "child"};
	struct fixture f;

	start(&f, bytes);
	for (unsigned i = 0; i < ROUNDS * VICTIM_WORKS; i++) {
		enum victim_work work = i % VICTIM_WORKS;
		struct seen *s = &f.seen;
		struct victim_measure m;

		memset(s, 0, sizeof(*s));
		victim__do(&f.victim, VICTIM_WORK, work);
		assert_int_equal(flow_ring__drain(f.ring), 0);
		m = victim__measure();
		print_message("%s\n", names[work]);
		assert_int_equal(s->nturns, 2);
		assert_int_equal(s->nclient, 3);
		assert_true(s->nclosed > 0);
		check_work(work, &m);
		compare("turn to turn", &s->turn[0], &s->turn[1], &m);
		compare("receive, send", &s->in, &s->out, &m);
		compare("send, turn", &s->send, &s->turn[1], &m);
		compare("connect, send", &s->connect, &s->out, &m);
		/* What the client did not read at once: no CPU was used meanwhile. */
		assert_true(s->receive.cpu - s->out.cpu < 5 * MS);
		assert_true(s->receive.ts - s->out.ts >= VICTIM_WAITS_MS * MS);
		/* It had arrived when it was sent, more or less a tick of the coarse clock. */
		assert_in_range(s->arrival_ns, s->out.ts - 5 * MS, s->out.ts + 21 * MS);
	}
	stop(&f);
}

static void clocks_tracepoint(void **state)
{
	(void)state;
	if (!kern_features__has(KERN_FEATURE_SOCK_TRACEPOINTS)) {
		print_message("no socket tracepoints on this kernel\n");
		skip();
	}
	check_clocks(KERN_BYTES_TRACEPOINT);
}

static void clocks_syscall(void **state)
{
	(void)state;
	check_clocks(KERN_BYTES_SYSCALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_tracepoint),
		cmocka_unit_test(clocks_syscall),
	};

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
