// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What takes long is done before the program of `loopray run` begins: reading the symbols of the
 * runtime that it will be, and decoding its layout. Node.js serves its first request some 50 ms
 * after its exec, and that is all the time there is then.
 *
 * Which runtime it will be is a guess: one that its words name (node, env node, nice node, npx),
 * or the node that its PATH has, which is what scripts such as npm run. A wrong guess costs time
 * before the start and nothing else; without a right one, the attach takes longer.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "run"
#include "log.h"
#include "session_impl.h"
#include "target_cache.h"
#include "target_elf_shared.h"
#include "target_image.h"
#include "util.h"

#define WORDS_MAX   8
#define RUNTIME_MIN (4 << 20) /* bytes; no runtime is smaller, and most programs are */

/* The file that execvp(3) would execute. */
static bool find_program(const char *word, char path[PATH_MAX])
{
	const char *at = getenv("PATH");
	char name[PATH_MAX];

	if (strchr(word, '/'))
		return realpath(word, path) && access(path, X_OK) == 0;
	for (; at && *word; at = *at ? at + 1 : NULL) {
		size_t len = strcspn(at, ":");

		snprintf(name, sizeof(name), "%.*s/%s", len ? (int)len : 1, len ? at : ".", word);
		if (access(name, X_OK) == 0 && realpath(name, path))
			return true;
		at += len;
	}
	return false;
}

/* True: it is a runtime. */
static bool prepare_image(struct session *s, const char *path)
{
	struct target_layout layout;
	struct target_image image;
	struct target_elf *elf;
	struct stat st;
	char why[256] = "";

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size < RUNTIME_MIN ||
	    target_image__examine(&image, path) || !image.is_node)
		return false;
	if (target_elf__acquire(&elf, path, why, sizeof(why)))
		return true;
	/* What cannot be decoded is said when it runs. */
	if (!target_cache__decode(&layout, elf, why, sizeof(why)))
		kern__prepare_image(s->kern, elf, path);
	target_elf__release(elf);
	log_info("%s: Node.js %s, prepared", path, image.version);
	return true;
}

/* An executable of a distribution, the runtime of which is a library. */
static bool prepare_library(struct session *s, const char *program)
{
	const char *own = getenv("LD_LIBRARY_PATH");
	const char *end = strrchr(program, '/');
	char pattern[2 * PATH_MAX];
	bool found = false;
	glob_t g;

	snprintf(pattern, sizeof(pattern), "{%s%s%.*s/../lib{,64,/*-linux-gnu}}/libnode.so.*",
		 own ? own : "", own ? "," : "", end ? (int)(end - program) : 0, program);
	for (char *c = pattern; own && *c; c++)
		if (*c == ':')
			*c = ',';
	if (glob(pattern, GLOB_BRACE, NULL, &g))
		return false;
	for (size_t i = 0; i < g.gl_pathc && !found; i++)
		found = prepare_image(s, g.gl_pathv[i]);
	globfree(&g);
	return found;
}

static bool prepare(struct session *s, const char *word)
{
	char path[PATH_MAX];
	const char *name;

	if (!find_program(word, path))
		return false;
	if (prepare_image(s, path))
		return true;
	name = strrchr(path, '/');
	return name && strncmp(name, "/node", 5) == 0 && prepare_library(s, path);
}

void session__prepare(struct session *s)
{
	char **argv = s->opts->cli->program;

	for (int i = 0; i < WORDS_MAX && argv[i]; i++)
		if (*argv[i] != '-' && prepare(s, argv[i]))
			return;
	if (!prepare(s, "node"))
		log_info("no Node.js found to be prepared for");
}
