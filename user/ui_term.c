// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <unistd.h>

#include "ui_term.h"
#include "ui_term_restore.h"
#include "ui_term_style.h"
#include "util.h"

#define ESC_MS 25 /* between ESC and what makes it a key: terminals send both at once */

static struct {
	bool open;
	bool ascii;
	SCREEN *screen;
	int epoll, signals;
	sigset_t added; /* to those that are blocked */
} term = {.epoll = -1, .signals = -1};

static bool has(const char *capability)
{
	const char *text = tigetstr(capability);

	return text && text != (const char *)-1;
}

/* Where there is no other screen, the prompt comes where the bottom line was. */
static void leave(void)
{
	if (!has("rmcup")) {
		move(LINES - 1, 0);
		clrtoeol();
		refresh();
	}
	endwin();
	ui_term_restore__taken(false);
}

/* ---- the order of things ---- */

static int watch(int fd)
{
	struct epoll_event e = {.events = EPOLLIN};

	return epoll_ctl(term.epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

/* Sizes and continuation come as input, so that whoever waits for keys wakes for them as well. */
static int open_input(void)
{
	static const int watched[] = {SIGWINCH, SIGCONT};
	sigset_t set, before;
	int err;

	sigemptyset(&set);
	sigemptyset(&term.added);
	sigprocmask(SIG_BLOCK, NULL, &before);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		sigaddset(&set, watched[i]);
		if (!sigismember(&before, watched[i]))
			sigaddset(&term.added, watched[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	term.epoll = epoll_create1(EPOLL_CLOEXEC);
	term.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (term.epoll < 0 || term.signals < 0)
		return -errno;
	err = watch(term.signals);
	return err ? err : watch(STDIN_FILENO);
}

static void close_input(void)
{
	if (term.signals >= 0)
		close(term.signals);
	if (term.epoll >= 0)
		close(term.epoll);
	term.signals = term.epoll = -1;
	/* Others may have been blocked meanwhile, by whoever still needs them to be. */
	sigprocmask(SIG_UNBLOCK, &term.added, NULL);
}

/* Whether the mouse is reported. */
static bool set_modes(const struct ui_term_opts *opts)
{
	mmask_t events = BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED;

	raw();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESC_MS);
	mouseinterval(0);
	ui_term_style__init(opts->color);
	return mousemask(events, NULL) != 0;
}

static int start_curses(void)
{
	term.screen = newterm(NULL, stdout, stdin);
	if (!term.screen)
		return -ENOTSUP;
	if (has("cup"))
		return 0;
	/* It can only write one line after the other. */
	endwin();
	delscreen(term.screen);
	return -ENOTSUP;
}

int ui_term__open(const struct ui_term_opts *opts, char *why, size_t len)
{
	const char *name = getenv("TERM");
	static bool registered;
	int err;

	setlocale(LC_CTYPE, "");
	term.ascii = opts->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	if (ui_term_restore__begin()) {
		snprintf(why, len, "standard input is not a terminal");
		return -ENOTTY;
	}
	err = open_input();
	if (!err)
		err = start_curses();
	if (err) {
		snprintf(why, len, "terminal type '%s' is not known, or cannot be used",
			 name ? name : "");
		close_input();
		return err;
	}
	ui_term_restore__arm(set_modes(opts));
	term.open = true;
	if (!registered)
		registered = atexit(ui_term__close) == 0;
	return 0;
}

void ui_term__close(void)
{
	if (!term.open)
		return;
	term.open = false;
	mousemask(0, NULL);
	leave();
	ui_term_restore__disarm();
	delscreen(term.screen);
	close_input();
}

int ui_term__fd(void)
{
	return term.epoll;
}

bool ui_term__ascii(void)
{
	return term.ascii;
}

void ui_term__size(unsigned int *rows, unsigned int *cols)
{
	*rows = (unsigned int)LINES;
	*cols = (unsigned int)COLS;
}

void ui_term__signals(bool on)
{
	if (on) {
		noraw();
		cbreak();
	} else {
		raw();
	}
}

void ui_term__redraw(void)
{
	clearok(curscr, TRUE);
}

/*
 * All that were started together stop: a shell waits for the whole of a pipe line, or for sudo.
 * Where nobody would continue them (an orphaned group), the kernel does not stop them.
 */
void ui_term__suspend(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, before;

	leave();
	sigaction(SIGTSTP, &dfl, &before);
	kill(0, SIGTSTP);
	sigaction(SIGTSTP, &before, NULL);
	ui_term_restore__taken(true);
	ui_term__redraw();
	refresh();
}

/* ---- output ---- */

static void show_row(const struct ui_grid *g, unsigned int row, unsigned int cols)
{
	for (unsigned int col = 0; col < cols; col++) {
		const struct ui_cell *cell = ui_grid__at(g, row, col);
		wchar_t text[2] = {(wchar_t)cell->ch, 0};
		attr_t attr;
		short pair;
		cchar_t c;

		if (!cell->ch)
			continue;
		ui_term_style__get(cell->style, &attr, &pair);
		setcchar(&c, text, attr, pair, NULL);
		mvadd_wch((int)row, (int)col, &c);
	}
}

void ui_term__show(const struct ui_grid *g)
{
	unsigned int rows = min_t(unsigned int, ui_grid__rows(g), (unsigned int)LINES);
	unsigned int cols = min_t(unsigned int, ui_grid__cols(g), (unsigned int)COLS);

	erase();
	for (unsigned int row = 0; row < rows; row++)
		show_row(g, row, cols);
	refresh();
}

/* ---- input ---- */

static uint32_t key_of(wint_t code)
{
	static const struct {
		wint_t code;
		uint32_t key;
	} keys[] = {
		{KEY_UP, UI_KEY_UP},
		{KEY_DOWN, UI_KEY_DOWN},
		{KEY_LEFT, UI_KEY_LEFT},
		{KEY_RIGHT, UI_KEY_RIGHT},
		{KEY_PPAGE, UI_KEY_PAGE_UP},
		{KEY_NPAGE, UI_KEY_PAGE_DOWN},
		{KEY_HOME, UI_KEY_HOME},
		{KEY_END, UI_KEY_END},
		{KEY_FIND, UI_KEY_HOME},
		{KEY_SELECT, UI_KEY_END},
		{KEY_DC, UI_KEY_DELETE},
		{KEY_BTAB, UI_KEY_BACK_TAB},
		{KEY_BACKSPACE, UI_KEY_BACKSPACE},
		{KEY_ENTER, UI_KEY_ENTER},
		{KEY_F(1), UI_KEY_HELP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return UI_KEY_NONE;
}

static struct ui_input mouse_input(void)
{
	struct ui_input in = {};
	MEVENT m;

	if (getmouse(&m) != OK || m.x < 0 || m.y < 0)
		return in;
	in.row = (unsigned int)m.y;
	in.col = (unsigned int)m.x;
	if (m.bstate & BUTTON4_PRESSED)
		in.key = UI_KEY_WHEEL_UP;
	else if (m.bstate & BUTTON5_PRESSED)
		in.key = UI_KEY_WHEEL_DOWN;
	else if (m.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED))
		in.key = UI_KEY_CLICK;
	return in;
}

static void take_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

/* A terminal that was closed reads as nothing for ever. */
static bool gone(void)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = STDOUT_FILENO}};

	if (poll(p, ARRAY_SIZE(p), 0) <= 0)
		return false;
	if ((p[0].revents | p[1].revents) & (POLLHUP | POLLERR | POLLNVAL))
		return true;
	return false;
}

struct ui_input ui_term__input(void)
{
	struct signalfd_siginfo info;
	struct ui_input in = {};
	wint_t code;
	int got;

	if (read(term.signals, &info, sizeof(info)) == sizeof(info)) {
		take_size();
		in.key = info.ssi_signo == SIGCONT ? UI_KEY_CONTINUED : UI_KEY_RESIZE;
		return in;
	}
	for (;;) {
		got = get_wch(&code);
		if (got == ERR) {
			in.key = gone() ? UI_KEY_GONE : UI_KEY_NONE;
			return in;
		}
		if (got == KEY_CODE_YES && code == KEY_MOUSE)
			in = mouse_input();
		else
			in.key = got == KEY_CODE_YES ? key_of(code) : (uint32_t)code;
		if (in.key)
			return in;
	}
}
