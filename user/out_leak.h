/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is left behind, in words and as JSON: the same in every format. */
#ifndef LOOPRAY_OUT_LEAK_H
#define LOOPRAY_OUT_LEAK_H

#include "json.h"
#include "model.h"

/* Why a count is not known, for people; "" if it is. */
const char *leak_text__unknown(unsigned int unknown);

bool leak_suspected(const struct model_count *c);

/* The members of one object each; the caller has begun it. */
void leak_json__resource(struct json *j, const struct flow_outlived *t);
void leak_json__stores(struct json *j, const struct flow_left *l);
void leak_json__waiting(struct json *j, const struct model_waiting *w);

#endif
