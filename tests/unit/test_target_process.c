// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "target_process.h"
#include "util.h"

/* ---- text of /proc ---- */

#define STAT_TAIL                                                               \
	" S 12 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 987654321 1000 2000 " \
	"18446744073709551615 0 0"

static void stat_line(void **state)
{
	struct proc_stat st;

	(void)state;
	assert_int_equal(proc_stat__parse(&st, "42 (node)" STAT_TAIL), 0);
	assert_string_equal(st.comm, "node");
	assert_int_equal(st.state, 'S');
	assert_int_equal(st.ppid, 12);
	assert_int_equal(st.threads, 11);
	assert_int_equal(st.start_time, 987654321);
	assert_false(st.kernel_thread);
}

/* A process may call itself anything. */
static void stat_hostile_names(void **state)
{
	static const struct {
		const char *text, *comm;
	} cases[] = {
		{"42 (a) R 1 1 (b)" STAT_TAIL, "a) R 1 1 (b"},
		{"42 ()" STAT_TAIL, ""},
		{"42 (x\ny)" STAT_TAIL, "x?y"},
		{"42 (\033[31m)" STAT_TAIL, "?[31m"},
		{"42 (\xc2\x9b\x41)" STAT_TAIL, "??A"},
		{"42 (na\xc3\xafve)" STAT_TAIL, "na\xc3\xafve"},
		{"42 "
		 "(0123456789012345678901234567890123456789012345678901234567890123456789"
		 ")" STAT_TAIL,
		 "012345678901234567890123456789012345678901234567890123456789012"},
	};
	struct proc_stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(proc_stat__parse(&st, cases[i].text), 0);
		assert_string_equal(st.comm, cases[i].comm);
		assert_int_equal(st.start_time, 987654321);
	}
}

static void stat_refused(void **state)
{
	static const char *const texts[] = {"",	  "42",	       "42 (node",	    "42 node) S 1",
					    ")(", "42 (node)", "42 (node) S 1 2 3", "42 (n) S x 1"};
	struct proc_stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(proc_stat__parse(&st, texts[i]), -EINVAL);
}

static void status_lines(void **state)
{
	struct proc_status st;

	(void)state;
	assert_int_equal(proc_status__parse(&st, "Name:\tnode\nTgid:\t42\nPid:\t42\n"
						 "Uid:\t1000\t1001\t1000\t1000\n"
						 "NSpid:\t42\t7\t1\nNSpgid:\t9\n"),
			 0);
	assert_int_equal(st.tgid, 42);
	assert_int_equal(st.uid, 1001);
	assert_int_equal(st.nspid, 1);
	/* No pid namespaces; and names cannot smuggle in a line: the kernel escapes newlines. */
	assert_int_equal(proc_status__parse(&st, "Name:\tTgid: 1\nTgid:\t42\nUid:\t0\t0\t0\t0\n"),
			 0);
	assert_int_equal(st.tgid, 42);
	assert_int_equal(st.nspid, 42);
	assert_int_equal(proc_status__parse(&st, "Name:\tx\nUid:\t0\t0\n"), -EINVAL);
	assert_int_equal(proc_status__parse(&st, ""), -EINVAL);
}

static void map_lines(void **state)
{
	struct proc_map m;

	(void)state;
	assert_int_equal(proc_map__parse(&m, "00400000-00e30000 r-xp 00a30000 fe:10 1057517     "
					     "        /opt/my node/bin/node (deleted)\n"),
			 0);
	assert_int_equal(m.start, 0x400000);
	assert_int_equal(m.end, 0xe30000);
	assert_int_equal(m.offset, 0xa30000);
	assert_int_equal(m.inode, 1057517);
	assert_int_equal(m.major, 0xfe);
	assert_int_equal(m.minor, 0x10);
	assert_true(m.exec);
	assert_string_equal(m.path, "/opt/my node/bin/node (deleted)");
	assert_int_equal(proc_map__parse(&m, "7ffc0000-7ffd0000 rw-p 00000000 00:00 0 \n"), 0);
	assert_false(m.exec);
	assert_int_equal(m.inode, 0);
	assert_string_equal(m.path, "");
	assert_int_equal(proc_map__parse(&m, "2000-1000 r-xp 0 0:0 1 /x"), -EINVAL);
	assert_int_equal(proc_map__parse(&m, "1000-2000 r-x 0 0:0 1 /x"), -EINVAL);
	assert_int_equal(proc_map__parse(&m, "nonsense"), -EINVAL);
	assert_int_equal(proc_map__parse(&m, ""), -EINVAL);
}

