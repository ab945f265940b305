/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happened around the write of a group's example, in order. */
#ifndef LOOPRAY_OUT_FINDING_TIME_H
#define LOOPRAY_OUT_FINDING_TIME_H

#include "json.h"
#include "model.h"

enum finding_who { WHO_THIS, WHO_OTHER, WHO_CALLBACK };

enum finding_what {
	WHAT_ARRIVED,
	WHAT_READ,
	WHAT_MADE, /* the resource in whose callback the write ran */
	WHAT_HEAD,
	WHAT_ENDED,
};

struct finding_moment {
	uint64_t ns;
	enum finding_who who;
	enum finding_what what;
};

#define FINDING_MOMENTS 8

/* In the order of time. Returns the count; what is not known is left out. */
size_t finding_moments(const struct model_group *g, struct finding_moment m[FINDING_MOMENTS]);

const char *finding_word__who(enum finding_who who);
const char *finding_word__what(enum finding_what what);

/* The member "timeline": {ns, ms from the write, request, what}. */
void finding_json__timeline(struct json *j, const struct model_group *g);

#endif
