// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The cache of decoded layouts: used only when it is whole, ours, and for this very binary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_node.h"
#include "target_cache.h"
#include "util.h"

struct cache {
	char top[64], dir[80], file[PATH_MAX];
	struct target_elf *elf;
	struct target_layout layout;
};

static int setup(void **state)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	*state = c;
	strcpy(c->top, "/tmp/loopray-cache-XXXXXX");
	if (!mkdtemp(c->top) || target_elf__open(&c->elf, "/proc/self/exe", NULL, 0) ||
	    target_layout__decode(&c->layout, c->elf, NULL, 0))
		return -1;
	/* Neither the directory nor the one above it exists. */
	snprintf(c->dir, sizeof(c->dir), "%s/a/b", c->top);
	snprintf(c->file, sizeof(c->file), "%s/%s.layout", c->dir, target_elf__build_id(c->elf));
	return 0;
}

static int teardown(void **state)
{
	struct cache *c = *state;
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", c->top);
	target_elf__free(c->elf);
	fake_default_loop = NULL;
	if (system(cmd) != 0)
		return -1;
	free(c);
	return 0;
}

static int files_in(const char *dir)
{
	struct dirent *de;
	DIR *d = opendir(dir);
	int n = 0;

	if (!d)
		return -1;
	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	closedir(d);
	return n;
}

static void store_then_load(void **state)
{
	struct cache *c = *state;
	struct target_layout l;
	struct stat st;

	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -ENOENT);
	assert_int_equal(target_cache__store(c->dir, &c->layout, c->elf), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), 0);
	assert_memory_equal(&l, &c->layout, sizeof(l));
	assert_int_equal(stat(c->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	c->layout.lr.loop_count++;
	assert_int_equal(target_cache__store(c->dir, &c->layout, c->elf), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), 0);
	assert_int_equal(l.lr.loop_count, c->layout.lr.loop_count);
	assert_int_equal(files_in(c->dir), 1); /* no temporary file stays */
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void damage_is_seen(void **state)
{
	struct cache *c = *state;
	struct target_layout l;
	struct stat st;

	assert_int_equal(target_cache__store(c->dir, &c->layout, c->elf), 0);
	assert_int_equal(stat(c->file, &st), 0);
	for (off_t at = 0; at < st.st_size; at += 1 + at / 40) {
		flip(c->file, at);
		if (target_cache__load(c->dir, &l, c->elf) != -EBADMSG)
			fail_msg("a flipped bit at %ld is not seen", (long)at);
		flip(c->file, at);
	}
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), 0);
	assert_int_equal(truncate(c->file, st.st_size - 1), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -EBADMSG);
	assert_int_equal(truncate(c->file, st.st_size + 1), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -EBADMSG);
	assert_int_equal(truncate(c->file, 0), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -EBADMSG);
}

/* The file of one binary under the name of another. */
static void other_binary(void **state)
{
	struct cache *c = *state;
	struct target_elf *other;
	struct target_layout l;
	char path[PATH_MAX];

	assert_int_equal(target_elf__open(&other, "/bin/sh", NULL, 0), 0);
	assert_int_equal(target_cache__store(c->dir, &c->layout, c->elf), 0);
	assert_int_equal(target_cache__load(c->dir, &l, other), -ENOENT);
	snprintf(path, sizeof(path), "%s/%s.layout", c->dir, target_elf__build_id(other));
	assert_int_equal(rename(c->file, path), 0);
	assert_int_equal(target_cache__load(c->dir, &l, other), -EBADMSG);
	target_elf__free(other);
}

static void strangers_files(void **state)
{
	struct cache *c = *state;
	struct target_layout l;
	char away[PATH_MAX + 8];

	assert_int_equal(target_cache__store(c->dir, &c->layout, c->elf), 0);
	assert_int_equal(chmod(c->file, 0622), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -EBADMSG);
	assert_int_equal(chmod(c->file, 0600), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), 0);

	snprintf(away, sizeof(away), "%s.away", c->file);
	assert_int_equal(rename(c->file, away), 0);
	assert_int_equal(symlink(away, c->file), 0);
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -EBADMSG);
	assert_int_equal(unlink(c->file), 0);
	assert_int_equal(mkfifo(c->file, 0600), 0); /* must not hang */
	assert_int_equal(target_cache__load(c->dir, &l, c->elf), -EBADMSG);
}

static void unusable_directory(void **state)
{
	struct cache *c = *state;
	struct target_layout l;

	assert_true(target_cache__store("/proc/self/no", &c->layout, c->elf) < 0);
	assert_true(target_cache__store("/dev/null/no", &c->layout, c->elf) < 0);
	assert_true(target_cache__load("/dev/null/no", &l, c->elf) < 0);
}

static void default_directory(void **state)
{
	char dir[PATH_MAX], small[4];

	(void)state;
	setenv("XDG_CACHE_HOME", "/somewhere", 1);
	assert_int_equal(target_cache__dir(dir, sizeof(dir)), 0);
	assert_string_equal(dir,
			    geteuid() == 0 ? "/var/cache/loopray/layout" : "/somewhere/loopray");
	assert_int_equal(target_cache__dir(small, sizeof(small)), -ENOENT);
	unsetenv("XDG_CACHE_HOME");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(store_then_load, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(other_binary, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_files, setup, teardown),
		cmocka_unit_test_setup_teardown(unusable_directory, setup, teardown),
		cmocka_unit_test(default_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
