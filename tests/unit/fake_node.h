/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A Node.js runtime as far as the layout decoder can tell: functions of the right names whose
 * code has the right shape, at offsets of our own choosing. They are part of the test program,
 * which is decoded as if it were node; nothing of it is ever called. The offsets are unlike
 * any real build's, so that a number that is not decoded but known cannot pass.
 */
#ifndef LOOPRAY_TESTS_FAKE_NODE_H
#define LOOPRAY_TESTS_FAKE_NODE_H

#include <stdint.h>

enum {
	FAKE_CURRENT = 0x128, /* isolate: current context */
	FAKE_SCOPES = 0x1f8,  /* isolate: the object with the entered contexts */
	FAKE_HANDLES = 0x208, /* isolate: next handle slot */
	FAKE_CPED = 0x258,    /* isolate: continuation-preserved embedder data */
	FAKE_UNDEFINED = 0x288,
	FAKE_ENTERED = 0x28, /* scopes: data of the entered contexts */
	FAKE_COUNT = 0x38,
	FAKE_EMBEDDER = 0x2f, /* context: embedder data, tag folded in as in all of these */
	FAKE_SLOT_ENV = 0x117,
	FAKE_SLOT_REALM = 0x147,
	FAKE_SLOT_TAG = 0x14f,
	FAKE_ENV_ISOLATE = 0xb8,
	FAKE_ENV_DATA = 0xc8, /* environment: IsolateData */
	FAKE_ENV_TIMER = 0xd8,
	FAKE_ENV_CHECK = 0x170,
	FAKE_ENV_FIELDS = 0x440,
	FAKE_ENV_UID = 0x478,
	FAKE_ENV_RESOURCES = 0x490,  /* handle of the array of current resources */
	FAKE_ENV_NATIVE = 0x4a8,     /* first iterator of a deque, or a vector */
	FAKE_ENV_IMMEDIATES = 0x520, /* buffers of counters, 0x40 bytes each */
	FAKE_ENV_TIMEOUTS = 0x560,
	FAKE_BUFFER_ISOLATE = 0x10,
	FAKE_BUFFER_COUNT = 0x18,
	FAKE_BUFFER_DATA = 0x28,
	FAKE_DATA_LOOP = 0x68, /* IsolateData: the loop */
	FAKE_REALM_ENV = 0xa8,
	FAKE_REALM_SETS = 0x40, /* and 0x70 */
	FAKE_LOOP_INTERNAL = 0x30,
	FAKE_LOOP_COUNT = 0x10,
	FAKE_LOOP_ENTRY = 0x90,
	FAKE_LOOP_IDLE = 0x98,
	FAKE_LOOP_TIME = 0x58,
	FAKE_HANDLE_LOOP = 0x10,
	FAKE_TIMER_TIMEOUT = 0x88,
	FAKE_MICROTASKS = 0x2a8, /* isolate: the default queue of microtasks */
	FAKE_QUEUE_DONE = 0x38,
	FAKE_QUEUE_RUNNING = 0x64,
	FAKE_WRAP_REALM = 0x18,
	FAKE_WRAP_PROVIDER = 0x40,
	FAKE_WRAP_ID = 0x48,
	FAKE_TOP = 0xe8,   /* isolate: where the new space allocates next; its limit is behind it */
	FAKE_OLD = 0xf010, /* isolate: the old space, ... */
	FAKE_OLD_AREA = 0x218, /* ... where that has the address of its area */
	FAKE_ENTRY = 0x178,    /* isolate: the outermost frame of JavaScript */
	FAKE_FIELD_STACK = 7,
	FAKE_PROVIDERS = 24,
};

#define FAKE_BEGIN(name)                                                          \
	".pushsection .text.fake,\"ax\",@progbits\n.p2align 4\n.globl " name "\n" \
	".type " name ",@function\n" name ":\n"
#define FAKE_END(name)	 ".size " name ", .-" name "\n.popsection\n"
#define FAKE(name, code) __asm__(FAKE_BEGIN(name) code FAKE_END(name))

