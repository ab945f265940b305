// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decoding of a binary's layout: this very program, which contains a runtime of our own
 * (fake_node.h), whole and damaged; and the real Node.js binaries that the machine has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_node.h"
#include "target_layout.h"
#include "target_layout_parts.h"
#include "util.h"

/* ---- an image of this program that may be damaged ---- */

struct image {
	uint8_t *data;
	size_t len;
	struct target_elf *elf;
};

static void image_open(struct image *im, const char *path)
{
	struct stat st = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(im, 0, sizeof(*im));
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	im->len = (size_t)st.st_size;
	im->data = mmap(NULL, im->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_true(im->data != MAP_FAILED);
}

static void image_load(struct image *im)
{
	char why[256] = "";

	if (target_elf__open_memory(&im->elf, im->data, im->len, why, sizeof(why)))
		fail_msg("%s", why);
}

static void image_close(struct image *im)
{
	target_elf__free(im->elf);
	munmap(im->data, im->len);
}

/* Overwrites the code of @fn. */
static void image_fill(struct image *im, const char *fn, uint8_t byte)
{
	const struct elf_symbol *sym = target_elf__symbol(im->elf, fn);
	uint64_t offset;

	assert_non_null(sym);
	assert_true(sym->size > 0);
	assert_int_equal(target_elf__file_offset(im->elf, sym->addr, &offset), 0);
	assert_true(offset + sym->size <= im->len);
	memset(im->data + offset, byte, sym->size);
}

/* Renames a symbol: its string is all that says what it is. */
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

static int decode(struct target_layout *l, const struct image *im, char *why, size_t len)
{
	why[0] = '\0';
	return target_layout__decode(l, im->elf, why, len);
}

/* ---- the runtime of fake_node.h ---- */

static void assert_chain(const struct lr_chain *c, uint32_t n, const int32_t *off)
{
	assert_int_equal(c->n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(c->off[i], off[i]);
}

#define ASSERT_CHAIN(chain, ...)                                \
	do {                                                    \
		const int32_t off_[] = {__VA_ARGS__};           \
		assert_chain(&(chain), ARRAY_SIZE(off_), off_); \
	} while (0)

static void every_offset(void **state)
{
	struct target_layout l;
	struct image im;
	char why[256];

	(void)state;
	image_open(&im, "/proc/self/exe");
	image_load(&im);
	if (decode(&l, &im, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(l.lr.flags,
			 LR_LAYOUT_ENV | LR_LAYOUT_IDS | LR_LAYOUT_WRAP | LR_LAYOUT_LOOP);
	assert_null(target_layout__missing(&l, 0));
	ASSERT_CHAIN(l.lr.isolate_env, FAKE_SCOPES, FAKE_ENTERED, 0, FAKE_EMBEDDER, FAKE_SLOT_ENV);
	ASSERT_CHAIN(l.p.isolate_current, FAKE_CURRENT, -1, 0x1f, FAKE_EMBEDDER, FAKE_SLOT_ENV);
	ASSERT_CHAIN(l.p.isolate_tag, FAKE_SCOPES, FAKE_ENTERED, 0, FAKE_EMBEDDER, FAKE_SLOT_TAG);
	ASSERT_CHAIN(l.p.isolate_realm, FAKE_SCOPES, FAKE_ENTERED, 0, FAKE_EMBEDDER,
		     FAKE_SLOT_REALM);
	ASSERT_CHAIN(l.p.isolate_entered, FAKE_SCOPES, FAKE_COUNT);
	ASSERT_CHAIN(l.lr.env_isolate, FAKE_ENV_ISOLATE);
	ASSERT_CHAIN(l.lr.env_uid, FAKE_ENV_UID);
	ASSERT_CHAIN(l.lr.env_fields, FAKE_ENV_FIELDS);
	ASSERT_CHAIN(l.lr.env_loop, FAKE_ENV_DATA, FAKE_DATA_LOOP);
	ASSERT_CHAIN(l.lr.loop_internal, FAKE_LOOP_INTERNAL);
	ASSERT_CHAIN(l.lr.wrap_env, FAKE_WRAP_REALM, FAKE_REALM_ENV);
	assert_int_equal(l.lr.loop_idle, FAKE_LOOP_IDLE);
	assert_int_equal(l.p.loop_entry, FAKE_LOOP_ENTRY);
	assert_int_equal(l.lr.loop_count, FAKE_LOOP_COUNT);
	assert_int_equal(l.lr.wrap_provider, FAKE_WRAP_PROVIDER);
	assert_int_equal(l.lr.wrap_async_id, FAKE_WRAP_ID);
	assert_int_equal(l.p.field_stack, FAKE_FIELD_STACK);
	assert_int_equal(l.p.field_check, FAKE_FIELD_STACK - 1);
	assert_int_equal(l.p.env_timer, FAKE_ENV_TIMER);
	assert_int_equal(l.p.env_immediate, FAKE_ENV_CHECK);
	assert_int_equal(l.p.handle_loop, FAKE_HANDLE_LOOP);
	assert_int_equal(l.lr.timer_timeout, FAKE_TIMER_TIMEOUT);
	assert_int_equal(l.p.env_immediates, FAKE_ENV_IMMEDIATES);
	assert_int_equal(l.p.env_timeouts, FAKE_ENV_TIMEOUTS);
	assert_int_equal(l.p.buffer_isolate, FAKE_BUFFER_ISOLATE);
	assert_int_equal(l.p.buffer_count, FAKE_BUFFER_COUNT);
	assert_int_equal(l.p.buffer_data, FAKE_BUFFER_DATA);
	assert_false(l.p.timeouts_in_js);
	assert_int_equal(l.p.loop_time, FAKE_LOOP_TIME);
	assert_int_equal(l.p.isolate_microtasks, FAKE_MICROTASKS);
	assert_int_equal(l.p.microtasks_running, FAKE_QUEUE_RUNNING);
	assert_int_equal(l.p.microtasks_done, FAKE_QUEUE_DONE);
	assert_int_equal(l.p.cped, FAKE_CPED);
	assert_int_equal(l.p.undefined, FAKE_UNDEFINED);
	assert_int_equal(l.p.jsmap_type, fake_jsmap_type);
	assert_int_equal(l.p.map_type, fake_map_type - 1);
	assert_int_equal(l.p.nbuiltin_sets, 2);
	assert_int_equal(l.p.builtin_sets[0], FAKE_REALM_SETS);
	assert_true(l.p.trace_start_ids);
	assert_int_equal(l.p.tls, TARGET_TLS_STATIC);
	assert_int_equal(l.lr.tls_isolate, (int64_t)(uintptr_t)&fake_current -
						   (int64_t)(uintptr_t)__builtin_thread_pointer());
	image_close(&im);
}

static void provider_names(void **state)
{
	struct target_layout l;
	struct image im;
	char why[256];

	(void)state;
	image_open(&im, "/proc/self/exe");
	image_load(&im);
	assert_int_equal(decode(&l, &im, why, sizeof(why)), 0);
	assert_int_equal(l.lr.provider_max, FAKE_PROVIDERS);
	assert_int_equal(l.nproviders, FAKE_PROVIDERS);
	assert_string_equal(target_layout__provider(&l, 0), "NONE");
	assert_string_equal(target_layout__provider(&l, 16), "TCPWRAP");
	assert_string_equal(target_layout__provider(&l, 23), "FAKE_23");
	assert_null(target_layout__provider(&l, 24));
	assert_null(target_layout__provider(&l, UINT32_MAX));
	image_close(&im);
}

/* Functions without which there is no layout, and how a refusal names them. */
static const struct {
	const char *mangled, *name;
} required[] = {
	{FN_CURRENT, "v8::Isolate::GetCurrentContext: "},
	{FN_ENTERED, "v8::Isolate::GetEnteredOrMicrotaskContext: "},
	{FN_LOOP, "node::GetCurrentEventLoop: "},
	{FN_EXECUTION, "node::AsyncHooksGetExecutionAsyncId: "},
	{FN_TRIGGER, "node::AsyncHooksGetTriggerAsyncId: "},
	{FN_POP, "node::AsyncHooks::pop_async_context: "},
	{FN_GET_ID, "node::AsyncWrap::GetAsyncId: "},
	{FN_RESET, "node::AsyncWrap::AsyncReset: "},
	{FN_MEMORY, "node::AsyncWrap::MemoryInfoName: "},
	{FN_TRY, "v8::Isolate::TryGetCurrent: "},
};

static void refused(struct image *im, const char *name)
{
	struct target_layout l;
	char why[256];

	assert_int_equal(decode(&l, im, why, sizeof(why)), -ENOTSUP);
	if (strncmp(why, name, strlen(name)) != 0)
		fail_msg("refused with \"%s\", not by the name of %s", why, name);
	assert_int_equal(l.lr.flags, 0);
}

static void required_function_missing(void **state)
{
	struct image im;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		image_open(&im, "/proc/self/exe");
		image_rename(&im, required[i].mangled);
		image_load(&im);
		if (strcmp(required[i].mangled, FN_POP) == 0)
			refused(&im, "node::AsyncWrap::PopAsyncContext: not in this binary");
		else
			refused(&im, required[i].name);
		image_close(&im);
	}
}

/* No instruction at all, instructions that do nothing, and a function that only returns. */
static void required_function_garbage(void **state)
{
	static const uint8_t bytes[] = {0x06, 0x90, 0xc3, 0xff, 0x00};
	struct image im;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(bytes); k++) {
			image_open(&im, "/proc/self/exe");
			image_load(&im);
			image_fill(&im, required[i].mangled, bytes[k]);
			/* The symbol still knows where the isolate is. */
			if (strcmp(required[i].mangled, FN_TRY) != 0 || bytes[k] == 0x06)
				refused(&im, required[i].name);
			image_close(&im);
		}
	}
}

/* Puts the code of one function in the place of another: right by itself, wrong together. */
static void image_copy(struct image *im, const char *to, const char *from)
{
	const struct elf_symbol *a = target_elf__symbol(im->elf, to);
	const struct elf_symbol *b = target_elf__symbol(im->elf, from);
	uint64_t to_off, from_off;

	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(target_elf__file_offset(im->elf, a->addr, &to_off), 0);
	assert_int_equal(target_elf__file_offset(im->elf, b->addr, &from_off), 0);
	assert_true(b->size <= a->size);
	memmove(im->data + to_off, im->data + from_off, b->size);
}

static void functions_that_disagree(void **state)
{
	struct image im;

	(void)state;
	image_open(&im, "/proc/self/exe");
	image_load(&im);
	image_copy(&im, FN_EXECUTION, FN_TRIGGER); /* reads the trigger id */
	refused(&im, "node::AsyncHooksGetExecutionAsyncId: no walk environment");
	image_close(&im);

	image_open(&im, "/proc/self/exe");
	image_load(&im);
	image_copy(&im, FN_RESET, FN_GET_ID); /* stores nothing */
	refused(&im, "node::AsyncWrap::AsyncReset: does not store both ids");
	image_close(&im);
}

static void optional_function_missing(void **state)
{
	static const struct {
		const char *mangled, *missing;
		uint32_t flag;
	} cases[] = {
		{"uv_metrics_idle_time", "uv_metrics_idle_time: ", LR_LAYOUT_LOOP},
		{FN_SET_CPED, "v8::Isolate::SetContinuationPreservedEmbedderData: ", 0},
		{FN_RECORD, "node::builtins::BuiltinLoader::RecordResult: ", 0},
		{FN_BUFFER, "node::AliasedBufferBase<int, v8::Int32Array>::AliasedBufferBase: ", 0},
		{FN_ENVIRONMENT, "node::Environment::Environment: ", 0},
		{FN_MT_RUNNING, "v8::MicrotasksScope::IsRunningMicrotasks: ", 0},
		{FN_MT_DEPTH, "v8::MicrotasksScope::GetCurrentDepth: ", 0},
		{FN_MT_MEMBER, "v8::internal::MicrotaskQueue::IsRunningMicrotasks: ", 0},
		{MT_DONE, "v8::internal::MicrotaskQueue: ", 0},
		{MT_VTABLE, "v8::internal::MicrotaskQueue: ", 0},
	};
	const uint32_t all = LR_LAYOUT_ENV | LR_LAYOUT_IDS | LR_LAYOUT_WRAP | LR_LAYOUT_LOOP;
	struct target_layout l;
	struct image im;
	char why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		image_open(&im, "/proc/self/exe");
		image_rename(&im, cases[i].mangled);
		image_load(&im);
		assert_int_equal(decode(&l, &im, why, sizeof(why)), 0);
		assert_int_equal(l.lr.flags, all & ~cases[i].flag);
		assert_non_null(target_layout__missing(&l, 0));
		assert_memory_equal(target_layout__missing(&l, 0), cases[i].missing,
				    strlen(cases[i].missing));
		image_close(&im);
	}
}

