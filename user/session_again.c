// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A service that is started again, of a session with --follow: whoever started a target (a shell's
 * loop, systemd, a process manager) is no target, and so nobody tells what it starts. For a while
 * after a target's end the children of its parent are looked at for one with the same command.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "follow"
#include "log.h"
#include "session_impl.h"
#include "util.h"

#define WAIT_NS	  10000000000ULL
#define OFTEN_NS  10000000ULL /* Node.js needs some 30 ms until it serves */
#define SELDOM_NS 100000000ULL
#define HURRY_NS  2000000000ULL
#define CHILDREN  (256ul * 1024) /* bytes of their list */

uint64_t session__ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) *
	       (uint64_t)sysconf(_SC_CLK_TCK) / 1000;
}

void session__expect_again(struct session *s, const struct session_target *t)
{
	const struct target_process *p = t->proc;
	struct session_again *a = &s->again[s->nagain];
	struct proc_stat parent;

	if (!s->opts->cli->follow || s->opts->cli->all || s->opts->cli->child || s->stop)
		return;
	if (target_process__alive(p)) /* it is another program now, or cannot be observed */
		return;
	if (s->nagain == SESSION_AGAIN || !p->args_len || session__knows(s, p->ppid))
		return;
	/* Its own parent, not whoever has the number now. */
	if (proc_stat__read(&parent, p->ppid) || parent.start_time > p->start_time)
		return;
	*a = (struct session_again){
		.parent = p->ppid, .since_ns = now_mono_ns(), .args_len = p->args_len};
	memcpy(a->args, p->args, p->args_len);
	s->nagain++;
	log_info("pid %d: waiting for it to be started again by pid %d", p->pid, p->ppid);
}

/*
 * Whether @pid is a process that began during the session, with the same arguments. Not only after
 * the end of the other: that may be noticed late, and what is older has siblings among it.
 */
static bool is_again(const struct session *s, const struct session_again *a, pid_t pid)
{
	char path[64], args[TARGET_ARGS_MAX];
	struct proc_stat st;
	size_t len;
	FILE *f;

	if (proc_stat__read(&st, pid) || st.start_time < s->began_ticks)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	len = fread(args, 1, sizeof(args) - 1, f);
	fclose(f);
	return len == a->args_len && memcmp(args, a->args, len) == 0;
}

/* The children that one thread of the parent started; the first that is it is looked at. */
static bool look_at_children(struct session *s, const struct session_again *a, pid_t tid, char *buf)
{
	char path[64], *at = buf;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", a->parent, tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	len = fread(buf, 1, CHILDREN - 1, f);
	fclose(f);
	buf[len] = '\0';
	while (*at) {
		pid_t pid = (pid_t)strtol(at, &at, 10);

		while (*at && !isdigit((unsigned char)*at))
			at++;
		if (pid > 0 && !session__knows(s, pid) && is_again(s, a, pid)) {
			log_info("pid %d was started in its place", pid);
			session__pend(s, pid);
			return true;
		}
	}
	return false;
}

/* True: nothing more is to be expected. */
static bool look(struct session *s, const struct session_again *a, uint64_t now, char *buf)
{
	const struct dirent *entry;
	bool found = false;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", a->parent);
	dir = opendir(path);
	if (!dir)
		return true;
	while (!found && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			found = look_at_children(s, a, (pid_t)atol(entry->d_name), buf);
	closedir(dir);
	return found || now - a->since_ns > WAIT_NS;
}

void session__look_for_again(struct session *s)
{
	uint64_t now = s->nagain ? now_mono_ns() : 0;
	char *buf = NULL;

	for (size_t i = 0; i < s->nagain;) {
		struct session_again *a = &s->again[i];

		if (now >= a->next_ns && !buf)
			buf = malloc(CHILDREN);
		if (now < a->next_ns || !buf) {
			i++;
		} else if (look(s, a, now, buf)) {
			*a = s->again[--s->nagain];
		} else {
			a->next_ns = now + (now - a->since_ns < HURRY_NS ? OFTEN_NS : SELDOM_NS);
			i++;
		}
	}
	free(buf);
}
