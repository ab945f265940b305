/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program that `loopray run` starts: forked early, held before its exec until loopray sees
 * what there is to see, then on its own. It stays in loopray's process group, so that the
 * terminal is as much its own as without loopray.
 *
 * Lifecycle: child__start, child__release, child__pidfd says when it has ended, child__reap,
 * child__free (NULL-safe). One that was never released, because loopray failed or was killed,
 * ends without having executed anything; one that was, goes on whatever becomes of loopray.
 */
#ifndef LOOPRAY_CHILD_H
#define LOOPRAY_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/types.h>

struct child;

/* As shells have it. */
#define CHILD_NOT_EXECUTABLE 126
#define CHILD_NOT_FOUND	     127
#define CHILD_BY_SIGNAL	     128 /* and its number */

/* What the program inherits for SIGPIPE, which loopray itself ignores. */
void child__set_sigpipe(const struct sigaction *before);

/* What is passed on to the program. */
void child__signals(sigset_t *set);

/*
 * Forks @argv[0] with the arguments @argv, NULL behind the last, which must outlive it; @user
 * NULL: as loopray. Blocks child__signals. 0 or -errno.
 */
int child__start(struct child **out, char **argv, const char *user);
void child__free(struct child *c);

/*
 * Lets it execute the program. Returns 0, or -errno of what failed; it has ended then, and
 * child__status is what to end with.
 */
int child__release(struct child *c);

pid_t child__pid(const struct child *c);
int child__pidfd(const struct child *c);
const char *child__name(const struct child *c);

/* Passes a signal on, unless the terminal has sent it to both. */
void child__forward(const struct child *c, const struct signalfd_siginfo *info);

/* Waits for its end. */
void child__reap(struct child *c);
/* Whether it was released and executed the program. */
bool child__ran(const struct child *c);
/* Its exit status, 128 and the number of the signal that ended it, or 126 and 127. */
int child__status(const struct child *c);

#endif
