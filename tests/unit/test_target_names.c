// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parts under the ELF reader: C++ names, the sorted symbol table, the digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "target_elf_parts.h"
#include "util.h"

static void digest_hex(const char *text, size_t step, char hex[65])
{
	struct elf_digest d;
	uint8_t sum[32];
	size_t len = strlen(text);

	elf_digest__init(&d);
	for (size_t i = 0; i < len; i += step)
		elf_digest__update(&d, text + i, min_t(size_t, step, len - i));
	elf_digest__final(&d, sum);
	for (int i = 0; i < 32; i++)
		sprintf(hex + 2 * (size_t)i, "%02x", sum[i]);
}

/* The examples of the standard, given whole and in pieces. */
static void test_digest(void **state)
{
	static const struct {
		const char *text, *sum;
	} cases[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char hex[65];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		digest_hex(cases[i].text, 1000, hex);
		assert_string_equal(hex, cases[i].sum);
		digest_hex(cases[i].text, 7, hex);
		assert_string_equal(hex, cases[i].sum);
	}
}

/* The sort agrees with strcmp on names with long common beginnings. */
static void test_index_order(void **state)
{
	enum { N = 3000 };
	static char names[N][40];
	struct elf_index index;
	uint64_t seed = 7;
	size_t end, first;

	(void)state;
	assert_int_equal(elf_index__init(&index, N), 0);
	for (int i = 0; i < N; i++) {
		struct elf_symbol sym = {.name = names[i], .addr = (uint64_t)i};

		seed = hash_u64(seed + 1);
		snprintf(names[i], sizeof(names[i]), "_ZN2v88internal%.*s%d", (int)(seed % 15),
			 "aaaaaaaaaaaaaaa", (int)(seed >> 32 & 0xff));
		if (seed >> 60 == 0)
			names[i][8 + (seed >> 20) % 8] = (char)(seed >> 8 | 0x80);
		elf_index__add(&index, &sym);
	}
	assert_int_equal(elf_index__finish(&index), 0);
	assert_int_equal(index.count, N);
	for (size_t i = 1; i < index.count; i++)
		assert_true(strcmp(index.syms[i - 1].name, index.syms[i].name) <= 0);
	first = elf_index__range(&index, "_ZN2v88internalaaa", &end);
	for (size_t i = 0; i < index.count; i++)
		assert_int_equal(i >= first && i < end,
				 !strncmp(index.syms[i].name, "_ZN2v88internalaaa", 18));
	elf_index__free(&index);
}

static void test_demangled_prefixes(void **state)
{
	static const struct {
		const char *mangled, *prefix;
		bool match;
	} cases[] = {
		{"_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEdb",
		 "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>, double, bool)", true},
		{"_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEd",
		 "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>, double, bool", false},
		{"_ZN4node9AsyncWrap11EmitDestroyEPNS_11EnvironmentEd",
		 "node::AsyncWrap::EmitDestroy(node::Environment*, double)", true},
		{"_ZN4node9AsyncWrap11EmitDestroyEPNS_11EnvironmentEd",
		 "node::AsyncWrap::EmitDestroy(bool", false},
		{"_ZNK4node9AsyncWrap14MemoryInfoNameEv", "node::AsyncWrap::MemoryInfoName()",
		 true},
		{"_ZN4node9AsyncWrapD2Ev", "node::AsyncWrap::~AsyncWrap()", true},
		{"_ZN4node9AsyncWrapD2Ev", "node::AsyncWrap::AsyncWrap(", false},
		{"_ZN4node21InternalCallbackScopeC1EPNS_11EnvironmentESt7variantIJN2v85LocalINS4_"
		 "6ObjectEEEPS7_EERKNS_13async_contextEiNS5_INS4_5ValueEEE",
		 "node::InternalCallbackScope::InternalCallbackScope(node::Environment*, "
		 "std::variant<v8::Local<v8::Object>, v8::Local<v8::Object>*>, "
		 "node::async_context const&, int, v8::Local<v8::Value>)",
		 true},
		{"_ZN4node5StartEiPPc", "node::Start(int, char**)", true},
		{"_ZN4node5StartEiPPc", "node::Star", true},
		{"_ZN4node5StartEiPPc", "node::Stop", false},
		{"_ZN4nodeL6HelperEv", "node::Helper()", true},
		{"_ZN12_GLOBAL__N_16uvimpl4Work16DoThreadPoolWorkEv",
		 "(anonymous namespace)::uvimpl::Work::DoThreadPoolWork()", true},
		{"_ZL23napi_module_register_cbPv", "napi_module_register_cb(void*)", true},
		{"_ZNSt6vectorIN4node3FooESaIS1_EE9push_backERKS1_",
		 "std::vector<node::Foo, std::allocator<node::Foo> >::push_back(node::Foo const&)",
		 true},
		{"_ZNSt6vectorIN4node3FooESaIS1_EE9push_backERKS1_",
		 "std::vector<node::Foo, std::allocator<node::Foo>>::push_back(", true},
		{"_ZN4node3FooB5cxx11Ev", "node::Foo[abi:cxx11]()", true},
		{"_ZN4node3FooB5cxx11Ev", "node::Foo(", false},
		{"_ZN4node3BarILb1ELin3ELj7EE3runEv", "node::Bar<true, -3, 7u>::run()", true},
		{"_ZN4node9AsyncWrap10AsyncResetEv.isra.0", "node::AsyncWrap::AsyncReset()", true},
		/* What follows the parameters that can be read is not needed, but not guessed. */
		{"_ZN4node3FooEiPFvvE", "node::Foo(int, ", true},
		{"_ZN4node3FooEiPFvvE", "node::Foo(int, void", false},
		/* Text that starts with a return type, and things that only contain the name. */
		{"_ZN4node3FooIiEEvT_", "node::Foo", false},
		{"_ZZN4node3FooEvENKUlvE_clEv", "node::Foo(", false},
		{"_ZThn56_N4node3FooEv", "node::Foo(", false},
		{"_ZTVN4node3FooE", "node::Foo", false},
		/* Broken names. */
		{"_ZN4node3FooE", "node::Foo(", false},
		{"_ZN4node3Foo", "node::", false},
		{"_ZN4node99FooEv", "node::", false},
		{"_ZN4nodeS_3FooEv", "node::", false},
		{"_ZNS_3FooEv", "", false},
		{"_ZN4nodeC", "node", false},
		{"_ZN4node99999999999999999999FooEv", "node", false},
		{"_ZN", "", false},
		{"_Z", "", false},
		{"_ZN5alloc3vec12Vec$LT$T$GT$E", "alloc", false},
		/* C names are themselves. */
		{"uv_run", "uv_run", true},
		{"uv_run.part.0", "uv_run", true},
		{"uv_run.part.0", "uv_run.part", false},
		{"uv_run", "uv_run(", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (elf_mangle__matches(cases[i].mangled, cases[i].prefix) != cases[i].match)
			fail_msg("%s, \"%s\": expected %d", cases[i].mangled, cases[i].prefix,
				 cases[i].match);
	}
	assert_true(elf_mangle__is_cold("f.cold"));
	assert_true(elf_mangle__is_cold("f.part.0.cold.12"));
	assert_false(elf_mangle__is_cold("f.colder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_index_order),
		cmocka_unit_test(test_demangled_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
