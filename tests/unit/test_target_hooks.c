// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decoding of async_hooks' stacks of current resources: from this program, which contains a
 * runtime of our own (fake_node.h), in its two forms and damaged; and from the real binaries
 * that the machine has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_node.h"
#include "target_layout.h"
#include "util.h"

struct image {
	uint8_t *data;
	size_t len;
	struct target_elf *elf;
};

static void image_load(struct image *im)
{
	char why[256] = "";

	if (target_elf__open_memory(&im->elf, im->data, im->len, why, sizeof(why)))
		fail_msg("%s", why);
}

static void image_open(struct image *im)
{
	struct stat st = {0};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	im->len = (size_t)st.st_size;
	im->data = mmap(NULL, im->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_true(im->data != MAP_FAILED);
	image_load(im);
}

/* Where the code of @name is; its symbol in @sym. */
static uint8_t *image_code(struct image *im, const char *name, const struct elf_symbol **sym)
{
	uint64_t offset;

	*sym = target_elf__symbol(im->elf, name);
	assert_non_null(*sym);
	assert_int_equal(target_elf__file_offset(im->elf, (*sym)->addr, &offset), 0);
	assert_true(offset + (*sym)->size <= im->len);
	return im->data + offset;
}

/* Puts other code in the place of @name's; what is left of that is filled with returns. */
static void image_copy(struct image *im, const char *name, const char *from)
{
	const struct elf_symbol *to_sym, *from_sym;
	uint8_t *to = image_code(im, name, &to_sym);
	const uint8_t *code = image_code(im, from, &from_sym);

	assert_true(from_sym->size <= to_sym->size);
	memmove(to, code, from_sym->size);
	memset(to + from_sym->size, 0xc3, to_sym->size - from_sym->size);
}

/* Replaces the one place in the code of @name that has @from. */
static void image_patch(struct image *im, const char *name, uint32_t from, uint32_t to)
{
	const struct elf_symbol *sym;
	uint8_t *code = image_code(im, name, &sym), *at;

	at = memmem(code, sym->size, &from, sizeof(from));
	assert_non_null(at);
	memcpy(at, &to, sizeof(to));
	assert_null(memmem(at, sym->size - (size_t)(at - code), &from, sizeof(from)));
}

/* Takes a function away: its name is all that says what it is. */
static void image_rename(struct image *im, const char *name)
{
	size_t len = strlen(name) + 1, renamed = 0;
	uint8_t *at = im->data;

	target_elf__free(im->elf);
	while ((at = memmem(at, im->len - (size_t)(at - im->data), name, len)) != NULL) {
		if (at[-1] == '\0') {
			at[1] = '!';
			renamed++;
		}
		at++;
	}
	assert_true(renamed > 0);
	image_load(im);
}

static void decode(struct image *im, struct target_layout *l)
{
	char why[256] = "";

	if (target_layout__decode(l, im->elf, why, sizeof(why)))
		fail_msg("%s", why);
	target_elf__free(im->elf);
	munmap(im->data, im->len);
}

/* Everything else is there, and what is missing says why. */
static void refused(struct image *im, const char *why)
{
	struct target_layout l;

	decode(im, &l);
	assert_int_equal(l.heap.flags & LR_HEAP_HOOKS, 0);
	assert_true(l.heap.flags & LR_HEAP_OBJECTS);
	assert_int_equal(l.nmissing, 1);
	if (strncmp(target_layout__missing(&l, 0), why, strlen(why)) != 0)
		fail_msg("\"%s\" is not \"%s\"", target_layout__missing(&l, 0), why);
}

static void assert_stacks(const struct target_layout *l, uint32_t kind)
{
	assert_int_equal(l->nmissing, 0);
	assert_true(l->heap.flags & LR_HEAP_HOOKS);
	assert_int_equal(l->heap.env_js_resources.n, 1);
	assert_int_equal(l->heap.env_js_resources.off[0], FAKE_ENV_RESOURCES);
	assert_int_equal(l->heap.env_native_resources, FAKE_ENV_NATIVE);
	assert_int_equal(l->heap.resources_kind, kind);
	assert_int_equal(l->heap.field_stack, FAKE_FIELD_STACK);
}

static void deque_of_pointers(void **state)
{
	struct target_layout l;
	struct image im;

	(void)state;
	image_open(&im);
	decode(&im, &l);
	assert_stacks(&l, LR_RESOURCES_DEQUE | LR_RESOURCES_POINTERS);
}

static void vector_of_handles(void **state)
{
	struct target_layout l;
	struct image im;

	(void)state;
	image_open(&im);
	image_copy(&im, FN_RESOURCE, "fake_resource_vector");
	image_rename(&im, FN_PUSH);
	decode(&im, &l);
	assert_stacks(&l, 0);
}

/* The signature of what stores the elements and the code that reads them must agree. */
static void unlike_elements(void **state)
{
	struct image im;

	(void)state;
	image_open(&im);
	image_rename(&im, FN_PUSH);
	refused(&im, "node::AsyncWrap::ExecutionAsyncResource: an element is no handle");
	image_open(&im);
	image_copy(&im, FN_RESOURCE, "fake_resource_vector");
	refused(&im, "node::AsyncWrap::ExecutionAsyncResource: an element is no handle");
}

static void missing_functions(void **state)
{
	struct image im;

	(void)state;
	image_open(&im);
	image_rename(&im, FN_RESOURCE);
	refused(&im, "node::AsyncWrap::ExecutionAsyncResource: not in this binary");
	image_open(&im);
	image_rename(&im, FN_CLEAR);
	refused(&im, "node::AsyncHooks::clear_async_id_stack: not in this binary");
}

/* Each fact is in two functions; whichever is changed, they contradict each other. */
static void functions_that_disagree(void **state)
{
	static const struct {
		const char *fn;
		uint32_t from, to;
		const char *why;
	} cases[] = {
		{FN_POP, 0xb0, 0x108, "node::AsyncHooks::clear_async_id_stack: cuts another array"},
		{FN_POP, 0xe8, 0x108, "node::AsyncHooks::pop_async_context: cuts another stack"},
		{FN_POP, 0x100, 0x108, "node::AsyncHooks::pop_async_context: cuts another stack"},
		{FN_RESOURCE, 0x4c0, 0x4c4, "node::AsyncWrap::ExecutionAsyncResource: no walk"},
		{FN_RESOURCE, 0x4a8, 0x4a0, "node::AsyncWrap::ExecutionAsyncResource: no walk"},
		{FN_RESOURCE, 0x4e0, 0x4e4, "node::AsyncWrap::ExecutionAsyncResource: no vector"},
		{FN_RESOURCE, 0x4c8, 0x4cc, "node::AsyncWrap::ExecutionAsyncResource: no vector"},
	};
	struct image im;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		image_open(&im);
		image_patch(&im, cases[i].fn, cases[i].from, cases[i].to);
		refused(&im, cases[i].why);
	}
}