static void map_path_too_long(void **state)
{
	char line[PATH_MAX + 100];
	struct proc_map m;
	int n = snprintf(line, sizeof(line), "1000-2000 r-xp 0 0:0 1 ");

	(void)state;
	memset(line + n, 'x', sizeof(line) - (size_t)n - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(proc_map__parse(&m, line), -EINVAL);
}

static void deleted_mark(void **state)
{
	char a[] = "/bin/node (deleted)", b[] = "/bin/node", c[] = " (deleted)";

	(void)state;
	assert_true(proc_path__cut_deleted(a));
	assert_string_equal(a, "/bin/node");
	assert_false(proc_path__cut_deleted(b));
	assert_false(proc_path__cut_deleted(c));
}

/* ---- processes that are not Node.js ---- */

static void expect_refused(pid_t pid, int err, int status, const char *says)
{
	struct target_process *p = (void *)1;
	struct target_why why = {0};

	assert_int_equal(target_process__open(&p, pid, &why), err);
	assert_null(p);
	assert_int_equal(why.status, status);
	if (!strstr(why.text, says))
		fail_msg("says: %s", why.text);
}

static void not_node(void **state)
{
	struct target_process *p;

	(void)state;
	expect_refused(getpid(), -ENOEXEC, EX_LR_NO_TARGET, "is not Node.js");
	assert_int_equal(target_process__open(&p, getpid(), NULL), -ENOEXEC);
}

static void no_such_process(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	expect_refused(pid, -ESRCH, EX_LR_NO_TARGET, "there is no process");
}

static void zombie(void **state)
{
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	expect_refused(pid, -ESRCH, EX_LR_NO_TARGET, "has exited");
	waitpid(pid, NULL, 0);
}

static void kernel_thread(void **state)
{
	struct proc_stat st;

	(void)state;
	/* Pid 2 is kthreadd, except in a pid namespace. */
	if (proc_stat__read(&st, 2) || !st.kernel_thread)
		skip();
	expect_refused(2, -ENOEXEC, EX_LR_NO_TARGET, "kernel thread");
}

static int report_tid(void *arg)
{
	int *fds = arg;
	pid_t tid = (pid_t)syscall(SYS_gettid);
	char byte;

	if (write(fds[1], &tid, sizeof(tid)) != sizeof(tid))
		return 1;
	return read(fds[2], &byte, 1) == 1 ? 0 : 1;
}

static void thread_is_no_process(void **state)
{
	int fds[4], result;
	char says[64];
	thrd_t thread;
	pid_t tid;

	(void)state;
	assert_int_equal(pipe(fds), 0);	    /* thread to us: fds[0], fds[1] */
	assert_int_equal(pipe(fds + 2), 0); /* us to thread */
	assert_int_equal(thrd_create(&thread, report_tid, fds), thrd_success);
	assert_int_equal(read(fds[0], &tid, sizeof(tid)), sizeof(tid));
	snprintf(says, sizeof(says), "a thread of process %d", getpid());
	expect_refused(tid, -ESRCH, EX_LR_NO_TARGET, says);
	assert_int_equal(write(fds[3], "x", 1), 1);
	thrd_join(thread, &result);
	assert_int_equal(result, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

/* A process that may not be looked at is neither Node.js nor not Node.js. */
static void not_permitted(void **state)
{
	int fds[2], status;
	pid_t other, looker;
	char byte;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(fds), 0);
	other = fork();
	if (other == 0) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) < 0);
	}
	looker = fork();
	if (looker == 0) {
		struct target_process *p;
		struct target_why why;

		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(target_process__open(&p, other, &why) == -EACCES &&
				      why.status == EX_LR_PRIVILEGES &&
				      strstr(why.text, "CAP_SYS_PTRACE")
			      ? 0
			      : 1);
	}
	waitpid(looker, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fds[0]);
	close(fds[1]);
	waitpid(other, &status, 0);
}

