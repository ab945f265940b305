// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define LOG_MODULE "find"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "target_code.h"
#include "target_elf_shared.h"
#include "target_image.h"
#include "util.h"

/*
 * napi_get_node_version(env, const napi_node_version **result) is part of Node-API, whose
 * ABI does not change: exported by every runtime, stripped or not. Its one job is
 *     *result = &version;
 * where version is a constant { u32 major, minor, patch; const char *release }. So the only
 * address it stores through its second argument is that constant's. The strings in the
 * binary are no substitute: there are dozens that look like versions.
 */
#define VERSION_FUNCTION "napi_get_node_version"
#define VERSION_INSNS	 48

#define CACHE_MAX 1024

struct verdict {
	struct verdict *next;
	off_t size;
	struct timespec mtime;
	struct target_image img;
};

static struct verdict *cache;
static size_t cache_count;

/*
 * The address that the function stores through its second argument (rsi on entry). Returns
 * 0 if there is none, or more than one.
 */
static uint64_t stored_address(const struct code_insn *insns, size_t n)
{
	uint64_t value[16] = {0}; /* known constants in the general registers */
	uint64_t found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct code_insn *in = &insns[i];
		bool reg = in->dst >= 0 && in->dst < 16;

		if (in->op == CODE_STORE && in->base == CODE_RSI && in->index < 0 &&
		    in->disp == 0) {
			uint64_t v = in->src < 0    ? (uint64_t)in->imm
				     : in->src < 16 ? value[in->src]
						    : 0;

			if (in->width != 8 || v == 0 || (found && found != v))
				return 0;
			found = v;
		} else if (reg && in->op == CODE_LEA && in->base == CODE_RIP) {
			value[in->dst] = (uint64_t)in->disp;
		} else if (reg && in->op == CODE_MOV_IMM) {
			value[in->dst] = (uint64_t)in->imm;
		} else if (reg) {
			value[in->dst] = 0;
			if (in->dst == CODE_RSI)
				return 0; /* no longer the argument */
		}
	}
	return found;
}

/* In a file that is not relocated when loaded, the constant's last member is readable too. */
static bool release_is_node(const struct target_elf *elf, uint64_t addr)
{
	uint64_t pointer;
	char text[5];

	if (target_elf__read(elf, addr, &pointer, sizeof(pointer)) != sizeof(pointer))
		return false;
	if (target_elf__is_pie(elf) && pointer == 0)
		return true;
	return target_elf__read(elf, pointer, text, sizeof(text)) == sizeof(text) &&
	       memcmp(text, "node", sizeof(text)) == 0;
}

int target_image__version(const struct target_elf *elf, char *buf, size_t len)
{
	const struct elf_symbol *fn = target_elf__symbol(elf, VERSION_FUNCTION);
	struct code_insn insns[VERSION_INSNS];
	uint64_t addr;
	uint32_t v[3];
	size_t n;

	buf[0] = '\0';
	if (!fn)
		return -ENOENT;
	n = code__decode(elf, fn->addr, fn->size, insns, ARRAY_SIZE(insns));
	addr = stored_address(insns, n);
	if (!addr || target_elf__read(elf, addr, v, sizeof(v)) != sizeof(v) ||
	    !release_is_node(elf, addr + 16))
		return -ENOENT;
	if (v[0] == 0 || v[0] > 999 || v[1] > 999 || v[2] > 999)
		return -ENOENT;
	snprintf(buf, len, "%u.%u.%u", v[0], v[1], v[2]);
	return 0;
}

static void examine(struct target_image *img, const char *path)
{
	const struct elf_symbol *anchor;
	struct target_elf *elf;

	if (target_elf__acquire(&elf, path, img->why, sizeof(img->why)))
		return;
	img->is_node = target_elf__is_node(elf);
	if (img->is_node) {
		img->pie = target_elf__is_pie(elf);
		img->base = target_elf__base(elf);
		snprintf(img->build_id, sizeof(img->build_id), "%s", target_elf__build_id(elf));
		target_image__version(elf, img->version, sizeof(img->version));
		anchor = target_elf__symbol(elf, VERSION_FUNCTION);
		if (anchor && target_elf__file_offset(elf, anchor->addr, &img->anchor_offset) == 0)
			img->anchor_addr = anchor->addr;
		log_debug("%s: Node.js %s, build id %s", path,
			  *img->version ? img->version : "of unknown version", img->build_id);
	}
	target_elf__release(elf);
}

static const struct verdict *recall(const struct stat *st)
{
	for (const struct verdict *v = cache; v; v = v->next)
		if (v->img.ino == st->st_ino && v->img.dev == st->st_dev &&
		    v->size == st->st_size && v->mtime.tv_sec == st->st_mtim.tv_sec &&
		    v->mtime.tv_nsec == st->st_mtim.tv_nsec)
			return v;
	return NULL;
}

static void remember(const struct stat *st, const struct target_image *img)
{
	struct verdict *v;

	if (cache_count >= CACHE_MAX)
		target_image__forget();
	v = malloc(sizeof(*v));
	if (!v)
		return; /* it is only examined again */
	*v = (struct verdict){cache, st->st_size, st->st_mtim, *img};
	cache = v;
	cache_count++;
}

int target_image__examine(struct target_image *img, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const struct verdict *known;
	struct stat st;
	int err = 0;

	memset(img, 0, sizeof(*img));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	known = recall(&st);
	if (known) {
		*img = known->img;
		return 0;
	}
	img->dev = st.st_dev;
	img->ino = st.st_ino;
	if (S_ISREG(st.st_mode))
		examine(img, path);
	remember(&st, img);
	return 0;
}

void target_image__forget(void)
{
	while (cache) {
		struct verdict *next = cache->next;

		free(cache);
		cache = next;
	}
	cache_count = 0;
}
