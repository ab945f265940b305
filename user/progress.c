// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "util.h"

#define FIRST_NS 500000000ULL
#define EVERY_NS 250000000ULL
#define BAR	 24

bool progress__wanted(enum log_level level)
{
	return level == LOG_NORMAL && isatty(STDERR_FILENO);
}

void progress__begin(struct progress *p, uint64_t now_ns)
{
	p->begin_ns = now_ns;
	p->shown_ns = 0;
}

bool progress__due(const struct progress *p, uint64_t now_ns)
{
	if (!p->shown_ns)
		return now_ns - p->begin_ns >= FIRST_NS;
	return now_ns - p->shown_ns >= EVERY_NS;
}

/* "12 s", "3 min 5 s" */
static void time_text(double seconds, char *text, size_t len)
{
	unsigned long s = seconds < 359999 ? (unsigned long)(seconds + 0.5) : 359999;

	if (s < 60)
		snprintf(text, len, "%lu s", s);
	else
		snprintf(text, len, "%lu min %lu s", s / 60, s % 60);
}

void progress__text(const struct progress *p, const char *what, uint64_t done, uint64_t total,
		    uint64_t now_ns, char text[PROGRESS_TEXT])
{
	double seconds = (double)(now_ns - p->begin_ns) / 1e9, share, left;
	char bar[BAR + 1], time[32];

	if (!total) {
		time_text(seconds, time, sizeof(time));
		snprintf(text, PROGRESS_TEXT, "%s %.1f MB, %s", what, (double)done / 1e6, time);
		return;
	}
	/* A file that is still being written may be longer by now. */
	share = done < total ? (double)done / (double)total : 1;
	memset(bar, '.', BAR);
	memset(bar, '#', (size_t)(share * BAR));
	bar[BAR] = '\0';
	left = share > 0 ? seconds / share - seconds : 0;
	time_text(left, time, sizeof(time));
	snprintf(text, PROGRESS_TEXT, "%s [%s] %3.0f%% of %.1f MB, %s left", what, bar, share * 100,
		 (double)total / 1e6, share > 0 ? time : "?");
}

void progress__show(struct progress *p, const char *what, uint64_t done, uint64_t total,
		    uint64_t now_ns)
{
	char text[PROGRESS_TEXT];

	progress__text(p, what, done, total, now_ns, text);
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
	p->shown_ns = now_ns;
}

void progress__reading(struct progress *p, const struct capture_reader *reader)
{
	uint64_t now = now_mono_ns(), taken, size;

	if (!progress__due(p, now))
		return;
	capture_reader__position(reader, &taken, &size);
	progress__show(p, "reading", taken, size, now);
}

void progress__end(struct progress *p)
{
	if (p->shown_ns)
		fputs("\r\033[K", stderr);
	p->shown_ns = 0;
}