/* Large, mapped executable, even called libnode: but no runtime. */
static void big_file_is_no_runtime(void **state)
{
	const size_t len = 6u << 20;
	char path[] = "/tmp/libnode-XXXXXX";
	int fd = mkstemp(path);
	void *map;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	map = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	unlink(path);
	close(fd);
	if (map == MAP_FAILED) /* /tmp is mounted noexec */
		skip();
	expect_refused(getpid(), -ENOEXEC, EX_LR_NO_TARGET, "is not Node.js");
	munmap(map, len);
}

static int never_called(struct target_process *p, void *ctx)
{
	int *pid = ctx;

	if (p->pid == *pid)
		*pid = -1;
	target_process__free(p);
	return 0;
}

static void scan_counts(void **state)
{
	struct target_scan counts;
	int pid = getpid();

	(void)state;
	assert_int_equal(target_process__scan(never_called, &pid, &counts), 0);
	assert_int_equal(pid, getpid());
	assert_true(counts.other >= 1); /* this program */
	assert_int_equal(counts.failed, 0);
}

static void free_null(void **state)
{
	(void)state;
	target_process__free(NULL);
}

static void args_are_printable(void **state)
{
	struct target_process p = {.args_len = 0};
	static const char raw[] = "node\0-e\0a\nb\033c\0\0";
	char buf[64];

	(void)state;
	memcpy(p.args, raw, sizeof(raw));
	p.args_len = sizeof(raw) - 1;
	target_process__args(&p, buf, sizeof(buf));
	assert_string_equal(buf, "node -e a?b?c");
	target_process__args(&p, buf, 7);
	assert_string_equal(buf, "node -");
	target_process__args(&p, buf, 1);
	assert_string_equal(buf, "");
	p.args_len = 0;
	target_process__args(&p, buf, sizeof(buf));
	assert_string_equal(buf, "");
}

/* ---- images ---- */

/* The version read from a binary is the one in the name of the directory it is kept in. */
static void versions_of_binaries(void **state)
{
	const char *cache = getenv("LOOPRAY_CACHE");
	struct target_image img, again;
	char pattern[PATH_MAX];
	glob_t found;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/node/v*/bin/node",
		 cache && *cache ? cache : "/var/cache/loopray");
	if (glob(pattern, 0, NULL, &found) != 0)
		skip();
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *version = strstr(found.gl_pathv[i], "/node/v") + strlen("/node/v");

		assert_int_equal(target_image__examine(&img, found.gl_pathv[i]), 0);
		assert_true(img.is_node);
		assert_int_equal(strncmp(version, img.version, strlen(img.version)), 0);
		assert_int_equal(version[strlen(img.version)], '/');
		assert_true(img.anchor_addr != 0);
		/* Remembered: the answer is the same. */
		assert_int_equal(target_image__examine(&again, found.gl_pathv[i]), 0);
		assert_memory_equal(&img, &again, sizeof(img));
	}
	globfree(&found);
	target_image__forget();
}

/* A verdict holds for the file as it was: a changed file is examined anew. */
static void verdict_follows_the_file(void **state)
{
	char path[] = "/tmp/loopray-image-XXXXXX";
	struct target_image a, b;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(target_image__examine(&a, path), 0);
	assert_false(a.is_node);
	assert_true(*a.why);
	assert_int_equal(write(fd, "not an ELF file", 15), 15);
	assert_int_equal(target_image__examine(&b, path), 0);
	assert_false(b.is_node);
	assert_int_equal(a.ino, b.ino);
	close(fd);
	unlink(path);
	assert_int_equal(target_image__examine(&a, path), -ENOENT);
	assert_int_equal(target_image__examine(&a, "/"), 0);
	assert_false(a.is_node);
	target_image__forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_line),
		cmocka_unit_test(stat_hostile_names),
		cmocka_unit_test(stat_refused),
		cmocka_unit_test(status_lines),
		cmocka_unit_test(map_lines),
		cmocka_unit_test(map_path_too_long),
		cmocka_unit_test(deleted_mark),
		cmocka_unit_test(not_node),
		cmocka_unit_test(no_such_process),
		cmocka_unit_test(zombie),
		cmocka_unit_test(kernel_thread),
		cmocka_unit_test(thread_is_no_process),
		cmocka_unit_test(not_permitted),
		cmocka_unit_test(big_file_is_no_runtime),
		cmocka_unit_test(scan_counts),
		cmocka_unit_test(free_null),
		cmocka_unit_test(args_are_printable),
		cmocka_unit_test(versions_of_binaries),
		cmocka_unit_test(verdict_follows_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
