/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The objects of a running environment in the test's own memory, laid out as fake_node.h says,
 * and the layout decoded from the test's own code: a target that needs no Node.js and no root.
 */
#ifndef LOOPRAY_TESTS_FAKE_WORLD_H
#define LOOPRAY_TESTS_FAKE_WORLD_H

#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_node.h"
#include "target_layout.h"

/* One environment and everything on the way to it. Heap objects are tagged pointers. */
struct world {
	uint64_t isolate[128], scopes[16], entered[4], context[64], map[16], running[16];
	uint64_t data[64], env[256], idata[32], realm[64], loop[16], internal[64];
	uint64_t queue[16];
	double uid[4];
	uint32_t fields[16];
	uint32_t immediates[3]; /* count, count of those that keep the loop alive, left over */
	uint32_t timeouts[1];
};

static struct target_layout fake_layout;
static uint64_t fake_bias;

static inline void put(void *object, size_t offset, uint64_t value)
{
	memcpy((char *)object + offset, &value, sizeof(value));
}

static inline uint64_t addr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static inline uint64_t tagged(const void *p)
{
	return addr(p) + 1;
}

static inline void build_objects(struct world *w)
{
	put(w->isolate, FAKE_SCOPES, addr(w->scopes));
	put(w->scopes, FAKE_ENTERED, addr(w->entered));
	put(w->scopes, FAKE_COUNT, 1);
	w->entered[0] = tagged(w->context);
	put(w->context, FAKE_EMBEDDER + 1, tagged(w->data));
	put(w->data, FAKE_SLOT_ENV + 1, addr(w->env));
	put(w->data, FAKE_SLOT_REALM + 1, addr(w->realm));
	put(w->data, FAKE_SLOT_TAG + 1, addr(&fake_tag));
	put(w->running, 0, tagged(w->map));
	put(w->map, 0x20, tagged(w->context));
	put(w->env, FAKE_ENV_ISOLATE, addr(w->isolate));
	put(w->env, FAKE_ENV_FIELDS, addr(w->fields));
	put(w->env, FAKE_ENV_UID, addr(w->uid));
}

static inline void build_loop(struct world *w)
{
	put(w->env, FAKE_ENV_DATA, addr(w->idata));
	put(w->idata, FAKE_DATA_LOOP, addr(w->loop));
	put(w->env, FAKE_ENV_TIMER + FAKE_HANDLE_LOOP, addr(w->loop));
	put(w->env, FAKE_ENV_CHECK + FAKE_HANDLE_LOOP, addr(w->loop));
	put(w->loop, FAKE_LOOP_INTERNAL, addr(w->internal));
	put(w->internal, FAKE_LOOP_COUNT, 42);
	put(w->internal, FAKE_LOOP_IDLE, 1000);
	put(w->loop, FAKE_LOOP_TIME, 77);
}

static inline void build_microtasks(struct world *w)
{
	put(w->isolate, FAKE_MICROTASKS, addr(w->queue));
	put(w->queue, 0, addr(&fake_mt_vtable[2]));
	put(w->queue, FAKE_QUEUE_DONE, 1234);
	put(w->queue, FAKE_QUEUE_RUNNING, 0x100); /* another member is right behind it */
}

static inline void build_counters(struct world *w)
{
	put(w->env, FAKE_ENV_IMMEDIATES + FAKE_BUFFER_ISOLATE, addr(w->isolate));
	put(w->env, FAKE_ENV_IMMEDIATES + FAKE_BUFFER_COUNT, 3);
	put(w->env, FAKE_ENV_IMMEDIATES + FAKE_BUFFER_DATA, addr(w->immediates));
	put(w->env, FAKE_ENV_TIMEOUTS + FAKE_BUFFER_ISOLATE, addr(w->isolate));
	put(w->env, FAKE_ENV_TIMEOUTS + FAKE_BUFFER_COUNT, 1);
	put(w->env, FAKE_ENV_TIMEOUTS + FAKE_BUFFER_DATA, addr(w->timeouts));
	w->immediates[0] = 6;
	w->immediates[1] = 4;
	w->timeouts[0] = 23;
}

static inline void build(struct world *w)
{
	memset(w, 0, sizeof(*w));
	build_objects(w);
	build_loop(w);
	build_counters(w);
	build_microtasks(w);
	w->uid[0] = 5;
	w->uid[1] = 2;
	w->uid[2] = 17;
	w->uid[3] = -1;
}

static inline struct target_thread self(void)
{
	return (struct target_thread){.tid = gettid(), .fsbase = addr(__builtin_thread_pointer())};
}

/* The program of which this process is one: the first object that the loader names. */
static inline int find_bias(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	*(uint64_t *)ctx = info->dlpi_addr;
	return 1;
}

static inline int fake_setup(void **state)
{
	struct target_elf *elf;
	char why[256] = "";

	(void)state;
	if (target_elf__open(&elf, "/proc/self/exe", why, sizeof(why)) ||
	    target_layout__decode(&fake_layout, elf, why, sizeof(why))) {
		print_message("%s\n", why);
		return -1;
	}
	target_elf__free(elf);
	dl_iterate_phdr(find_bias, &fake_bias);
	return target_layout__bind(&fake_layout, getpid(), fake_bias, why, sizeof(why));
}

/* Checks this thread with @w in place. */
static inline int check(struct world *w, struct target_env *e, char *why, size_t len)
{
	struct target_thread t = self();
	int ret;

	fake_current = w ? addr(w->isolate) : 0;
	fake_default_loop = w ? w->loop : NULL;
	why[0] = '\0';
	ret = target_layout__check(&fake_layout, getpid(), fake_bias, &t, 1, e, 1, why, len);
	fake_current = 0;
	return ret;
}

#endif
