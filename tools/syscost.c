// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a system call costs on this machine now, in nanoseconds: one that does nothing, and a write
 * of 100 bytes to a pipe with the read that takes it out. The least of many rounds, so that other
 * programs do not show. To be run with and without something that slows down system calls.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 4000
#define CALLS  500
#define BYTES  100

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int calls(const int *fds)
{
	(void)fds;
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return 0;
}

static int pipes(const int *fds)
{
	char bytes[BYTES] = {0};

	for (int i = 0; i < CALLS; i++)
		if (write(fds[1], bytes, BYTES) != BYTES || read(fds[0], bytes, BYTES) != BYTES)
			return -1;
	return 0;
}

/* Below 0: it failed. */
static double least(int (*run)(const int *fds), const int *fds)
{
	double best = -1;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_ns(), each;

		if (run(fds))
			return -1;
		each = (now_ns() - start) / CALLS;
		if (best < 0 || each < best)
			best = each;
	}
	return best;
}

int main(void)
{
	double call, through;
	int fds[2];

	if (pipe(fds)) {
		perror("syscost");
		return 1;
	}
	call = least(calls, fds);
	through = least(pipes, fds);
	if (call < 0 || through < 0) {
		perror("syscost");
		return 1;
	}
	printf("getppid %.0f ns, write and read of a pipe %.0f ns\n", call, through);
	return 0;
}
