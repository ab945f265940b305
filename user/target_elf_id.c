// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What names a binary: its build id, or where the linker wrote none, a digest of what the
 * layout decoder depends on: headers and symbol tables.
 */
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target_elf_parts.h"
#include "util.h"

#define NOTES_MAX 8192 /* bytes of notes per segment that are looked at */

static uint64_t align_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static void put_hex(char *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* Notes are {name size, desc size, type}, name, desc, each padded to @align. */
static bool find_build_id(struct target_elf *e, const uint8_t *notes, uint64_t len, uint64_t align)
{
	uint64_t at = 0;

	while (len - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		uint64_t name = at + sizeof(h), desc, next;

		memcpy(&h, notes + at, sizeof(h));
		desc = at + align_up(sizeof(h) + h.n_namesz, align);
		next = desc + align_up(h.n_descsz, align);
		if (desc > len || h.n_descsz > len - desc)
			return false;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 &&
		    !memcmp(notes + name, "GNU", 4) && h.n_descsz > 0 &&
		    h.n_descsz <= ELF_BUILD_ID_MAX) {
			put_hex(e->build_id, notes + desc, h.n_descsz);
			return true;
		}
		if (next > len)
			return false;
		at = next;
	}
	return false;
}

static bool note_build_id(struct target_elf *e)
{
	uint8_t notes[NOTES_MAX];
	size_t n;

	if (elf_getphdrnum(e->elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		size_t len;

		if (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_NOTE)
			continue;
		len = min_t(uint64_t, ph.p_filesz, sizeof(notes));
		len = elf_part__read_file(e, ph.p_offset, notes, len);
		if (find_build_id(e, notes, len, ph.p_align == 8 ? 8 : 4))
			return true;
	}
	return false;
}

/* Names are left out: addresses and sizes of 100,000 symbols tell two builds apart. */
static void digest_file(struct target_elf *e, struct elf_digest *d)
{
	Elf64_Ehdr *eh = elf64_getehdr(e->elf);
	Elf_Scn *scn = NULL;

	if (eh)
		elf_digest__update(d, eh, sizeof(*eh));
	for (size_t i = 0; i < e->nsegs; i++) {
		uint64_t seg[] = {e->segs[i].addr, e->segs[i].offset, e->segs[i].filesz,
				  e->segs[i].memsz, e->segs[i].exec};

		elf_digest__update(d, seg, sizeof(seg));
	}
	while ((scn = elf_nextscn(e->elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh))
			elf_digest__update(d, &sh, sizeof(sh));
	}
	for (size_t i = 0; i < e->index.count; i++) {
		uint64_t sym[] = {e->index.syms[i].addr, e->index.syms[i].size};

		elf_digest__update(d, sym, sizeof(sym));
	}
}

int elf_part__load_build_id(struct target_elf *e)
{
	struct elf_digest d;
	uint8_t sum[32];

	if (note_build_id(e))
		return 0;
	elf_digest__init(&d);
	digest_file(e, &d);
	elf_digest__final(&d, sum);
	memcpy(e->build_id, "sha-", 4);
	put_hex(e->build_id + 4, sum, sizeof(sum));
	return 0;
}
