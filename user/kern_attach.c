// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attaching. A uprobe_multi link (kernel 6.6) places all sites of a program in one image at
 * once and is gone the moment its descriptor is; older kernels get one perf event per site.
 *
 * The kernel's process filter for uprobe_multi let only the main thread's hits through until
 * 6.10 (commit 46ba0e49b642 there); perf events filter
 * by thread. Where it cannot be used, the image is probed for every process that maps it and
 * the programs filter by process themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_MODULE "attach"
#include "kern_features.h"
#include "kern_impl.h"
#include "log.h"
#include "target_jobs.h"
#include "target_tls.h"
#include "util.h"

#define ATTACH_TYPE_UPROBE_MULTI 48
#define REMOVERS		 32   /* threads */
#define CALLER_MAX		 4096 /* bytes of a function searched for calls */

/* The part of union bpf_attr that BPF_LINK_CREATE reads for uprobe_multi (uapi, 6.6). */
struct uprobe_multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t cnt;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t pad;
};

/* Where the sites of one probe lie in the image. */
struct sites {
	uint64_t offset[KERN_MAX_SITES];
	size_t n;
};

int kern__keep_link(struct kern *k, int fd, struct bpf_link *link)
{
	if (k->nlinks == k->links_cap) {
		size_t cap = k->links_cap ? 2 * k->links_cap : 16;
		struct kern_link *grown = reallocarray(k->links, cap, sizeof(*grown));

		if (!grown) {
			if (fd >= 0)
				close(fd);
			bpf_link__destroy(link);
			return -ENOMEM;
		}
		k->links = grown;
		k->links_cap = cap;
	}
	k->links[k->nlinks++] = (struct kern_link){.fd = fd, .link = link};
	return 0;
}

/* Safe for one that has been removed. */
static void remove_link(struct kern_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	bpf_link__destroy(l->link);
	*l = (struct kern_link){.fd = -1};
}

/* Links that several threads remove, each the next one. */
struct removal {
	struct kern_link *links;
	size_t n;
	atomic_size_t next;
};

static void *remove_some(void *arg)
{
	struct removal *r = arg;
	size_t i;

	while ((i = atomic_fetch_add(&r->next, 1)) < r->n)
		remove_link(&r->links[i]);
	return NULL;
}

/*
 * The kernel waits, for each link of uprobes, until nothing runs in its program any more: all of
 * these waits are one when they are begun together.
 */
static void remove_links(struct kern_link *links, size_t n)
{
	struct removal r = {.links = links, .n = n};
	pthread_t thread[REMOVERS];
	size_t started = 0;

	while (started < REMOVERS && started + 1 < n &&
	       !pthread_create(&thread[started], NULL, remove_some, &r))
		started++;
	remove_some(&r);
	while (started)
		pthread_join(thread[--started], NULL);
}

/* What looks a process up finds none, and does nothing any more. */
static void let_go(const struct kern *k)
{
	int fd = bpf_map__fd(k->skel->maps.lr_processes);
	uint32_t tgid;

	while (!bpf_map_get_next_key(fd, NULL, &tgid))
		if (bpf_map_delete_elem(fd, &tgid))
			return;
}

/*
 * Receives, then sends (see kern__attach_bytes), at once. Uprobes take their time to be removed:
 * what is inside of TLS would be seen meanwhile, without the socket's own.
 */
void kern__detach(struct kern *k)
{
	if (!k)
		return;
	while (k->bytes_to > k->bytes_from)
		remove_link(&k->links[--k->bytes_to]);
	if (k->nlinks)
		let_go(k);
	remove_links(k->links, k->nlinks);
	k->nlinks = 0;
	k->nimages = 0;
}

int kern__attach_tracepoint(struct kern *k, struct bpf_program *prog)
{
	struct bpf_link *link;

	if (!bpf_program__autoload(prog))
		return 0;
	link = bpf_program__attach(prog);
	if (!link) {
		log_err_errno(-errno, "cannot attach %s", bpf_program__name(prog));
		return -errno;
	}
	return kern__keep_link(k, -1, link);
}

/*
 * Receives come last and, as links are removed in the opposite order, go first: a request that is
 * seen has its response seen too. The other way round, the response of an unseen request would
 * be all there is to pair with the next one.
 */
