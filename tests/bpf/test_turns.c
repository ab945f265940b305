// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Turns of the loop of real Node.js processes, in the main thread and in a worker: each that the
 * program knows of (turns.js) was told, of its kind, right before its callback, with the time when
 * its timer was due. Needs root, and binaries that tools/node-fetch keeps; those that are not
 * there are left out.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "flow_ring.h"
#include "kern.h"
#include "target_layout.h"
#include "target_process.h"
#include "util.h"

#define SCRIPT "tests/bpf/turns.js"
#define NODES  "/var/cache/loopray/node/"
#define TURNS  4096
#define MS     1000000

static const char *const nodes[] = {"v18.20.8", "v20.20.2", "v22.21.1",
				    "v24.11.1", "v26.10.0", "debian18"};

struct run {
	pid_t pid;
	int to;
	FILE *from;
	struct kern *kern;
	struct flow_ring *ring;
	struct target_process *proc;
	struct target_elf *elf;
	struct target_layout layout;
	struct lr_ev_turn turn[TURNS];
	size_t n;
	unsigned int checked, by_kind[LR_TURN_KINDS];
	int64_t due_min, due_max;
};

static int on_record(void *ctx, const void *data, size_t len)
{
	const struct lr_event *h = data;
	struct run *r = ctx;

	assert_true(len >= sizeof(*h) && h->size <= len);
	if (h->type != LR_EV_TURN)
		return 0;
	assert_true(r->n < TURNS);
	memcpy(&r->turn[r->n], data, sizeof(r->turn[0]));
	r->by_kind[r->turn[r->n++].kind]++;
	return 0;
}

static void service_start(struct run *r, const char *node)
{
	char line[64];
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(node, node, SCRIPT, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	r->to = in[1];
	r->from = fdopen(out[0], "r");
	assert_non_null(fgets(line, sizeof(line), r->from));
	assert_string_equal(line, "ready\n");
}

static void service_stop(struct run *r)
{
	int status;

	close(r->to);
	fclose(r->from);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void attach(struct run *r)
{
	struct lr_process_config config = {.mechanism = LR_MECHANISM_NONE};
	struct kern_opts opts = {.level = LR_LEVEL_REQUESTS};
	struct target_why why = {0};
	char text[256] = "";

	if (target_process__open(&r->proc, r->pid, &why))
		fail_msg("%s", why.text);
	if (target_elf__open(&r->elf, r->proc->image, text, sizeof(text)) ||
	    target_layout__decode(&r->layout, r->elf, text, sizeof(text)) ||
	    target_layout__bind(&r->layout, r->pid, r->proc->load_bias, text, sizeof(text)))
		fail_msg("%s", text);
	assert_true(r->layout.lr.timer_timeout);
	config.layout = r->layout.lr;
	assert_int_equal(kern__load(&r->kern, &opts), 0);
	assert_int_equal(kern__add_process(r->kern, r->pid, &config), 0);
	assert_int_equal(kern__attach_bytes(r->kern), 0);
	if (kern__attach_image(r->kern, r->elf, r->proc->image, r->pid, r->proc->node.dev,
			       r->proc->node.ino, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(
		flow_ring__new(&r->ring, kern__ring_fd(r->kern), LR_RING_BYTES, on_record, r), 0);
}

static void detach(struct run *r)
{
	uint64_t sums[LR_STAT_COUNT];

	assert_int_equal(kern__stats(r->kern, sums), 0);
	assert_int_equal(sums[LR_STAT_ring_full], 0);
	flow_ring__free(r->ring);
	kern__detach(r->kern);
	kern__free(r->kern);
	target_elf__free(r->elf);
	target_process__free(r->proc);
}

/* The last turn of the main thread or of the worker that had begun at @at. */
static const struct lr_ev_turn *turn_at(const struct run *r, bool worker, uint64_t at)
{
	const struct lr_ev_turn *found = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct lr_ev_turn *t = &r->turn[i];

		if ((t->h.tid != (uint32_t)r->pid) == worker && t->h.ts <= at)
			found = t;
	}
	return found;
}

/* Of libuv's milliseconds, the one that had begun, by a clock that may be a tick old. */
static void check_due(struct run *r, const char *line, uint64_t due, uint64_t from, uint64_t to)
{
	if (due + 2ULL * MS < from || due > to + 2ULL * MS)
		fail_msg("%s told as due at %" PRIu64, line, due);
	r->due_min = min_t(int64_t, r->due_min, (int64_t)(due - from));
	r->due_max = max_t(int64_t, r->due_max, (int64_t)(due - to));
}

static void check_line(struct run *r, const char *line)
{
	static const char *const kinds[LR_TURN_KINDS] = {"other", "timers", "immediates", "async"};
	const struct lr_ev_turn *t;
	uint64_t from, to, at;
	char kind[16];
	int thread;

	assert_int_equal(sscanf(line, "%d %15s %" SCNu64 " %" SCNu64 " %" SCNu64, &thread, kind,
				&from, &to, &at),
			 5);
	t = turn_at(r, thread != 0, at);
	if (!t || strcmp(kinds[t->kind], kind) != 0)
		fail_msg("%s told as %s", line, t ? kinds[t->kind] : "nothing");
	assert_true(t->flags & LR_TURN_F_IDLE);
	assert_int_equal(t->top, 0);
	r->checked++;
	if (t->kind == LR_TURN_TIMERS)
		check_due(r, line, t->due_ns, from, to);
	else
		assert_int_equal(t->due_ns, 0);
}

static void check_turns(struct run *r)
{
	char line[128];

	assert_int_equal(write(r->to, "go\n", 3), 3);
	while (fgets(line, sizeof(line), r->from) && strcmp(line, "end\n") != 0) {
		line[strcspn(line, "\n")] = '\0';
		assert_int_equal(flow_ring__drain(r->ring), 0);
		check_line(r, line);
	}
	assert_string_equal(line, "end\n");
}

static bool check_node(const char *name)
{
	struct run *r = calloc(1, sizeof(*r));
	char node[128];

	assert_non_null(r);
	snprintf(node, sizeof(node), NODES "%s/bin/node", name);
	if (access(node, X_OK) != 0) {
		free(r);
		return false;
	}
	service_start(r, node);
	attach(r);
	check_turns(r);
	print_message("%s: %u turns as the program knows them; of %u timers, %u immediates, %u "
		      "async, %u other; due from %.3f to %.3f ms beside\n",
		      name, r->checked, r->by_kind[LR_TURN_TIMERS], r->by_kind[LR_TURN_IMMEDIATES],
		      r->by_kind[LR_TURN_ASYNC], r->by_kind[LR_TURN_OTHER], (double)r->due_min / MS,
		      (double)r->due_max / MS);
	assert_true(r->checked >= 2 * 8 * 7);
	/* None but those of the program: there are no others in the loop's every iteration. */
	assert_in_range(r->by_kind[LR_TURN_IMMEDIATES], 2 * 8, 2 * 8 + 8);
	detach(r);
	service_stop(r);
	free(r);
	return true;
}

static void every_turn(void **state)
{
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		checked += check_node(nodes[i]);
	if (!checked) {
		print_message("skipped: no Node.js binary on this machine\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_turn)};

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
