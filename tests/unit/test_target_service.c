// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a process is called: by its arguments, its package.json, and its environment. */
#include <sys/wait.h>

#include "out_test.h"
#include "target_service.h"
#include "util.h"

#define ARGS(text) text, sizeof(text)

static void test_script(void **state)
{
	(void)state;
	assert_string_equal(target_service__script(ARGS("node\0server.js\0--port\0")), "server.js");
	assert_string_equal(target_service__script(ARGS("node\0-r\0./t.js\0--flag=1\0a.mjs\0")),
			    "a.mjs");
	assert_string_equal(target_service__script(ARGS("node\0--import\0x\0--\0-odd.js\0")),
			    "-odd.js");
	assert_null(target_service__script(ARGS("node\0-e\0setTimeout(f)\0")));
	assert_null(target_service__script(ARGS("node\0--inspect\0")));
	assert_null(target_service__script(ARGS("node\0-r\0")));
	assert_null(target_service__script(ARGS("my service")));
	assert_null(target_service__script("", 0));
}

static void member(const char *json, const char *key, const char *expected)
{
	char value[16] = "?";

	assert_int_equal(target_service__member(json, key, value, sizeof(value)), expected != NULL);
	if (expected)
		assert_string_equal(value, expected);
}

static void test_member(void **state)
{
	(void)state;
	member("{\"name\": \"shop\", \"version\":\"1.2\"}", "name", "shop");
	member("{\"name\": \"shop\", \"version\":\"1.2\"}", "version", "1.2");
	member("{\"x\":{\"name\":\"inner\"},\"a\":[\"name\",1],\n \"name\" : \"@a/b\"}", "name",
	       "@a/b");
	member("{\"k\":\"name\",\"v\":\"{\\\"name\\\":\\\"no\\\"}\"}", "name", NULL);
	member("{\"name\":7}", "name", NULL);
	member("{\"name\":\"a\\u0041\"}", "name", NULL);
	member("{\"name\":\"longer than there is room\"}", "name", NULL);
	member("{\"name\":\"\"}", "name", NULL);
	member("{\"name\":\"cut", "name", NULL);
	member("{\"name\"", "name", NULL);
	member("{\"name\\", "name", NULL);
	member("\"name\":\"outside\"", "name", NULL);
	member("", "name", NULL);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void remove_file(const char *dir, const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

/* A process in @dir with the environment @env, which ends when the pipe @hold closes. */
static pid_t start(const char *dir, char *const env[], int hold[2])
{
	int ready[2];
	char *argv[] = {"cat", NULL};
	char byte;
	pid_t pid;

	assert_int_equal(pipe(hold), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(dir) == 0 && dup2(hold[0], 0) == 0) {
			close(hold[0]);
			close(hold[1]);
			execve("/bin/cat", argv, env);
		}
		_exit(127);
	}
	close(ready[1]);
	/* Closed by the exec: its environment is its own from then on. */
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

/* What a process that was started like this is called. */
static void called(struct target_service *s, const char *dir, const char *env, const char *args,
		   size_t len)
{
	static struct target_process p;
	char *envp[] = {(char *)(uintptr_t) "SECRET=x", (char *)(uintptr_t)env, NULL};
	int hold[2], status;

	p.pid = start(dir, envp, hold);
	memcpy(p.args, args, len);
	p.args_len = len;
	target_service__read(s, &p);
	close(hold[0]);
	close(hold[1]);
	assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
	assert_int_equal(status, 0);
}

static void test_process(void **state)
{
	struct test_dir dir = {0};
	struct target_service s;
	char script[128];

	(void)state;
	test_dir__make(&dir);
	snprintf(script, sizeof(script), "%s/node_modules", dir.path);
	assert_int_equal(mkdir(script, 0755), 0);
	called(&s, dir.path, NULL, ARGS("node\0lib.v2/server.js\0"));
	assert_string_equal(s.name, "server");
	put_file(dir.path, "package.json", "{\"name\":\"shop\",\"version\":\"1.0.0\"}");
	called(&s, dir.path, NULL, ARGS("node\0server.js\0"));
	assert_string_equal(s.name, "shop");
	assert_string_equal(s.version, "1.0.0");
	snprintf(script, sizeof(script), "%s/server.js", dir.path);
	assert_string_equal(s.script, script);
	/* A tool that is installed in the project runs the project. */
	put_file(dir.path, "node_modules/package.json", "{\"name\":\"next\"}");
	called(&s, dir.path, NULL, ARGS("node\0node_modules/next.js\0"));
	assert_string_equal(s.name, "shop");
	called(&s, dir.path, "OTEL_SERVICE_NAME=by\033name", ARGS("node\0server.js\0"));
	assert_string_equal(s.name, "by?name");
	called(&s, dir.path, "XOTEL_SERVICE_NAME=other", ARGS("node\0-e\0code\0"));
	assert_string_equal(s.name, "");
	remove_file(dir.path, "node_modules/package.json");
	remove_file(dir.path, "package.json");
	snprintf(script, sizeof(script), "%s/node_modules", dir.path);
	assert_int_equal(rmdir(script), 0);
	test_dir__remove(&dir);
}

/* What is no file, or too long, is not read. */
static void test_no_file(void **state)
{
	struct test_dir dir = {0};
	struct target_service s;
	char path[160];

	(void)state;
	test_dir__make(&dir);
	snprintf(path, sizeof(path), "%s/package.json", dir.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	called(&s, dir.path, NULL, ARGS("node\0a.js\0"));
	assert_string_equal(s.name, "a");
	assert_int_equal(unlink(path), 0);
	test_dir__remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_member),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests_name("target_service", tests, NULL, NULL);
}
