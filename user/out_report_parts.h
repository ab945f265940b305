/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The report's inside: shared by the out_report_*.c files only. */
#ifndef LOOPRAY_OUT_REPORT_PARTS_H
#define LOOPRAY_OUT_REPORT_PARTS_H

#include "json.h"
#include "model.h"
#include "out.h"
#include "out_finding_story.h"

/* The state of both formats, which do nothing before the end. */
struct report_state {
	struct out_file *file;
	struct out_opts opts;
	char host[256];
	char version[32];
};

int report_open(void **state, struct out_file *file, const struct out_opts *opts);
void report_free(void *state);

typedef unsigned long long ull;

struct printer {
	struct out_file *f;
	const struct model *m;
	const struct out_opts *opts;
	bool color;
};

/* The accent's code, or nothing without colour. */
const char *printer__accent(const struct printer *p, const char *code);
/* An empty line and the title of what follows. */
void printer__title(const struct printer *p, const char *text);

/* 0 or -errno. */
int printer__routes(const struct printer *p);
int printer__slowest(const struct printer *p);
int printer__resources(const struct printer *p);
int printer__loops(const struct printer *p);
/* out_report_health.c: loops and thread pools; members of a loop, and member "thread_pool". */
int printer__health(const struct printer *p);
void printer__pools(const struct printer *p);
void report_json__health(struct json *j, const struct model_health *h);
void report_json__pools(struct json *j, const struct model *m);
/* Why iterations are not known. */
const char *health_text__iterations(uint8_t unknown);
int printer__probes(const struct printer *p);

/* One finding, told: what happened, both stores, how sure it is. 0 or -errno. */
int printer__example(const struct printer *p, const struct model_group *g);
int printer__findings(const struct printer *p);
int printer__calls(const struct printer *p);
int printer__leaks(const struct printer *p);

/* Lines on standard output and error: as a table, and as member "lines". */
int printer__lines(const struct printer *p);
void report_json__lines(struct json *j, const struct model *m);

/* The members of a whole report; the caller has begun its object. */
void report_json__members(struct json *j, const struct model *m, const struct out_opts *opts);

/* Members "context" and "findings"; @show: values of stores. */
void report_json__findings(struct json *j, const struct model *m, bool show);

/* What requests waited for, and what held loops; members "waits" and "blocking". */
int printer__waits(const struct printer *p);
int printer__blocking(const struct printer *p);
void report_json__waits(struct json *j, const struct model *m);
/* Member "waits" of all requests or of a route. */
void report_json__mean_waits(struct json *j, const struct model_waits *w);

/* "127.0.0.1:5432", or "(other peers)". */
void call_text__peer(const struct model_peer *p, char *buf, size_t cap);
/* Member "calls". */
void report_json__calls(struct json *j, const struct model *m);
/* Member "jobs": whose jobs of the thread pool were. */
void report_json__jobs(struct json *j, const struct model *m);

double part_percent(uint64_t part, uint64_t whole);
/* @n a second of the observation, 0 if it has no length. */
double model_rate(const struct model *m, uint64_t n);

#endif