#define FN_CURRENT     "_ZN2v87Isolate17GetCurrentContextEv"
#define FN_ENTERED     "_ZN2v87Isolate28GetEnteredOrMicrotaskContextEv"
#define FN_LOOP	       "_ZN4node19GetCurrentEventLoopEPN2v87IsolateE"
#define FN_EXECUTION   "_ZN4node29AsyncHooksGetExecutionAsyncIdEPN2v87IsolateE"
#define FN_TRIGGER     "_ZN4node27AsyncHooksGetTriggerAsyncIdEPN2v87IsolateE"
#define FN_POP	       "_ZN4node10AsyncHooks17pop_async_contextEd"
#define FN_GET_ID      "_ZN4node9AsyncWrap10GetAsyncIdERKN2v820FunctionCallbackInfoINS1_5ValueEEE"
#define FN_RESET       "_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEd"
#define FN_MEMORY      "_ZNK4node9AsyncWrap14MemoryInfoNameEv"
#define FN_TRACE       "_ZNK4node9AsyncWrap19EmitTraceAsyncStartEv"
#define FN_TRY	       "_ZN2v87Isolate13TryGetCurrentEv"
#define FN_TIMERS      "_ZN4node11Environment9RunTimersEP10uv_timer_s"
#define FN_CHECK       "_ZN4node11Environment14CheckImmediateEP10uv_check_s"
#define FN_ENVIRONMENT "_ZN4node11EnvironmentC2EPNS_11IsolateDataEPN2v87IsolateE"
#define FN_BUFFER      "_ZN4node17AliasedBufferBaseIiN2v810Int32ArrayEEC2EPNS1_7IsolateEmPKm"
#define FN_SET_CPED    "_ZN2v87Isolate36SetContinuationPreservedEmbedderDataENS_5LocalINS_5ValueEEE"
#define FN_GET_CPED    "_ZN2v87Isolate36GetContinuationPreservedEmbedderDataEv"
#define FN_FRAME_SET   "_ZN4node19async_context_frame3setEPN2v87IsolateENS1_5LocalINS1_5ValueEEE"
#define FN_RECORD      "_ZN4node8builtins13BuiltinLoader12RecordResultEPKcNS1_6ResultEPNS_5RealmE"
#define FN_TOP	       "_ZN2v88internal17ExternalReference32new_space_allocation_top_addressEPNS0_7IsolateE"
#define FN_OLD	       "_ZN2v88internal17ExternalReference32old_space_allocation_top_addressEPNS0_7IsolateE"
#define FN_LIMIT \
	"_ZN2v88internal17ExternalReference34new_space_allocation_limit_addressEPNS0_7IsolateE"
#define FN_CREATE "Builtins_CreateIterResultObject"
#define FN_ENTRY  "Builtins_JSEntry"
#define FN_CPED	  "Builtins_GetContinuationPreservedEmbedderData"
#define FN_CLEAR  "_ZN4node10AsyncHooks20clear_async_id_stackEv"
#define FN_PUSH	  "_ZN4node10AsyncHooks18push_async_contextEddPN2v85LocalINS1_6ObjectEEE"
#define FN_RESOURCE                                                                  \
	"_ZN4node9AsyncWrap22ExecutionAsyncResourceERKN2v820FunctionCallbackInfoINS" \
	"1_5ValueEEE"
#define FN_MT_RUNNING "_ZN2v815MicrotasksScope19IsRunningMicrotasksEPNS_7IsolateE"
#define FN_MT_DEPTH   "_ZN2v815MicrotasksScope15GetCurrentDepthEPNS_7IsolateE"
#define FN_MT_MEMBER  "_ZNK2v88internal14MicrotaskQueue19IsRunningMicrotasksEv"
#define MT_DONE	      "_ZN2v88internal14MicrotaskQueue29kFinishedMicrotaskCountOffsetE"
#define MT_VTABLE     "_ZTVN2v88internal14MicrotaskQueueE"
#define FN_COMPILE                                                                       \
	"_ZN4node8builtins13BuiltinLoader15CompileFunctionERKN2v820FunctionCallbackInfo" \
	"INS2_5ValueEEE"

