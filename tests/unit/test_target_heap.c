// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decoding of V8's heap: from this program, which contains a runtime of our own (fake_node.h)
 * and what V8 exports for debuggers, whole and damaged; and from the real binaries that the
 * machine has.
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
};

static void image_open(struct image *im)
{
	struct stat st = {0};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	im->len = (size_t)st.st_size;
	im->data = mmap(NULL, im->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_true(im->data != MAP_FAILED);
}

/* Takes a symbol away: its string is all that says what it is. */
static void image_rename(struct image *im, const char *name)
{
	size_t len = strlen(name) + 1, renamed = 0;
	uint8_t *at = im->data;

	for (;;) {
		at = memmem(at, im->len - (size_t)(at - im->data), name, len);
		if (!at)
			break;
		if (at[-1] == '\0') {
			at[1] = '!';
			renamed++;
		}
		at++;
	}
	assert_true(renamed > 0);
}

static void decode(struct image *im, struct target_layout *l)
{
	struct target_elf *elf = NULL;
	char why[256] = "";

	if (target_elf__open_memory(&elf, im->data, im->len, why, sizeof(why)) ||
	    target_layout__decode(l, elf, why, sizeof(why)))
		fail_msg("%s", why);
	target_elf__free(elf);
	munmap(im->data, im->len);
}

static void objects(void **state)
{
	struct target_layout l = {0};
	struct lr_heap *h = &l.heap;
	struct image im;

	(void)state;
	image_open(&im);
	decode(&im, &l);
	assert_int_equal(h->flags,
			 LR_HEAP_OBJECTS | LR_HEAP_TOP | LR_HEAP_OLD | LR_HEAP_ACF | LR_HEAP_HOOKS);
	assert_int_equal(h->type_string_max, 120);
	assert_int_equal(h->type_js_object_min, 1000);
	assert_int_equal(h->type_js_map, fake_jsmap_type);
	assert_int_equal(h->type_js_promise, 1003);
	assert_int_equal(h->oddball_false, 0);
	assert_int_equal(h->oddball_undefined, 15);
	assert_int_equal(h->str_sliced, 6);
	assert_int_equal(h->map_inobject_start, 10);
	assert_int_equal(h->descriptors_header, 39);
	assert_int_equal(h->name_hash, 7);
	assert_int_equal(h->object_properties, 15);
	assert_int_equal(h->js_map_table, 31);
	assert_int_equal(h->property_array_data, 23);
	assert_int_equal(h->bit_field3_dictionary, 1u << 20);
	assert_int_equal(h->bit_field3_own_mask, 0x7fe00);
	assert_int_equal(h->details_const_mask, 2);
	assert_int_equal(h->details_index_shift, 18);
	assert_int_equal(h->dictionary_start, 9);
	assert_int_equal(h->field_stack, FAKE_FIELD_STACK);
	assert_int_equal(h->isolate_cped, FAKE_CPED);
	assert_int_equal(h->isolate_undefined, FAKE_UNDEFINED);
	assert_int_equal(h->isolate_js_entry, FAKE_ENTRY);
}

static void assert_top(const struct target_layout *l)
{
	assert_true(l->heap.flags & LR_HEAP_TOP);
	assert_int_equal(l->heap.isolate_top.n, 1);
	assert_int_equal(l->heap.isolate_top.off[0], FAKE_TOP);
	assert_true(l->heap.flags & LR_HEAP_OLD);
}

static void assert_old(const struct target_layout *l)
{
	const struct lr_chain *top = &l->heap.isolate_old_top;

	assert_int_equal(top->n, 3);
	assert_int_equal(top->off[0], FAKE_OLD);
	assert_int_equal(top->off[1], FAKE_OLD_AREA);
	assert_int_equal(top->off[2], 8);
}

/* By the function of V8 that hands it out; where there is none, by what a builtin does. */
static void allocation_top(void **state)
{
	struct target_layout l = {0};
	struct image im;

	(void)state;
	image_open(&im);
	image_rename(&im, FN_CREATE);
	decode(&im, &l);
	assert_top(&l);
	assert_old(&l);

	/* Without the functions the old space's area is the one behind. */
	image_open(&im);
	image_rename(&im, FN_TOP);
	decode(&im, &l);
	assert_top(&l);
	assert_int_equal(l.heap.isolate_old_top.n, 1);
	assert_int_equal(l.heap.isolate_old_top.off[0], FAKE_TOP + 24);
}

/* What is not there is not known, and the rest is. */
static void missing(void **state)
{
	static const struct {
		const char *names[2];
		const char *why;
		uint32_t flags;
	} cases[] = {
		{{"v8dbg_TaggedSize"},
		 "V8's heap: v8dbg_TaggedSize is -1",
		 LR_HEAP_TOP | LR_HEAP_OLD},
		{{"v8dbg_ThinStringTag"},
		 "V8's heap: no v8dbg_ThinStringTag",
		 LR_HEAP_TOP | LR_HEAP_OLD},
		{{FN_LIMIT},
		 "v8::internal::ExternalReference::new_space_allocation_limit_address: ",
		 LR_HEAP_OBJECTS | LR_HEAP_ACF},
		{{FN_OLD},
		 FN_OLD ": not in this binary",
		 LR_HEAP_OBJECTS | LR_HEAP_TOP | LR_HEAP_ACF},
		{{FN_ENTRY},
		 "Builtins_JSEntry: does not note its frame",
		 LR_HEAP_OBJECTS | LR_HEAP_TOP | LR_HEAP_OLD | LR_HEAP_ACF},
		{{FN_TOP, FN_CREATE},
		 "Builtins_CreateIterResultObject: ",
		 LR_HEAP_OBJECTS | LR_HEAP_ACF},
		{{FN_TOP, FN_CPED},
		 "Builtins_GetContinuationPreservedEmbedderData: ",
		 LR_HEAP_OBJECTS | LR_HEAP_ACF},
	};
	struct target_layout l = {0};
	struct image im;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		image_open(&im);
		for (size_t k = 0; k < 2 && cases[i].names[k]; k++)
			image_rename(&im, cases[i].names[k]);
		decode(&im, &l);
		assert_int_equal(l.heap.flags, cases[i].flags | LR_HEAP_HOOKS);
		assert_non_null(target_layout__missing(&l, 0));
		if (strncmp(target_layout__missing(&l, 0), cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s", target_layout__missing(&l, 0));
	}
}

/* Where the neighbours of a property's constness are elsewhere, so may it be. */
static void unknown_constness(void **state)
{
	struct target_layout l = {0};
	struct image im;

	(void)state;
	image_open(&im);
	image_rename(&im, "v8dbg_prop_attributes_shift");
	decode(&im, &l);
	assert_true(l.heap.flags & LR_HEAP_OBJECTS);
	assert_int_equal(l.heap.details_const_mask, 0);
}

/* What holds in every build that there is. */
static void assert_real(const struct target_layout *l, const char *path)
{
	const struct lr_heap *h = &l->heap;

	if ((h->flags & (LR_HEAP_OBJECTS | LR_HEAP_TOP)) != (LR_HEAP_OBJECTS | LR_HEAP_TOP))
		fail_msg("%s: flags %x", path, h->flags);
	assert_int_equal((h->flags & LR_HEAP_ACF) != 0, l->p.cped != 0);
	assert_int_equal(h->isolate_js_entry != 0, l->p.cped != 0);
	assert_true(h->isolate_top.n >= 1 && h->isolate_top.off[0] > 0);
	assert_true(h->isolate_top.off[h->isolate_top.n - 1] % 8 == 0);
	assert_true(h->flags & LR_HEAP_OLD);
	assert_true(h->isolate_old_top.n == 1 || h->isolate_old_top.n == 3);
	assert_true(h->isolate_old_top.off[h->isolate_old_top.n - 1] % 8 == 0);
	assert_true(h->type_js_map > h->type_js_object && h->type_js_array > h->type_js_object);
	assert_true(h->type_symbol >= h->type_string_max);
	assert_int_equal(h->str_shape_mask, 7);
	assert_true(h->dictionary_start > 0);
}

static void real_binaries(void **state)
{
	static const char *const patterns[] = {
		"/var/cache/loopray/node/v*/bin/node", "/usr/bin/node",
		"/var/cache/loopray/node/*/usr/lib/*/libnode.so.[0-9]*",
		"/usr/lib/*/libnode.so.[0-9]*"};
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
		cmocka_unit_test(objects),	 cmocka_unit_test(allocation_top),
		cmocka_unit_test(missing),	 cmocka_unit_test(unknown_constness),
		cmocka_unit_test(real_binaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
