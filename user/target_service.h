/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process is called by those who run it: the name that OpenTelemetry would give its service.
 *
 * In this order: OTEL_SERVICE_NAME in the environment that it was started with; the name in the
 * package.json nearest to its script, or, if the script is in a node_modules, to its working
 * directory; the script's name without its extension. Files are opened inside of the process's
 * root, which may be a container's. Nothing else of the environment or of the files is kept.
 */
#ifndef LOOPRAY_TARGET_SERVICE_H
#define LOOPRAY_TARGET_SERVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "target_process.h"

#define SERVICE_NAME	128
#define SERVICE_VERSION 64

struct target_service {
	char name[SERVICE_NAME];       /* empty: not known */
	char version[SERVICE_VERSION]; /* of the package.json; empty: not known */
	char script[PATH_MAX];	       /* as the process names it, absolute; empty: none */
};

/* What cannot be read is left empty. */
void target_service__read(struct target_service *s, const struct target_process *p);

/*
 * The script among arguments as /proc/PID/cmdline has them, in @len bytes: what stands behind the
 * options. NULL: there is none, as with --eval.
 */
const char *target_service__script(const char *args, size_t len);
/* A member of the outermost object of a JSON text, if it is a string without escapes. */
bool target_service__member(const char *json, const char *key, char *value, size_t len);

#endif