/* As a compiler would: callee-saved registers, a cold path behind the return that jumps back. */
FAKE(FN_CURRENT,
     "mov 0x128(%rdi),%rdx\n test %rdx,%rdx\n jne 1f\n xor %eax,%eax\n ret\n nopl (%rax)\n"
     "1: push %rbp\n mov %rsp,%rbp\n push %rbx\n sub $24,%rsp\n mov -1(%rdx),%rax\n"
     "mov 0x1f(%rax),%rbx\n mov 0x208(%rdi),%rax\n cmp 0x210(%rdi),%rax\n je 3f\n"
     "2: lea 8(%rax),%rdx\n mov %rdx,0x208(%rdi)\n mov %rbx,(%rax)\n"
     "mov -8(%rbp),%rbx\n leave\n ret\n"
     "3: mov %rdi,-24(%rbp)\n call fake_call\n mov -24(%rbp),%rdi\n jmp 2b\n");
FAKE(FN_ENTERED, "mov 0x1f8(%rdi),%rdx\n mov 0x38(%rdx),%rcx\n test %rcx,%rcx\n je 1f\n push %rbx\n"
		 "mov 0x28(%rdx),%rax\n mov (%rdx),%rbx\n mov -8(%rax,%rcx,8),%r12\n"
		 "mov 0x208(%rbx),%rax\n pop %rbx\n ret\n 1: xor %eax,%eax\n ret\n");

#define FAKE_ENV                                                                             \
	"push %rbp\n mov %rsp,%rbp\n push %r12\n push %rbx\n sub $32,%rsp\n mov %rdi,%r12\n" \
	"call fake_call\n mov %rax,%rbx\n test %rax,%rax\n je 9f\n mov %rax,%rdi\n"          \
	"call fake_call\n cmp $40,%eax\n jbe 9f\n mov (%rbx),%rax\n mov 0x2f(%rax),%rax\n"   \
	"mov 0x14f(%rax),%rdx\n cmp "                                                        \
	"%rdx,_ZN4node18ContextEmbedderTag18kNodeContextTagPtrE(%rip)\n"                     \
	"jne 9f\n"
#define FAKE_RETURN "8: add $32,%rsp\n pop %rbx\n pop %r12\n pop %rbp\n ret\n"
#define FAKE_COLD   "9: xor %eax,%eax\n jmp 8b\n"

FAKE(FN_LOOP, FAKE_ENV "mov 0x117(%rax),%rax\n test %rax,%rax\n je 9f\n mov 0xc8(%rax),%rax\n"
		       "mov 0x68(%rax),%rax\n" FAKE_RETURN FAKE_COLD);
FAKE(FN_COMPILE, FAKE_ENV "mov 0x147(%rax),%r12\n" FAKE_RETURN FAKE_COLD);
/* One inlines the walk, the other calls for the environment: both shapes exist. */
FAKE(FN_EXECUTION, FAKE_ENV "mov 0x117(%rax),%rbx\n test %rbx,%rbx\n je 9f\n mov 0x478(%rbx),%rax\n"
			    "movsd (%rax),%xmm0\n" FAKE_RETURN FAKE_COLD);
FAKE(FN_TRIGGER, "push %rbp\n call fake_call\n test %rax,%rax\n je 1f\n mov 0x478(%rax),%rax\n"
		 "movsd 8(%rax),%xmm0\n 1: pop %rbp\n ret\n");
