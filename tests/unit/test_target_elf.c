// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ELF reader on images built here byte by byte, on files of every wrong kind, on this
 * program itself, and on the Node.js binaries of the test cache where they are present.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "target_elf.h"
#include "target_elf_parts.h"
#include "util.h"

#define TEXT_ADDR 0x401000UL
#define TEXT_SIZE 0x200UL
#define DATA_ADDR 0x402200UL
#define DATA_SIZE 0x100UL
#define BSS_SIZE  0x80UL
#define SYMS_MAX  40

enum { SEC_NULL, SEC_SYMTAB, SEC_STRTAB, SEC_DYNSYM, SEC_DYNSTR, SEC_COUNT };

/* A small x86-64 executable; every field can be spoilt before it is opened. */
struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[4]; /* text, data, TLS, note */
	struct {
		Elf64_Nhdr nh;
		char name[4];
		uint8_t desc[20];
	} note;
	Elf64_Shdr sh[SEC_COUNT];
	Elf64_Sym sym[SYMS_MAX];
	char str[4096];
	Elf64_Sym dynsym[SYMS_MAX];
	char dynstr[1024];
	uint8_t pad[0x3000]; /* text at file offset 0x1000.., data behind it */
};

static struct image *image;
static size_t nsyms, ndynsyms, str_len, dynstr_len;

static void section(int i, uint32_t type, size_t offset, size_t size, size_t entsize, uint32_t link)
{
	image->sh[i] = (Elf64_Shdr){
		.sh_type = type,
		.sh_offset = offset,
		.sh_size = size,
		.sh_entsize = entsize,
		.sh_link = link,
	};
}

static uint32_t add_string(char *table, size_t *len, const char *text)
{
	uint32_t at = (uint32_t)*len;

	strcpy(table + *len, text);
	*len += strlen(text) + 1;
	return at;
}

static void describe_sections(void)
{
	section(SEC_SYMTAB, SHT_SYMTAB, offsetof(struct image, sym), nsyms * sizeof(Elf64_Sym),
		sizeof(Elf64_Sym), SEC_STRTAB);
	section(SEC_STRTAB, SHT_STRTAB, offsetof(struct image, str), str_len, 0, 0);
	section(SEC_DYNSYM, SHT_DYNSYM, offsetof(struct image, dynsym),
		ndynsyms * sizeof(Elf64_Sym), sizeof(Elf64_Sym), SEC_DYNSTR);
	section(SEC_DYNSTR, SHT_STRTAB, offsetof(struct image, dynstr), dynstr_len, 0, 0);
}

static Elf64_Sym *add_symbol(const char *name, uint64_t addr, int type, int bind)
{
	Elf64_Sym *s = &image->sym[nsyms++];

	*s = (Elf64_Sym){
		.st_name = add_string(image->str, &str_len, name),
		.st_info = ELF64_ST_INFO(bind, type),
		.st_shndx = 1,
		.st_value = addr,
		.st_size = 16,
	};
	describe_sections();
	return s;
}

static Elf64_Sym *add_dynamic(const char *name, uint64_t addr, uint16_t shndx)
{
	Elf64_Sym *s = &image->dynsym[ndynsyms++];

	*s = (Elf64_Sym){
		.st_name = add_string(image->dynstr, &dynstr_len, name),
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = shndx,
		.st_value = addr,
		.st_size = 16,
	};
	describe_sections();
	return s;
}

static Elf64_Sym *add_function(const char *name, uint64_t addr)
{
	return add_symbol(name, addr, STT_FUNC, STB_GLOBAL);
}

static void program_headers(void)
{
	image->ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				    .p_flags = PF_R | PF_X,
				    .p_offset = TEXT_ADDR & 0x3fff,
				    .p_vaddr = TEXT_ADDR,
				    .p_filesz = TEXT_SIZE,
				    .p_memsz = TEXT_SIZE};
	image->ph[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				    .p_flags = PF_R | PF_W,
				    .p_offset = DATA_ADDR & 0x3fff,
				    .p_vaddr = DATA_ADDR,
				    .p_filesz = DATA_SIZE,
				    .p_memsz = DATA_SIZE + BSS_SIZE};
	image->ph[2] = (Elf64_Phdr){.p_type = PT_TLS, .p_memsz = 0xb0, .p_align = 8};
	image->ph[3] = (Elf64_Phdr){.p_type = PT_NOTE,
				    .p_offset = offsetof(struct image, note),
				    .p_filesz = sizeof(image->note),
				    .p_align = 4};
}