/* Whatever the code is, decoding ends, and what it gives stays within its bounds. */
static void random_damage(void **state)
{
	static const char *const fns[] = {FN_RESOURCE, FN_CLEAR};
	uint64_t seed = 0x2545f4914f6cdd1dULL;
	size_t kept = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		const struct elf_symbol *sym;
		struct target_layout l;
		struct image im;
		uint8_t *code;

		image_open(&im);
		code = image_code(&im, fns[i % 2], &sym);
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		code[seed % sym->size] ^= (uint8_t)(seed >> 32);
		decode(&im, &l);
		kept += (l.heap.flags & LR_HEAP_HOOKS) != 0;
		if (!(l.heap.flags & LR_HEAP_HOOKS))
			assert_int_equal(l.nmissing, 1);
		else
			assert_true(l.heap.env_native_resources < 1u << 20 &&
				    l.heap.resources_kind <= 3);
	}
	assert_true(kept > 0 && kept < 300);
}

/* What holds in every build in which AsyncLocalStorage can work over hooks by default. */
static void assert_real(const struct target_layout *l, const char *path)
{
	const struct lr_heap *h = &l->heap;
	int32_t js = h->env_js_resources.off[0];
	bool deque = h->resources_kind & LR_RESOURCES_DEQUE;

	if (!(h->flags & LR_HEAP_HOOKS))
		fail_msg("%s: %s", path,
			 target_layout__missing(l, l->nmissing ? l->nmissing - 1 : 0));
	assert_int_equal(h->env_js_resources.n, 1);
	assert_true(js % 8 == 0 && js > l->lr.env_uid.off[0]);
	/* They are declared one behind the other; a deque has its map and size in front. */
	assert_int_equal(h->env_native_resources, js + (deque ? 24 : 8));
	assert_true(h->resources_kind == 0 || h->resources_kind == 3);
	assert_int_equal(h->field_stack, l->p.field_check + 1);
}

static void real_binaries(void **state)
{
	static const char *const patterns[] = {
		"/var/cache/loopray/node/v18.*/bin/node", "/var/cache/loopray/node/v20.*/bin/node",
		"/var/cache/loopray/node/v22.*/bin/node",
		"/var/cache/loopray/node/v24.11.*/bin/node",
		"/var/cache/loopray/node/*/usr/lib/*/libnode.so.108"};
	glob_t g = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &g);
	if (g.gl_pathc == 0) {
		print_message("skipped: no Node.js binary on this machine\n");
		globfree(&g);
		skip();
	}
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct target_elf *elf = NULL;
		struct target_layout l;
		char why[256] = "";
		int err = target_elf__open(&elf, g.gl_pathv[i], why, sizeof(why));

		if (!err)
			err = target_layout__decode(&l, elf, why, sizeof(why));
		if (err)
			fail_msg("%s: %s", g.gl_pathv[i], why);
		assert_real(&l, g.gl_pathv[i]);
		target_elf__free(elf);
	}
	print_message("decoded %zu binaries\n", g.gl_pathc);
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deque_of_pointers),	   cmocka_unit_test(vector_of_handles),
		cmocka_unit_test(unlike_elements),	   cmocka_unit_test(missing_functions),
		cmocka_unit_test(functions_that_disagree), cmocka_unit_test(random_damage),
		cmocka_unit_test(real_binaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
