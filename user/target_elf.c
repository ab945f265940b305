// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Opening an ELF file that may want us harm.
 *
 * The file is read, never mapped: a mapped file that someone truncates kills its reader with
 * SIGBUS, and libnode.so may be overwritten in place by a package manager at any moment. With
 * pread a vanished page is an error like any other. Only headers and symbol tables are read
 * (about 20 MB of a 120 MB official build) and then code a few bytes at a time.
 *
 * libelf walks the headers and the section table. What it returns is checked again here
 * before it is used as an offset or a count: sizes against the file and against the bounds
 * below, segments for order and overlap, string offsets against their table, names for an
 * end, function symbols for lying in code.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "elf"
#include "log.h"
#include "target_elf.h"
#include "target_elf_parts.h"
#include "util.h"

#define FILE_MAX     (8ULL << 30) /* a debug build of Node.js has about 2 GB */
#define SECTIONS_MAX 4096
#define TLS_MAX	     (16ULL << 20) /* of one module; official builds use under 1 kB */
#define PAGE	     4096ULL

int elf_part__refuse(struct target_elf *e, int err, const char *fmt, ...)
{
	va_list ap;

	if (e->why && e->why_len > 0) {
		va_start(ap, fmt);
		vsnprintf(e->why, e->why_len, fmt, ap);
		va_end(ap);
	}
	return err;
}