static int new_image(void **state)
{
	(void)state;
	image = calloc(1, sizeof(*image));
	assert_non_null(image);
	nsyms = ndynsyms = str_len = dynstr_len = 1;
	memcpy(image->eh.e_ident, ELFMAG, SELFMAG);
	image->eh.e_ident[EI_CLASS] = ELFCLASS64;
	image->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	image->eh.e_ident[EI_VERSION] = EV_CURRENT;
	image->eh.e_type = ET_EXEC;
	image->eh.e_machine = EM_X86_64;
	image->eh.e_version = EV_CURRENT;
	image->eh.e_ehsize = sizeof(Elf64_Ehdr);
	image->eh.e_phoff = offsetof(struct image, ph);
	image->eh.e_phentsize = sizeof(Elf64_Phdr);
	image->eh.e_phnum = ARRAY_SIZE(image->ph);
	image->eh.e_shoff = offsetof(struct image, sh);
	image->eh.e_shentsize = sizeof(Elf64_Shdr);
	image->eh.e_shnum = SEC_COUNT;
	program_headers();
	image->note.nh = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
	memcpy(image->note.name, "GNU", 4);
	for (int i = 0; i < 20; i++)
		image->note.desc[i] = (uint8_t)(i * 13);
	describe_sections();
	return 0;
}

static int free_image(void **state)
{
	(void)state;
	free(image);
	return 0;
}

static char why[256];

static int try_open(struct target_elf **elf)
{
	return target_elf__open_memory(elf, image, sizeof(*image), why, sizeof(why));
}

static struct target_elf *open_image(void)
{
	struct target_elf *elf;
	int err = try_open(&elf);

	if (err)
		print_error("open: %d, %s\n", err, why);
	assert_int_equal(err, 0);
	assert_string_equal(why, "");
	return elf;
}

/* The image as it stands is refused with @err and a reason that contains @text. */
static void assert_refused(int err, const char *text)
{
	struct target_elf *elf = (void *)1;

	assert_int_equal(try_open(&elf), err);
	assert_null(elf);
	if (!strstr(why, text))
		print_error("reason: %s\n", why);
	assert_non_null(strstr(why, text));
	/* Nobody has to ask for the reason. */
	assert_int_equal(target_elf__open_memory(&elf, image, sizeof(*image), NULL, 0), err);
	target_elf__free(elf);
}

static void test_exact_names(void **state)
{
	const struct elf_symbol *s;
	struct target_elf *elf;

	(void)state;
	add_symbol("twice", TEXT_ADDR + 0x30, STT_FUNC, STB_LOCAL);
	add_function("twice", TEXT_ADDR + 0x40);
	add_symbol("twice", TEXT_ADDR + 0x20, STT_FUNC, STB_LOCAL);
	add_symbol("only_local", TEXT_ADDR + 0x10, STT_FUNC, STB_LOCAL);
	add_symbol("value", DATA_ADDR + 8, STT_OBJECT, STB_GLOBAL);
	add_function("imported", 0)->st_shndx = SHN_UNDEF;
	elf = open_image();

	s = target_elf__symbol(elf, "twice");
	assert_non_null(s);
	assert_int_equal(s->addr, TEXT_ADDR + 0x40);
	assert_false(s->local);
	s = target_elf__symbol(elf, "only_local");
	assert_non_null(s);
	assert_true(s->local);
	assert_int_equal(s->size, 16);
	s = target_elf__symbol(elf, "value");
	assert_non_null(s);
	assert_int_equal(s->type, STT_OBJECT);
	assert_null(target_elf__symbol(elf, "imported"));
	assert_null(target_elf__symbol(elf, "twic"));
	assert_null(target_elf__symbol(elf, "twice_"));
	assert_null(target_elf__symbol(elf, ""));
	target_elf__free(elf);
}