int kern__attach_bytes(struct kern *k)
{
	struct bpf_program *progs[] = {
		k->progs.by.lr_exit,	   k->progs.by.lr_fork,	      k->progs.by.lr_exec,
		k->progs.by.lr_data_ready, k->progs.by.lr_sock_state, k->progs.by.lr_sys_exit,
		k->progs.by.lr_sock_send,  k->progs.by.lr_sock_recv,
	};
	int err = 0;

	k->bytes_from = k->nlinks;
	for (size_t i = 0; i < ARRAY_SIZE(progs) && !err; i++)
		err = kern__attach_tracepoint(k, progs[i]);
	k->bytes_to = k->nlinks;
	k->bytes_attached = !err;
	return err;
}

static const char *op_name(const struct target_elf *elf, uint64_t addr)
{
	struct code_insn insn;
	uint8_t bytes[16];
	size_t n = target_elf__read(elf, addr, bytes, sizeof(bytes));

	if (code__decode_bytes(bytes, n, addr, &insn, 1) != 1)
		return "?";
	switch (insn.op) {
	case CODE_PUSH:
		return "push";
	case CODE_NOP:
		return "nop";
	case CODE_JCC:
		return "jcc";
	case CODE_JMP:
		return "jmp";
	case CODE_CALL:
		return "call";
	default:
		return "single-stepped";
	}
}

/* Deleting destructors only call the complete one: probing both would count twice. */
static bool deleting_destructor(const struct elf_symbol *sym)
{
	return strstr(sym->name, "D0Ev") != NULL;
}

static int keep_site(struct kern_probe_state *st, const struct target_elf *elf, uint64_t addr,
		     uint64_t off, bool emulated, struct sites *sites)
{
	int err;

	if (sites->n == KERN_MAX_SITES)
		return -E2BIG;
	err = target_elf__file_offset(elf, addr + off, &sites->offset[sites->n]);
	if (err)
		return err;
	if (!sites->n)
		snprintf(st->where, sizeof(st->where), "0x%llx+%llu %s", (unsigned long long)addr,
			 (unsigned long long)off, op_name(elf, addr + off));
	sites->n++;
	st->single_stepped += !emulated;
	return 0;
}

static int add_site(struct kern_probe_state *st, const struct target_elf *elf,
		    const struct elf_symbol *sym, uint32_t keep, struct sites *sites)
{
	bool emulated = true;
	int off = keep == LR_SITE_TLS_READ ? target_tls__site(elf, sym, NULL)
					   : code__probe_site(elf, sym, keep, &emulated);

	return off < 0 ? off : keep_site(st, elf, sym->addr, (uint64_t)off, emulated, sites);
}

/* What a caller is searched for: functions of this file, or one of another library. */
struct callees {
	const struct elf_symbol *found[KERN_MAX_SITES];
	int n;
	const char *import; /* NULL: none */
};

static bool is_callee(const struct target_elf *elf, const struct callees *c, uint64_t addr)
{
	for (int i = 0; i < c->n; i++)
		if (c->found[i]->addr == addr)
			return true;
	return c->import && target_elf__calls_import(elf, addr, c->import);
}

/* Where @sym calls one of @callees directly. */
static int add_calls(struct kern_probe_state *st, const struct target_elf *elf,
		     const struct elf_symbol *sym, const struct callees *callees,
		     struct sites *sites)
{
	uint64_t at = sym->addr, end = sym->addr + min_t(uint64_t, sym->size, CALLER_MAX);

	while (at < end) {
		struct code_insn insn;
		int err = 0;

		if (code__decode(elf, at, end - at, &insn, 1) != 1)
			break;
		if (insn.op == CODE_CALL && is_callee(elf, callees, insn.target))
			err = keep_site(st, elf, sym->addr, at - sym->addr, insn.emulated, sites);
		if (err)
			return err;
		at += insn.len;
	}
	return 0;
}

static int find_symbols(const struct target_elf *elf, const char *name,
			const struct elf_symbol **found)
{
	int n;

	if (strchr(name, '(')) {
		n = target_elf__symbols_by_prefix(elf, name, found, KERN_MAX_SITES);
		return n > KERN_MAX_SITES ? -E2BIG : n;
	}
	found[0] = target_elf__symbol(elf, name);
	return found[0] != NULL;
}

