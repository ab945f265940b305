// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Loading in parts. The verifier takes most of the time between the command and the first request
 * seen, and libbpf hands it one program after the other. So the maps are made by one object that
 * loads no program, and the programs by others, which take those maps over, each in a thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "kern_impl.h"
#include "util.h"

#define PROGRAMS (sizeof(struct kern_programs) / sizeof(struct bpf_program *))

struct part {
	struct loopray_bpf *skel;
	pthread_t thread;
	bool started;
	int err;
};

/* What takes the verifier longest, the longest first. */
static const char *const heavy[] = {
	"lr_sock_recv",	 "lr_sock_send",     "lr_tls_read",	  "lr_tls_write", "lr_sys_exit",
	"lr_h2_frame",	 "lr_h2_submit",     "lr_job_submit",	  "lr_gc_start",  "lr_job_queue",
	"lr_sock_state", "lr_line_tp_write", "lr_line_tp_writev", "lr_h2_chunk",
};

static struct bpf_program **all(struct kern_programs *progs)
{
	return (struct bpf_program **)progs;
}

/* Which of @parts loads it: there and back again along the list, so that sums are alike. */
static size_t share_of(const struct bpf_program *prog, size_t index, size_t parts)
{
	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++) {
		if (strcmp(heavy[i], bpf_program__name(prog)) == 0)
			return i / parts % 2 ? parts - 1 - i % parts : i % parts;
	}
	return index % parts;
}

static void *load(void *arg)
{
	struct part *p = arg;

	p->err = loopray_bpf__load(p->skel);
	return NULL;
}

/* The maps of @from are those of @part, with what is in them. */
static int take_maps(struct loopray_bpf *part, const struct loopray_bpf *from)
{
	struct bpf_map *map, *theirs = NULL;

	bpf_object__for_each_map(map, part->obj)
	{
		theirs = bpf_object__next_map(from->obj, theirs);
		if (!theirs || bpf_map__reuse_fd(map, bpf_map__fd(theirs)))
			return theirs ? -errno : -EINVAL;
	}
	return 0;
}

static int open_part(struct kern *k, struct part *p, size_t number, size_t parts,
		     const bool *wanted)
{
	struct bpf_program **chosen = all(&k->progs);

	p->skel = k->part[number] = loopray_bpf__open();
	if (!p->skel)
		return -errno;
	for (size_t i = 0; i < PROGRAMS; i++) {
		struct bpf_program *mine = all((struct kern_programs *)&p->skel->progs)[i];
		bool load_it = wanted[i] && share_of(mine, i, parts) == number;

		bpf_program__set_autoload(mine, load_it);
		bpf_program__set_expected_attach_type(mine,
						      bpf_program__expected_attach_type(chosen[i]));
	}
	return take_maps(p->skel, k->skel);
}

static int load_parts(struct kern *k, struct part *part, size_t parts, const bool *wanted)
{
	int err = 0;

	for (size_t i = 0; i < parts && !err; i++)
		err = open_part(k, &part[i], i, parts, wanted);
	for (size_t i = 0; i < parts && !err; i++) {
		part[i].started = !pthread_create(&part[i].thread, NULL, load, &part[i]);
		if (!part[i].started)
			load(&part[i]);
	}
	for (size_t i = 0; i < parts; i++) {
		if (part[i].started)
			pthread_join(part[i].thread, NULL);
		err = err ? err : part[i].err;
	}
	return err;
}

int kern_parts__load(struct kern *k)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t parts = cpus < 1 ? 1 : min_t(size_t, (size_t)cpus, KERN_PARTS);
	struct part part[KERN_PARTS] = {};
	bool wanted[PROGRAMS];
	int err;

	for (size_t i = 0; i < PROGRAMS; i++) {
		wanted[i] = bpf_program__autoload(all(&k->progs)[i]);
		bpf_program__set_autoload(all(&k->progs)[i], false);
	}
	err = loopray_bpf__load(k->skel);
	if (!err)
		err = load_parts(k, part, parts, wanted);
	if (err)
		return err;
	for (size_t i = 0; i < PROGRAMS; i++) {
		size_t by = share_of(all(&k->progs)[i], i, parts);

		if (wanted[i])
			all(&k->progs)[i] = all((struct kern_programs *)&part[by].skel->progs)[i];
	}
	return 0;
}
