// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MODULE "run"
#include "child.h"
#include "log.h"
#include "util.h"

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static struct sigaction sigpipe_before = {.sa_handler = SIG_DFL};

struct child {
	char **argv;
	pid_t pid;
	int pidfd;
	int go;	    /* a byte lets it execute, the end of the file makes it end */
	int failed; /* it writes what made it fail; closed by its exec */
	bool ran, ended;
	int status;
};

void child__set_sigpipe(const struct sigaction *before)
{
	sigpipe_before = *before;
}

void child__signals(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(set, passed_on[i]);
}

static int become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (!pw)
		return -ENOENT;
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return -errno;
	if (setenv("HOME", pw->pw_dir, 1) || setenv("USER", pw->pw_name, 1) ||
	    setenv("LOGNAME", pw->pw_name, 1))
		return -errno;
	return 0;
}

/* In the child: never returns. @mask is what loopray was started with. */
static void execute(const struct child *c, const char *user, const sigset_t *mask, int go,
		    int failed)
{
	int err = user ? become(user) : 0;
	ssize_t n;
	char byte;

	do {
		n = read(go, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(EX_LR_RUNTIME);
	if (!err) {
		sigaction(SIGPIPE, &sigpipe_before, NULL);
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(c->argv[0], c->argv);
		err = -errno;
	}
	if (write(failed, &err, sizeof(err)) != sizeof(err))
		_exit(CHILD_NOT_EXECUTABLE);
	_exit(err == -ENOENT ? CHILD_NOT_FOUND : CHILD_NOT_EXECUTABLE);
}

static int fork_child(struct child *c, const char *user)
{
	int go[2] = {-1, -1}, failed[2] = {-1, -1}, err = 0;
	sigset_t set, mask;

	child__signals(&set);
	/* Before the fork: a signal from now on waits until it can be passed on. */
	if (sigprocmask(SIG_BLOCK, &set, &mask) || pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		err = -errno;
	if (!err)
		c->pid = fork();
	if (!err && c->pid < 0)
		err = -errno;
	if (!err && c->pid == 0) {
		close(go[1]);
		close(failed[0]);
		execute(c, user, &mask, go[0], failed[1]);
	}
	c->go = go[1];
	c->failed = failed[0];
	if (go[0] >= 0)
		close(go[0]);
	if (failed[1] >= 0)
		close(failed[1]);
	return err;
}

int child__start(struct child **out, char **argv, const char *user)
{
	struct child *c = calloc(1, sizeof(*c));
	int err;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	*c = (struct child){.argv = argv, .pid = -1, .pidfd = -1, .go = -1, .failed = -1};
	err = fork_child(c, user);
	if (!err) {
		c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
		err = c->pidfd < 0 ? -errno : 0;
	}
	if (err) {
		child__free(c);
		return err;
	}
	*out = c;
	return 0;
}

void child__free(struct child *c)
{
	if (!c)
		return;
	if (c->go >= 0)
		close(c->go);
	if (c->failed >= 0)
		close(c->failed);
	if (c->pid > 0 && !c->ran)
		child__reap(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c);
}

int child__release(struct child *c)
{
	int err = 0;
	ssize_t n;

	/* One that was killed while it was held cannot be let go. */
	if (write(c->go, "", 1) != 1)
		err = -errno;
	do {
		n = read(c->failed, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	if (err) {
		child__reap(c);
		return err;
	}
	c->ran = true;
	return 0;
}

pid_t child__pid(const struct child *c)
{
	return c->pid;
}

int child__pidfd(const struct child *c)
{
	return c->pidfd;
}

const char *child__name(const struct child *c)
{
	return c->argv[0];
}

/*
 * The kernel sends what comes of the terminal (^C, ^\) to its whole foreground group, the program
 * with it; only a hangup may go to loopray alone, if it leads the session.
 */
static bool both_have_it(const struct signalfd_siginfo *info)
{
	if (info->ssi_code != SI_KERNEL)
		return false;
	return info->ssi_signo != SIGHUP || getsid(0) != getpid();
}

void child__forward(const struct child *c, const struct signalfd_siginfo *info)
{
	if (c->ended || both_have_it(info))
		return;
	log_info("signal %u: passed on", info->ssi_signo);
	/* By the pidfd: the pid may be another's once it has been reaped. */
	if (syscall(SYS_pidfd_send_signal, c->pidfd, (int)info->ssi_signo, NULL, 0) &&
	    errno != ESRCH)
		log_warn_errno(-errno, "cannot pass signal %u on", info->ssi_signo);
}

void child__reap(struct child *c)
{
	int status = 0;
	pid_t got;

	if (c->ended)
		return;
	do {
		got = waitpid(c->pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	c->ended = true;
	if (WIFSIGNALED(status))
		c->status = CHILD_BY_SIGNAL + WTERMSIG(status);
	else
		c->status = WEXITSTATUS(status);
}

bool child__ran(const struct child *c)
{
	return c->ran;
}

int child__status(const struct child *c)
{
	return c->status;
}