/* One candidate: one without "(" is a plain C symbol, "A->B" are the calls of B in A. */
static int find_candidate(struct kern_probe_state *st, const struct kern_probe_def *def,
			  const struct target_elf *elf, char *name, struct sites *sites)
{
	const struct elf_symbol *found[KERN_MAX_SITES];
	struct callees callees = {.n = 0};
	char *callee = strstr(name, "->");
	int n, err = 0;

	if (callee) {
		*callee = '\0';
		callee += 2;
	}
	n = find_symbols(elf, name, found);
	if (n > 0 && callee)
		callees.n = find_symbols(elf, callee, callees.found);
	if (n < 0 || callees.n < 0)
		return n < 0 ? n : callees.n;
	if (callee && !callees.n && !strchr(callee, '('))
		callees.import = callee;
	for (int i = 0; i < n && !err; i++) {
		if (callee)
			err = add_calls(st, elf, found[i], &callees, sites);
		else if (!deleting_destructor(found[i]))
			err = add_site(st, elf, found[i], def->keep, sites);
	}
	return err;
}

/* Places inside of libuv, which need not be where a function begins. */
static int find_jobs(struct kern_probe_state *st, const struct target_elf *elf, uint32_t part,
		     struct sites *sites)
{
	struct target_jobs jobs;
	int err = target_jobs__decode(&jobs, elf);

	if (err || part >= TARGET_JOBS_PARTS)
		return err ? err : -EINVAL;
	for (size_t i = 0; i < jobs.part[part].n && !err; i++) {
		const struct target_jobs_site *site = &jobs.part[part].site[i];

		err = keep_site(st, elf, site->function, site->at - site->function, site->emulated,
				sites);
	}
	return err ? err : sites->n ? 0 : -ENOENT;
}

/* Candidates are separated by '|'. */
static int find_sites(struct kern_probe_state *st, const struct kern_probe_def *def,
		      const struct target_elf *elf, struct sites *sites)
{
	char names[256], *save = NULL;

	if (def->keep & LR_SITE_JOBS)
		return find_jobs(st, elf, def->keep & ~LR_SITE_JOBS, sites);
	snprintf(names, sizeof(names), "%s", def->symbols);
	for (char *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
		int err = find_candidate(st, def, elf, name, sites);

		if (err)
			return err;
		if (sites->n)
			return 0;
	}
	return -ENOENT;
}

static int attach_multi(struct kern *k, struct bpf_program *prog, const char *path, pid_t pid,
			const struct sites *sites)
{
	struct uprobe_multi_attr attr = {
		.prog_fd = bpf_program__fd(prog),
		.attach_type = ATTACH_TYPE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)sites->offset,
		.cnt = sites->n,
		.pid = pid,
	};
	int fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : kern__keep_link(k, fd, NULL);
}

static int attach_perf(struct kern *k, struct bpf_program *prog, const char *path,
		       const struct sites *sites)
{
	for (size_t i = 0; i < sites->n; i++) {
		struct bpf_link *link;
		int err;

		link = bpf_program__attach_uprobe(prog, false, -1, path, sites->offset[i]);
		if (!link)
			return -errno;
		err = kern__keep_link(k, -1, link);
		if (err)
			return err;
	}
	return 0;
}

/* A breakpoint goes into a page of the file: have it in memory, so that no attach waits. */
static void touch_pages(const char *path, const struct sites *sites)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0)
		return;
	for (size_t i = 0; i < sites->n; i++)
		if (pread(fd, &byte, 1, (off_t)sites->offset[i]) != 1)
			log_debug("probe page at 0x%llx could not be read ahead",
				  (unsigned long long)sites->offset[i]);
	close(fd);
}

