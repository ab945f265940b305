// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>

#include "out_request.h"
#include "util.h"

const char *request_word__protocol(uint8_t version)
{
	switch (version) {
	case 10:
		return "http/1.0";
	case 11:
		return "http/1.1";
	case FLOW_VERSION_H2:
		return "h2";
	}
	return NULL;
}

const char *request_word__outcome(enum flow_req_end end)
{
	static const char *const words[] = {"in_flight",	 "complete", "aborted_by_client",
					    "aborted_by_server", "upgraded", "lost"};

	return end < ARRAY_SIZE(words) ? words[end] : NULL;
}

const char *request_word__why(unsigned int i)
{
	static const char *const words[REQUEST_WHY_KINDS] = {"loss", "gap", "attach"};

	return i < REQUEST_WHY_KINDS ? words[i] : NULL;
}

bool request__is_whole(const struct flow_req *req)
{
	return req->end != REQ_IN_FLIGHT && req->end != REQ_LOST && !req->incomplete;
}

uint64_t request__duration_ns(const struct flow_req *req)
{
	return req->end_ns > req->start_ns ? req->end_ns - req->start_ns : 0;
}
