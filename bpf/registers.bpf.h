/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Registers that a probe inside of a function finds its values in. */
#ifndef LOOPRAY_REGISTERS_BPF_H
#define LOOPRAY_REGISTERS_BPF_H

#include "kernel.bpf.h"

/* Each register is loaded on its own: the verifier wants places in the context to be constants. */
#define SAVED_REGISTER(n, member)                                                           \
	case n:                                                                             \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                                       \
			     : "=r"(v)                                                      \
			     : "r"(regs), "i"(__builtin_offsetof(struct pt_regs, member))); \
		break;

/* Register @n of the interrupted code, as the processor numbers them: one that calls preserve, or
 * rax. */
static __noinline __u64 saved_register(const struct pt_regs *regs, __u32 n)
{
	__u64 v = 0;

	switch (n) {
		SAVED_REGISTER(0, ax)
		SAVED_REGISTER(3, bx)
		SAVED_REGISTER(4, sp)
		SAVED_REGISTER(5, bp)
		SAVED_REGISTER(12, r12)
		SAVED_REGISTER(13, r13)
		SAVED_REGISTER(14, r14)
		SAVED_REGISTER(15, r15)
	}
	return v;
}

#endif
