// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a thread to its isolate.
 *
 * Since 20 V8 keeps the current isolate in a thread-local variable. In a program (not a
 * library) its place is fixed at link time: the thread pointer minus the size of the TLS
 * segment plus the variable's offset, which is also what TryGetCurrent has in its code.
 * Before, it was the value of a pthread key, whose number is only known in the process.
 */
#include <errno.h>

#include "target_layout_parts.h"

#define FN_TRY_CURRENT "v8::Isolate::TryGetCurrent("
#define SYM_ISOLATE    "_ZN2v88internal18g_current_isolate_E"
#define SYM_KEY	       "_ZN2v88internal7Isolate12isolate_key_E"

/* A TLS block lies below the thread pointer, and no program has megabytes of it. */
#define TLS_MAX (1 << 20)

static bool tls_from_symbol(const struct layout_job *job, int64_t *offset)
{
	const struct elf_symbol *sym = target_elf__symbol(job->elf, SYM_ISOLATE);
	uint64_t memsz, align;

	if (!sym || !target_elf__tls(job->elf, &memsz, &align) || memsz > TLS_MAX ||
	    sym->addr + 8 > memsz || align > TLS_MAX || (align & (align - 1)))
		return false;
	if (align)
		memsz = (memsz + align - 1) & ~(align - 1);
	*offset = (int64_t)sym->addr - (int64_t)memsz;
	return true;
}

/* "mov rax, fs:disp" in TryGetCurrent. */
static bool tls_from_code(const struct layout_job *job, int64_t *offset)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD || !e->insn.fs || e->insn.width != 8 ||
		    e->insn.base != CODE_NOREG || e->insn.index != CODE_NOREG)
			continue;
		if (e->insn.disp >= 0 || e->insn.disp < -TLS_MAX)
			return false;
		*offset = e->insn.disp;
		return true;
	}
	return false;
}

/* "mov edi, [isolate_key_]" in TryGetCurrent, the key being an argument of a tail call. */
static uint64_t key_from_code(const struct layout_job *job)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.width == 4 && e->insn.dst == CODE_RDI &&
		    e->at.root == TRACE_CONST && e->at.n == 0 && !e->insn.fs)
			return (uint64_t)e->at.add;
	}
	return 0;
}

static int decode_static(struct layout_job *job, bool by_symbol, int64_t symbol, bool by_code,
			 int64_t code)
{
	if (layout__is_library(job->elf))
		return layout_job__refuse(job, FN_TRY_CURRENT,
					  "the isolate is a thread-local variable of a shared "
					  "library, whose place is not fixed");
	if (by_symbol && by_code && symbol != code)
		return layout_job__refuse(job, FN_TRY_CURRENT,
					  "reads fs:%lld, the symbol says %lld", (long long)code,
					  (long long)symbol);
	job->l->p.tls = TARGET_TLS_STATIC;
	job->l->lr.tls_isolate = by_code ? code : symbol;
	return 0;
}

int layout_tls__decode(struct layout_job *job)
{
	const struct elf_symbol *key = target_elf__symbol(job->elf, SYM_KEY);
	int64_t symbol = 0, code = 0;
	bool by_symbol, by_code;
	uint64_t addr;
	int err = layout_job__trace(job, FN_TRY_CURRENT);

	if (err)
		return err;
	by_symbol = tls_from_symbol(job, &symbol);
	by_code = tls_from_code(job, &code);
	if (by_symbol || by_code)
		return decode_static(job, by_symbol, symbol, by_code, code);
	addr = key_from_code(job);
	if (key && addr && key->addr != addr)
		return layout_job__refuse(job, FN_TRY_CURRENT,
					  "reads another key than isolate_key_");
	if (!key && !addr)
		return layout_job__refuse(job, FN_TRY_CURRENT,
					  "neither a thread-local variable nor a thread key");
	job->l->p.tls = TARGET_TLS_KEY;
	job->l->p.isolate_key = key ? key->addr : addr;
	return 0;
}
