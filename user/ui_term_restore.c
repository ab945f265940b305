// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * In order, ncurses gives the terminal back. In a fatal signal nothing may be called that takes a
 * lock or memory, so the bytes that restore this terminal are made beforehand, and are written with
 * write(2), with tcsetattr(3) before them; then the signal takes its course.
 */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "ui_term_restore.h"
#include "util.h"

static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS,  SIGFPE, SIGILL,
			    SIGHUP,  SIGQUIT, SIGTERM, SIGINT};
static struct sigaction old_action[ARRAY_SIZE(fatal)];
static char stack[64 << 10]; /* of the handler: the other may have overflowed */

static struct termios termios;
static char bytes[512]; /* that make the terminal what it was */
static size_t nbytes;
static volatile sig_atomic_t is_taken;

static void on_fatal(int sig)
{
	int saved = errno;

	if (is_taken) {
		is_taken = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &termios);
		if (write(STDOUT_FILENO, bytes, nbytes) < 0)
			errno = saved; /* there is nothing to be done about it */
	}
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (fatal[i] == sig)
			sigaction(sig, &old_action[i], NULL);
	/* Delivered when this returns; a fault would come again by itself. */
	raise(sig);
	errno = saved;
}

static int keep_byte(int c)
{
	if (nbytes < sizeof(bytes))
		bytes[nbytes++] = (char)c;
	return c;
}

/* false: the terminal has no such capability. */
static bool keep_capability(const char *name)
{
	const char *text = tigetstr(name);

	if (!text || text == (const char *)-1)
		return false;
	tputs(text, 1, keep_byte);
	return true;
}

/* In an order in which each is understood: modes, attributes, last the screen that was there. */
static void make_bytes(bool mouse)
{
	static const char *const names[] = {"rmkx", "rmm", "sgr0", "op", "cnorm"};

	nbytes = 0;
	if (mouse)
		for (const char *p = "\033[?1000l\033[?1002l\033[?1006l"; *p; p++)
			keep_byte(*p);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		keep_capability(names[i]);
	/* Where there is no other screen, the prompt comes below what was shown. */
	if (!keep_capability("rmcup"))
		keep_byte('\n');
}

int ui_term_restore__begin(void)
{
	if (tcgetattr(STDIN_FILENO, &termios))
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], NULL, &old_action[i]);
	return 0;
}

void ui_term_restore__arm(bool mouse)
{
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};

	make_bytes(mouse);
	is_taken = 1;
	sigaltstack(&alternate, NULL);
	sigfillset(&action.sa_mask);
	/* What is ignored stays so: for nohup, say. */
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (old_action[i].sa_handler != SIG_IGN)
			sigaction(fatal[i], &action, NULL);
}

void ui_term_restore__taken(bool taken)
{
	is_taken = taken;
}

void ui_term_restore__disarm(void)
{
	stack_t none = {.ss_flags = SS_DISABLE};

	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &old_action[i], NULL);
	sigaltstack(&none, NULL);
}