/* Stripped as a whole, or of all but a few: .dynsym tells what .symtab does not. */
static void test_stripped(void **state)
{
	const struct elf_symbol *s;
	struct target_elf *elf;

	(void)state;
	add_dynamic("exported", TEXT_ADDR + 0x50, 1);
	add_dynamic("imported", 0, SHN_UNDEF);
	add_dynamic("both", TEXT_ADDR + 0x40, 1)->st_size = 32;
	elf = open_image();
	assert_non_null(target_elf__symbol(elf, "exported"));
	assert_null(target_elf__symbol(elf, "imported"));
	assert_int_equal(elf->index.count, 2);
	target_elf__free(elf);

	add_function("both", TEXT_ADDR + 0x40);
	add_function("kept", TEXT_ADDR + 0x60);
	elf = open_image();
	assert_non_null(target_elf__symbol(elf, "exported"));
	assert_non_null(target_elf__symbol(elf, "kept"));
	s = target_elf__symbol(elf, "both");
	assert_non_null(s);
	assert_int_equal(s->size, 32);
	assert_int_equal(elf->index.count, 3);
	target_elf__free(elf);
}

struct seen {
	int count;
	int stop_at;
	char names[256];
};

static int see(const struct elf_symbol *sym, void *ctx)
{
	struct seen *seen = ctx;

	strcat(strcat(seen->names, sym->name), " ");
	return ++seen->count == seen->stop_at ? 42 : 0;
}

static void test_for_each(void **state)
{
	struct seen all = {0}, some = {.stop_at = 2}, none = {0};
	struct target_elf *elf;

	(void)state;
	add_function("_ZThn56_N1a1bEv", TEXT_ADDR);
	add_function("_ZThn24_N1a1bEv", TEXT_ADDR + 16);
	add_function("_ZTh", TEXT_ADDR + 32);
	add_function("_ZTg", TEXT_ADDR + 48);
	add_function("_ZThn24_N1a1bEv", TEXT_ADDR + 16);
	elf = open_image();
	assert_int_equal(target_elf__for_each(elf, "_ZTh", see, &all), 0);
	assert_string_equal(all.names, "_ZTh _ZThn24_N1a1bEv _ZThn56_N1a1bEv ");
	assert_int_equal(target_elf__for_each(elf, "_ZTh", see, &some), 42);
	assert_int_equal(some.count, 2);
	assert_int_equal(target_elf__for_each(elf, "_ZThn9", see, &none), 0);
	assert_int_equal(none.count, 0);
	target_elf__free(elf);
}

static void test_by_prefix(void **state)
{
	static const char reset[] = "_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEdb";
	static const char args[] =
		"_ZN4node9AsyncWrap10AsyncResetERKN2v820FunctionCallbackInfoINS1_5ValueEEE";
	const struct elf_symbol *found[8];
	struct target_elf *elf;

	(void)state;
	add_function(reset, TEXT_ADDR + 0x10);
	add_function(args, TEXT_ADDR + 0x20);
	add_symbol("_ZN4node9AsyncWrap11EmitDestroyEb.part.152", TEXT_ADDR + 0x30, STT_FUNC,
		   STB_LOCAL);
	add_function("_ZN4node9AsyncWrap11EmitDestroyEb", TEXT_ADDR + 0x40);
	add_symbol("_ZN4node9AsyncWrap11EmitDestroyEb.cold.3", TEXT_ADDR + 0x50, STT_FUNC,
		   STB_LOCAL);
	add_function("_ZN4node9AsyncWrapD1Ev", TEXT_ADDR + 0x60);
	add_function("_ZN4node9AsyncWrapD2Ev", TEXT_ADDR + 0x60);
	add_symbol("_ZN4node9AsyncWrap10AsyncResetEv", DATA_ADDR, STT_OBJECT, STB_GLOBAL);
	add_function("_ZZN4node9AsyncWrap10AsyncResetEvENKUlvE_clEv", TEXT_ADDR + 0x70);
	add_function("uv_try_write", TEXT_ADDR + 0x80);
	add_function("uv_try_write2", TEXT_ADDR + 0x90);
	elf = open_image();

	assert_int_equal(
		target_elf__symbols_by_prefix(elf, "node::AsyncWrap::AsyncReset(", found, 8), 2);
	assert_int_equal(
		target_elf__symbols_by_prefix(
			elf, "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>, double", found, 8),
		1);
	assert_string_equal(found[0]->name, reset);
	assert_int_equal(
		target_elf__symbols_by_prefix(elf, "node::AsyncWrap::EmitDestroy(bool)", found, 8),
		2);
	assert_int_equal(found[0]->addr, TEXT_ADDR + 0x30);
	assert_int_equal(found[1]->addr, TEXT_ADDR + 0x40);
	/* Two names of one address are one function. */
	assert_int_equal(
		target_elf__symbols_by_prefix(elf, "node::AsyncWrap::~AsyncWrap(", found, 8), 1);
	assert_string_equal(found[0]->name, "_ZN4node9AsyncWrapD1Ev");
	assert_int_equal(target_elf__symbols_by_prefix(elf, "uv_try_write", found, 8), 2);
	/* More than there is room for: the number tells. */
	found[1] = NULL;
	assert_int_equal(target_elf__symbols_by_prefix(elf, "node::AsyncWrap::", found, 1), 5);
	assert_null(found[1]);
	assert_int_equal(target_elf__symbols_by_prefix(elf, "node::AsyncWrap::Absent(", NULL, 0),
			 0);
	target_elf__free(elf);
}

