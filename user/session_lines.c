// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether, and as what, writes to standard output and error are to be seen. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "lines"
#include "log.h"
#include "session_impl.h"

/* What lies behind one file descriptor, as KERN_LINES_*. What cannot be told may be anything. */
static uint32_t lines_of(pid_t pid, int fd)
{
	char path[64], to[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	len = readlink(path, to, sizeof(to) - 1);
	if (len < 0)
		return errno == ENOENT ? 0 : KERN_LINES_OTHER; /* closed */
	to[len] = '\0';
	if (strcmp(to, "/dev/null") == 0)
		return 0;
	if (strncmp(to, "/dev/pts/", 9) == 0 || strncmp(to, "/dev/tty", 8) == 0 ||
	    strcmp(to, "/dev/console") == 0)
		return KERN_LINES_OTHER | KERN_LINES_TTY;
	return strncmp(to, "socket:", 7) == 0 ? KERN_LINES_SOCKET : KERN_LINES_OTHER;
}

uint32_t session__lines_wanted(const struct session *s)
{
	const struct options *cli = s->opts->cli;
	uint32_t lines = KERN_LINES_CALLS;

	if (!cli->context || !cli->lines)
		return 0;
	if (cli->every_line)
		lines |= KERN_LINES_EVERY;
	/* Those that come later inherit what these have, or talk to them over sockets. */
	if (cli->follow)
		lines |= KERN_LINES_SOCKET;
	/* What a program redirects before Node.js runs is not known yet. */
	if (cli->child || cli->all)
		lines |= KERN_LINES_ALL;
	for (size_t i = 0; i < s->ntargets; i++)
		lines |= lines_of(s->targets[i]->proc->pid, STDOUT_FILENO) |
			 lines_of(s->targets[i]->proc->pid, STDERR_FILENO);
	return lines;
}

void session__attach_lines(struct session *s)
{
	int err = kern__attach_lines(s->kern);

	if (err)
		log_warn("what the processes write to stdout and stderr is not seen: %s",
			 strerror(-err));
}
