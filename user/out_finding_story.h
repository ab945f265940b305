/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Findings told in sentences, for people: what the report and the dashboard share. */
#ifndef LOOPRAY_OUT_FINDING_STORY_H
#define LOOPRAY_OUT_FINDING_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model_finding.h"

/* Text that is put together before it is wrapped; what does not fit is cut. */
struct sentence {
	size_t len;
	char text[2048];
};
void sentence__add(struct sentence *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* " × foreign (2 with harm)", to go behind a count. */
void finding_story__kind(struct sentence *s, const struct model_group *g);
/* ": POST /a under the store of POST /b, in callbacks of TCPWRAP" */
void finding_story__cause(struct sentence *s, const struct model_group *g);
/* How many requests, and when after @start. */
void finding_story__extent(struct sentence *s, const struct model_group *g, uint64_t start);
/* " was answered under the store of ...", to go behind the request. */
void finding_story__what(struct sentence *s, const struct flow_finding *f);
/* The group's example; @resources: a target was observed at that level. */
void finding_story__example(struct sentence *s, const struct model_group *g, bool resources);
void finding_story__timeline(struct sentence *s, const struct model_group *g);
/* How the store was recognized and bound, what proves it, how sure that is. */
void finding_story__certainty(struct sentence *s, const struct flow_finding *f);

/* What such a finding is, for somebody who has never seen one. */
const char *finding_text__about(const struct model_group *g);
/* What to do about it, a paragraph each, @i from 0; NULL: no more. @resources as above. */
const char *finding_text__next(const struct model_group *g, unsigned int i, bool resources);
/* Heads the column of the foreign store: "active (of conn 9)". */
void finding_text__active(char *buf, size_t cap, const struct flow_finding *f);

#endif