static void test_addresses(void **state)
{
	struct target_elf *elf;
	uint64_t memsz, align, offset;
	uint8_t buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(image->pad); i++)
		image->pad[i] = (uint8_t)i;
	elf = open_image();
	assert_int_equal(target_elf__read(elf, TEXT_ADDR, buf, 64), 64);
	assert_memory_equal(buf, (uint8_t *)image + (TEXT_ADDR & 0x3fff), 64);
	assert_int_equal(target_elf__read(elf, TEXT_ADDR + TEXT_SIZE - 3, buf, 64), 3);
	assert_int_equal(target_elf__read(elf, TEXT_ADDR + TEXT_SIZE, buf, 64), 0);
	assert_int_equal(target_elf__read(elf, TEXT_ADDR - 1, buf, 64), 0);
	assert_int_equal(target_elf__read(elf, DATA_ADDR + DATA_SIZE - 1, buf, 64), 1);
	/* Beyond the file's part there is only zeroed memory, which no file can tell. */
	assert_int_equal(target_elf__read(elf, DATA_ADDR + DATA_SIZE, buf, 64), 0);
	assert_int_equal(target_elf__read(elf, UINT64_MAX, buf, 64), 0);

	assert_int_equal(target_elf__file_offset(elf, TEXT_ADDR + 5, &offset), 0);
	assert_int_equal(offset, (TEXT_ADDR & 0x3fff) + 5);
	assert_int_equal(target_elf__file_offset(elf, DATA_ADDR, &offset), -ENOENT);
	assert_int_equal(target_elf__file_offset(elf, 0, &offset), -ENOENT);
	assert_true(target_elf__is_code(elf, TEXT_ADDR));
	assert_false(target_elf__is_code(elf, TEXT_ADDR + TEXT_SIZE));
	assert_false(target_elf__is_code(elf, DATA_ADDR));

	assert_true(target_elf__tls(elf, &memsz, &align));
	assert_int_equal(memsz, 0xb0);
	assert_int_equal(align, 8);
	assert_false(target_elf__is_pie(elf));
	assert_int_equal(target_elf__base(elf), TEXT_ADDR);
	target_elf__free(elf);

	image->eh.e_type = ET_DYN;
	image->ph[2].p_type = PT_NULL;
	elf = open_image();
	assert_true(target_elf__is_pie(elf));
	assert_false(target_elf__tls(elf, &memsz, &align));
	target_elf__free(elf);
}

static void test_impossible_tls(void **state)
{
	static const Elf64_Phdr bad[] = {
		{.p_type = PT_TLS, .p_memsz = 0x10, .p_align = 24},
		{.p_type = PT_TLS, .p_memsz = 1ULL << 40, .p_align = 8},
		{.p_type = PT_TLS, .p_memsz = 0, .p_align = 8},
		{.p_type = PT_TLS, .p_memsz = 8, .p_align = 1ULL << 63},
	};
	struct target_elf *elf;
	uint64_t memsz, align;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		image->ph[2] = bad[i];
		elf = open_image();
		assert_false(target_elf__tls(elf, &memsz, &align));
		target_elf__free(elf);
	}
}

static void test_build_id(void **state)
{
	struct target_elf *elf = open_image();
	char first[80];

	(void)state;
	assert_string_equal(target_elf__build_id(elf), "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7");
	target_elf__free(elf);

	/* Without a usable note: a digest that changes with what it covers. */
	image->note.nh.n_descsz = UINT32_MAX;
	elf = open_image();
	assert_memory_equal(target_elf__build_id(elf), "sha-", 4);
	assert_int_equal(strlen(target_elf__build_id(elf)), 68);
	snprintf(first, sizeof(first), "%s", target_elf__build_id(elf));
	target_elf__free(elf);

	elf = open_image();
	assert_string_equal(target_elf__build_id(elf), first);
	target_elf__free(elf);

	add_function("another", TEXT_ADDR);
	elf = open_image();
	assert_string_not_equal(target_elf__build_id(elf), first);
	target_elf__free(elf);
}

