// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target_proc.h"
#include "target_service.h"
#include "util.h"

#define ENVIRON_MAX (256u << 10)
#define PACKAGE_MAX (256u << 10)
#define DEPTH	    32 /* directories that are looked into */

/* Arguments ------------------------------------------------------------------------------- */

static bool is_one_of(const char *arg, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(arg, *words) == 0)
			return true;
	return false;
}

/* Options of node that take the next argument; with = they are one. */
static const char *const with_value[] = {
	"-r",		"--require",  "--import", "--loader",	  "--experimental-loader", "-C",
	"--conditions", "--env-file", "--title",  "--input-type", "--watch-path",	   NULL};
static const char *const without_script[] = {"-e", "--eval",	    "-p", "--print", "-pe",
					     "-i", "--interactive", "-",  NULL};

const char *target_service__script(const char *args, size_t len)
{
	const char *end = args + len;
	const char *arg = args + strnlen(args, len) + 1;

	for (; arg < end && *arg == '-'; arg += strnlen(arg, (size_t)(end - arg)) + 1) {
		if (is_one_of(arg, without_script))
			return NULL;
		if (strcmp(arg, "--") == 0)
			return arg + 3 < end && arg[3] ? arg + 3 : NULL;
		if (is_one_of(arg, with_value))
			arg += strlen(arg) + 1;
		if (arg >= end)
			return NULL;
	}
	return arg < end && *arg ? arg : NULL;
}

/* JSON ------------------------------------------------------------------------------------ */

/* Behind the string that begins at @p, NULL if it has no end. */
static const char *string_end(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && !*++p)
			return NULL;
	return *p ? p + 1 : NULL;
}

static const char *blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* The text between two quotation marks. */
static bool copy_string(const char *p, const char *end, char *value, size_t len)
{
	size_t n = (size_t)(end - p) - 2;

	if (n == 0 || n >= len || memchr(p, '\\', n + 1))
		return false;
	memcpy(value, p + 1, n);
	value[n] = '\0';
	return true;
}

bool target_service__member(const char *json, const char *key, char *value, size_t len)
{
	size_t klen = strlen(key);
	int depth = 0;

	for (const char *p = json; *p;) {
		const char *end, *behind;

		if (*p != '"') {
			depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
			p++;
			continue;
		}
		end = string_end(p);
		if (!end)
			return false;
		behind = blanks(end);
		if (depth == 1 && *behind == ':' && (size_t)(end - p) == klen + 2 &&
		    memcmp(p + 1, key, klen) == 0) {
			p = blanks(behind + 1);
			end = *p == '"' ? string_end(p) : NULL;
			return end && copy_string(p, end, value, len);
		}
		p = end;
	}
	return false;
}

/* Files ----------------------------------------------------------------------------------- */

/* All of a regular file of the process, terminated; NULL: not there, too long, or not to be read.
 */
static char *read_inside(int root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	struct stat st;
	char *text = NULL;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < PACKAGE_MAX) {
		text = malloc((size_t)st.st_size + 1);
		n = text ? read(fd, text, (size_t)st.st_size) : -1;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* Cuts the last component off. False at the root. */
static bool to_parent(char *dir)
{
	char *slash = strrchr(dir, '/');

	if (!slash || (slash == dir && !dir[1]))
		return false;
	slash[slash == dir] = '\0';
	return true;
}

/* The nearest package.json that has a name, from @dir (which is used up) upwards. */
static void from_package(struct target_service *s, int root, char *dir)
{
	for (int i = 0; i < DEPTH; i++) {
		char path[PATH_MAX + 16];
		char *text;
		bool named;

		snprintf(path, sizeof(path), "%s/package.json", dir);
		text = read_inside(root, path);
		named = text && target_service__member(text, "name", s->name, sizeof(s->name));
		if (named &&
		    !target_service__member(text, "version", s->version, sizeof(s->version)))
			s->version[0] = '\0';
		free(text);
		if (named || !to_parent(dir))
			return;
	}
}

static void from_script(struct target_service *s)
{
	static const char *const ends[] = {".js", ".mjs", ".cjs", ".ts", NULL};
	const char *base = strrchr(s->script, '/') + 1;
	size_t len = strlen(base);
	const char *dot = strrchr(base, '.');

	if (dot && dot != base && is_one_of(dot, ends))
		len = (size_t)(dot - base);
	snprintf(s->name, sizeof(s->name), "%.*s", (int)min_t(size_t, len, SERVICE_NAME - 1), base);
}

/* The environment is others' secrets: it goes as soon as it was looked at. */
static void from_environment(struct target_service *s, pid_t pid)
{
	static const char name[] = "OTEL_SERVICE_NAME=";
	char path[32];
	char *text = malloc(ENVIRON_MAX);
	long len;

	if (!text)
		return;
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	len = read_file(path, text, ENVIRON_MAX);
	if (len == -EFBIG)
		len = ENVIRON_MAX - 1;
	for (long at = 0; at < len; at += (long)strlen(text + at) + 1)
		if (strncmp(text + at, name, sizeof(name) - 1) == 0)
			proc_text__printable(s->name, sizeof(s->name), text + at + sizeof(name) - 1,
					     strlen(text + at + sizeof(name) - 1));
	explicit_bzero(text, ENVIRON_MAX);
	free(text);
}

/* The absolute path of the script, and where its package.json is looked for. */
static bool find_script(struct target_service *s, const struct target_process *p, char *dir)
{
	const char *script = target_service__script(p->args, p->args_len);
	char link[32], cwd[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/cwd", p->pid);
	n = script ? readlink(link, cwd, sizeof(cwd) - 1) : -1;
	if (n <= 0)
		return false;
	cwd[n] = '\0';
	if (script[0] == '/')
		snprintf(s->script, sizeof(s->script), "%s", script);
	else if (snprintf(s->script, sizeof(s->script), "%s/%s", strcmp(cwd, "/") ? cwd : "",
			  script) >= (int)sizeof(s->script))
		s->script[0] = '\0';
	if (s->script[0] != '/')
		return false;
	snprintf(dir, PATH_MAX, "%s", strstr(s->script, "/node_modules/") ? cwd : s->script);
	return true;
}

void target_service__read(struct target_service *s, const struct target_process *p)
{
	char path[32], dir[PATH_MAX];
	bool script;
	int root;

	memset(s, 0, sizeof(*s));
	script = find_script(s, p, dir);
	from_environment(s, p->pid);
	if (s->name[0] || !script)
		return;
	snprintf(path, sizeof(path), "/proc/%d/root", p->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	from_package(s, root, dir);
	close(root);
	if (!s->name[0])
		from_script(s);
}
