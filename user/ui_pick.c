// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "target_process.h"
#include "ui_pick.h"
#include "util.h"

#define HEAD 2 /* rows above the list */

struct ui_process *ui_pick__find(struct ui_pick *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->process[i].pid == pid)
			return &p->process[i];
	return NULL;
}

static struct ui_process *add(struct ui_pick *p, pid_t pid)
{
	struct ui_process *one = ui_pick__find(p, pid);

	if (one || p->n == UI_PIDS_MAX)
		return one;
	one = &p->process[p->n++];
	*one = (struct ui_process){.pid = pid};
	return one;
}

/* The arguments, with no more of the program's path than its name. */
static void take_args(struct ui_process *one, const struct target_process *proc)
{
	char args[TARGET_ARGS_MAX];
	const char *text = args;

	target_process__args(proc, args, sizeof(args));
	for (const char *p = args; *p && *p != ' '; p++)
		if (*p == '/')
			text = p + 1;
	snprintf(one->args, sizeof(one->args), "%.*s", (int)sizeof(one->args) - 1, text);
}

static int found(struct target_process *proc, void *ctx)
{
	struct ui_process *one = add(ctx, proc->pid);

	if (one) {
		one->found = true;
		take_args(one, proc);
		snprintf(one->version, sizeof(one->version), "%s", proc->node.version);
	}
	target_process__free(proc);
	return 0;
}

/* Those that have ended go; who was observed stays, with what is known. */
static void drop_ended(struct ui_pick *p)
{
	pid_t selected = p->at < p->n ? p->process[p->at].pid : 0;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct ui_process *one = &p->process[i];

		if (one->pid == selected)
			p->at = n;
		if (one->observed || one->found)
			p->process[n++] = *one;
	}
	p->n = n;
}

int ui_pick__scan(struct ui_pick *p)
{
	struct target_scan counts = {};
	int err;

	for (size_t i = 0; i < p->n; i++)
		p->process[i].found = false;
	err = target_process__scan(found, p, &counts);
	p->denied = counts.denied;
	drop_ended(p);
	ui_pick__move(p, 0);
	return err;
}

void ui_pick__observed(struct ui_pick *p, pid_t pid, const char *version, bool ended)
{
	struct ui_process *one = add(p, pid);

	if (!one)
		return;
	if (!one->observed)
		one->marked = true;
	one->observed = true;
	one->ended = ended;
	if (!*one->version)
		snprintf(one->version, sizeof(one->version), "%s", version);
}

struct ui_process *ui_pick__selected(struct ui_pick *p)
{
	return p->at < p->n ? &p->process[p->at] : NULL;
}

void ui_pick__move(struct ui_pick *p, long delta)
{
	size_t height = p->height ? p->height : 1;

	if (delta < 0)
		p->at = (size_t)-delta > p->at ? 0 : p->at - (size_t)-delta;
	else
		p->at += (size_t)delta;
	if (p->at >= p->n)
		p->at = p->n ? p->n - 1 : 0;
	if (p->top > p->at)
		p->top = p->at;
	if (p->at - p->top >= height)
		p->top = p->at - height + 1;
}

void ui_pick__shown(const struct ui_pick *p, struct ui_pids *out)
{
	bool hidden = false;

	out->n = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->process[i].observed)
			continue;
		if (p->process[i].marked)
			out->pid[out->n++] = (uint32_t)p->process[i].pid;
		else
			hidden = true;
	}
	if (!hidden)
		out->n = 0;
	else if (!out->n)
		out->pid[out->n++] = 0; /* no process has it */
}

static const char *state_of(const struct ui_pick *p, const struct ui_process *one)
{
	if (one->ended)
		return one->marked ? "ended" : "ended, hidden";
	if (one->observed)
		return one->marked ? "shown" : "hidden";
	return p->starting && one->marked ? "chosen" : "";
}

static void draw_process(const struct ui_pick *p, size_t i, struct ui_grid *g, unsigned int row)
{
	const struct ui_process *one = &p->process[i];
	unsigned int cols = ui_grid__cols(g);

	ui_grid__printf(g, row, 1, cols, UI_PLAIN, "[%c] %7d  %-9s %-13s %s",
			one->marked ? 'x' : ' ', one->pid, *one->version ? one->version : "?",
			state_of(p, one), one->args);
	if (i != p->at)
		return;
	ui_grid__sign(g, row, 0, UI_SELECTED, SIGN_RIGHT);
	ui_grid__paint(g, row, 0, cols, UI_SELECTED);
}

void ui_pick__draw(struct ui_pick *p, struct ui_grid *g, unsigned int row, unsigned int rows)
{
	unsigned int cols = ui_grid__cols(g);

	if (rows <= HEAD)
		return;
	p->height = rows - HEAD;
	ui_pick__move(p, 0);
	ui_grid__put(g, row, 1, cols, UI_TITLE,
		     p->starting ? "Which Node.js processes are to be observed?"
				 : "Node.js processes: those observed, and others");
	ui_grid__printf(g, row + 1, 1, cols, UI_HEADING, "    %7s  %-9s %-13s %s", "PID", "VERSION",
			"STATE", "COMMAND");
	if (!p->n)
		ui_grid__printf(g, row + HEAD, 1, cols, UI_DIM, "no Node.js process found%s",
				p->denied > 1 ? "; others may not be examined: root can" : "");
	for (size_t i = 0; i < p->height && p->top + i < p->n; i++)
		draw_process(p, p->top + i, g, row + HEAD + (unsigned int)i);
}
