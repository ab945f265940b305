// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "target_elf_shared.h"

struct shared {
	struct shared *next;
	struct stat st;
	struct target_elf *elf;
	unsigned int users;
};

static struct shared *files;
static bool keeping;

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int target_elf__acquire(struct target_elf **out, const char *path, char *why, size_t why_len)
{
	struct shared *f;
	struct stat st;
	int err;

	/* What cannot be examined is refused by the open, which says why. */
	if (stat(path, &st))
		return target_elf__open(out, path, why, why_len);
	for (f = files; f; f = f->next) {
		if (!is_same(&f->st, &st))
			continue;
		f->users++;
		*out = f->elf;
		return 0;
	}
	err = target_elf__open(out, path, why, why_len);
	if (err)
		return err;
	f = malloc(sizeof(*f));
	if (f) {
		*f = (struct shared){.next = files, .st = st, .elf = *out, .users = 1};
		files = f;
	}
	return 0;
}

void target_elf__release(struct target_elf *elf)
{
	for (struct shared **at = &files; *at; at = &(*at)->next) {
		struct shared *f = *at;

		if (f->elf != elf)
			continue;
		if (--f->users || keeping)
			return;
		*at = f->next;
		free(f);
		break;
	}
	target_elf__free(elf);
}

void target_elf__keep(bool keep)
{
	struct shared **at = &files;

	keeping = keep;
	while (!keep && *at) {
		struct shared *f = *at;

		if (f->users) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		target_elf__free(f->elf);
		free(f);
	}
}
