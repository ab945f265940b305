// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define LOG_MODULE "top"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "top.h"
#include "ui_state.h"
#include "ui_term.h"
#include "util.h"

#define INTERVAL_NS 1000000000ULL
#define SCAN_MS	    2000 /* between looks for new processes */

struct top {
	struct options opts;
	const struct top_feed *feed;
	void *state; /* of the feed */
	struct ui_state *ui;
	struct ui_grid *grid;
	struct live_view *view; /* what ui shows */
	bool ready;		/* the feed has data */
	bool redraw;
	bool quit;
};

const struct options *top__options(const struct top *t)
{
	return &t->opts;
}

uint64_t top__interval_ns(const struct top *t)
{
	return t->opts.interval_ns ? t->opts.interval_ns : INTERVAL_NS;
}

int top__fd(const struct top *t)
{
	(void)t;
	return ui_term__fd();
}

static void draw(struct top *t)
{
	if (t->redraw)
		ui_term__redraw();
	t->redraw = false;
	ui_draw(t->ui, t->grid);
	ui_term__show(t->grid);
}

/* Says what takes a while. */
static void draw_busy(struct top *t, const char *what)
{
	t->ui->busy = what;
	draw(t);
	t->ui->busy = NULL;
}

static void take_size(struct top *t)
{
	unsigned int rows, cols;

	ui_term__size(&rows, &cols);
	if (ui_grid__resize(t->grid, rows, cols))
		return; /* what fits into the old one is shown */
	ui_state__resize(t->ui, rows, cols);
}

/* Nothing is asked for that nobody sees: a snapshot costs more than all that is drawn of it. */
static bool wanted(const struct top *t)
{
	struct ui_layout l;

	ui_layout__of(t->ui->rows, t->ui->cols, &l);
	return t->ready && !l.tiny && !(t->ui->frozen && t->view);
}

static int take_view(struct top *t)
{
	struct live_view *v;
	int err;

	if (t->feed->status)
		t->feed->status(t->state, t->ui->status, sizeof(t->ui->status));
	if (!wanted(t))
		return 0;
	err = t->feed->view(t->state, &v);
	if (err) {
		log_err_errno(err, "cannot show more");
		return err;
	}
	ui_state__show(t->ui, v);
	live_view__free(t->view);
	t->view = v;
	return 0;
}

static void write_capture(struct top *t)
{
	char said[256] = "";

	if (!t->feed->write) {
		ui_log__note(&t->ui->log, "there is nothing to write here");
		return;
	}
	draw_busy(t, "writing ...");
	t->feed->write(t->state, said, sizeof(said));
	ui_log__note(&t->ui->log, "%s", said);
}

static int observe(struct top *t)
{
	char what[64];

	if (!t->feed->observe)
		return 0;
	snprintf(what, sizeof(what), "attaching to pid %d ...", t->ui->wish_pid);
	draw_busy(t, what);
	if (t->feed->observe(t->state, t->ui->wish_pid) == EX_LR_OK)
		ui_log__note(&t->ui->log, "pid %d is observed", t->ui->wish_pid);
	return take_view(t);
}

static int grant(struct top *t, enum ui_wish wish)
{
	switch (wish) {
	case UI_WISH_QUIT:
		t->quit = true;
		return 0;
	case UI_WISH_REDRAW:
		t->redraw = true;
		return 0;
	case UI_WISH_SUSPEND:
		ui_term__suspend();
		return 0;
	case UI_WISH_WRITE:
		write_capture(t);
		return 0;
	case UI_WISH_SCAN:
		if (ui_pick__scan(&t->ui->pick))
			ui_log__note(&t->ui->log, "cannot list processes");
		return 0;
	case UI_WISH_OBSERVE:
		return observe(t);
	case UI_WISH_TIME:
		if (!t->feed->time)
			return 0;
		t->feed->time(t->state, t->ui->wish_time);
		/* Who moves in time wants to see where to. */
		t->ui->frozen = false;
		return take_view(t);
	default:
		return 0;
	}
}