size_t elf_part__read_file(const struct target_elf *e, uint64_t offset, void *buf, size_t len)
{
	size_t done = 0;

	if (offset >= e->size)
		return 0;
	len = min_t(uint64_t, len, e->size - offset);
	if (e->image) {
		memcpy(buf, e->image + offset, len);
		return len;
	}
	while (done < len) {
		ssize_t n = pread(e->fd, (char *)buf + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static const char *machine_name(unsigned int machine)
{
	switch (machine) {
	case EM_386:
		return "32-bit x86";
	case EM_AARCH64:
		return "arm64";
	case EM_ARM:
		return "32-bit arm";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "POWER";
	case EM_S390:
		return "s390";
	default:
		return "another architecture";
	}
}

/* What can be said from the first 64 bytes, before libelf sees the file. */
static int check_header(struct target_elf *e)
{
	Elf64_Ehdr h;

	if (e->size == 0)
		return elf_part__refuse(e, -ENOEXEC, "the file is empty");
	memset(&h, 0, sizeof(h));
	if (elf_part__read_file(e, 0, &h, sizeof(h)) < SELFMAG ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return elf_part__refuse(e, -ENOEXEC, "it is not an ELF file");
	if (e->size < sizeof(h))
		return elf_part__refuse(e, -ENOEXEC, "its ELF header is cut off");
	if (h.e_ident[EI_CLASS] != ELFCLASS64)
		return elf_part__refuse(e, -EOPNOTSUPP,
					"it is a 32-bit program; 64-bit x86 is supported");
	if (h.e_ident[EI_DATA] != ELFDATA2LSB)
		return elf_part__refuse(e, -EOPNOTSUPP,
					"it is a big-endian program; x86-64 is supported");
	if (h.e_machine != EM_X86_64)
		return elf_part__refuse(e, -EOPNOTSUPP,
					"it is a program for %s (machine %u); x86-64 is supported",
					machine_name(h.e_machine), h.e_machine);
	if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
		return elf_part__refuse(
			e, -ENOEXEC, "it is neither an executable nor a shared library (type %u)",
			h.e_type);
	if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 || h.e_phnum > ELF_SEGMENTS_MAX)
		return elf_part__refuse(e, -ENOEXEC, "it has %u program headers of %u bytes",
					h.e_phnum, h.e_phentsize);
	if (h.e_phoff > e->size || e->size - h.e_phoff < h.e_phnum * sizeof(Elf64_Phdr))
		return elf_part__refuse(e, -ENOEXEC, "its program headers lie outside the file");
	if (h.e_shnum > SECTIONS_MAX || (h.e_shnum == 0 && h.e_shoff != 0) ||
	    (h.e_shnum != 0 && h.e_shentsize != sizeof(Elf64_Shdr)))
		return elf_part__refuse(e, -ENOEXEC, "it has %u section headers of %u bytes",
					h.e_shnum, h.e_shentsize);
	if (h.e_shnum != 0 &&
	    (h.e_shoff > e->size || e->size - h.e_shoff < h.e_shnum * sizeof(Elf64_Shdr)))
		return elf_part__refuse(e, -ENOEXEC, "its section headers lie outside the file");
	e->pie = h.e_type == ET_DYN;
	return 0;
}

/* The file should list its segments by address; sorted here, so that nothing depends on it. */
static int insert_segment(struct target_elf *e, const GElf_Phdr *ph)
{
	size_t at = e->nsegs;

	for (; at > 0 && e->segs[at - 1].addr > ph->p_vaddr; at--)
		e->segs[at] = e->segs[at - 1];
	e->segs[at] = (struct elf_segment){
		.addr = ph->p_vaddr,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.memsz = ph->p_memsz,
		.exec = ph->p_flags & PF_X,
	};
	e->nsegs++;
	for (size_t i = 1; i < e->nsegs; i++) {
		if (e->segs[i].addr - e->segs[i - 1].addr < e->segs[i - 1].memsz)
			return elf_part__refuse(e, -ENOEXEC,
						"the segments at %#lx and %#lx overlap",
						e->segs[i - 1].addr, e->segs[i].addr);
	}
	return 0;
}

static int add_segment(struct target_elf *e, const GElf_Phdr *ph)
{
	if (ph->p_filesz > ph->p_memsz || ph->p_vaddr + ph->p_memsz < ph->p_vaddr)
		return elf_part__refuse(e, -ENOEXEC, "the segment at %#lx has impossible sizes",
					ph->p_vaddr);
	if (ph->p_offset > e->size || ph->p_filesz > e->size - ph->p_offset)
		return elf_part__refuse(e, -ENOEXEC,
					"the segment at %#lx lies outside the file (cut off?)",
					ph->p_vaddr);
	if ((ph->p_offset ^ ph->p_vaddr) & (PAGE - 1))
		return elf_part__refuse(e, -ENOEXEC, "the segment at %#lx cannot be mapped",
					ph->p_vaddr);
	return insert_segment(e, ph);
}

/* A TLS segment that cannot be right is as good as none: nothing is computed from it. */
static void note_tls(struct target_elf *e, const GElf_Phdr *ph)
{
	uint64_t align = ph->p_align ? ph->p_align : 1;

	e->has_tls = ph->p_memsz > 0 && ph->p_memsz <= TLS_MAX && align <= TLS_MAX &&
		     (align & (align - 1)) == 0;
	e->tls_memsz = ph->p_memsz;
	e->tls_align = align;
}

static int load_segments(struct target_elf *e)
{
	size_t n;
	int err;

	if (elf_getphdrnum(e->elf, &n) || n > ELF_SEGMENTS_MAX)
		return elf_part__refuse(e, -ENOEXEC, "its program headers cannot be read");
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(e->elf, (int)i, &ph))
			return elf_part__refuse(e, -ENOEXEC, "its program headers cannot be read");
		if (ph.p_type == PT_TLS)
			note_tls(e, &ph);
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		err = add_segment(e, &ph);
		if (err)
			return err;
	}
	return e->nsegs ? 0 : elf_part__refuse(e, -ENOEXEC, "it has nothing to load");
}

static const struct elf_segment *segment_at(const struct target_elf *e, uint64_t addr)
{
	for (size_t i = 0; i < e->nsegs; i++) {
		if (addr - e->segs[i].addr < e->segs[i].memsz)
			return &e->segs[i];
	}
	return NULL;
}

/* Everything between having the bytes and answering questions about them. */
static int load(struct target_elf *e)
{
	int err;

	err = check_header(e);
	if (err)
		return err;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return elf_part__refuse(e, -ENOSYS, "this libelf is too old");
	e->elf = e->image ? elf_memory((char *)e->image, e->size)
			  : elf_begin(e->fd, ELF_C_READ, NULL);
	if (!e->elf || elf_kind(e->elf) != ELF_K_ELF)
		return elf_part__refuse(e, -ENOEXEC, "libelf: %s", elf_errmsg(-1));
	err = load_segments(e);
	if (err)
		return err;
	err = elf_part__load_symbols(e);
	if (err)
		return err;
	return elf_part__load_build_id(e);
}

static struct target_elf *elf_new(char *why, size_t why_len)
{
	struct target_elf *e = calloc(1, sizeof(*e));

	if (why && why_len > 0)
		why[0] = '\0';
	if (!e)
		return NULL;
	e->fd = -1;
	e->why = why;
	e->why_len = why_len;
	return e;
}

/* The end of both ways to open: hands the object over, or frees it. */
static int elf_hand_over(struct target_elf *e, int err, struct target_elf **out)
{
	if (err) {
		target_elf__free(e);
		return err;
	}
	e->why = NULL;
	*out = e;
	return 0;
}

static int open_file(struct target_elf *e, const char *path)
{
	struct stat st;

	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	e->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (e->fd < 0)
		return elf_part__refuse(e, -errno, "it cannot be opened: %s", strerror(errno));
	if (fstat(e->fd, &st) < 0)
		return elf_part__refuse(e, -errno, "it cannot be examined: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return elf_part__refuse(e, -EISDIR, "it is a directory");
	if (!S_ISREG(st.st_mode))
		return elf_part__refuse(e, -EINVAL, "it is not a regular file");
	if (st.st_size < 0 || (uint64_t)st.st_size > FILE_MAX)
		return elf_part__refuse(e, -EFBIG,
					"the file has %lld bytes, too many for a program",
					(long long)st.st_size);
	e->size = (uint64_t)st.st_size;
	return 0;
}

int target_elf__open(struct target_elf **out, const char *path, char *why, size_t why_len)
{
	struct target_elf *e = elf_new(why, why_len);
	int err;

	*out = NULL;
	if (!e)
		return -ENOMEM;
	err = open_file(e, path);
	if (!err)
		err = load(e);
	if (!err)
		log_debug("%s: %zu symbols, %zu segments, build id %s", path, e->index.count,
			  e->nsegs, e->build_id);
	return elf_hand_over(e, err, out);
}

int target_elf__open_memory(struct target_elf **out, const void *data, size_t len, char *why,
			    size_t why_len)
{
	struct target_elf *e = elf_new(why, why_len);

	*out = NULL;
	if (!e)
		return -ENOMEM;
	e->image = data;
	e->size = len;
	return elf_hand_over(e, load(e), out);
}

void target_elf__free(struct target_elf *elf)
{
	if (!elf)
		return;
	elf_index__free(&elf->index);
	if (elf->elf)
		elf_end(elf->elf);
	if (elf->fd >= 0)
		close(elf->fd);
	free(elf);
}

size_t target_elf__read(const struct target_elf *elf, uint64_t addr, void *buf, size_t len)
{
	const struct elf_segment *s = segment_at(elf, addr);
	uint64_t in = s ? addr - s->addr : 0;

	if (!s || in >= s->filesz)
		return 0;
	return elf_part__read_file(elf, s->offset + in, buf, min_t(uint64_t, len, s->filesz - in));
}

int target_elf__file_offset(const struct target_elf *elf, uint64_t addr, uint64_t *offset)
{
	const struct elf_segment *s = segment_at(elf, addr);

	if (!s || !s->exec || addr - s->addr >= s->filesz)
		return -ENOENT;
	*offset = s->offset + (addr - s->addr);
	return 0;
}

bool target_elf__is_code(const struct target_elf *elf, uint64_t addr)
{
	const struct elf_segment *s = segment_at(elf, addr);

	return s && s->exec;
}

bool target_elf__tls(const struct target_elf *elf, uint64_t *memsz, uint64_t *align)
{
	if (!elf->has_tls)
		return false;
	*memsz = elf->tls_memsz;
	*align = elf->tls_align;
	return true;
}

bool target_elf__is_pie(const struct target_elf *elf)
{
	return elf->pie;
}

uint64_t target_elf__base(const struct target_elf *elf)
{
	return elf->segs[0].addr & ~(PAGE - 1);
}

const char *target_elf__build_id(const struct target_elf *elf)
{
	return elf->build_id;
}
