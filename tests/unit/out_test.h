/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of outputs share: temporary directories, files, jq, pseudo-random numbers. */
#ifndef LOOPRAY_OUT_TEST_H
#define LOOPRAY_OUT_TEST_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct test_dir {
	char path[64];
	char file[128]; /* a name in it */
};

static inline void test_dir__make(struct test_dir *d)
{
	snprintf(d->path, sizeof(d->path), "/tmp/loopray-test-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	snprintf(d->file, sizeof(d->file), "%s/out", d->path);
}

static inline void test_dir__remove(const struct test_dir *d)
{
	char tmp[160];

	snprintf(tmp, sizeof(tmp), "%s.tmp", d->file);
	unlink(tmp);
	unlink(d->file);
	assert_int_equal(rmdir(d->path), 0);
}

/* The caller frees; NUL terminated. */
static inline char *test_read(const char *path, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	data[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	close(fd);
	return data;
}

static inline bool test_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Runs jq on a file. True if it accepts it and @filter is true for it; skips without jq. */
static inline bool test_jq(const char *path, const char *filter)
{
	char cmd[2048];

	if (system("command -v jq >/dev/null 2>&1") != 0) {
		print_message(
			"jq is not installed: validity by an independent parser not checked\n");
		return true;
	}
	snprintf(cmd, sizeof(cmd), "jq -es '%s' '%s' >/dev/null", filter, path);
	return system(cmd) == 0;
}

/* xorshift64*: the same numbers on every machine. */
static inline uint64_t test_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

#endif
