// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Chooses the means this kernel has, loads only the programs that are needed for them, and
 * sets their knobs before the verifier sees them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "kern"
#include "kern_features.h"
#include "kern_impl.h"
#include "log.h"
#include "util.h"

/* Since kernel 6.6: include/uapi/linux/bpf.h of the build machine may not have it yet. */
#define ATTACH_TYPE_UPROBE_MULTI 48

const struct kern_probe_def kern_probe_defs[LR_PROBE_COUNT] = {
#define REQUIRED true
#define OPTIONAL false
#define LR_PROBE(id, program, symbols, needed, level, keep) \
	[LR_PROBE_##id] = {#id, symbols, needed, level, keep},
	LR_PROBES(LR_PROBE)
#undef LR_PROBE
#undef REQUIRED
#undef OPTIONAL
};

struct bpf_program *kern__program(const struct kern *k, enum lr_probe probe)
{
	switch (probe) {
#define LR_PROBE(id, program, symbols, needed, level, keep) \
	case LR_PROBE_##id:                                 \
		return k->progs.by.program;
		LR_PROBES(LR_PROBE)
#undef LR_PROBE
	case LR_PROBE_COUNT:
		break;
	}
	return NULL;
}

/* libbpf explains itself at length; that is for -vv, errors for everyone. */
static int libbpf_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text, *save = NULL;

	if (level == LIBBPF_DEBUG || log_get_level() < LOG_DEBUG)
		return 0;
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		log_debug("%s", line);
	free(text);
	return 0;
}

static int choose_methods(struct kern_opts *o)
{
	bool multi = kern_features__has(KERN_FEATURE_UPROBE_MULTI);
	bool sockets = kern_features__has(KERN_FEATURE_SOCK_TRACEPOINTS);

	if (o->attach == KERN_ATTACH_MULTI && !multi) {
		log_err("this kernel has no uprobe_multi links (6.6 and later do); "
			"use --attach-method perf");
		return -EOPNOTSUPP;
	}
	if (o->bytes == KERN_BYTES_TRACEPOINT && !sockets) {
		log_err("this kernel has no sock_send_length and sock_recv_length tracepoints "
			"(6.3 and later do); use --byte-source syscall");
		return -EOPNOTSUPP;
	}
	if (o->attach == KERN_ATTACH_AUTO)
		o->attach = multi ? KERN_ATTACH_MULTI : KERN_ATTACH_PERF;
	if (o->bytes == KERN_BYTES_AUTO)
		o->bytes = sockets ? KERN_BYTES_TRACEPOINT : KERN_BYTES_SYSCALL;
	return 0;
}

static void choose_programs(struct kern *k)
{
	struct loopray_bpf *s = k->skel;
	bool sockets = k->opts.bytes == KERN_BYTES_TRACEPOINT;

	bpf_program__set_autoload(s->progs.lr_threads, false);
	bpf_program__set_autoload(s->progs.lr_sock_recv, sockets);
	bpf_program__set_autoload(s->progs.lr_sock_send, sockets);
	bpf_program__set_autoload(s->progs.lr_sys_exit, !sockets);
	/* Came with the socket tracepoints or shortly before them (6.3). */
	bpf_program__set_autoload(s->progs.lr_data_ready, sockets);
	bpf_program__set_autoload(s->progs.lr_fork, k->opts.follow);
	kern_lines__choose(k);
	for (int i = 0; i < LR_PROBE_COUNT; i++) {
		struct bpf_program *prog = kern__program(k, i);

		bpf_program__set_autoload(prog, kern_probe_defs[i].level <= k->opts.level);
		if (k->opts.attach == KERN_ATTACH_MULTI)
			bpf_program__set_expected_attach_type(prog, ATTACH_TYPE_UPROBE_MULTI);
	}
}

