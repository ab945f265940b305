/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A request in the words of the machine-readable outputs, which never change. */
#ifndef LOOPRAY_OUT_REQUEST_H
#define LOOPRAY_OUT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_request.h"

#define REQUEST_WHY_KINDS 3

/* "http/1.1", "h2"; NULL: not known. */
const char *request_word__protocol(uint8_t version);
/* "complete", "aborted_by_client"... */
const char *request_word__outcome(enum flow_req_end end);
/* Of bit @i of REQ_INC_*: "loss", "gap", "attach". */
const char *request_word__why(unsigned int i);
/* It has ended, and nothing of it was missed. */
bool request__is_whole(const struct flow_req *req);
/* Nanoseconds; 0 where the end is not known. */
uint64_t request__duration_ns(const struct flow_req *req);

#endif