static void test_is_node(void **state)
{
	struct target_elf *elf;
	Elf64_Sym *start;

	(void)state;
	add_dynamic("_ZN2v87Isolate10GetCurrentEv", TEXT_ADDR, 1);
	add_dynamic("napi_module_register", TEXT_ADDR + 16, 1);
	elf = open_image();
	assert_false(target_elf__is_node(elf)); /* some other embedder of V8 */
	target_elf__free(elf);

	start = add_dynamic("_ZN4node5StartEiPPc", 0, SHN_UNDEF);
	elf = open_image();
	assert_false(target_elf__is_node(elf)); /* a launcher that links libnode */
	target_elf__free(elf);

	start->st_shndx = 1;
	start->st_value = TEXT_ADDR + 32;
	elf = open_image();
	assert_true(target_elf__is_node(elf));
	target_elf__free(elf);

	start->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	elf = open_image();
	assert_false(target_elf__is_node(elf));
	target_elf__free(elf);
}

static void test_refused_headers(void **state)
{
	Elf64_Ehdr good = image->eh;

	(void)state;
	memcpy(image, "#!/usr/bin/env node\n", 20);
	assert_refused(-ENOEXEC, "not an ELF file");
	image->eh = good;
	image->eh.e_ident[EI_CLASS] = ELFCLASS32;
	assert_refused(-EOPNOTSUPP, "32-bit");
	image->eh = good;
	image->eh.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_refused(-EOPNOTSUPP, "big-endian");
	image->eh = good;
	image->eh.e_machine = EM_AARCH64;
	assert_refused(-EOPNOTSUPP, "arm64");
	image->eh.e_machine = 9999;
	assert_refused(-EOPNOTSUPP, "machine 9999");
	image->eh = good;
	image->eh.e_type = ET_REL;
	assert_refused(-ENOEXEC, "neither an executable nor a shared library");
	image->eh = good;
	image->eh.e_phnum = 0;
	assert_refused(-ENOEXEC, "program headers");
	image->eh.e_phnum = 0xffff;
	assert_refused(-ENOEXEC, "program headers");
	image->eh = good;
	image->eh.e_phoff = UINT64_MAX - 8;
	assert_refused(-ENOEXEC, "program headers lie outside");
	image->eh = good;
	image->eh.e_shnum = 0xfeff;
	assert_refused(-ENOEXEC, "section headers");
	image->eh = good;
	image->eh.e_shoff = sizeof(*image) - 10;
	assert_refused(-ENOEXEC, "section headers lie outside");
	image->eh = good;
	image->eh.e_shnum = 0; /* the real number would be in the first section header */
	image->sh[0].sh_size = 1ULL << 60;
	assert_refused(-ENOEXEC, "section headers");
}

static void test_refused_segments(void **state)
{
	Elf64_Phdr good = image->ph[1];

	(void)state;
	image->ph[1].p_vaddr = TEXT_ADDR + 0x1200 - 0x1000 - 0x200;
	image->ph[1].p_offset = TEXT_ADDR & 0x3fff;
	assert_refused(-ENOEXEC, "overlap");
	image->ph[1] = good;
	image->ph[1].p_filesz = image->ph[1].p_memsz + 1;
	assert_refused(-ENOEXEC, "impossible sizes");
	image->ph[1] = good;
	image->ph[1].p_memsz = UINT64_MAX;
	assert_refused(-ENOEXEC, "impossible sizes");
	image->ph[1] = good;
	image->ph[1].p_offset += 0x100000;
	assert_refused(-ENOEXEC, "outside the file");
	image->ph[1] = good;
	image->ph[1].p_vaddr += 8;
	assert_refused(-ENOEXEC, "cannot be mapped");
	image->ph[1] = good;
	image->ph[0].p_type = image->ph[1].p_type = PT_NULL;
	assert_refused(-ENOEXEC, "nothing to load");
}

