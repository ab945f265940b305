// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads of a process: whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target_memory.h"

static const uint64_t word = 0x6c6f6f70726179;

static uint64_t addr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void memory_reads(void **state)
{
	struct lr_chain chain = {.n = 2, .off = {8, 16}};
	uint64_t inner[3] = {1, 2, 3}, outer[2] = {0, addr(inner)}, value = 0;
	struct target_piece pieces[TARGET_PIECES_MAX + 1] = {};
	struct target_memory *m;
	char buf[64];
	char *page;

	(void)state;
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	munmap(page + 4096, 4096);
	assert_int_equal(target_memory__open(&m, getpid()), 0);
	assert_int_equal(target_memory__walk(m, addr(outer), &chain, &value), 0);
	assert_int_equal(value, 3);
	outer[1] = 0;
	assert_int_equal(target_memory__walk(m, addr(outer), &chain, &value), -ENOENT);
	outer[1] = 16;
	assert_int_equal(target_memory__walk(m, addr(outer), &chain, &value), -EFAULT);
	chain.n = LR_CHAIN_MAX + 1;
	assert_int_equal(target_memory__walk(m, addr(outer), &chain, &value), -EINVAL);

	assert_int_equal(target_memory__read(m, addr(page) + 4088, buf, 16), -EFAULT);
	assert_int_equal(target_memory__read(m, addr(page) + 4088, buf, 8), 0);
	assert_int_equal(target_memory__read(m, UINT64_MAX - 4, buf, 8), -EFAULT);
	assert_int_equal(target_memory__read(m, 0, buf, 8), -EFAULT);
	pieces[0] = (struct target_piece){addr(inner) + 8, &value, 8};
	pieces[1] = (struct target_piece){addr(page) + 4088, buf, 8};
	assert_int_equal(target_memory__gather(m, pieces, 2), 0);
	assert_int_equal(value, 2);
	pieces[1].len = 16;
	assert_int_equal(target_memory__gather(m, pieces, 2), -EFAULT);
	pieces[1].addr = 8;
	assert_int_equal(target_memory__gather(m, pieces, 2), -EFAULT);
	assert_int_equal(target_memory__gather(m, pieces, TARGET_PIECES_MAX + 1), -EINVAL);
	memcpy(page + 4090, "hello", 6);
	assert_int_equal(target_memory__string(m, addr(page) + 4090, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "hello");
	assert_int_equal(target_memory__string(m, addr(page) + 4090, buf, 5), -ENAMETOOLONG);
	page[4095] = 'x';
	assert_int_equal(target_memory__string(m, addr(page) + 4090, buf, sizeof(buf)), -EFAULT);
	target_memory__free(m);
	munmap(page, 4096);
}

static void memory_of_the_gone(void **state)
{
	struct target_memory *m;
	uint64_t value;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(target_memory__open(&m, pid), 0);
	assert_int_equal(target_memory__u64(m, addr(&word), &value), 0);
	assert_int_equal(value, word);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(target_memory__u64(m, addr(&word), &value), -ESRCH);
	target_memory__free(m);
	assert_int_equal(target_memory__open(&m, pid), -ESRCH);
	target_memory__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_reads),
		cmocka_unit_test(memory_of_the_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
