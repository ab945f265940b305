// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libuv's thread pool (src/threadpool.c), as far as probes go into it:
 *
 *     static void worker(void* arg) {
 *       for (;;) {
 *         ... take q off the queue
 *         uv_mutex_unlock(&mutex);                         START: the call before
 *         w = container_of(q, struct uv__work, wq);
 *         w->work(w);                                      call *[reg+disp]
 *         uv_mutex_lock(&w->loop->wq_mutex);
 *         ... put it into w->loop->wq
 *         uv_async_send(&w->loop->wq_async);               END
 *
 *     void uv__work_done(uv_async_t* handle) {
 *         ... for each w in the loop's wq
 *           w->done(w, err);                               DONE: those functions' beginnings
 *         }                                                OVER: the branch behind the call
 *
 * `work` is the first member of struct uv__work, so the address that the indirect call reads is the
 * job's own name, and the register that it is based on keeps it until END, as calls preserve it.
 * A probe in `worker` sees jobs alone; the functions that do the work are also called for
 * operations that block the loop.
 *
 * The static functions have symbols in official builds. In a stripped library they are found from
 * exported ones: uv_queue_work names the function that starts the pool's threads (uv_once) and
 * those of its own jobs, uv_fs_close and the like pass theirs to uv__work_submit in rcx and r8,
 * uv_loop_init passes uv__work_done to uv_async_init. What is found is only taken if it has the
 * shape above.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target_code.h"
#include "target_jobs.h"
#include "util.h"

#define SCAN_MAX     4096
#define UNSIZED_SCAN 1024 /* of a function whose end is not known */
#define REFS_MAX     16
#define PLACES	     16
#define KEPT_BY_CALLS                                                                         \
	(1U << CODE_RBX | 1U << CODE_RBP | 1U << CODE_R12 | 1U << CODE_R13 | 1U << CODE_R14 | \
	 1U << CODE_R15)

/* Calls @fn for every instruction at @addr, in order, until it returns true. */
static void scan(const struct target_elf *elf, uint64_t addr, uint64_t size,
		 bool (*fn)(const struct code_insn *in, void *ctx), void *ctx)
{
	size_t len = size ? min_t(uint64_t, size, SCAN_MAX) : UNSIZED_SCAN, at = 0;
	uint8_t bytes[SCAN_MAX];
	struct code_insn in;

	if (!target_elf__is_code(elf, addr))
		return;
	len = target_elf__read(elf, addr, bytes, len);
	while (at < len && code__decode_bytes(bytes + at, len - at, addr + at, &in, 1) == 1) {
		if (fn(&in, ctx))
			return;
		at += in.len;
	}
}

static bool calls(const struct target_elf *elf, const struct code_insn *in, const char *name)
{
	const struct elf_symbol *sym;

	if (in->op != CODE_CALL || !in->target)
		return false;
	sym = target_elf__symbol(elf, name);
	return (sym && sym->addr == in->target) || target_elf__calls_import(elf, in->target, name);
}

/* The address of code that @in puts into a register, 0 none. */
static uint64_t code_ref(const struct target_elf *elf, const struct code_insn *in)
{
	uint64_t addr = 0;

	if (in->op == CODE_LEA && in->base == CODE_RIP)
		addr = (uint64_t)in->disp;
	else if (in->op == CODE_MOV_IMM)
		addr = (uint64_t)in->imm;
	return addr && target_elf__is_code(elf, addr) ? addr : 0;
}

static void add(struct target_jobs *jobs, enum target_jobs_part part, uint64_t function,
		uint64_t at, bool emulated)
{
	size_t n = jobs->part[part].n;

	for (size_t i = 0; i < n; i++)
		if (jobs->part[part].site[i].at == at)
			return;
	if (n < TARGET_JOBS_SITES)
		jobs->part[part].site[jobs->part[part].n++] =
			(struct target_jobs_site){function, at, emulated};
}

/*
 * A place further down the straight line than code__probe_site goes: what is to be read lies in
 * registers, so that the stack may have moved.
 */
static uint64_t emulated_place(const struct target_elf *elf, uint64_t addr, uint32_t keep)
{
	const struct elf_symbol fn = {.name = "", .addr = addr, .size = UNSIZED_SCAN};
	struct code_insn in[PLACES];
	bool targeted[PLACES];
	size_t n = code__decode(elf, addr, 0, in, ARRAY_SIZE(in));

	if (code__find_targets(elf, &fn, in, n, targeted))
		return 0;
	for (size_t i = 0; i < n && !targeted[i]; i++) {
		if (in[i].emulated)
			return in[i].addr;
		if (in[i].op == CODE_JCC || in[i].op == CODE_CALL || (in[i].writes & keep))
			return 0;
	}
	return 0;
}

/* At the beginning of a function, where the registers in @keep are intact. */
static int add_function(struct target_jobs *jobs, const struct target_elf *elf,
			enum target_jobs_part part, const char *name, uint64_t addr, uint64_t size,
			uint32_t keep)
{
	const struct elf_symbol fn = {.name = name, .addr = addr, .size = size};
	bool emulated = false;
	int off = addr ? code__probe_site(elf, &fn, keep, &emulated) : -ENOENT;
	uint64_t at = addr + (uint64_t)off;

	if (off == -ENOMEM)
		return off;
	if (!addr || (off < 0 && off != -ELOOP))
		return 0;
	if (!emulated) {
		uint64_t better = emulated_place(elf, addr, keep);

		emulated = better != 0;
		at = better ? better : at;
	}
	if (off >= 0 || emulated)
		add(jobs, part, addr, at, emulated);
	return 0;
}

/* worker --------------------------------------------------------------------------------- */

struct worker {
	const struct target_elf *elf;
	uint64_t before; /* the last direct call, 0: something came after it that is none */
	bool emulated;
	struct code_insn job; /* the indirect call */
	uint64_t start, end;
	bool start_emulated, end_emulated;
	bool sized;
	uint64_t furthest; /* that a branch leads to */
};

static bool worker_insn(const struct code_insn *in, void *ctx)
{
	struct worker *w = ctx;

	if (in->op == CODE_JCC || (in->op == CODE_JMP && in->target - in->addr < UNSIZED_SCAN))
		w->furthest = max_t(uint64_t, w->furthest, in->target);
	if (!w->sized && (in->op == CODE_RET || in->op == CODE_JMP) && w->furthest <= in->addr)
		return true; /* another function follows */
	if (!w->start && in->op == CODE_CALL) {
		bool indirect = !in->target && in->width == 8 && in->base >= 0 && in->base < 16 &&
				in->index == CODE_NOREG && (KEPT_BY_CALLS & 1U << in->base) &&
				in->disp == (int32_t)in->disp;

		if (indirect && w->before) {
			w->job = *in;
			w->start = w->before;
			w->start_emulated = w->emulated;
		}
		w->before = in->target ? in->addr : 0;
		w->emulated = in->emulated;
		return false;
	}
	/* Nothing may come in between but what sets the argument. */
	if (!w->start) {
		if (in->op != CODE_LEA && in->op != CODE_MOV)
			w->before = 0;
		return false;
	}
	if (calls(w->elf, in, "uv_async_send")) {
		w->end = in->addr;
		w->end_emulated = in->emulated;
		return true;
	}
	return in->op == CODE_RET || (in->writes & 1U << w->job.base) != 0;
}

static bool find_worker(struct target_jobs *jobs, const struct target_elf *elf, uint64_t addr,
			uint64_t size)
{
	struct worker w = {.elf = elf, .sized = size != 0};

	scan(elf, addr, size, worker_insn, &w);
	if (!w.end)
		return false;
	add(jobs, TARGET_JOBS_START, addr, w.start, w.start_emulated);
	add(jobs, TARGET_JOBS_END, addr, w.end, w.end_emulated);
	jobs->lr.reg = (uint8_t)w.job.base;
	jobs->lr.disp = (int32_t)w.job.disp;
	return true;
}

/* uv__work_done -------------------------------------------------------------------------- */

struct work_done {
	struct target_jobs *jobs;
	uint64_t addr;
	bool sized;
	bool called; /* and no branch has come since */
	uint64_t furthest;
};

static bool work_done_insn(const struct code_insn *in, void *ctx)
{
	struct work_done *d = ctx;

	if (in->op == CODE_CALL)
		d->called = !in->target && in->width == 8 && in->base >= 0 && in->base < 16;
	if (in->op == CODE_JCC) {
		if (d->called)
			add(d->jobs, TARGET_JOBS_OVER, d->addr, in->addr, in->emulated);
		d->called = false;
		d->furthest = max_t(uint64_t, d->furthest, in->target);
	}
	return !d->sized && (in->op == CODE_RET || in->op == CODE_JMP) && d->furthest <= in->addr;
}

static void find_work_done(struct target_jobs *jobs, const struct target_elf *elf, uint64_t addr,
			   uint64_t size)
{
	struct work_done d = {.jobs = jobs, .addr = addr, .sized = size != 0};

	scan(elf, addr, size, work_done_insn, &d);
}

/* What exported functions pass on -------------------------------------------------------- */

/* A call of uv__work_submit(loop, w, kind, work, done). */
struct submit {
	const struct target_elf *elf;
	bool has_kind;
	int64_t kind;
	uint64_t work, done;
	uint64_t function; /* 0: no such call */
};

static bool submit_insn(const struct code_insn *in, void *ctx)
{
	struct submit *s = ctx;

	if (in->op == CODE_CALL) {
		if (in->target && s->work && s->done && s->has_kind) {
			s->function = in->target;
			return true;
		}
		s->work = s->done = 0;
		s->has_kind = false;
		return false;
	}
	if (in->writes & 1U << CODE_RCX)
		s->work = code_ref(s->elf, in);
	if (in->writes & 1U << CODE_R8)
		s->done = code_ref(s->elf, in);
	if (in->writes & 1U << CODE_RDX) {
		s->has_kind = in->op == CODE_MOV_IMM;
		s->kind = in->imm;
	}
	return false;
}

static bool find_submit(const struct target_elf *elf, const char *name, struct submit *s)
{
	const struct elf_symbol *fn = target_elf__symbol(elf, name);

	*s = (struct submit){.elf = elf};
	if (fn)
		scan(elf, fn->addr, fn->size, submit_insn, s);
	return s->function != 0;
}

/* All code that a function names, and what it passes as an argument to a certain call. */
struct refs {
	const struct target_elf *elf;
	const char *callee;
	int8_t argument;
	uint64_t passed, held; /* found, and in the register now */
	uint64_t ref[REFS_MAX];
	size_t n;
};

/*
 * A pair of pointers may be put together from constants (movhps xmm, [rip+disp]), or one be stored
 * where it belongs.
 */
static uint64_t constant_ref(const struct target_elf *elf, const struct code_insn *in)
{
	uint64_t addr = 0;

	if (in->op == CODE_STORE && in->src == CODE_NOREG && in->width == 8)
		return target_elf__is_code(elf, (uint64_t)in->imm) ? (uint64_t)in->imm : 0;
	if (in->op != CODE_OTHER || in->base != CODE_RIP || in->width != 8 ||
	    target_elf__read(elf, (uint64_t)in->disp, &addr, sizeof(addr)) != sizeof(addr))
		return 0;
	return target_elf__is_code(elf, addr) ? addr : 0;
}

static bool refs_insn(const struct code_insn *in, void *ctx)
{
	struct refs *r = ctx;
	uint64_t ref = code_ref(r->elf, in);

	if (!ref)
		ref = constant_ref(r->elf, in);

	if (ref && r->n < REFS_MAX)
		r->ref[r->n++] = ref;
	if (r->callee && calls(r->elf, in, r->callee) && r->held)
		r->passed = r->held;
	if (r->callee && in->op == CODE_CALL)
		r->held = 0;
	else if (r->callee && (in->writes & 1U << r->argument))
		r->held = ref;
	return false;
}

static void find_refs(const struct target_elf *elf, const char *name, struct refs *r)
{
	const struct elf_symbol *fn = target_elf__symbol(elf, name);

	if (fn)
		scan(elf, fn->addr, fn->size, refs_insn, r);
}

static bool branches_insn(const struct code_insn *in, void *ctx)
{
	bool *branches = ctx;

	*branches = in->op == CODE_JCC;
	return *branches || in->op == CODE_RET || in->op == CODE_JMP;
}

/*
 * Of the functions that uv_queue_work names, that for DONE: it looks whether there is a callback,
 * while the one that does the work calls without a question.
 */
static uint64_t queue_done(const struct target_elf *elf, const struct refs *r)
{
	uint64_t found = 0;

	for (size_t i = 0; i < r->n; i++) {
		bool branches = false;

		if (r->ref[i] == r->passed)
			continue; /* what uv_once calls */
		scan(elf, r->ref[i], 0, branches_insn, &branches);
		if (branches && found && found != r->ref[i])
			return 0;
		if (branches)
			found = r->ref[i];
	}
	return found;
}

/* What uv_async_init passes on is called where the loop was woken; it names no other function. */
static int find_async(struct target_jobs *jobs, const struct target_elf *elf)
{
	const struct elf_symbol *sym = target_elf__symbol(elf, "uv__async_io");
	struct refs init = {.elf = elf};

	if (!sym)
		find_refs(elf, "uv_async_init", &init);
	if (!sym && init.n != 1)
		return 0;
	return add_function(jobs, elf, TARGET_JOBS_ASYNC, "uv__async_io",
			    sym ? sym->addr : init.ref[0], sym ? sym->size : 0, 0);
}

/* Without symbols: what starts the threads names what they run. */
static void find_hidden(struct target_jobs *jobs, const struct target_elf *elf)
{
	struct refs queue = {.elf = elf, .callee = "uv_once", .argument = CODE_RSI};
	struct refs init = {.elf = elf};
	struct refs loop = {.elf = elf, .callee = "uv_async_init", .argument = CODE_RDX};

	find_refs(elf, "uv_queue_work", &queue);
	find_refs(elf, "uv_loop_init", &loop);
	if (queue.passed)
		scan(elf, queue.passed, 0, refs_insn, &init);
	for (size_t i = 0; i < init.n && !jobs->part[TARGET_JOBS_START].n; i++)
		find_worker(jobs, elf, init.ref[i], 0);
	if (loop.passed)
		find_work_done(jobs, elf, loop.passed, 0);
	add_function(jobs, elf, TARGET_JOBS_DONE, "uv__queue_done", queue_done(elf, &queue), 0,
		     1U << CODE_RDI);
}

/* All together --------------------------------------------------------------------------- */

static int add_done(struct target_jobs *jobs, const struct target_elf *elf, const char *name,
		    uint64_t passed)
{
	const struct elf_symbol *fn = target_elf__symbol(elf, name);

	return add_function(jobs, elf, TARGET_JOBS_DONE, name, fn ? fn->addr : passed,
			    fn ? fn->size : 0, 1U << CODE_RDI);
}

static const struct {
	const char *function, *done;
} by_submit[] = {
	{"uv_fs_close", "uv__fs_done"},
	{"uv_getaddrinfo", "uv__getaddrinfo_done"},
	{"uv_getnameinfo", "uv__getnameinfo_done"},
	{"uv_random", "uv__random_done"},
};

static int find_submits(struct target_jobs *jobs, const struct target_elf *elf)
{
	const struct elf_symbol *sym = target_elf__symbol(elf, "uv__work_submit");
	struct submit s[ARRAY_SIZE(by_submit)];
	uint64_t function = sym ? sym->addr : 0;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(by_submit) && !err; i++) {
		if (!find_submit(elf, by_submit[i].function, &s[i]))
			s[i] = (struct submit){.kind = -1};
		else if (!function)
			function = s[i].function;
		if (s[i].function != function)
			s[i] = (struct submit){
				.kind = -1}; /* another function: not what it seemed */
		err = add_done(jobs, elf, by_submit[i].done, s[i].done);
	}
	if (err)
		return err;
	/* enum uv__work_kind (src/uv-common.h): each of them says what kind it is. */
	jobs->lr.kind_fs = jobs->lr.kind_dns = UINT32_MAX;
	if (s[0].function && s[1].function && s[0].kind != s[1].kind && s[0].kind != s[3].kind) {
		jobs->lr.kind_fs = (uint32_t)s[0].kind;
		jobs->lr.kind_dns = (uint32_t)s[1].kind;
	}
	return add_function(jobs, elf, TARGET_JOBS_SUBMIT, "uv__work_submit", function,
			    sym ? sym->size : 0, 1U << CODE_RDI | 1U << CODE_RSI | 1U << CODE_RDX);
}

bool target_jobs__complete(const struct target_jobs *jobs)
{
	for (int i = 0; i < TARGET_JOBS_ASYNC; i++)
		if (!jobs->part[i].n)
			return false;
	return jobs->part[TARGET_JOBS_DONE].n == 1 + ARRAY_SIZE(by_submit);
}

int target_jobs__decode(struct target_jobs *jobs, const struct target_elf *elf)
{
	const struct elf_symbol *queue = target_elf__symbol(elf, "uv_queue_work");
	const struct elf_symbol *worker = target_elf__symbol(elf, "worker");
	const struct elf_symbol *done = target_elf__symbol(elf, "uv__work_done");
	int err;

	memset(jobs, 0, sizeof(*jobs));
	if (!queue)
		return 0;
	err = find_submits(jobs, elf);
	if (!err)
		err = add_function(jobs, elf, TARGET_JOBS_QUEUE, queue->name, queue->addr,
				   queue->size, 1U << CODE_RSI | 1U << CODE_RDX);
	if (!err)
		err = add_done(jobs, elf, "uv__queue_done", 0);
	if (worker)
		find_worker(jobs, elf, worker->addr, worker->size);
	if (done)
		find_work_done(jobs, elf, done->addr, done->size);
	if (!err)
		err = find_async(jobs, elf);
	if (!jobs->part[TARGET_JOBS_START].n || !jobs->part[TARGET_JOBS_OVER].n)
		find_hidden(jobs, elf);
	return err;
}
