// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a finding is, and what to do about it: docs/findings.md in a few sentences. */
#include <string.h>

#include "out_finding_story.h"
#include "util.h"

const char *finding_text__about(const struct model_group *g)
{
	if (g->kind == FINDING_LOST)
		return "The request had entered an AsyncLocalStorage store, and none was active "
		       "when "
		       "its response was written: getStore() returned undefined there.";
	if (g->kind == FINDING_FAN_OUT)
		return "The callback that read one request answered others too. Publish-subscribe "
		       "and "
		       "long polling do that by design; it is no mismatch.";
	if (g->stale)
		return "The response was written while the AsyncLocalStorage store of another "
		       "connection's request was active, which had been answered already: "
		       "getStore() "
		       "returned that request's data.";
	return "The response was written while the AsyncLocalStorage store of another connection's "
	       "request was active: getStore() returned that request's data.";
}

/* How bad it is. */
static const char *urgency(const struct model_group *g)
{
	if (g->kind == FINDING_FAN_OUT)
		return "Nothing, if this route is meant to answer several at once.";
	if (g->kind == FINDING_LOST)
		return g->grade == GRADE_ALWAYS
			       ? "No response of this route has its store: a callback on its way "
				 "was "
				 "made outside of run(), or at start."
			       : "Other responses of this route have theirs: a race, under load "
				 "only. "
				 "Look for what is queued while another request's callback runs.";
	if (g->harm)
		return "Treat it as an incident: the wrong id has left the process, or the right "
		       "store "
		       "was replaced on the way. Ids in logs and charges of these requests are not "
		       "to "
		       "be trusted.";
	return "No second sign of harm was seen. Lines and calls made in these callbacks may still "
	       "carry the other request's id.";
}

/* Where to look, by the type of the resource in whose callback the response was written. */
static const char *where(const char *resource, bool resources)
{
	static const struct {
		const char *part, *text;
	} texts[] = {
		{"TCPWRAP", "Look at a client or pool that answers several requests on one socket: "
			    "database, cache, broker."},
		{"PIPEWRAP", "Look at a client or pool that answers several requests on one pipe."},
		{"TLSWRAP", "Look at a client or pool that answers several requests on one socket: "
			    "database, cache, broker."},
		{"HTTPCLIENTREQUEST",
		 "Look at an outgoing call that is shared, coalesced or retried."},
		{"FSREQCALLBACK", "Look at a queue or a limiter around the thread pool."},
		{"ZLIB", "Look at a queue or a limiter around the thread pool."},
		{"HTTPINCOMINGMESSAGE",
		 "Look at code that ran at once: a waiter that was woken by another request."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(resource, texts[i].part) == 0)
			return texts[i].text;
	return resources ? "Look at timers, immediates and promises: intervals, batchers, "
			   "home-made queues."
			 : "Where to look depends on the type of the resource in whose callback it "
			   "was "
			   "written: that takes --level resources.";
}

const char *finding_text__next(const struct model_group *g, unsigned int i, bool resources)
{
	if (i == 0)
		return urgency(g);
	if (g->kind == FINDING_FAN_OUT)
		return NULL;
	if (i == 1 && g->captured)
		return "Something keeps one store for good: mostly a client or an interval that "
		       "was "
		       "created lazily, by the first request that needed it.";
	if (i == 1 + (g->captured != 0))
		return where(g->resource, resources);
	if (i == 2 + (g->captured != 0))
		return "The cure is nearly always one line where the callback is queued: "
		       "AsyncResource.bind(fn) or AsyncLocalStorage.bind(fn), or a version of the "
		       "library that does so.";
	return NULL;
}
