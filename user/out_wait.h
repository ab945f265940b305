/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What requests waited for and what held the loop, in words and as JSON: the same in every format.
 */
#ifndef LOOPRAY_OUT_WAIT_H
#define LOOPRAY_OUT_WAIT_H

#include "flow_request.h"
#include "json.h"

/* For people: "waiting for outgoing calls". */
const char *wait_text(enum flow_wait kind);
/* What that is, a little longer: "from the send until bytes of the answer were in the socket". */
const char *wait_about(enum flow_wait kind);
/* "POST /x", or what else began the turn; good until the next call. */
const char *blocking_text(const struct flow_blocking *b);

/* Members "waits_ns" and "blockers" of a request. */
void wait_json__members(struct json *j, const struct flow_req *req);
/* The members of one object; the caller has begun it. */
void blocking_json__members(struct json *j, const struct flow_blocking *b);

#endif
