// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The part of the layout that only a process knows: which pthread key holds the isolate,
 * where its C library keeps the values of keys, and its libuv if that is a library.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "layout"
#include "log.h"
#include "target_layout_parts.h"
#include "target_memory.h"
#include "util.h"

#define FN_GETSPECIFIC "pthread_getspecific"
#define KEYS_INLINE    32   /* PTHREAD_KEY_2NDLEVEL_SIZE: keys whose values lie in struct pthread */
#define KEY_BYTES      16   /* struct pthread_key_data { uintptr_t seq; void *data; } */
#define THREAD_MAX     8192 /* no member of struct pthread lies beyond */

/* A file mapped by the process. */
struct mapping {
	uint64_t start, end;
	char path[256];
};

static bool base_matches(const char *path, const char *const *names)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (; *names; names++) {
		if (strncmp(base, *names, strlen(*names)) == 0)
			return true;
	}
	return false;
}

/* The mapping of offset 0 of the first file whose name starts with one of @names. */
static int find_mapping(pid_t pid, const char *const *names, struct mapping *found)
{
	char path[32], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), f)) {
		uint64_t offset;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %255[^\n]",
			   &found->start, &found->end, &offset, found->path) != 4 ||
		    offset != 0 || !base_matches(found->path, names))
			continue;
		fclose(f);
		return 0;
	}
	fclose(f);
	return -ENOENT;
}

/* Opens a mapped file as the process sees it: by its mapping, else by name in its root. */
static int open_mapping(pid_t pid, const struct mapping *map, struct target_elf **elf)
{
	char path[320];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
		 map->start, map->end);
	err = target_elf__open(elf, path, NULL, 0);
	if (!err)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, map->path);
	return target_elf__open(elf, path, NULL, 0);
}

/* What a register of pthread_getspecific holds: key * mul + add, plus the thread pointer. */
struct linear {
	bool known, thread;
	uint64_t mul, add; /* modulo 2^64, as the machine computes */
};

static struct linear linear_of(const struct linear *regs, int8_t reg)
{
	return reg >= CODE_RAX && reg <= CODE_R15 ? regs[reg] : (struct linear){0};
}

/* "shl reg, imm8" in its one encoding: REX.W C1 /4 ib. */
static bool is_shift(const struct target_elf *elf, const struct code_insn *in, uint8_t *bits)
{
	uint8_t b[4];

	if (in->len != 4 || target_elf__read(elf, in->addr, b, 4) != 4 || (b[0] & 0xfe) != 0x48 ||
	    b[1] != 0xc1 || (b[2] & 0xf8) != 0xe0 || b[3] > 8)
		return false;
	*bits = b[3];
	return true;
}

/* "add reg, fs:0x10" adds, "mov reg, fs:0x10" loads the thread pointer: fs:0x10 is itself. */
static bool is_self(const struct code_insn *in)
{
	return in->fs && in->base == CODE_NOREG && in->index == CODE_NOREG && in->disp == 0x10;
}

static void linear_step(const struct target_elf *elf, const struct code_insn *in,
			struct linear *regs)
{
	struct linear v = {0};
	uint8_t bits;

	if (in->dst < CODE_RAX || in->dst > CODE_R15)
		return;
	if (in->op == CODE_MOV) {
		v = linear_of(regs, in->src);
	} else if (in->op == CODE_ADD_IMM) {
		v = linear_of(regs, in->dst);
		v.add += (uint64_t)in->imm;
	} else if (in->op == CODE_LEA && in->index == CODE_NOREG) {
		v = linear_of(regs, in->base);
		v.add += (uint64_t)in->disp;
	} else if (in->op == CODE_LOAD && is_self(in)) {
		v = (struct linear){.known = true, .thread = true};
	} else if (in->op == CODE_OTHER && is_self(in)) {
		v = linear_of(regs, in->dst);
		v.thread = true;
	} else if (in->op == CODE_OTHER && is_shift(elf, in, &bits)) {
		v = linear_of(regs, in->dst);
		v.mul <<= bits;
		v.add <<= bits;
	}
	regs[in->dst] = v;
}

/*
 * Offset of key 0's value from the thread pointer: of the words that pthread_getspecific
 * loads from thread + 16 * key + constant, the value is behind its sequence number. Only
 * what comes before the first return is followed: the way of the inline keys.
 */
