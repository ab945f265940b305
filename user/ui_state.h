/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the dashboard shows: which view, how it is sorted and filtered, what is selected, open or
 * held. A key changes the state; what is beyond the state is a wish, for whoever has the terminal
 * and the data.
 */
#ifndef LOOPRAY_UI_STATE_H
#define LOOPRAY_UI_STATE_H

#include "ui_edit.h"
#include "ui_keys.h"
#include "ui_log.h"
#include "ui_pick.h"
#include "ui_table.h"
#include "ui_view.h"

#define UI_VIEWS_MAX 9
#define UI_ROWS_MIN  10
#define UI_COLS_MIN  40

enum ui_mode {
	UI_MODE_VIEW,
	UI_MODE_PAGE,
	UI_MODE_PICK,
	UI_MODE_HELP,
	UI_MODE_MESSAGES,
};

enum ui_wish {
	UI_WISH_NOTHING, /* the key did nothing */
	UI_WISH_DRAW,
	UI_WISH_REDRAW, /* all of the screen, whatever is on it */
	UI_WISH_SUSPEND,
	UI_WISH_QUIT,
	UI_WISH_WRITE,
	UI_WISH_SCAN,	 /* for the list of processes */
	UI_WISH_BEGIN,	 /* with the processes that are marked in it */
	UI_WISH_OBSERVE, /* wish_pid */
	UI_WISH_TIME,	 /* wish_time, of a replay */
};

/* A page and how far it is scrolled. */
struct ui_sheet {
	struct ui_page *page;
	unsigned int first;
};

struct ui_state {
	const struct live_view *v; /* what is shown; NULL: nothing yet */
	struct ui_table table[UI_VIEWS_MAX];
	size_t nviews;
	size_t view;
	enum ui_mode mode;
	enum ui_mode under; /* help and messages: where they lead back to */
	bool replay;
	bool frozen;
	bool ascii;
	bool editing; /* the filter */
	struct ui_edit edit;
	struct ui_filter old;  /* if that is cancelled */
	struct ui_sheet sheet; /* of the mode, other than VIEW and PICK */
	struct ui_sheet below; /* the page, while help or messages are above it */
	uint64_t page_id;
	bool page_gone; /* the page's row is no longer kept */
	struct ui_pids shown;
	struct ui_pick pick;
	struct ui_log log;
	const char *busy; /* what it waits for; NULL: nothing */
	char status[64];  /* of the replay, or what else is to be said beside the title */
	unsigned int rows, cols;
	unsigned int table_row; /* where its heading was drawn last */
	pid_t wish_pid;
	enum ui_action wish_time;
};

/* @views: NULL behind the last. 0 or -ENOMEM. */
int ui_state__new(struct ui_state **out, const struct ui_view *const *views, bool ascii);
void ui_state__free(struct ui_state *s);

/* Another snapshot, which must live until the next one; unless the state is frozen. */
void ui_state__show(struct ui_state *s, const struct live_view *v);
void ui_state__resize(struct ui_state *s, unsigned int rows, unsigned int cols);
enum ui_wish ui_state__input(struct ui_state *s, const struct ui_input *in);
/* Opens the list of processes; @starting: in order to begin with some of them. */
void ui_state__pick(struct ui_state *s, bool starting);

static inline struct ui_table *ui_state__table(struct ui_state *s)
{
	return &s->table[s->view];
}

/* Where keys go, as bits of enum ui_where. */
unsigned int ui_state__where(const struct ui_state *s);

/* ui_layout.c: which rows of the screen are what. */
struct ui_layout {
	bool tiny; /* too small for anything */
	unsigned int header;
	unsigned int tabs;
	unsigned int body;
	unsigned int body_rows;
	unsigned int bottom;
};

void ui_layout__of(unsigned int rows, unsigned int cols, struct ui_layout *out);
/* The first column of the tab of view @i, and its columns; of @n tabs in @cols. */
void ui_layout__tab(const struct ui_state *s, size_t i, unsigned int *col, unsigned int *width);

/* ui_draw.c */
void ui_draw(struct ui_state *s, struct ui_grid *g);
/* ui_header.c */
void ui_header__draw(const struct ui_state *s, struct ui_grid *g, unsigned int rows);
/* ui_help.c */
void ui_help__fill(const struct ui_state *s, struct ui_page *page);
void ui_help__messages(const struct ui_state *s, struct ui_page *page);

#endif