static int attach_probe(struct kern *k, enum lr_probe probe, const struct kern_probe_def *def,
			const struct target_elf *elf, const char *path, pid_t pid)
{
	struct kern_probe_state *st = &k->probes[probe];
	struct sites sites = {.n = 0};
	int err = find_sites(st, def, elf, &sites);

	if (err) {
		snprintf(st->reason, sizeof(st->reason),
			 err == -ENOENT ? "no symbol %s" : "no probe site in %s", def->symbols);
		return err;
	}
	touch_pages(path, &sites);
	if (k->opts.attach == KERN_ATTACH_MULTI)
		err = attach_multi(k, kern__program(k, probe), path, pid, &sites);
	else
		err = attach_perf(k, kern__program(k, probe), path, &sites);
	if (err) {
		snprintf(st->reason, sizeof(st->reason), "attach failed: %s", strerror(-err));
		return err;
	}
	st->sites += sites.n;
	st->reason[0] = '\0';
	log_info("%s: %zu site(s), %s", def->name, sites.n, st->where);
	return 0;
}

static bool image_probed(struct kern *k, uint64_t dev, uint64_t inode)
{
	for (size_t i = 0; i < k->nimages; i++)
		if (k->images[i].dev == dev && k->images[i].inode == inode)
			return true;
	if (k->nimages < KERN_MAX_IMAGES) {
		k->images[k->nimages].dev = dev;
		k->images[k->nimages++].inode = inode;
	}
	return false;
}

int kern__attach_image(struct kern *k, const struct target_elf *elf, const char *path, pid_t pid,
		       uint64_t dev, uint64_t inode, char *why, size_t why_len)
{
	bool by_pid = k->opts.attach == KERN_ATTACH_MULTI &&
		      kern_features__has(KERN_FEATURE_UPROBE_MULTI_PID);
	int err;

	if (!by_pid) {
		pid = 0;
		if (image_probed(k, dev, inode))
			return 0;
	}
	for (int i = 0; i < LR_PROBE_COUNT; i++) {
		if (kern_probe_defs[i].level > k->opts.level)
			continue;
		err = attach_probe(k, i, &kern_probe_defs[i], elf, path, pid);
		if (!err)
			continue;
		if (kern_probe_defs[i].required || err == -EPERM || err == -EACCES) {
			snprintf(why, why_len, "probe %s: %s", kern_probe_defs[i].name,
				 k->probes[i].reason);
			return err;
		}
		log_info("%s: not attached: %s", kern_probe_defs[i].name, k->probes[i].reason);
	}
	return 0;
}

void kern__prepare_image(struct kern *k, const struct target_elf *elf, const char *path)
{
	for (int i = 0; i < LR_PROBE_COUNT; i++) {
		struct kern_probe_state st = {};
		struct sites sites = {.n = 0};

		if (kern_probe_defs[i].level <= k->opts.level &&
		    !find_sites(&st, &kern_probe_defs[i], elf, &sites))
			touch_pages(path, &sites);
	}
}

int kern__attach_library(struct kern *k, const struct target_elf *elf, const char *path, pid_t pid,
			 uint64_t dev, uint64_t inode)
{
	bool by_pid = k->opts.attach == KERN_ATTACH_MULTI &&
		      kern_features__has(KERN_FEATURE_UPROBE_MULTI_PID);
	struct kern_probe_def async = kern_probe_defs[LR_PROBE_loop_async];
	int err = 0;

	if (!by_pid) {
		pid = 0;
		if (image_probed(k, dev, inode))
			return 0;
	}
	/* In the runtime's own file only a part of what wakes the loop can be seen. */
	async.keep = LR_SITE_JOBS | TARGET_JOBS_ASYNC;
	if (attach_probe(k, LR_PROBE_loop_async, &async, elf, path, pid))
		log_info("%s: not in the library", async.name);
	for (int i = 0; i < LR_PROBE_COUNT; i++) {
		int failed;

		if (!(kern_probe_defs[i].keep & LR_SITE_JOBS) ||
		    kern_probe_defs[i].level > k->opts.level)
			continue;
		failed = attach_probe(k, i, &kern_probe_defs[i], elf, path, pid);
		if (failed)
			log_info("%s: not attached: %s", kern_probe_defs[i].name,
				 k->probes[i].reason);
		err = err ? err : failed;
	}
	return err;
}

bool kern__attached(const struct kern *k, enum lr_probe probe)
{
	return k->probes[probe].sites > 0;
}
