/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Outgoing calls as JSON, the same wherever they are written. */
#ifndef LOOPRAY_OUT_CALL_H
#define LOOPRAY_OUT_CALL_H

#include "flow_call.h"
#include "json.h"

#define PEER_TEXT 64

/* "127.0.0.1" or "::1" into @text; NULL: no address is known. */
const char *call_peer__addr(uint16_t family, const uint8_t addr[16], char text[PEER_TEXT]);

/* The members of an object that is open. Quantities that are not known are null. */
void call_json__members(struct json *j, const struct flow_call *c);

/* Members "traceparent" and "tracestate" of a request and "headers"; null and {} where none. */
void kept_json__members(struct json *j, const struct flow_kept *kept);

#endif