/* AsyncHooks lies at 0x3e0 in Environment: the buffers are at 0x60 and 0x98 in it. */
FAKE(FN_POP, "mov 0x60(%rdi),%rax\n mov 28(%rax),%r13d\n test %r13d,%r13d\n je 1f\n"
	     "mov 24(%rax),%ecx\n mov 0x98(%rdi),%rdx\n mov 0x28(%rdi),%rcx\n sub $1,%r13d\n"
	     "lea (%r13,%r13),%esi\n movsd (%rcx,%rsi,8),%xmm0\n movsd %xmm0,(%rdx)\n"
	     "mov 0x98(%rdi),%rax\n movsd %xmm0,8(%rax)\n mov 0x60(%rdi),%rax\n"
	     "mov %r13d,28(%rax)\n mov 0xe0(%rdi),%r9\n mov 0xd8(%rdi),%r8\n"
	     "mov 0xe8(%rdi),%rax\n sub 0xf0(%rdi),%rax\n mov 0xc8(%rdi),%rcx\n"
	     "cmp 0xd0(%rdi),%rcx\n je 1f\n cmp 0x100(%rdi),%r9\n je 1f\n"
	     "mov 0xb0(%rdi),%rdi\n call fake_call\n 1: ret\n");
FAKE(FN_CLEAR, "push %rbx\n mov %rdi,%rbx\n cmpq $0,0xb0(%rdi)\n je 1f\n mov 0xb0(%rbx),%r14\n"
	       "mov 0x798(%rbx),%rdi\n mov (%rdi),%rax\n call *0x40(%rax)\n mov %r14,%rdi\n"
	       "call fake_call\n 1: pop %rbx\n ret\n");
FAKE(FN_PUSH, "ret\n");
/* The stack of native resources as a deque of pointers to handles, and as a vector of handles. */
FAKE(FN_RESOURCE,
     FAKE_ENV "mov 0x117(%rax),%rbx\n mov 8(%r12),%rdi\n call fake_call\n test %al,%al\n je 8f\n"
	      "mov 0x4c0(%rbx),%r9\n shr $32,%rax\n mov (%r12),%rdi\n mov 0x4e0(%rbx),%rdx\n"
	      "mov 0x4c8(%rbx),%rcx\n sub 0x4d0(%rbx),%rcx\n mov 0x4a8(%rbx),%r8\n"
	      "sub %r9,%rdx\n sar $3,%rdx\n shl $6,%rdx\n mov 0x4b8(%rbx),%rsi\n"
	      "sub %r8,%rsi\n add %rsi,%rdx\n cmp %rdx,%rax\n jb 2f\n"
	      "1: mov 8(%rdi),%rax\n mov 0x278(%rax),%rax\n mov %rax,0x18(%rdi)\n" FAKE_RETURN
	      "2: mov %r8,%rdx\n sub 0x4b0(%rbx),%rdx\n sar $3,%rdx\n add %rax,%rdx\n js 3f\n"
	      "cmp $0x3f,%rdx\n jg 3f\n mov (%r8,%rax,8),%rax\n test %rax,%rax\n je 1b\n"
	      "4: mov (%rax),%rax\n test %rax,%rax\n je 1b\n mov (%rax),%rax\n"
	      "mov %rax,0x18(%rdi)\n jmp 8b\n"
	      "3: mov %rdx,%rax\n sar $6,%rax\n mov (%r9,%rax,8),%rax\n and $0x3f,%edx\n"
	      "mov (%rax,%rdx,8),%rax\n test %rax,%rax\n jne 4b\n jmp 1b\n" FAKE_COLD);
FAKE("fake_resource_vector",
     FAKE_ENV "mov 0x117(%rax),%rbx\n mov 8(%r12),%rdi\n call fake_call\n test %al,%al\n je 8f\n"
	      "mov 0x4a8(%rbx),%rcx\n mov 0x4b0(%rbx),%rdx\n shr $32,%rax\n mov (%r12),%rsi\n"
	      "sub %rcx,%rdx\n sar $3,%rdx\n cmp %rdx,%rax\n jae 2f\n mov (%rcx,%rax,8),%rax\n"
	      "test %rax,%rax\n je 2f\n mov (%rax),%rax\n mov %rax,0x18(%rsi)\n" FAKE_RETURN
	      "2: mov 16(%rsi),%rax\n mov %rax,0x18(%rsi)\n jmp 8b\n" FAKE_COLD);
FAKE(FN_GET_ID, "push %rbx\n mov %rdi,%rbx\n movsd fake_number(%rip),%xmm0\n call fake_call\n"
		"mov 8(%rbx),%rax\n mov -8(%rax),%rax\n mov 0x1f(%rax),%rax\n test %rax,%rax\n"
		"je 1f\n movsd 0x48(%rax),%xmm0\n call fake_call\n 1: pop %rbx\n ret\n");
