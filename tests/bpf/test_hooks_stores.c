// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Active stores of real Node.js processes whose AsyncLocalStorage works over async_hooks: what is
 * read at the send of each response head equals what getStore() gave, which the service writes
 * into that head (hooks_stores.js). Under garbage collection, in worker threads too. Needs root,
 * and binaries that tools/node-fetch keeps; those that are not there are left out.
 */
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

#define SCRIPT	 "tests/bpf/hooks_stores.js"
#define NODES	 "/var/cache/loopray/node/"
#define REQUESTS 1536
#define WORKERS	 2
#define OBJECTS	 4096
#define TEXT	 32

static const struct {
	const char *name;
	const char *flag;
} nodes[] = {
	{"v18.20.8", NULL},
	{"v20.20.2", NULL},
	{"v22.21.1", NULL},
	{"debian18", NULL},
	{"v24.11.1", "--no-async-context-frame"},
};

/* What the objects hold that were told of: within an epoch of a thread, by address. */
struct object {
	uint64_t value;
	uint32_t tid;
	uint32_t epoch;
	int32_t id;
};

struct run {
	pid_t pid;
	int to, from; /* the service's input and output */
	char ports[WORKERS + 1][8];
	struct kern *kern;
	struct flow_ring *ring;
	struct target_process *proc;
	struct target_elf *elf;
	struct target_layout layout;
	struct object objects[OBJECTS];
	/* Each thread's last one: comes right before the bytes it is about. */
	struct lr_ev_stores last[WORKERS + 2];
	unsigned int heads, equal, wrong, unread, empty;
};

/* ---- what is read against what was written ---- */

static struct object *object_at(struct run *r, uint64_t value, uint32_t tid, uint32_t epoch)
{
	size_t at = (value >> 3 ^ value >> 15 ^ tid) % OBJECTS;

	for (size_t i = 0; i < OBJECTS; i++) {
		struct object *o = &r->objects[(at + i) % OBJECTS];

		if (!o->value || o->tid != tid || o->epoch != epoch || o->value == value) {
			/* Of a thread's earlier epochs nothing is asked any more. */
			if (!o->value || o->value == value || (o->tid == tid && o->epoch < epoch))
				return o;
		}
	}
	fail_msg("more objects than a test has");
	return NULL;
}

static void note_store(struct run *r, const struct lr_ev_store *rec)
{
	struct object *o = object_at(r, rec->value, rec->h.tid, rec->epoch);

	*o = (struct object){rec->value, rec->h.tid, rec->epoch, -1};
	for (uint32_t i = 0; i < rec->n && i < LR_STORE_FIELDS; i++) {
		const struct lr_store_field *f = &rec->field[i];

		if (f->name_len == 2 && memcmp(f->name, "id", 2) == 0 && f->kind == LR_VALUE_SMI)
			o->id = (int32_t)f->bits;
	}
}

/* The place for a thread's last record: its own, or a free one. */
static struct lr_ev_stores *last_of(struct run *r, uint32_t tid)
{
	for (size_t i = 0; i < ARRAY_SIZE(r->last); i++) {
		if (r->last[i].h.tid == tid || !r->last[i].h.tid)
			return &r->last[i];
	}
	fail_msg("thread %u is one too many", tid);
	return NULL;
}

/* Both stores as the service writes them. */
static void read_stores(struct run *r, const struct lr_ev_stores *s, char number[TEXT],
			char object[TEXT])
{
	strcpy(number, "-");
	strcpy(object, "-");
	for (uint32_t i = 0; i < s->n && i < LR_STORES_MAX; i++) {
		const struct lr_store_ref *ref = &s->ref[i];

		if (ref->kind == LR_VALUE_SMI)
			snprintf(number, TEXT, "%d", (int32_t)(ref->value >> 32));
		else if (ref->kind == LR_VALUE_OBJECT)
			snprintf(object, TEXT, "%d",
				 object_at(r, ref->value, s->h.tid, s->epoch)->id);
	}
}

static void compare(struct run *r, const struct lr_ev_data *rec)
{
	char head[1024], want[2][TEXT], got[2][TEXT], route[TEXT];
	size_t len = rec->captured < sizeof(head) - 1 ? rec->captured : sizeof(head) - 1;
	const struct lr_ev_stores *last;
	const char *at;

	memcpy(head, rec->data, len);
	head[len] = '\0';
	at = strstr(head, "X-Stores: ");
	if (rec->offset || !at)
		return;
	assert_int_equal(sscanf(at, "X-Stores: %31s %31s %31s", want[0], want[1], route), 3);
	r->heads++;
	last = last_of(r, rec->h.tid);
	if (last->h.ts != rec->h.ts || last->status) {
		r->unread++;
		print_message("%s: status %u\n", route, last->status);
		return;
	}
	read_stores(r, last, got[0], got[1]);
	r->empty += strcmp(want[0], "-") == 0 && strcmp(want[1], "-") == 0;
	if (strcmp(want[0], got[0]) == 0 && strcmp(want[1], got[1]) == 0) {
		r->equal++;
		return;
	}
	r->wrong++;
	print_message("%s: %s %s, read as %s %s\n", route, want[0], want[1], got[0], got[1]);
}

