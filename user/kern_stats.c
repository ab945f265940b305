// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reading back what the programs counted, and what covers what. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern_impl.h"
#include "util.h"

static int sum_percpu(const struct kern *k, struct bpf_map *map, uint32_t n, uint64_t *sums)
{
	uint64_t *values = calloc(k->stat_cpus, sizeof(*values));
	int err = 0;

	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && !err; i++) {
		sums[i] = 0;
		if (bpf_map_lookup_elem(bpf_map__fd(map), &i, values)) {
			err = -errno;
			break;
		}
		for (int cpu = 0; cpu < k->stat_cpus; cpu++)
			sums[i] += values[cpu];
	}
	free(values);
	return err;
}

int kern__stats(const struct kern *k, uint64_t sums[LR_STAT_COUNT])
{
	return sum_percpu(k, k->skel->maps.lr_stats, LR_STAT_COUNT, sums);
}

uint64_t kern__misses(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_program__fd(prog) < 0 || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return 0;
	return info.recursion_misses;
}

static void tracepoint_row(const struct kern *k, const char *name, const char *site,
			   struct bpf_program *prog, struct kern_probe *row)
{
	memset(row, 0, sizeof(*row));
	row->name = name;
	snprintf(row->site, sizeof(row->site), "%s", site);
	row->attached = k->bytes_attached;
	row->misses = kern__misses(prog);
}

static size_t tracepoint_rows(const struct kern *k, struct kern_probe *rows, size_t cap)
{
	bool sockets = k->opts.bytes == KERN_BYTES_TRACEPOINT;
	const struct {
		const char *name;
		const char *site;
		struct bpf_program *prog;
	} all[] = {
		{"bytes_in", "tracepoint sock_recv_length", k->progs.by.lr_sock_recv},
		{"bytes_out", "tracepoint sock_send_length", k->progs.by.lr_sock_send},
		{"bytes", "tracepoint sys_exit", k->progs.by.lr_sys_exit},
		{"socket_state", "tracepoint inet_sock_set_state", k->progs.by.lr_sock_state},
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (i < 3 && sockets != (i < 2))
			continue;
		if (n < cap)
			tracepoint_row(k, all[i].name, all[i].site, all[i].prog, &rows[n]);
		n++;
	}
	return n;
}

size_t kern__probes(const struct kern *k, struct kern_probe *probes, size_t cap)
{
	uint64_t hits[LR_PROBE_COUNT] = {};
	size_t n = tracepoint_rows(k, probes, cap);

	if (n < cap)
		n += kern_lines__row(k, &probes[n]);
	if (sum_percpu(k, k->skel->maps.lr_probe_hits, LR_PROBE_COUNT, hits))
		memset(hits, 0, sizeof(hits));
	for (int i = 0; i < LR_PROBE_COUNT; i++) {
		const struct kern_probe_state *st = &k->probes[i];
		struct kern_probe *row = &probes[n];

		if (kern_probe_defs[i].level > k->opts.level)
			continue;
		if (n++ >= cap)
			continue;
		memset(row, 0, sizeof(*row));
		row->name = kern_probe_defs[i].name;
		row->attached = st->sites > 0;
		row->hits = hits[i];
		row->misses = kern__misses(kern__program(k, i));
		if (st->sites)
			snprintf(row->site, sizeof(row->site), "%s, %u site(s)%s", st->where,
				 st->sites, st->single_stepped ? ", some single-stepped" : "");
		snprintf(row->reason, sizeof(row->reason), "%s", st->reason);
	}
	return n;
}