FAKE(FN_RESET, "push %rbp\n mov %rsp,%rbp\n push %rbx\n sub $40,%rsp\n mov 0x40(%rdi),%eax\n"
	       "mov %rdi,%rbx\n movsd fake_number(%rip),%xmm2\n mov 0x18(%rbx),%rax\n"
	       "mov 0xa8(%rax),%rax\n mov 0x478(%rax),%rdx\n addsd 16(%rdx),%xmm1\n"
	       "movsd %xmm1,16(%rdx)\n movsd %xmm1,0x48(%rbx)\n mov 0x18(%rbx),%rax\n"
	       "mov 0xa8(%rax),%rcx\n mov 0x478(%rcx),%rdx\n movsd 24(%rdx),%xmm0\n"
	       "comisd %xmm0,%xmm1\n jbe 1f\n movsd (%rdx),%xmm0\n 1: movsd %xmm0,0x50(%rbx)\n"
	       "mov 0xb8(%rcx),%rsi\n lea -0x30(%rbp),%rdi\n call fake_call\n mov %rbx,%rdi\n"
	       "call " FN_TRACE "\n add $40,%rsp\n pop %rbx\n leave\n ret\n");
FAKE(FN_TRACE, "push %rbp\n pop %rbp\n ret\n");
FAKE(FN_MEMORY, "movslq 0x40(%rdi),%rdx\n lea fake_providers(%rip),%rax\n"
		"mov (%rax,%rdx,8),%rax\n ret\n");
FAKE(FN_TRY, "mov %fs:_ZN2v88internal18g_current_isolate_E@tpoff,%rax\n ret\n");
FAKE(FN_TIMERS,
     "push %rbx\n lea -0xd8(%rdi),%rbx\n mov %rbx,%rdi\n call fake_call\n pop %rbx\n ret\n");
FAKE(FN_CHECK, "push %rbx\n lea -0x170(%rdi),%rbx\n mov %rbx,%rdi\n call fake_call\n"
	       "mov 0x548(%rbx),%rax\n mov (%rax),%edx\n test %edx,%edx\n je 1f\n"
	       "mov 0x548(%rbx),%rax\n mov 4(%rax),%eax\n 1: pop %rbx\n ret\n");
/* A buffer keeps isolate, count, data and index; ImmediateInfo is one behind a virtual table. */
FAKE(FN_BUFFER, "push %rbx\n mov %rdi,%rbx\n mov %rsi,0x10(%rdi)\n mov %rdx,0x18(%rdi)\n"
		"movq $0,0x28(%rdi)\n mov %rcx,0x38(%rdi)\n test %rcx,%rcx\n je 1f\n"
		"pop %rbx\n ret\n 1: call fake_call\n mov %rax,0x28(%rbx)\n pop %rbx\n ret\n");
FAKE(FN_ENVIRONMENT, "push %rbx\n mov %rdi,%rbx\n lea 0x518(%rbx),%rdi\n call fake_call\n"
		     "lea 0x560(%rbx),%rdi\n mov $1,%edx\n call " FN_BUFFER
		     "\n lea 0x5a0(%rbx),%rdi\n call fake_call\n pop %rbx\n ret\n");
FAKE(FN_SET_CPED, "lea 0x288(%rdi),%rax\n test %rsi,%rsi\n cmove %rax,%rsi\n mov (%rsi),%rax\n"
		  "mov %rax,0x258(%rdi)\n ret\n");
FAKE(FN_GET_CPED, "mov 0x258(%rdi),%rcx\n mov 0x208(%rdi),%rax\n mov %rcx,(%rax)\n ret\n");
FAKE(FN_FRAME_SET, "ret\n");
/* The top's address goes through another register, as where its page is checked. */
FAKE(FN_OLD, "mov 0xf010(%rdi),%rax\n"
	     "mov 0x218(%rax),%rax\n"
	     "lea 0x8(%rax),%rdx\n"
	     "mov %rdx,%rax\n"
	     "ret\n");
