// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where jobs of the thread pool are seen, on the binaries of the test cache: with their symbols,
 * and found without. The symbols say what is right.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "target_code.h"
#include "target_jobs.h"
#include "util.h"

#define UV_WORK 40 /* sizeof(struct uv__work) */

static struct target_elf *open_elf(const char *path)
{
	struct target_elf *elf;
	char why[256] = "";

	if (target_elf__open(&elf, path, why, sizeof(why)))
		fail_msg("%s: %s", path, why);
	return elf;
}

static void check_all_there(const char *path, const struct target_jobs *jobs)
{
	if (!target_jobs__complete(jobs))
		fail_msg("%s: not all parts are there", path);
	assert_int_equal(jobs->part[TARGET_JOBS_SUBMIT].n, 1);
	assert_int_equal(jobs->part[TARGET_JOBS_QUEUE].n, 1);
	assert_int_equal(jobs->part[TARGET_JOBS_START].n, 1);
	assert_int_equal(jobs->part[TARGET_JOBS_END].n, 1);
	assert_int_equal(jobs->part[TARGET_JOBS_DONE].n, 5);
	assert_in_range(jobs->part[TARGET_JOBS_OVER].n, 1, 2);
	for (int i = 0; i < TARGET_JOBS_PARTS; i++)
		for (size_t k = 0; k < jobs->part[i].n; k++)
			if (!jobs->part[i].site[k].emulated)
				fail_msg("%s: part %d is single-stepped", path, i);
	/* enum uv__work_kind: UV__WORK_FAST_IO, UV__WORK_SLOW_IO */
	assert_int_equal(jobs->lr.kind_fs, 1);
	assert_int_equal(jobs->lr.kind_dns, 2);
	/* container_of(q, struct uv__work, wq) */
	assert_int_equal(jobs->lr.disp, -24);
}

static void check_in(const struct target_elf *elf, const struct target_jobs *jobs, int part,
		     const char *name)
{
	const struct elf_symbol *sym = target_elf__symbol(elf, name);

	assert_non_null(sym);
	for (size_t i = 0; i < jobs->part[part].n; i++)
		if (jobs->part[part].site[i].at >= sym->addr &&
		    jobs->part[part].site[i].at < sym->addr + sym->size)
			return;
	fail_msg("no site of part %d in %s", part, name);
}

static void check_symbols(const struct target_elf *elf, const struct target_jobs *jobs)
{
	check_in(elf, jobs, TARGET_JOBS_SUBMIT, "uv__work_submit");
	check_in(elf, jobs, TARGET_JOBS_QUEUE, "uv_queue_work");
	check_in(elf, jobs, TARGET_JOBS_START, "worker");
	check_in(elf, jobs, TARGET_JOBS_END, "worker");
	check_in(elf, jobs, TARGET_JOBS_DONE, "uv__fs_done");
	check_in(elf, jobs, TARGET_JOBS_DONE, "uv__getaddrinfo_done");
	check_in(elf, jobs, TARGET_JOBS_DONE, "uv__getnameinfo_done");
	check_in(elf, jobs, TARGET_JOBS_DONE, "uv__queue_done");
	check_in(elf, jobs, TARGET_JOBS_DONE, "uv__random_done");
	check_in(elf, jobs, TARGET_JOBS_OVER, "uv__work_done");
	check_in(elf, jobs, TARGET_JOBS_ASYNC, "uv__async_io");
}