/* A runtime from before AsyncContextFrame lacks nothing. */
static void no_context_frames(void **state)
{
	struct target_layout l;
	struct image im;
	char why[256];

	(void)state;
	image_open(&im, "/proc/self/exe");
	image_rename(&im, FN_FRAME_SET);
	image_load(&im);
	assert_int_equal(decode(&l, &im, why, sizeof(why)), 0);
	assert_int_equal(l.p.cped, 0);
	assert_null(target_layout__missing(&l, 0));
	image_close(&im);
}

/* A runtime whose JavaScript has no name for the counter does not share it. */
static void timers_of_javascript(void **state)
{
	struct target_layout l;
	struct image im;
	char why[256];

	(void)state;
	for (int other = 0; other < 2; other++) {
		image_open(&im, "/proc/self/exe");
		if (other)
			image_rename(&im, "timeoutInfo");
		image_load(&im);
		/* What lies behind the immediates' counters is made by another function. */
		image_fill(&im, FN_ENVIRONMENT, 0x90);
		assert_int_equal(decode(&l, &im, why, sizeof(why)), 0);
		assert_int_equal(l.p.env_timeouts, 0);
		assert_int_equal(l.p.timeouts_in_js, other);
		image_close(&im);
	}
}

/* Whatever the code is, decoding ends, and what it gives stays within its bounds. */
static void random_damage(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15ULL;
	struct target_layout l;
	struct image im;
	char why[256];

	(void)state;
	image_open(&im, "/proc/self/exe");
	image_load(&im);
	for (int i = 0; i < 400; i++) {
		const char *fn = required[i % (int)ARRAY_SIZE(required)].mangled;
		const struct elf_symbol *sym = target_elf__symbol(im.elf, fn);
		uint64_t offset;

		assert_int_equal(target_elf__file_offset(im.elf, sym->addr, &offset), 0);
		for (int k = 0; k < 3; k++) {
			seed = hash_u64(seed + (uint64_t)i + 1);
			im.data[offset + seed % sym->size] = (uint8_t)(seed >> 32);
		}
		if (decode(&l, &im, why, sizeof(why)))
			assert_true(why[0] != '\0');
		assert_true(l.lr.isolate_env.n <= LR_CHAIN_MAX && l.lr.wrap_env.n <= LR_CHAIN_MAX);
		assert_true(l.nproviders <= LR_PROVIDERS_MAX);
	}
	image_close(&im);
}