FAKE(FN_TOP, "cmpq $0,0xdf60(%rdi)\n je 1f\n lea 0xe8(%rdi),%rax\n ret\n 1: xor %eax,%eax\n ret\n");
FAKE(FN_LIMIT,
     "cmpq $0,0xdf60(%rdi)\n je 1f\n lea 0xf0(%rdi),%rax\n ret\n 1: xor %eax,%eax\n ret\n");
/* The root register is 0x40 into the isolate. */
FAKE(FN_CREATE, "mov -1(%rsi),%rcx\n mov 0x3df(%rcx),%rcx\n mov 0x500(%r13),%rdx\n"
		"mov 0xa8(%r13),%rsi\n lea 1(%rsi),%r8\n lea (%rsi,%rdi,8),%rsi\n"
		"cmp %rsi,0xb0(%r13)\n jbe 1f\n mov %rsi,0xa8(%r13)\n mov %rcx,-1(%r8)\n"
		"mov %r8,%rax\n 1: ret\n");
FAKE(FN_ENTRY, "push %rbp\n mov %rsp,%rbp\n push $2\n mov %rdi,%r13\n push 0x48(%r13)\n"
	       "movq $0,0x48(%r13)\n mov 0x58(%r13),%r10\n mov %r10,-16(%rbp)\n"
	       "mov 0x138(%r13),%rax\n test %rax,%rax\n jne 1f\n push $2\n mov %rbp,%rax\n"
	       "mov %rax,0x138(%r13)\n jmp 2f\n 1: push $0\n 2: leave\n ret\n");
FAKE(FN_CPED, "push %rbp\n cmp -0x60(%r13),%rsp\n jbe 1f\n mov 0x218(%r13),%rax\n"
	      "1: pop %rbp\n ret\n");
FAKE(FN_RECORD,
     "mov %rdx,%rbx\n test %esi,%esi\n jne 1f\n lea 0x40(%rbx),%rdi\n call fake_call\n ret\n"
     "1: lea 0x70(%rbx),%rdi\n call fake_call\n ret\n");
FAKE("uv_metrics_idle_time", "push %rbx\n push %r12\n mov 0x30(%rdi),%rbx\n lea 0xa0(%rbx),%rdi\n"
			     "call fake_call\n mov 0x98(%rbx),%r12\n mov 0x90(%rbx),%rbx\n"
			     "call fake_call\n test %rbx,%rbx\n jne 1f\n mov %r12,%rax\n pop %r12\n"
			     "pop %rbx\n ret\n 1: call fake_call\n sub %rbx,%r12\n ret\n");
FAKE("uv_metrics_info", "mov 0x30(%rdi),%rdx\n movdqu 0x10(%rdx),%xmm0\n movups %xmm0,(%rsi)\n"
			"movdqu 0x20(%rdx),%xmm1\n movups %xmm1,16(%rsi)\n ret\n");
FAKE("uv_default_loop", "mov fake_default_loop(%rip),%rax\n test %rax,%rax\n je 1f\n ret\n"
			"1: call fake_call\n ret\n");
FAKE(FN_MT_RUNNING, "push %rbp\n mov %rsp,%rbp\n mov 0x2a8(%rdi),%rax\n movzbl 0x64(%rax),%eax\n"
		    "pop %rbp\n ret\n");
FAKE(FN_MT_DEPTH, "mov 0x2a8(%rdi),%rax\n mov 0x50(%rax),%eax\n ret\n");
FAKE(FN_MT_MEMBER, "movzbl 0x64(%rdi),%eax\n ret\n");
FAKE("uv_now", "push %rbp\n mov %rsp,%rbp\n mov 0x58(%rdi),%rax\n pop %rbp\n ret\n");
FAKE("uv_handle_get_loop", "mov 0x10(%rdi),%rax\n ret\n");
FAKE("uv_timer_get_due_in", "mov 0x10(%rdi),%rcx\n mov 0x88(%rdi),%rax\n sub 0x220(%rcx),%rax\n"
			    "jae 1f\n xor %eax,%eax\n1: ret\n");
