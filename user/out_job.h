/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Jobs of the thread pool as JSON. */
#ifndef LOOPRAY_OUT_JOB_H
#define LOOPRAY_OUT_JOB_H

#include "flow_job.h"
#include "json.h"

/* The members of an object that is open. What is not known is null. */
void job_json__members(struct json *j, const struct flow_job *job);

#endif
