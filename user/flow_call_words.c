// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What calls are called in reports and files. */
#include "flow_call.h"

static const char *word(const char *const *words, uint8_t n, uint8_t i)
{
	return i < n ? words[i] : "unknown";
}

const char *call_kind__name(uint8_t kind)
{
	static const char *const words[CALL_KINDS] = {"other",	    "http",  "https",
						      "postgresql", "mysql", "redis"};

	return word(words, CALL_KINDS, kind);
}

const char *call_outcome__name(uint8_t outcome)
{
	static const char *const words[CALL_OUTCOMES] = {"open",    "ok",     "error",
							 "aborted", "closed", "lost"};

	return word(words, CALL_OUTCOMES, outcome);
}

const char *call_by__name(uint8_t by)
{
	static const char *const words[CALL_BYS] = {"unknown", "store", "loop"};

	return word(words, CALL_BYS, by);
}

const char *call_unknown__name(uint8_t unknown)
{
	static const char *const words[CALL_UNKNOWNS] = {
		"",	      "turn",  "slept",	     "several_requests", "store", "contradiction",
		"connection", "route", "unreadable", "probes",		 "loss",
	};

	return word(words, CALL_UNKNOWNS, unknown);
}

enum call_unknown call_unknown__of_loop(enum loop_is is)
{
	switch (is) {
	case LOOP_SLEPT:
		return CALL_UNKNOWN_SLEPT;
	case LOOP_SEVERAL:
		return CALL_UNKNOWN_SEVERAL;
	case LOOP_PROBES:
		return CALL_UNKNOWN_PROBES;
	case LOOP_LOSS:
		return CALL_UNKNOWN_LOSS;
	default:
		return CALL_UNKNOWN_TURN;
	}
}

enum call_unknown call_unknown__of_issuer(const struct flow_issuer *is)
{
	switch (is->is) {
	case ISSUER_CONTRADICT:
		return CALL_UNKNOWN_CONTRADICT;
	case ISSUER_UNREADABLE:
		return CALL_UNKNOWN_READ;
	default:
		return is->why == UNKNOWN_LOSS ? CALL_UNKNOWN_LOSS : CALL_UNKNOWN_STORE;
	}
}

bool flow_call__failed(const struct flow_call *c)
{
	return c->outcome == CALL_ERROR || c->outcome == CALL_ABORTED ||
	       c->outcome == CALL_CLOSED || c->status >= 400;
}