static int decode_getspecific(const struct target_elf *elf, int64_t *offset)
{
	const struct elf_symbol *fn = target_elf__symbol(elf, FN_GETSPECIFIC);
	struct linear regs[16] = {[CODE_RDI] = {.known = true, .mul = 1}};
	struct code_insn insns[64];
	size_t n;

	*offset = 0;
	if (!fn)
		return -ENOENT;
	n = code__decode(elf, fn->addr, fn->size, insns, ARRAY_SIZE(insns));
	for (size_t i = 0; i < n && insns[i].op != CODE_RET; i++) {
		const struct code_insn *in = &insns[i];
		struct linear base = linear_of(regs, in->base);
		uint64_t at = base.add + (uint64_t)in->disp;

		if (in->op == CODE_LOAD && in->width == 8 && !in->fs && in->index == CODE_NOREG &&
		    base.known && base.thread && base.mul == KEY_BYTES && at < THREAD_MAX &&
		    (int64_t)at > *offset)
			*offset = (int64_t)at;
		linear_step(elf, in, regs);
	}
	return *offset > 0 && *offset % 8 == 0 ? 0 : -ENOTSUP;
}

/* Tries the C library, then the thread library that it was apart from until glibc 2.34. */
static int key_values(pid_t pid, int64_t *offset)
{
	static const char *const libs[][3] = {
		{"libc.so.6", "libc-2.", NULL},
		{"libpthread.so.0", "libpthread-2.", NULL},
	};
	int err = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(libs); i++) {
		struct target_elf *elf = NULL;
		struct mapping map = {0};

		err = find_mapping(pid, libs[i], &map);
		if (!err)
			err = open_mapping(pid, &map, &elf);
		if (!err)
			err = decode_getspecific(elf, offset);
		target_elf__free(elf);
		if (!err)
			break;
	}
	return err;
}

static int refuse(char *why, size_t why_len, const char *text)
{
	if (why)
		snprintf(why, why_len, "%s", text);
	return -ENOTSUP;
}

static int bind_key(struct target_layout *l, struct target_memory *m, pid_t pid, uint64_t bias,
		    char *why, size_t why_len)
{
	int64_t values = 0;
	uint32_t key;
	int err = target_memory__read(m, l->p.isolate_key + bias, &key, sizeof(key));

	if (err)
		return err;
	if (key >= KEYS_INLINE)
		return refuse(why, why_len,
			      "v8::Isolate::TryGetCurrent: the isolate's thread key has no slot "
			      "in the thread itself");
	err = key_values(pid, &values);
	if (err == -ENOENT || err == -ENOTSUP)
		return refuse(why, why_len, FN_GETSPECIFIC ": this C library's cannot be decoded");
	l->lr.tls_isolate = values + (int64_t)key * KEY_BYTES;
	return err;
}

/* A libuv of its own: its part of the layout, as if it were in the binary. Optional. */
static void bind_uv(struct target_layout *l, pid_t pid, uint64_t bias)
{
	static const char *const names[] = {"libuv.so.1", NULL};
	struct layout_job *job = calloc(1, sizeof(*job));
	struct target_elf *elf = NULL;
	struct mapping map = {0};
	int err = job ? find_mapping(pid, names, &map) : -ENOMEM;

	if (!err)
		err = open_mapping(pid, &map, &elf);
	if (!err) {
		job->l = l;
		job->elf = elf;
		err = layout_uv__decode(job);
	}
	if (!err) {
		if (l->p.default_loop)
			l->p.default_loop += map.start - target_elf__base(elf) - bias;
		l->lr.flags |= LR_LAYOUT_LOOP;
	} else {
		log_debug("pid %d: libuv: %s", (int)pid,
			  err == -ENOTSUP ? job->why : strerror(-err));
	}
	target_elf__free(elf);
	free(job);
}

/* V8 makes its key as it starts, and the dynamic linker may not have come to libuv yet. */
bool target_layout__is_per_process(const struct target_layout *l)
{
	return l->p.tls == TARGET_TLS_KEY || l->p.uv_external;
}

int target_layout__bind(struct target_layout *l, pid_t pid, uint64_t load_bias, char *why,
			size_t why_len)
{
	struct target_memory *m;
	int err = target_memory__open(&m, pid);

	if (!err && l->p.tls == TARGET_TLS_KEY)
		err = bind_key(l, m, pid, load_bias, why, why_len);
	if (!err && l->p.uv_external)
		bind_uv(l, pid, load_bias);
	target_memory__free(m);
	if (err && err != -ENOTSUP && why)
		snprintf(why, why_len, "%s", strerror(-err));
	return err;
}
