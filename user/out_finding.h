/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Findings in words: what the outputs share. */
#ifndef LOOPRAY_OUT_FINDING_H
#define LOOPRAY_OUT_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "flow_mismatch.h"
#include "json.h"

/* Words of the machine-readable outputs: they never change. NULL: there is none to say. */
const char *finding_word__kind(enum finding_kind k);
const char *finding_word__grade(enum finding_kind k, enum finding_grade g);
const char *finding_word__context(unsigned int context);
const char *finding_word__unknown(unsigned int unknown);
/* "high", "good" or "fair": by how the store was recognized and bound to its request. */
const char *finding_word__confidence(const struct flow_finding *f);
/* Why the store of a head is nobody's for certain, for people. */
const char *finding_text__unknown(unsigned int unknown);

#define FINDING_VALUE 64

/*
 * A field's value for people: ‹string a3f1…›, with @digits of its fingerprint, or its text if
 * values are shown. Returns @buf, of FINDING_VALUE bytes.
 */
char *finding_text__value(char *buf, const struct finding_field *f, unsigned int digits, bool show);
/* Digits that tell @a from @b where they are not equal; either may be NULL. */
unsigned int finding_digits(const struct finding_field *a, const struct finding_field *b);
const struct finding_field *finding_store__field(const struct finding_store *s, const char *name);

/* What a store holds, as a value; null if that is not known. */
void finding_json__store(struct json *j, const struct finding_store *s, bool show);
/* Members of an object that has been begun. */
void finding_json__members(struct json *j, const struct flow_finding *f, bool show);
/* An object {"older":0,...} of counts by reason. */
void finding_json__unknown(struct json *j, const char *key, const uint64_t counts[UNKNOWN_REASONS]);

#endif
