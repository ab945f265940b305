// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern_features_parts.h"
#include "util.h"

static void caps_of_status(void **state)
{
	uint64_t caps = 1;

	(void)state;
	assert_int_equal(kern_text__caps("Name:\tx\nCapPrm:\tffffffffffffffff\n"
					 "CapEff:\t000001fffeffffff\nCapBnd:\t0\n",
					 &caps),
			 0);
	assert_true(caps == 0x1fffeffffffULL);
	assert_int_equal(kern_text__caps("Name:\tx\nCapEff:\t0000000000000000\n", &caps), 0);
	assert_true(caps == 0);
	assert_int_equal(kern_text__caps("Name:\tx\n", &caps), -EINVAL);
	assert_int_equal(kern_text__caps("", &caps), -EINVAL);
	assert_int_equal(kern_text__caps("Name:\tx\nCapEff:\tzz\n", &caps), -EINVAL);
}

static void user_namespaces(void **state)
{
	(void)state;
	assert_true(kern_text__initial_userns("         0          0 4294967295\n"));
	assert_false(kern_text__initial_userns("         0       1000          1\n"));
	assert_false(kern_text__initial_userns("0 100000 65536\n"));
	assert_false(kern_text__initial_userns(""));
}

static void chosen_word(void **state)
{
	char word[16];

	(void)state;
	assert_true(kern_text__chosen("none [integrity] confidentiality\n", word, sizeof(word)));
	assert_string_equal(word, "integrity");
	assert_true(kern_text__chosen("[none] integrity", word, sizeof(word)));
	assert_string_equal(word, "none");
	assert_false(kern_text__chosen("none integrity", word, sizeof(word)));
	assert_false(kern_text__chosen("none [integrity", word, sizeof(word)));
	assert_false(kern_text__chosen("[a word that is too long for it]", word, sizeof(word)));
	assert_false(kern_text__chosen("", word, sizeof(word)));
}

/* Every row of the table is filled in, has an answer, and keeps it. */
static void table_is_complete(void **state)
{
	(void)state;
	for (int i = 0; i < KERN_FEATURE_COUNT; i++) {
		const struct kern_feature *f = kern_features__get(i);

		assert_non_null(f->id);
		assert_non_null(f->title);
		assert_non_null(f->use);
		assert_true(*f->found);
		assert_ptr_equal(f, kern_features__get(i));
		assert_int_equal(f->has, kern_features__has(i));
		/* What can fail says how to mend it. */
		if (f->need != KERN_NEED_NONE)
			assert_non_null(f->fix);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(f->id, kern_features__get(k)->id);
	}
	kern_features__free();
	assert_true(*kern_features__get(KERN_FEATURE_BTF)->found);
}

static void btf_names(void **state)
{
	(void)state;
	if (kern_btf__load())
		skip();
	assert_true(kern_btf__has("task_struct", BTF_IS_STRUCT));
	assert_false(kern_btf__has("task_struct", BTF_IS_TYPEDEF));
	assert_false(kern_btf__has("loopray_no_such_type", BTF_IS_STRUCT));
	kern_btf__free();
	assert_true(kern_btf__has("pid_t", BTF_IS_TYPEDEF));
	kern_btf__free();
}

/* What BTF says of a kernel and what the system calls say must not contradict each other. */
static void answers_agree(void **state)
{
	enum multi_answer multi = kern_bpf__uprobe_multi();
	bool in_btf = kern_btf__has("bpf_uprobe_multi_link", BTF_IS_STRUCT);

	(void)state;
	if (kern_btf__load())
		skip();
	if (multi == MULTI_YES || multi == MULTI_YES_PID)
		assert_true(in_btf);
	if (multi == MULTI_NO)
		assert_false(in_btf);
	assert_int_equal(kern_features__has(KERN_FEATURE_UPROBE_MULTI), in_btf);
	kern_features__free();
}

/* Runs @fn in a child without any privilege; it returns the child's exit status. */
static int as_nobody(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(100);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static int lacks_privileges(void)
{
	static const enum kern_feature_id caps[] = {KERN_FEATURE_CAP_BPF, KERN_FEATURE_CAP_PERFMON,
						    KERN_FEATURE_CAP_SYS_ADMIN,
						    KERN_FEATURE_CAP_SYS_PTRACE};
	const struct kern_feature *f;

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		f = kern_features__get(caps[i]);
		if (f->has || !strstr(f->found, "65534") || !f->fix)
			return 1 + (int)i;
	}
	f = kern_features__missing(KERN_NEED_PRIVILEGE);
	return f && strcmp(f->id, "cap_bpf") == 0 ? 0 : 10;
}

/* Without privileges the kernel's features are still told, from BTF. */
static int still_sees_kernel(void)
{
	if (!kern_features__has(KERN_FEATURE_BTF))
		return 0;
	if (!kern_features__has(KERN_FEATURE_RINGBUF) ||
	    !kern_features__has(KERN_FEATURE_TASK_STORAGE))
		return 1;
	return kern_features__has(KERN_FEATURE_SYS_TRACEPOINTS) ? 0 : 2;
}

/* First of all tests: the children must find every answer themselves. */
static void ordinary_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_nobody(lacks_privileges), 0);
	assert_int_equal(as_nobody(still_sees_kernel), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_user),     cmocka_unit_test(caps_of_status),
		cmocka_unit_test(user_namespaces),   cmocka_unit_test(chosen_word),
		cmocka_unit_test(btf_names),	     cmocka_unit_test(answers_agree),
		cmocka_unit_test(table_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