static void test_segments_out_of_order(void **state)
{
	Elf64_Phdr text = image->ph[0];
	struct target_elf *elf;
	uint64_t offset;

	(void)state;
	image->ph[0] = image->ph[1];
	image->ph[1] = text;
	elf = open_image();
	assert_int_equal(target_elf__base(elf), TEXT_ADDR);
	assert_int_equal(target_elf__file_offset(elf, TEXT_ADDR, &offset), 0);
	target_elf__free(elf);
	image->ph[0].p_vaddr = TEXT_ADDR + 0x200 - 8;
	image->ph[0].p_offset = (TEXT_ADDR & 0x3fff) + 0x200 - 8;
	assert_refused(-ENOEXEC, "overlap");
}

static void test_refused_tables(void **state)
{
	Elf64_Shdr good;

	(void)state;
	add_function("f", TEXT_ADDR);
	good = image->sh[SEC_SYMTAB];
	image->sh[SEC_SYMTAB].sh_entsize = 1;
	assert_refused(-ENOEXEC, "bytes each");
	image->sh[SEC_SYMTAB] = good;
	image->sh[SEC_SYMTAB].sh_link = 77;
	assert_refused(-ENOEXEC, "no string table");
	image->sh[SEC_SYMTAB].sh_link = SEC_SYMTAB;
	assert_refused(-ENOEXEC, "no string table");
	image->sh[SEC_SYMTAB] = good;
	image->sh[SEC_SYMTAB].sh_size = sizeof(*image) + 24;
	assert_refused(-ENOEXEC, "cut off");
	image->sh[SEC_SYMTAB].sh_size = 1ULL << 62;
	assert_refused(-ENOEXEC, "too large");
	image->sh[SEC_SYMTAB] = good;
	image->sh[SEC_STRTAB].sh_offset = UINT64_MAX;
	assert_refused(-ENOEXEC, "cut off");
	describe_sections();
	image->sh[SEC_SYMTAB].sh_flags = SHF_COMPRESSED;
	assert_refused(-ENOEXEC, "symbol table");
}

/* Entries that cannot be true are left out; the others are still there. */
static void test_hostile_symbols(void **state)
{
	struct target_elf *elf;

	(void)state;
	add_function("good", TEXT_ADDR);
	add_function("nowhere", UINT64_MAX);
	add_function("in_data", DATA_ADDR);
	add_symbol("far_object", UINT64_MAX - 3, STT_OBJECT, STB_GLOBAL);
	add_function("beyond", TEXT_ADDR)->st_name = UINT32_MAX;
	add_function("endless", TEXT_ADDR)->st_size = UINT64_MAX;
	add_function("tail", TEXT_ADDR);
	image->sh[SEC_STRTAB].sh_size = str_len - 2; /* "tail" has no end any more */
	elf = open_image();
	assert_non_null(target_elf__symbol(elf, "good"));
	assert_non_null(target_elf__symbol(elf, "endless"));
	assert_non_null(target_elf__symbol(elf, "far_object"));
	assert_null(target_elf__symbol(elf, "nowhere"));
	assert_null(target_elf__symbol(elf, "in_data"));
	assert_null(target_elf__symbol(elf, "tail"));
	assert_null(target_elf__symbol(elf, "tai"));
	assert_int_equal(elf->index.count, 3);
	target_elf__free(elf);

	image->sh[SEC_STRTAB].sh_size = 0;
	elf = open_image();
	assert_int_equal(elf->index.count, 0);
	target_elf__free(elf);

	image->eh.e_shnum = 0;
	image->eh.e_shoff = 0;
	elf = open_image();
	assert_int_equal(elf->index.count, 0);
	assert_false(target_elf__is_node(elf));
	target_elf__free(elf);
}

static void query_all(const struct target_elf *elf)
{
	const struct elf_symbol *found[4];
	struct seen seen = {.stop_at = 3};
	uint64_t a, b;
	uint8_t buf[32];

	target_elf__symbol(elf, "uv_try_write");
	target_elf__symbols_by_prefix(elf, "node::AsyncWrap::", found, 4);
	target_elf__for_each(elf, "", see, &seen);
	target_elf__is_node(elf);
	target_elf__read(elf, TEXT_ADDR + 1, buf, sizeof(buf));
	target_elf__file_offset(elf, TEXT_ADDR, &a);
	target_elf__tls(elf, &a, &b);
	assert_true(strlen(target_elf__build_id(elf)) > 0);
}