FAKE("fake_call", "ret\n");

/* The only data that a running check needs from the binary. */
extern const uint64_t fake_tag __asm__("_ZN4node18ContextEmbedderTag13kNodeContextTagE");
extern const uint64_t *fake_tag_ptr __asm__("_ZN4node18ContextEmbedderTag18kNodeContextTagPtrE");
extern __thread uint64_t fake_current __asm__("_ZN2v88internal18g_current_isolate_E");
extern const char *const fake_providers[];
extern const double fake_number;
extern uint64_t *fake_default_loop;
extern const uint64_t fake_mt_vtable[3] __asm__(MT_VTABLE);

/* Not by the compiler: AddressSanitizer's would have names that end in theirs. */
__asm__(".pushsection .rodata\n.p2align 4\n.globl " MT_VTABLE ", " MT_DONE "\n"
	".type " MT_VTABLE ",@object\n" MT_VTABLE ":\n.quad 0, 0, 1\n.size " MT_VTABLE ", 24\n"
	".type " MT_DONE ",@object\n" MT_DONE ":\n.quad 0x38\n.size " MT_DONE ", 8\n"
	".popsection\n");
const uint64_t fake_tag = 0x6e6f64;
const uint64_t *fake_tag_ptr = &fake_tag;
__thread uint64_t fake_current;
const double fake_number = -1;
uint64_t *fake_default_loop;

const char *const fake_providers[] __attribute__((used)) = {
	"NONE",	  "DIRHANDLE", "DNSCHANNEL", "FAKE3",	"FAKE4",  "FAKE5",  "FAKE6",
	"FAKE7",  "FAKE8",     "FAKE9",	     "FAKE10",	"FAKE11", "FAKE12", "FAKE13",
	"FAKE14", "FAKE15",    "TCPWRAP",    "FAKE17",	"FAKE18", "FAKE19", "FAKE20",
	"FAKE21", "FAKE22",    "FAKE_23",    "no name", /* what ends the table */
};

extern const int fake_jsmap_type __asm__("v8dbg_type_JSMap__JS_MAP_TYPE");
extern const int fake_map_type __asm__("v8dbg_class_Map__instance_type__uint16_t");
const int fake_jsmap_type = 0x833;
const int fake_map_type = 12;

/* What V8 exports for debuggers: unlike any real build where a reader does not rely on it. */
#define FAKE_V8DBG(name, value)                                                              \
	__asm__(".pushsection .rodata\n.p2align 2\n.globl v8dbg_" name "\n.type v8dbg_" name \
		",@object\nv8dbg_" name ":\n.long " #value "\n.size v8dbg_" name             \
		",4\n.popsection\n")

