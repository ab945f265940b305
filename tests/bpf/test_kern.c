// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The BPF programs on a victim: exactly N triggered, exactly N seen, and nothing of another
 * process that does the same with the same image. Both attach methods, both byte sources.
 * Needs root. N is a prime, so that no two wrongs make it.
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

#define N 23

#define SEEN_TYPES 32

struct seen {
	uint64_t by_type[SEEN_TYPES];
	uint64_t foreign; /* records of any other process */
	uint64_t holes;
	uint32_t last_seq;
	pid_t pid;
	struct lr_ev_resource last_init;
	double init_ids[64];
	double destroy_ids[64];
	double triggers[64];
	double scope_ids[64];
	uint32_t in_bytes, out_bytes, in_captured;
	uint32_t in_ops;
};

struct fixture {
	struct victim victim;
	struct kern *kern;
	struct flow_ring *ring;
	struct target_elf *elf;
	struct seen seen;
};

static double number(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static void note_data(struct seen *s, const struct lr_ev_data *rec)
{
	if (rec->ret <= 0)
		return;
	if (rec->h.type == LR_EV_IN) {
		s->in_captured += rec->captured;
		if (rec->offset == 0) {
			s->in_bytes += rec->ret;
			s->in_ops++;
		}
	} else {
		s->out_bytes += rec->ret;
		assert_memory_equal(rec->data, "HTTP/1.1", 8);
	}
}

static int on_record(void *ctx, const void *data, size_t len)
{
	const struct lr_event *h = data;
	struct seen *s = ctx;
	uint64_t n;

	assert_true(len >= sizeof(*h) && h->size <= len && h->type < SEEN_TYPES);
	if (h->pid != (uint32_t)s->pid)
		s->foreign++;
	if (h->tid) {
		s->holes += h->seq != s->last_seq + 1;
		s->last_seq = h->seq;
	}
	n = s->by_type[h->type]++;
	if (h->type == LR_EV_INIT) {
		s->last_init = *(const struct lr_ev_resource *)data;
		s->init_ids[n % 64] = number(s->last_init.async_id);
		s->triggers[n % 64] = number(s->last_init.trigger_id);
	} else if (h->type == LR_EV_DESTROY) {
		s->destroy_ids[n % 64] = number(((const struct lr_ev_resource *)data)->async_id);
	} else if (h->type == LR_EV_SCOPE) {
		s->scope_ids[n % 64] = number(((const struct lr_ev_scope *)data)->async_id);
	} else if (h->type == LR_EV_IN || h->type == LR_EV_OUT) {
		note_data(s, data);
	}
	return 0;
}

static void start(struct fixture *f, const struct kern_opts *opts)
{
	struct lr_process_config config = {.level = opts->level};
	struct kern_opts o = *opts;
	char why[256] = "", path[64];

	memset(f, 0, sizeof(*f));
	victim__start(&f->victim);
	f->seen.pid = f->victim.pid;
	victim__layout(&config.layout);
	assert_int_equal(kern__load(&f->kern, &o), 0);
	assert_int_equal(kern__add_process(f->kern, f->victim.pid, &config), 0);
	assert_int_equal(target_elf__open(&f->elf, "/proc/self/exe", why, sizeof(why)), 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", f->victim.pid);
	if (opts->level == LR_LEVEL_RESOURCES &&
	    kern__attach_image(f->kern, f->elf, path, f->victim.pid, 1, 1, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(kern__attach_bytes(f->kern), 0);
	assert_int_equal(flow_ring__new(&f->ring, kern__ring_fd(f->kern),
					opts->ring_bytes ? opts->ring_bytes : LR_RING_BYTES,
					on_record, &f->seen),
			 0);
}

static void stop(struct fixture *f)
{
	flow_ring__free(f->ring);
	kern__free(f->kern);
	target_elf__free(f->elf);
	victim__stop(&f->victim);
}

/* The same in the victim and in this process, which nobody asked to observe. */
static void both(struct fixture *f, enum victim_command command, uint32_t count)
{
	victim__do(&f->victim, command, count);
	victim__do_here(command, count);
	assert_int_equal(flow_ring__drain(f->ring), 0);
	assert_int_equal(f->seen.foreign, 0);
	assert_int_equal(f->seen.holes, 0);
}

static void check_resources(const struct kern_opts *opts)
{
	struct fixture f;

	start(&f, opts);
	both(&f, VICTIM_CREATE, N);
	assert_int_equal(f.seen.by_type[LR_EV_INIT], N);
	assert_int_equal(f.seen.last_init.provider, VICTIM_PROVIDER);
	assert_int_equal(f.seen.last_init.flags, LR_RES_F_IDS | LR_RES_F_EXEC | LR_RES_F_PROVIDER);
	for (int i = 0; i < N; i++) {
		assert_true(f.seen.init_ids[i] == 1001 + i);
		assert_true(f.seen.triggers[i] == (i % 2 ? 500 + i : 1));
	}
	both(&f, VICTIM_DESTROY, N);
	assert_int_equal(f.seen.by_type[LR_EV_DESTROY], N);
	for (int i = 0; i < N; i++)
		assert_true(f.seen.destroy_ids[i] == 1000 + N - i);
	both(&f, VICTIM_SCOPE, N);
	assert_int_equal(f.seen.by_type[LR_EV_SCOPE], N);
	for (int i = 0; i < N; i++)
		assert_true(f.seen.scope_ids[i] == VICTIM_FIRST_SCOPE + i);
	stop(&f);
}

static void resources_multi(void **state)
{
	(void)state;
	if (!kern_features__has(KERN_FEATURE_UPROBE_MULTI)) {
		print_message("no uprobe_multi on this kernel\n");
		skip();
	}
	check_resources(
		&(struct kern_opts){.level = LR_LEVEL_RESOURCES, .attach = KERN_ATTACH_MULTI});
}

static void resources_perf(void **state)
{
	(void)state;
	check_resources(
		&(struct kern_opts){.level = LR_LEVEL_RESOURCES, .attach = KERN_ATTACH_PERF});
}

static void check_bytes(enum kern_bytes bytes)
{
	struct kern_opts opts = {.bytes = bytes};
	uint32_t answer = sizeof(victim_answer) - 1;
	struct fixture f;

	start(&f, &opts);
	both(&f, VICTIM_HTTP_TCP, N);
	assert_int_equal(f.seen.in_ops, N);
	assert_int_equal(f.seen.by_type[LR_EV_OUT], N);
	assert_int_equal(f.seen.out_bytes, N * answer);
	/* As its own client: connect(), the sends and receives, both steps to the end. */
	assert_int_equal(f.seen.by_type[LR_EV_CLIENT], 1 + 2 * N + 2);
	both(&f, VICTIM_HTTP_UNIX, N);
	assert_int_equal(f.seen.by_type[LR_EV_CLIENT], 1 + 2 * N + 2);
	assert_int_equal(f.seen.in_ops, 2 * N);
	assert_int_equal(f.seen.out_bytes, 2 * N * answer);
	both(&f, VICTIM_PIPE, N);
	assert_int_equal(f.seen.in_ops, 2 * N);
	/* One receive of 64 kB is captured whole, in parts. */
	f.seen.in_captured = 0;
	both(&f, VICTIM_LONG, 65536);
	assert_int_equal(f.seen.in_ops, 2 * N + 1);
	assert_int_equal(f.seen.in_captured, 65536);
	stop(&f);
}

static void bytes_tracepoint(void **state)
{
	(void)state;
	if (!kern_features__has(KERN_FEATURE_SOCK_TRACEPOINTS)) {
		print_message("no socket tracepoints on this kernel\n");
		skip();
	}
	check_bytes(KERN_BYTES_TRACEPOINT);
}

static void bytes_syscall(void **state)
{
	(void)state;
	check_bytes(KERN_BYTES_SYSCALL);
}

/* A provider number outside the table is a failed read: told as such, never as a type. */
static void odd_provider_is_unknown(void **state)
{
	struct kern_opts opts = {.level = LR_LEVEL_RESOURCES};
	uint64_t stats[LR_STAT_COUNT];
	struct fixture f;

	(void)state;
	start(&f, &opts);
	both(&f, VICTIM_ODD_PROVIDER, N);
	assert_int_equal(f.seen.by_type[LR_EV_INIT], N);
	assert_false(f.seen.last_init.flags & LR_RES_F_PROVIDER);
	assert_int_equal(kern__stats(f.kern, stats), 0);
	assert_int_equal(stats[LR_STAT_runtime_check], N);
	stop(&f);
}

/* Nobody drains: what does not fit is counted, and sequence numbers tell whose it was. */
static void full_ring_is_counted(void **state)
{
	struct kern_opts opts = {.ring_bytes = 65536};
	uint64_t stats[LR_STAT_COUNT];
	struct fixture f;
	uint64_t got = 0;

	(void)state;
	start(&f, &opts);
	victim__do(&f.victim, VICTIM_HTTP_TCP, 499);
	victim__do(&f.victim, VICTIM_HTTP_TCP, 499);
	assert_int_equal(flow_ring__drain(f.ring), 0);
	assert_int_equal(kern__stats(f.kern, stats), 0);
	for (int i = 0; i < SEEN_TYPES; i++)
		got += f.seen.by_type[i];
	assert_true(stats[LR_STAT_ring_full] > 0);
	/*
	 * Twice: 499 in and out, both ends of a connection, its close; the same as its client sees
	 * it, with its connect() and once more when its own port is known, and both of its steps
	 * to the end. Once: thread, command socket.
	 */
	assert_int_equal(got + stats[LR_STAT_ring_full],
			 2 * (2 * 499 + 2 + 1) + 2 * (2 * 499 + 2 + 2) + 2);
	stop(&f);
}

/* After detach the victim runs as before, and nothing is seen any more. */
static void detach_leaves_nothing(void **state)
{
	struct kern_opts opts = {.level = LR_LEVEL_RESOURCES};
	struct fixture f;

	(void)state;
	start(&f, &opts);
	kern__detach(f.kern);
	both(&f, VICTIM_CREATE, N);
	both(&f, VICTIM_HTTP_TCP, N);
	assert_int_equal(f.seen.by_type[LR_EV_INIT], 0);
	assert_int_equal(f.seen.in_ops, 0);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resources_multi),	   cmocka_unit_test(resources_perf),
		cmocka_unit_test(bytes_tracepoint),	   cmocka_unit_test(bytes_syscall),
		cmocka_unit_test(odd_provider_is_unknown), cmocka_unit_test(full_ring_is_counted),
		cmocka_unit_test(detach_leaves_nothing),
	};

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