/* Cut at every length, and every byte spoilt: an answer or a reason, never a crash. */
static void test_cut_and_spoilt(void **state)
{
	size_t interesting = offsetof(struct image, str) + 64;
	size_t needed = (DATA_ADDR & 0x3fff) + DATA_SIZE; /* end of the last segment's bytes */
	struct target_elf *elf;
	uint8_t *copy;

	(void)state;
	add_function("_ZN4node9AsyncWrap10AsyncResetEv", TEXT_ADDR);
	add_function("uv_try_write", TEXT_ADDR + 16);
	add_dynamic("uv_try_write", TEXT_ADDR + 16, 1);
	for (size_t len = 0; len < sizeof(*image); len += len < interesting ? 1 : 61) {
		copy = malloc(len ? len : 1); /* its own block: reading past it is noticed */
		assert_non_null(copy);
		memcpy(copy, image, len);
		if (len < needed) {
			assert_true(target_elf__open_memory(&elf, copy, len, why, sizeof(why)) < 0);
			assert_true(strlen(why) > 0);
		} else {
			assert_int_equal(target_elf__open_memory(&elf, copy, len, why, sizeof(why)),
					 0);
			query_all(elf);
		}
		target_elf__free(elf);
		free(copy);
	}
	for (size_t i = 0; i < interesting; i++) {
		static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
		uint8_t *byte = (uint8_t *)image + i, old = *byte;

		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			*byte = values[j];
			if (try_open(&elf) == 0)
				query_all(elf);
			target_elf__free(elf);
		}
		*byte = old;
	}
}