/* ---- real binaries ---- */

static void assert_names(const struct target_layout *l, const char *path)
{
	if (l->nproviders < 50 || strcmp(target_layout__provider(l, 0), "NONE") != 0)
		fail_msg("%s: %u provider names", path, l->nproviders);
	for (uint32_t i = 0; i < l->nproviders; i++) {
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(l->providers[i], l->providers[k]);
	}
}

/* What holds in every build that there is, whatever its offsets. */
static void assert_real(const struct target_layout *l, const char *path)
{
	const uint32_t need = LR_LAYOUT_ENV | LR_LAYOUT_IDS | LR_LAYOUT_WRAP;

	if ((l->lr.flags & need) != need)
		fail_msg("%s: flags %x", path, l->lr.flags);
	assert_names(l, path);
	assert_true(l->lr.wrap_async_id > l->lr.wrap_provider);
	assert_true(l->lr.env_uid.off[0] > l->lr.env_fields.off[0]);
	assert_int_equal(l->p.field_stack, l->p.field_check + 1);
	if (l->p.tls == TARGET_TLS_STATIC)
		assert_true(l->lr.tls_isolate < 0 && l->lr.tls_isolate % 8 == 0);
	else
		assert_true(l->p.isolate_key != 0);
	assert_true((l->lr.flags & LR_LAYOUT_LOOP) || l->p.uv_external);
	assert_true(l->lr.timer_timeout || l->p.uv_external);
	assert_true(!l->p.env_immediates || l->lr.env_immediates > l->p.env_immediates);
	assert_false(l->lr.flags & LR_LAYOUT_ENTRY_IDS);
	/* One behind the other, or with a reason. */
	assert_true(l->p.isolate_microtasks && l->p.microtasks_done && l->p.microtasks_vtable);
	assert_true(l->p.loop_time || l->p.uv_external);
	if (l->p.env_timeouts)
		assert_true(l->p.env_immediates && l->p.env_timeouts > l->p.env_immediates &&
			    l->p.env_timeouts <= l->p.env_immediates + 0x80);
	else if (!l->p.timeouts_in_js)
		fail_msg("%s: no counter of timers", path);
}

static void real_binaries(void **state)
{
	static const char *const patterns[] = {
		"/var/cache/loopray/node/v*/bin/node", "/usr/bin/node",
		"/var/cache/loopray/*/usr/lib/*/libnode.so.[0-9]*", "/usr/lib/*/libnode.so.[0-9]*"};
	struct target_layout l;
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
		cmocka_unit_test(every_offset),
		cmocka_unit_test(provider_names),
		cmocka_unit_test(required_function_missing),
		cmocka_unit_test(required_function_garbage),
		cmocka_unit_test(functions_that_disagree),
		cmocka_unit_test(optional_function_missing),
		cmocka_unit_test(no_context_frames),
		cmocka_unit_test(timers_of_javascript),
		cmocka_unit_test(random_damage),
		cmocka_unit_test(real_binaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