/* The program's own libuv, once with its symbols and once without: the same places. */
static void check_stripped(const char *path, const struct target_jobs *with)
{
	char bare[] = "/tmp/lr-jobs-XXXXXX";
	struct target_jobs jobs;
	struct target_elf *elf;
	int fd = mkstemp(bare), status;
	pid_t pid;

	assert_true(fd >= 0);
	close(fd);
	pid = fork();
	if (pid == 0) {
		execlp("strip", "strip", "-o", bare, path, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) { /* no binutils here */
		unlink(bare);
		return;
	}
	elf = open_elf(bare);
	assert_int_equal(target_jobs__decode(&jobs, elf), 0);
	check_all_there(path, &jobs);
	for (int i = 0; i < TARGET_JOBS_ASYNC; i++)
		assert_int_equal(jobs.part[i].site[0].at, with->part[i].site[0].at);
	assert_int_equal(jobs.lr.reg, with->lr.reg);
	target_elf__free(elf);
	unlink(bare);
}

static size_t each(const char *pattern, void (*fn)(const char *path))
{
	const char *cache = getenv("LOOPRAY_CACHE");
	char full[512];
	glob_t found;
	size_t n;

	snprintf(full, sizeof(full), "%s/node/%s", cache ? cache : "/var/cache/loopray", pattern);
	if (glob(full, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		fn(found.gl_pathv[i]);
	n = found.gl_pathc;
	globfree(&found);
	return n;
}

static void official(const char *path)
{
	struct target_elf *elf = open_elf(path);
	struct target_jobs jobs;

	assert_int_equal(target_jobs__decode(&jobs, elf), 0);
	check_all_there(path, &jobs);
	check_symbols(elf, &jobs);
	/* Since 18.13 a job of Node.js has a name, which lies behind the uv_work_t. */
	assert_int_equal(target_jobs__type(elf), strstr(path, "v18.12.") ? 0 : UV_WORK);
	target_elf__free(elf);
}

static void stripped(const char *path)
{
	struct target_elf *elf = open_elf(path);
	struct target_jobs jobs;

	assert_int_equal(target_jobs__decode(&jobs, elf), 0);
	target_elf__free(elf);
	check_stripped(path, &jobs);
}

static void libuv(const char *path)
{
	struct target_elf *elf = open_elf(path);
	struct target_jobs jobs;

	assert_int_equal(target_jobs__decode(&jobs, elf), 0);
	check_all_there(path, &jobs);
	assert_int_equal(jobs.part[TARGET_JOBS_ASYNC].n, 1);
	assert_true(jobs.part[TARGET_JOBS_ASYNC].site[0].emulated);
	target_elf__free(elf);
}

static void libnode(const char *path)
{
	struct target_elf *elf = open_elf(path);
	struct target_jobs jobs;

	assert_int_equal(target_jobs__decode(&jobs, elf), 0);
	assert_false(target_jobs__complete(&jobs));
	for (int i = 0; i < TARGET_JOBS_PARTS; i++)
		assert_int_equal(jobs.part[i].n, 0);
	assert_int_equal(target_jobs__type(elf), UV_WORK);
	target_elf__free(elf);
}

static void test_official(void **state)
{
	(void)state;
	if (!each("v*/bin/node", official))
		skip();
}

static void test_stripped(void **state)
{
	(void)state;
	if (!each("v2[46].*/bin/node", stripped))
		skip();
}

static void test_library(void **state)
{
	size_t n = each("debian*/usr/lib/*/libuv.so.1", libuv);

	(void)state;
	n += each("debian*/usr/lib/*/libnode.so.[0-9]*", libnode);
	if (!n)
		skip();
}

/* Something that has no libuv. */
static void test_other(void **state)
{
	struct target_elf *elf = open_elf("/proc/self/exe");
	struct target_jobs jobs;

	(void)state;
	assert_int_equal(target_jobs__decode(&jobs, elf), 0);
	assert_false(target_jobs__complete(&jobs));
	assert_int_equal(target_jobs__type(elf), 0);
	target_elf__free(elf);
}

static void test_no_library_mapped(void **state)
{
	char image[256];
	uint64_t dev, inode;

	(void)state;
	assert_int_equal(target_jobs__library(getpid(), image, sizeof(image), &dev, &inode),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_official),	  cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_library),		  cmocka_unit_test(test_other),
		cmocka_unit_test(test_no_library_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