/* All that was typed, then one picture of it. UI_WISH_BEGIN passes through. */
static int take_input(struct top *t, bool *begin)
{
	bool frozen = t->ui->frozen, drawn = false;
	int err = 0;

	while (!err && !t->quit) {
		struct ui_input in = ui_term__input();
		enum ui_wish wish;

		if (in.key == UI_KEY_NONE)
			break;
		drawn = true;
		if (in.key == UI_KEY_GONE) {
			t->quit = true;
		} else if (in.key == UI_KEY_RESIZE || in.key == UI_KEY_CONTINUED) {
			take_size(t);
			t->redraw |= in.key == UI_KEY_CONTINUED;
		} else {
			wish = ui_state__input(t->ui, &in);
			*begin |= wish == UI_WISH_BEGIN;
			err = grant(t, wish);
		}
	}
	if (!err && frozen && !t->ui->frozen)
		err = take_view(t);
	if (!err && drawn && !t->quit)
		draw(t);
	return err;
}

/* Removing the probes takes a moment: whoever quits has the terminal back before. */
static int ending(struct top *t, int err)
{
	if (err || t->quit)
		ui_term__close();
	return err ? err : t->quit;
}

int top__input(struct top *t)
{
	bool begin = false;

	return ending(t, take_input(t, &begin));
}

int top__tick(struct top *t)
{
	int err = take_view(t);

	if (!err)
		draw(t);
	return ending(t, err);
}

void top__ready(struct top *t)
{
	t->ready = true;
	ui_term__signals(false);
	top__tick(t);
}

/* ---- which processes ---- */

static void take_marked(struct top *t)
{
	const struct ui_pick *p = &t->ui->pick;

	for (size_t i = 0; i < p->n && t->opts.npids < OPTIONS_PIDS_MAX; i++)
		if (p->process[i].marked)
			t->opts.pids[t->opts.npids++] = p->process[i].pid;
}

/* Until some are chosen; looks again at what there is every now and then. */
static int pick(struct top *t)
{
	struct pollfd p = {.fd = ui_term__fd(), .events = POLLIN};
	bool begin = false;

	ui_state__pick(t->ui, true);
	while (!begin && !t->quit) {
		if (poll(&p, 1, 0) == 0) {
			ui_pick__scan(&t->ui->pick);
			draw(t);
		}
		if (poll(&p, 1, SCAN_MS) < 0 && errno != EINTR)
			return EX_LR_RUNTIME;
		if (take_input(t, &begin))
			return EX_LR_RUNTIME;
	}
	take_marked(t);
	t->ui->pick = (struct ui_pick){};
	t->ui->mode = UI_MODE_VIEW;
	return EX_LR_OK;
}

/* ---- from beginning to end ---- */

static int open_screen(struct top *t)
{
	struct ui_term_opts term = {.color = t->opts.color, .ascii = t->opts.ascii};
	unsigned int rows, cols;
	char why[256] = "";
	int err = ui_term__open(&term, why, sizeof(why));

	if (err) {
		log_err("%s", why);
		return EX_LR_RUNTIME;
	}
	ui_term__size(&rows, &cols);
	err = ui_state__new(&t->ui, ui_views, ui_term__ascii());
	if (!err)
		err = ui_grid__new(&t->grid, rows, cols, ui_term__ascii());
	if (err) {
		ui_term__close();
		log_err_errno(err, "cannot start");
		return EX_LR_RUNTIME;
	}
	t->ui->replay = t->feed->replay;
	ui_state__resize(t->ui, rows, cols);
	ui_log__begin(&t->ui->log);
	return EX_LR_OK;
}

static void close_screen(struct top *t)
{
	ui_term__close();
	if (t->ui)
		ui_log__end(&t->ui->log);
	live_view__free(t->view);
	ui_grid__free(t->grid);
	ui_state__free(t->ui);
}

int top__run(const struct options *opts, const struct top_feed *feed, void *state)
{
	struct top t = {.opts = *opts, .feed = feed, .state = state};
	int status = open_screen(&t);

	if (!status && !feed->replay && !opts->all && !opts->npids)
		status = pick(&t);
	if (!status && !t.quit) {
		ui_term__signals(true);
		draw_busy(&t, feed->replay ? "reading ..." : "attaching ...");
		status = feed->run(state, &t);
	}
	close_screen(&t);
	return status;
}