static int set_knobs(struct kern *k)
{
	struct loopray_bpf *s = k->skel;
	uint32_t ring = k->opts.ring_bytes ? k->opts.ring_bytes : LR_RING_BYTES;
	struct timespec tick;

	s->rodata->lr_single_tgid = k->opts.single;
	s->rodata->lr_follow = k->opts.follow;
	s->rodata->lr_sockets_by_addr = k->opts.bytes == KERN_BYTES_SYSCALL;
	if (k->opts.context_path)
		s->rodata->lr_context_path = *k->opts.context_path;
	/* The coarse clock advances once per tick: its resolution is the length of a jiffy. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0)
		s->rodata->lr_jiffy_ns = (uint64_t)tick.tv_sec * 1000000000ULL + tick.tv_nsec;
	/* Maps of the path that is not taken shrink to nothing. */
	if (k->opts.bytes != KERN_BYTES_SYSCALL)
		bpf_map__set_max_entries(s->maps.lr_conns_by_addr, 1);
	if (k->opts.level < LR_LEVEL_RESOURCES)
		bpf_map__set_max_entries(s->maps.lr_resources, 1);
	return bpf_map__set_max_entries(s->maps.lr_ring, ring);
}

static int load_programs(struct kern *k)
{
	int err;

	k->skel = loopray_bpf__open();
	if (!k->skel)
		return -errno;
	memcpy(&k->progs, &k->skel->progs, sizeof(k->progs));
	choose_programs(k);
	err = set_knobs(k);
	if (!err)
		err = kern_parts__load(k);
	if (err == -EPERM || err == -EACCES)
		log_err_errno(err, "cannot load BPF programs: run as root or see `loopray doctor`");
	else if (err)
		log_err_errno(err, "cannot load BPF programs (-vv shows the verifier's words)");
	return err;
}

void kern__init_log(void)
{
	libbpf_set_print(libbpf_log);
}

int kern__load(struct kern **out, const struct kern_opts *opts)
{
	struct kern *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->opts = *opts;
	kern__init_log();
	k->stat_cpus = libbpf_num_possible_cpus();
	err = k->stat_cpus < 0 ? k->stat_cpus : choose_methods(&k->opts);
	if (!err)
		err = load_programs(k);
	if (err) {
		kern__free(k);
		return err;
	}
	log_info("byte source: %s, uprobes: %s",
		 k->opts.bytes == KERN_BYTES_TRACEPOINT ? "socket tracepoints"
							: "system call exits",
		 k->opts.attach == KERN_ATTACH_MULTI ? "uprobe_multi" : "perf events");
	*out = k;
	return 0;
}

void kern__free(struct kern *k)
{
	if (!k)
		return;
	kern__detach(k);
	for (size_t i = 0; i < KERN_PARTS; i++)
		loopray_bpf__destroy(k->part[i]);
	loopray_bpf__destroy(k->skel);
	free(k->links);
	free(k);
}

int kern__add_process(struct kern *k, pid_t tgid, const struct lr_process_config *config)
{
	uint32_t key = tgid;

	if (bpf_map_update_elem(bpf_map__fd(k->skel->maps.lr_processes), &key, config, BPF_ANY))
		return -errno;
	return 0;
}

/* Of jobs whose callback will not run any more. */
static void forget_jobs(const struct kern *k, pid_t tgid)
{
	struct {
		uint64_t work, tgid;
	} key, next; /* struct lr_job_key */
	int fd = bpf_map__fd(k->skel->maps.lr_jobs);
	int err = bpf_map_get_next_key(fd, NULL, &next);

	for (uint32_t n = 0; !err && n < LR_MAX_JOBS; n++) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		if (key.tgid == (uint64_t)tgid)
			bpf_map_delete_elem(fd, &key);
	}
}

int kern__remove_process(struct kern *k, pid_t tgid)
{
	uint32_t key = tgid;

	forget_jobs(k, tgid);

	if (bpf_map_delete_elem(bpf_map__fd(k->skel->maps.lr_processes), &key))
		return -errno;
	return 0;
}

int kern__ring_fd(const struct kern *k)
{
	return bpf_map__fd(k->skel->maps.lr_ring);
}

int kern__follow_process(struct kern *k, pid_t tgid)
{
	uint32_t key = tgid, one = 1;

	if (bpf_map_update_elem(bpf_map__fd(k->skel->maps.lr_followed), &key, &one, BPF_ANY))
		return -errno;
	return 0;
}

int kern__serve_port(struct kern *k, uint16_t port)
{
	uint8_t one = 1;

	if (bpf_map_update_elem(bpf_map__fd(k->skel->maps.lr_ports), &port, &one, BPF_ANY))
		return -errno;
	return 0;
}