FAKE_V8DBG("FirstNonstringType", 120);
FAKE_V8DBG("type_Symbol__SYMBOL_TYPE", 121);
FAKE_V8DBG("type_HeapNumber__HEAP_NUMBER_TYPE", 122);
FAKE_V8DBG("type_Oddball__ODDBALL_TYPE", 123);
FAKE_V8DBG("SpecialAPIObjectType", 1000);
FAKE_V8DBG("type_JSObject__JS_OBJECT_TYPE", 1001);
FAKE_V8DBG("type_JSArray__JS_ARRAY_TYPE", 1002);
FAKE_V8DBG("type_JSPromise__JS_PROMISE_TYPE", 1003);
FAKE_V8DBG("type_PropertyArray__PROPERTY_ARRAY_TYPE", 300);
FAKE_V8DBG("type_DescriptorArray__DESCRIPTOR_ARRAY_TYPE", 310);
FAKE_V8DBG("type_StrongDescriptorArray__STRONG_DESCRIPTOR_ARRAY_TYPE", 311);
FAKE_V8DBG("OddballFalse", 0);
FAKE_V8DBG("OddballTrue", 11);
FAKE_V8DBG("OddballNull", 13);
FAKE_V8DBG("OddballUndefined", 15);
FAKE_V8DBG("StringEncodingMask", 16);
FAKE_V8DBG("OneByteStringTag", 16);
FAKE_V8DBG("StringRepresentationMask", 7);
FAKE_V8DBG("SeqStringTag", 0);
FAKE_V8DBG("ConsStringTag", 4);
FAKE_V8DBG("ExternalStringTag", 5);
FAKE_V8DBG("SlicedStringTag", 6);
FAKE_V8DBG("ThinStringTag", 7);
FAKE_V8DBG("class_Map__instance_size_in_words__char", 10);
FAKE_V8DBG("class_Map__inobject_properties_start_or_constructor_function_index__char", 11);
FAKE_V8DBG("class_Map__bit_field3__int", 24);
FAKE_V8DBG("class_Map__instance_descriptors_offset", 48);
FAKE_V8DBG("class_DescriptorArray__header_size__uintptr_t", 40);
FAKE_V8DBG("class_Symbol__name__Object", 24);
FAKE_V8DBG("class_String__length__int32_t", 12);
FAKE_V8DBG("class_SeqOneByteString__chars__char", 16);
FAKE_V8DBG("class_SeqTwoByteString__chars__char", 16);
FAKE_V8DBG("class_ConsString__first__String", 24);
FAKE_V8DBG("class_SlicedString__parent__String", 24);
FAKE_V8DBG("class_SlicedString__offset__SMI", 32);
FAKE_V8DBG("class_ThinString__actual__String", 24);
FAKE_V8DBG("class_ExternalString__resource__Object", 24);
FAKE_V8DBG("class_HeapNumber__value__double", 16);
FAKE_V8DBG("class_Oddball__kind__int", 48);
FAKE_V8DBG("class_JSReceiver__raw_properties_or_hash__Tagged_Object_", 16);
FAKE_V8DBG("class_JSObject__elements__Object", 24);
FAKE_V8DBG("class_JSObject__internal_fields__uintptr_t", 32);
FAKE_V8DBG("class_FixedArray__data__uintptr_t", 24);
FAKE_V8DBG("bit_field3_number_of_own_descriptors_shift", 9);
FAKE_V8DBG("bit_field3_number_of_own_descriptors_mask", 0x7fe00);
FAKE_V8DBG("bit_field3_is_dictionary_map_shift", 20);
FAKE_V8DBG("prop_kind_mask", 1);
FAKE_V8DBG("prop_attributes_shift", 2);
FAKE_V8DBG("prop_location_mask", 64);
FAKE_V8DBG("prop_index_shift", 18);
FAKE_V8DBG("prop_index_mask", 0xffc0000);
FAKE_V8DBG("HeapObjectTag", 1);
FAKE_V8DBG("SmiTag", 0);
FAKE_V8DBG("SmiTagMask", 1);
FAKE_V8DBG("SmiShiftSize", 31);
FAKE_V8DBG("SmiValueShift", 1);
FAKE_V8DBG("TaggedSize", 8);
FAKE_V8DBG("SystemPointerSize", 8);
FAKE_V8DBG("class_HeapObject__map__Map", 0);
FAKE_V8DBG("class_FixedArrayBase__length__SMI", 8);
FAKE_V8DBG("TwoByteStringTag", 0);
FAKE_V8DBG("StringTag", 0);
FAKE_V8DBG("prop_kind_Data", 0);
FAKE_V8DBG("prop_location_Field", 0);
FAKE_V8DBG("prop_desc_key", 0);
FAKE_V8DBG("prop_desc_details", 1);
FAKE_V8DBG("prop_desc_value", 2);
FAKE_V8DBG("prop_desc_size", 3);
FAKE_V8DBG("namedictionaryshape_entry_size", 3);
FAKE_V8DBG("namedictionary_prefix_start_index", 4);
FAKE_V8DBG("namedictionaryshape_prefix_size", 5);

extern const char fake_module[], fake_binding[];
const char fake_binding[] __attribute__((used)) = "timeoutInfo";
const char fake_module[] __attribute__((used)) = "internal/async_local_storage/async_context_frame";

#endif