static int on_record(void *ctx, const void *data, size_t len)
{
	const struct lr_event *h = data;
	struct run *r = ctx;

	assert_true(len >= sizeof(*h) && h->size <= len);
	if (h->type == LR_EV_STORE)
		note_store(r, data);
	else if (h->type == LR_EV_STORES)
		memcpy(last_of(r, h->tid), data, sizeof(r->last[0]));
	else if (h->type == LR_EV_OUT)
		compare(r, data);
	return 0;
}

/* ---- processes ---- */

static pid_t spawn(char *const argv[], int in, int out)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		execv(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static void read_ports(struct run *r)
{
	FILE *out = fdopen(dup(r->from), "r");

	assert_non_null(out);
	for (size_t i = 0; i <= WORKERS; i++) {
		assert_non_null(fgets(r->ports[i], sizeof(r->ports[i]), out));
		r->ports[i][strcspn(r->ports[i], "\n")] = '\0';
	}
	fclose(out);
}

static void service_start(struct run *r, const char *node, const char *flag)
{
	char workers[8];
	char *argv[] = {(char *)node,
			"--expose-gc",
			"--max-semi-space-size=1",
			(char *)(flag ? flag : "--stack-trace-limit=10"),
			SCRIPT,
			"serve",
			workers,
			NULL};
	int in[2], out[2];

	snprintf(workers, sizeof(workers), "%d", WORKERS);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	r->pid = spawn(argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	r->to = in[1];
	r->from = out[0];
	read_ports(r);
}

static void service_stop(struct run *r)
{
	int status;

	close(r->to);
	close(r->from);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void attach(struct run *r)
{
	struct lr_process_config config = {.mechanism = LR_MECHANISM_HOOKS};
	struct kern_opts opts = {.level = LR_LEVEL_REQUESTS};
	struct target_why why = {0};
	char text[256] = "";

	if (target_process__open(&r->proc, r->pid, &why))
		fail_msg("%s", why.text);
	if (target_elf__open(&r->elf, r->proc->image, text, sizeof(text)) ||
	    target_layout__decode(&r->layout, r->elf, text, sizeof(text)) ||
	    target_layout__bind(&r->layout, r->pid, r->proc->load_bias, text, sizeof(text)))
		fail_msg("%s", text);
	assert_true(r->layout.heap.flags & LR_HEAP_HOOKS);
	config.layout = r->layout.lr;
	config.heap = r->layout.heap;
	assert_int_equal(kern__load(&r->kern, &opts), 0);
	assert_int_equal(kern__add_process(r->kern, r->pid, &config), 0);
	assert_int_equal(kern__attach_bytes(r->kern), 0);
	if (kern__attach_image(r->kern, r->elf, r->proc->image, r->pid, r->proc->node.dev,
			       r->proc->node.ino, text, sizeof(text)))
		fail_msg("%s", text);
	assert_true(kern__attached(r->kern, LR_PROBE_gc_start));
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

/* Sends the requests, with the same node, and compares meanwhile. */
static void load(struct run *r, const char *node)
{
	char count[16];
	char *argv[WORKERS + 6] = {(char *)node, SCRIPT, "load", count};
	int status = -1;
	pid_t pid;

	snprintf(count, sizeof(count), "%d", REQUESTS);
	for (size_t i = 0; i <= WORKERS; i++)
		argv[4 + i] = r->ports[i];
	pid = spawn(argv, 0, 1);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		assert_int_equal(flow_ring__drain(r->ring), 0);
		usleep(2000);
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(flow_ring__drain(r->ring), 0);
}

static bool check_node(const char *name, const char *flag)
{
	struct run *r = calloc(1, sizeof(*r));
	char node[128];

	assert_non_null(r);
	snprintf(node, sizeof(node), NODES "%s/bin/node", name);
	if (access(node, X_OK) != 0) {
		free(r);
		return false;
	}
	service_start(r, node, flag);
	attach(r);
	load(r, node);
	print_message("%s: %u heads, %u equal (%u without a store), %u wrong, %u unread\n", name,
		      r->heads, r->equal, r->empty, r->wrong, r->unread);
	assert_int_equal(r->heads, REQUESTS);
	assert_int_equal(r->wrong, 0);
	/* Until a thread's first store is entered there is nothing to be read. */
	assert_true(r->unread <= WORKERS + 1);
	assert_int_equal(r->equal, REQUESTS - r->unread);
	assert_true(r->empty > 0 && r->empty < REQUESTS / 4);
	detach(r);
	service_stop(r);
	free(r);
	return true;
}

static void every_head(void **state)
{
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		checked += check_node(nodes[i].name, nodes[i].flag);
	if (!checked) {
		print_message("skipped: no Node.js binary on this machine\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_head)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
