// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libuv as a library: where a distribution's Node.js has it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "target_jobs.h"
#include "target_proc.h"

struct found {
	pid_t pid;
	char *image;
	size_t len;
	struct stat st;
	bool has;
};

static bool is_file(const char *path, const struct proc_map *map, struct stat *st)
{
	return stat(path, st) == 0 && st->st_ino == map->inode;
}

static int look(const struct proc_map *map, void *ctx)
{
	struct found *f = ctx;
	const char *name = strrchr(map->path, '/');

	if (!map->exec || !map->inode || !name || strncmp(name, "/libuv.so", 9) != 0)
		return 0;
	snprintf(f->image, f->len, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, f->pid, map->start,
		 map->end);
	f->has = is_file(f->image, map, &f->st);
	if (!f->has) {
		snprintf(f->image, f->len, "/proc/%d/root%s", f->pid, map->path);
		f->has = is_file(f->image, map, &f->st);
	}
	return f->has;
}

int target_jobs__library(pid_t pid, char *image, size_t len, uint64_t *dev, uint64_t *inode)
{
	struct found f = {.pid = pid, .image = image, .len = len};
	int err = proc_maps__for_each(pid, look, &f);

	if (err < 0)
		return err;
	if (!f.has)
		return -ENOENT;
	*dev = f.st.st_dev;
	*inode = f.st.st_ino;
	return 0;
}
