// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "cache"
#include "log.h"
#include "target_cache.h"
#include "util.h"

/* To be raised whenever the decoder finds something else in the same binary. */
#define CACHE_VERSION 9
#define CACHE_MAGIC   "LRLAYOUT"

/* Program and section headers of any executable fit; they change with every relinking. */
#define HEADERS_LEN 4096

/* The file: this, then one struct target_layout. Both are of this machine and this build. */
struct cache_header {
	char magic[8];
	uint32_t version;
	uint32_t layout_size;
	char program[16]; /* loopray's version */
	char build_id[80];
	uint64_t headers;  /* hash of the binary's ELF and program headers */
	uint64_t checksum; /* of the header up to here, and of the layout */
};

struct cache_file {
	struct cache_header header;
	struct target_layout layout;
};

static uint64_t hash_headers(const struct target_elf *elf)
{
	uint8_t buf[HEADERS_LEN];
	size_t n = target_elf__read(elf, target_elf__base(elf), buf, sizeof(buf));

	return hash_bytes(buf, n);
}

static uint64_t checksum(const struct cache_file *f)
{
	return hash_bytes(&f->header, offsetof(struct cache_header, checksum)) ^
	       hash_u64(hash_bytes(&f->layout, sizeof(f->layout)));
}

static void fill_header(struct cache_header *h, const struct target_elf *elf)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, CACHE_MAGIC, sizeof(h->magic));
	h->version = CACHE_VERSION;
	h->layout_size = sizeof(struct target_layout);
	snprintf(h->program, sizeof(h->program), "%s", LOOPRAY_VERSION);
	snprintf(h->build_id, sizeof(h->build_id), "%s", target_elf__build_id(elf));
	h->headers = hash_headers(elf);
}

static bool chain_valid(const struct lr_chain *c)
{
	return c->n <= LR_CHAIN_MAX;
}

/* A file that passed its checksum can still be one that somebody made. */
static bool layout_valid(const struct target_layout *l)
{
	const struct lr_layout *lr = &l->lr;
	bool ok = chain_valid(&lr->isolate_env) && chain_valid(&lr->env_isolate) &&
		  chain_valid(&lr->env_uid) && chain_valid(&lr->env_fields) &&
		  chain_valid(&lr->env_loop) && chain_valid(&lr->loop_internal) &&
		  chain_valid(&lr->wrap_env) && chain_valid(&l->p.isolate_tag) &&
		  chain_valid(&l->p.isolate_realm) && chain_valid(&l->heap.isolate_top) &&
		  chain_valid(&l->heap.env_js_resources) && chain_valid(&l->heap.isolate_old_top);

	if (!ok || l->nproviders > LR_PROVIDERS_MAX || l->nmissing > LR_MISSING_MAX ||
	    lr->provider_max != l->nproviders || !memchr(l->build_id, '\0', sizeof(l->build_id)))
		return false;
	for (uint32_t i = 0; i < l->nproviders; i++)
		ok = ok && memchr(l->providers[i], '\0', LR_PROVIDER_NAME);
	for (uint32_t i = 0; i < l->nmissing; i++)
		ok = ok && memchr(l->missing[i], '\0', LR_MISSING_REASON);
	return ok;
}

static bool file_valid(const struct cache_file *f, const struct target_elf *elf)
{
	struct cache_header want;

	fill_header(&want, elf);
	want.checksum = checksum(f);
	return memcmp(&f->header, &want, sizeof(want)) == 0 && layout_valid(&f->layout) &&
	       strcmp(f->layout.build_id, want.build_id) == 0;
}

/* Build ids are hex with a known prefix at most: nothing in them can leave the directory. */
static int file_path(char *buf, size_t len, const char *dir, const struct target_elf *elf,
		     const char *suffix)
{
	const char *id = target_elf__build_id(elf);
	int n;

	if (!*id || strspn(id, "0123456789abcdefsh-") != strlen(id))
		return -EINVAL;
	n = snprintf(buf, len, "%s/%s.layout%s", dir, id, suffix);
	return n > 0 && (size_t)n < len ? 0 : -ENAMETOOLONG;
}

/* Only what this user wrote and nobody else can write is read. */
static int open_own(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -EBADMSG;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_size == (off_t)sizeof(struct cache_file))
		return fd;
	close(fd);
	return -EBADMSG;
}

static int read_all(int fd, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EBADMSG;
		done += (size_t)n;
	}
	return 0;
}

int target_cache__load(const char *dir, struct target_layout *l, const struct target_elf *elf)
{
	struct cache_file *f;
	char path[PATH_MAX];
	int fd, err = file_path(path, sizeof(path), dir, elf, "");

	if (err)
		return err;
	fd = open_own(path);
	if (fd < 0)
		return fd;
	f = calloc(1, sizeof(*f));
	err = f ? read_all(fd, f, sizeof(*f)) : -ENOMEM;
	close(fd);
	if (!err && !file_valid(f, elf))
		err = -EBADMSG;
	if (!err)
		*l = f->layout;
	free(f);
	return err;
}

static int write_all(int fd, const void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

/* Makes the last two components of @dir: its parent is one that systems have. */
static int make_dir(const char *dir)
{
	char path[PATH_MAX];
	char *slash;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	slash = strrchr(path, '/');
	if (slash && slash != path) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(dir, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

static int write_file(const char *path, const struct cache_file *f)
{
	int err, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	err = write_all(fd, f, sizeof(*f));
	if (close(fd) != 0 && !err)
		err = -errno;
	if (err)
		unlink(path);
	return err;
}

int target_cache__store(const char *dir, const struct target_layout *l,
			const struct target_elf *elf)
{
	char path[PATH_MAX], tmp[PATH_MAX], suffix[32];
	struct cache_file *f;
	int err = make_dir(dir);

	snprintf(suffix, sizeof(suffix), ".%d", (int)getpid());
	if (!err)
		err = file_path(path, sizeof(path), dir, elf, "");
	if (!err)
		err = file_path(tmp, sizeof(tmp), dir, elf, suffix);
	if (err)
		return err;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	fill_header(&f->header, elf);
	f->layout = *l;
	f->header.checksum = checksum(f);
	unlink(tmp); /* left by a killed process that had this pid */
	err = write_file(tmp, f);
	free(f);
	if (!err && rename(tmp, path) != 0) {
		err = -errno;
		unlink(tmp);
	}
	return err;
}

int target_cache__dir(char *buf, size_t len)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (geteuid() == 0)
		n = snprintf(buf, len, "/var/cache/loopray/layout");
	else if (xdg && xdg[0] == '/')
		n = snprintf(buf, len, "%s/loopray", xdg);
	else if (home && home[0] == '/')
		n = snprintf(buf, len, "%s/.cache/loopray", home);
	else
		return -ENOENT;
	return n > 0 && (size_t)n < len ? 0 : -ENOENT;
}

int target_cache__decode(struct target_layout *l, const struct target_elf *elf, char *why,
			 size_t why_len)
{
	char dir[PATH_MAX];
	int err, have = target_cache__dir(dir, sizeof(dir));

	if (!have) {
		err = target_cache__load(dir, l, elf);
		if (!err)
			return 0;
		if (err != -ENOENT)
			log_info("%s: the entry of %s is not usable, decoding anew", dir,
				 target_elf__build_id(elf));
	}
	err = target_layout__decode(l, elf, why, why_len);
	if (err || have)
		return err;
	err = target_cache__store(dir, l, elf);
	if (err)
		log_info("%s: not written: %s", dir, strerror(-err));
	return 0;
}
