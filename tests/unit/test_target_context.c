// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which mechanism carries AsyncLocalStorage: what an environment shows, and what it hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_world.h"
#include "target_layout_parts.h"

/* A node of a std::set<std::string> as libstdc++ has it. */
struct set_node {
	uint64_t colour;
	struct set_node *parent, *left, *right;
	const char *text;
	uint64_t length, own[2];
};

static void set_put(struct world *w, size_t which, struct set_node *root)
{
	root->parent = (void *)((char *)w->realm + FAKE_REALM_SETS + 48 * which + 8);
	put(w->realm, FAKE_REALM_SETS + 48 * which + 16, addr(root));
}

static void set_name(struct set_node *n, const char *text)
{
	memset(n, 0, sizeof(*n));
	n->text = text;
	n->length = strlen(text);
}

static enum target_context mechanism(struct world *w)
{
	struct target_env e;
	char why[256];

	assert_int_equal(check(w, &e, why, sizeof(why)), 1);
	assert_true(e.context_why[0] != '\0');
	return e.context;
}

static void context_mechanism(void **state)
{
	static struct world w;
	static uint64_t frame[4], map[4], undefined[4];
	struct set_node root, leaf;
	uint16_t type = (uint16_t)fake_jsmap_type;

	(void)state;
	build(&w);
	set_name(&root, "internal/util");
	set_name(&leaf, TARGET_MODULE_HOOKS);
	set_put(&w, 0, &root);
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_NONE);

	w.fields[0] = 1;
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_ASYNC_HOOKS);
	w.fields[0] = 0;
	root.left = &leaf;
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_ASYNC_HOOKS);
	set_name(&leaf, TARGET_MODULE_ACF);
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_ACF);

	root.left = NULL;
	put(w.isolate, FAKE_UNDEFINED, tagged(undefined));
	put(w.isolate, FAKE_CPED, tagged(undefined));
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_NONE);
	put(w.isolate, FAKE_CPED, tagged(frame));
	put(frame, 0, tagged(map));
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_NONE);
	memcpy((char *)map + fake_map_type, &type, sizeof(type));
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_ACF);
}

/* Sets that lead nowhere, in a circle, or hold lengths that cannot be: never a "none". */
static void context_unknown(void **state)
{
	static struct world w;
	struct set_node root;

	(void)state;
	build(&w);
	set_name(&root, "a");
	root.right = (struct set_node *)8;
	set_put(&w, 0, &root);
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_UNKNOWN);
	root.right = &root;
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_UNKNOWN);
	root.right = NULL;
	root.parent = &root;
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_UNKNOWN);
	set_put(&w, 0, &root);
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_NONE);
	root.length = 1ULL << 40;
	assert_int_equal(mechanism(&w), TARGET_CONTEXT_UNKNOWN);
}

static void context_of_process(void **state)
{
	struct target_env envs[2] = {{.context = TARGET_CONTEXT_NONE, .context_why = "a"},
				     {.context = TARGET_CONTEXT_ACF, .context_why = "b"}};
	const char *why;

	(void)state;
	assert_int_equal(target_context__of(envs, 2, &why), TARGET_CONTEXT_ACF);
	assert_string_equal(why, "b");
	assert_int_equal(target_context__of(envs, 1, &why), TARGET_CONTEXT_NONE);
	assert_int_equal(target_context__of(envs, 0, &why), TARGET_CONTEXT_UNKNOWN);
	envs[1].context = TARGET_CONTEXT_UNKNOWN;
	assert_int_equal(target_context__of(envs, 2, &why), TARGET_CONTEXT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_mechanism),
		cmocka_unit_test(context_unknown),
		cmocka_unit_test(context_of_process),
	};

	return cmocka_run_group_tests(tests, fake_setup, NULL);
}