static int try_path(const char *path)
{
	struct target_elf *elf;
	int err = target_elf__open(&elf, path, why, sizeof(why));

	assert_true(err == 0 || strlen(why) > 0);
	target_elf__free(elf);
	return err;
}

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/loopray-elf-XXXXXX", path[64], link[64];
	int fd;

	(void)state;
	add_function("f", TEXT_ADDR);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(try_path(path), -ENOENT);
	assert_int_equal(try_path(dir), -EISDIR);
	assert_int_equal(try_path("/dev/null"), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(try_path(path), -EINVAL); /* and does not wait for a writer */
	unlink(path);
	write_file(path, "", 0);
	assert_int_equal(try_path(path), -ENOEXEC);
	assert_non_null(strstr(why, "empty"));
	write_file(path, "\177ELF", 4);
	assert_int_equal(try_path(path), -ENOEXEC);
	assert_non_null(strstr(why, "cut off"));
	/* A hole of a terabyte is not read, let alone allocated. */
	assert_int_equal(truncate(path, 1LL << 40), 0);
	assert_int_equal(try_path(path), -EFBIG);
	write_file(path, image, sizeof(*image));
	assert_int_equal(try_path(path), 0);
	/* Deleted and replaced: what is open is what is read. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	write_file(path, "something else", 14);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_int_equal(try_path(link), 0);
	assert_int_equal(try_path(path), -ENOEXEC);
	close(fd);
	unlink(path);
	rmdir(dir);
}

/* A file that shrinks while it is open gives less, not a signal. */
static void test_file_shrinks(void **state)
{
	char path[] = "/tmp/loopray-elf-XXXXXX";
	int fd = mkstemp(path);
	struct target_elf *elf;
	uint8_t buf[16];

	(void)state;
	assert_true(fd >= 0);
	add_function("f", TEXT_ADDR);
	assert_int_equal(write(fd, image, sizeof(*image)), sizeof(*image));
	assert_int_equal(target_elf__open(&elf, path, why, sizeof(why)), 0);
	assert_int_equal(target_elf__read(elf, TEXT_ADDR, buf, 16), 16);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(target_elf__read(elf, TEXT_ADDR, buf, 16), 0);
	assert_non_null(target_elf__symbol(elf, "f"));
	target_elf__free(elf);
	close(fd);
	unlink(path);
}

__attribute__((noinline, used)) static int marker_function(int x)
{
	return x * 3 + 1;
}

static void test_this_program(void **state)
{
	const struct elf_symbol *s;
	struct target_elf *elf;
	uint8_t code[8];
	int (*volatile fn)(int) = marker_function;

	(void)state;
	assert_int_equal(target_elf__open(&elf, "/proc/self/exe", why, sizeof(why)), 0);
	s = target_elf__symbol(elf, "marker_function");
	assert_non_null(s);
	assert_true(s->local);
	assert_int_equal(target_elf__read(elf, s->addr, code, sizeof(code)), sizeof(code));
	assert_memory_equal(code, (void *)fn, sizeof(code));
	assert_false(target_elf__is_node(elf));
	target_elf__free(elf);
}

/* Calls in a function of this program, by the name of what they lead to in a library. */
static int calls_of(const struct target_elf *elf, const char *fn, const char *name)
{
	const struct elf_symbol *s = target_elf__symbol(elf, fn);
	uint8_t code[512] = {0};
	int n = 0;

	assert_non_null(s);
	assert_true(s->size <= sizeof(code));
	assert_int_equal(target_elf__read(elf, s->addr, code, s->size), s->size);
	for (size_t i = 0; i + 5 <= s->size; i++) {
		int32_t to;

		memcpy(&to, code + i + 1, sizeof(to));
		if (code[i] == 0xe8) /* call rel32 */
			n += target_elf__calls_import(elf, s->addr + i + 5 + (uint64_t)to, name);
	}
	return n;
}

static __attribute__((noinline, noclone)) int importing_function(const char *path)
{
	return access(path, R_OK) + access(path, W_OK) + (int)getppid();
}

static void test_imports(void **state)
{
	int (*volatile fn)(const char *) = importing_function;
	struct target_elf *elf;

	(void)state;
	assert_true(fn("/") != 1);
	assert_int_equal(target_elf__open(&elf, "/proc/self/exe", why, sizeof(why)), 0);
	assert_int_equal(calls_of(elf, "importing_function", "access"), 2);
	assert_int_equal(calls_of(elf, "importing_function", "getppid"), 1);
	assert_int_equal(calls_of(elf, "importing_function", "getpid"), 0);
	/* Code that is no stub, and what is no code at all. */
	assert_false(target_elf__calls_import(
		elf, target_elf__symbol(elf, "importing_function")->addr, "access"));
	assert_false(target_elf__calls_import(elf, 0, "access"));
	assert_false(target_elf__calls_import(elf, UINT64_MAX - 4, "access"));
	target_elf__free(elf);
}

static void check_node_binary(const char *path)
{
	const struct elf_symbol *found[8];
	struct target_elf *elf;
	uint64_t start = now_mono_ns();
	int err = target_elf__open(&elf, path, why, sizeof(why));

	if (err)
		fail_msg("%s: %s", path, why);
	print_message("%s: %zu symbols, opened in %llu ms\n", path, elf->index.count,
		      (unsigned long long)(now_mono_ns() - start) / 1000000);
	assert_true(target_elf__is_node(elf));
	assert_true(elf->index.count > 20000);
	/* One overload takes the object, the other is called from JavaScript. */
	assert_int_equal(
		target_elf__symbols_by_prefix(
			elf, "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>, double", found, 8),
		1);
	assert_int_equal(
		target_elf__symbols_by_prefix(elf, "node::AsyncWrap::AsyncReset(", found, 8), 2);
	assert_in_range(
		target_elf__symbols_by_prefix(elf, "node::AsyncWrap::EmitDestroy(bool)", found, 8),
		1, 2);
	assert_true(target_elf__symbols_by_prefix(elf, "v8::internal::Heap::CollectGarbage(", found,
						  8) >= 1);
	target_elf__free(elf);
}

static void test_node_binaries(void **state)
{
	static const char *const patterns[] = {
		"/var/cache/loopray/node/v*/bin/node",
		"/var/cache/loopray/debian18/usr/lib/*/libnode.so.108",
	};
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		glob_t g;

		if (glob(patterns[i], 0, NULL, &g) == 0) {
			for (size_t j = 0; j < g.gl_pathc; j++)
				check_node_binary(g.gl_pathv[j]);
			seen += g.gl_pathc;
			globfree(&g);
		} else {
			print_message("none at %s\n", patterns[i]);
		}
	}
	if (seen == 0) {
		print_message("skipped: no Node.js binaries in /var/cache/loopray\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exact_names, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_stripped, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_for_each, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_by_prefix, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_addresses, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_impossible_tls, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_build_id, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_is_node, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_refused_headers, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_refused_segments, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_segments_out_of_order, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_refused_tables, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_hostile_symbols, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_cut_and_spoilt, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_files, new_image, free_image),
		cmocka_unit_test_setup_teardown(test_file_shrinks, new_image, free_image),
		cmocka_unit_test(test_this_program),
		cmocka_unit_test(test_imports),
		cmocka_unit_test(test_node_binaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
