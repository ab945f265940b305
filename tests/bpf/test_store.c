// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Epochs, turns and stores, on a victim with a heap of our own: objects that are laid out as V8
 * lays them out, at offsets of our choosing where V8's may differ. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "victim.inc.h"

#include "events.h"
#include "flow_ring.h"
#include "kern.h"

#define N 23

/* ---- the heap ---- */

enum {
	TYPE_STRING = 40, /* sequential, one byte */
	TYPE_CONS = 41,
	TYPE_NUMBER = 130,
	TYPE_ODDBALL = 131,
	TYPE_DESCRIPTORS = 250,
	TYPE_PROPERTIES = 277,
	TYPE_OBJECT = 1057,
	TYPE_MAP = 2112,
	ODDBALL_UNDEFINED = 4,
	ODDBALL_TRUE = 1,
};

#define SMI(n)	 ((uint64_t)(uint32_t)(n) << 32)
#define TAG(ptr) ((uint64_t)(uintptr_t)(ptr) + 1)

static uint64_t heap[4096];
static size_t heap_used;

static uint64_t *heap_new(size_t words)
{
	uint64_t *at = &heap[heap_used];

	heap_used += words;
	assert(heap_used <= sizeof(heap) / sizeof(heap[0]));
	return at;
}

/* A map: size and first property in words, type, bit field, descriptors. */
static uint64_t heap_map_of(uint16_t type, uint8_t size, uint32_t bits, uint64_t descriptors)
{
	uint8_t *map = (uint8_t *)heap_new(10);
	uint32_t own = bits;

	map[8] = size;
	map[9] = 3;
	memcpy(map + 12, &type, sizeof(type));
	memcpy(map + 16, &own, sizeof(own));
	memcpy(map + 40, &descriptors, sizeof(descriptors));
	return TAG(map);
}

static uint64_t heap_string_of(const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	uint64_t *s = heap_new(2 + len / 8 + 1);

	s[0] = heap_map_of(TYPE_STRING, 0, 0, 0);
	s[1] = SMI(len);
	memcpy(&s[2], text, len);
	return TAG(s);
}

static uint64_t heap_oddball_of(uint32_t kind)
{
	uint64_t *o = heap_new(6);

	o[0] = heap_map_of(TYPE_ODDBALL, 6, 0, 0);
	o[5] = SMI(kind);
	return TAG(o);
}

static uint64_t heap_cons_of(uint64_t first, uint64_t second, uint32_t len)
{
	uint64_t *s = heap_new(4);

	s[0] = heap_map_of(TYPE_CONS, 4, 0, 0);
	s[1] = SMI(len);
	s[2] = first;
	s[3] = second;
	return TAG(s);
}

#define CONST_FIELD	      2 /* of a property's details */
#define DETAILS(index, flags) SMI((index) << 19 | (flags))

/* {id: "req-7", n: 7, done: true, more: 1.5}: two in the object, two outside of it. */
static uint64_t heap_object(void)
{
	uint64_t *d = heap_new(3 + 4 * 3), *o = heap_new(5), *props = heap_new(4);
	uint64_t *number = heap_new(2);
	const double half = 1.5;
	const uint64_t entries[] = {
		heap_string_of("id"),	DETAILS(0, CONST_FIELD), 0,
		heap_string_of("n"),	DETAILS(1, 0),		 0,
		heap_string_of("done"), DETAILS(2, CONST_FIELD), 0,
		heap_string_of("more"), DETAILS(3, 0),		 0,
	};

	d[0] = heap_map_of(TYPE_DESCRIPTORS, 0, 0, 0);
	d[1] = 4 | 4 << 16;
	memcpy(&d[3], entries, sizeof(entries));
	number[0] = heap_map_of(TYPE_NUMBER, 2, 0, 0);
	memcpy(&number[1], &half, sizeof(half));
	props[0] = heap_map_of(TYPE_PROPERTIES, 0, 0, 0);
	props[1] = SMI(2 | 77 << 10);
	props[2] = heap_oddball_of(ODDBALL_TRUE);
	props[3] = TAG(number);
	o[0] = heap_map_of(TYPE_OBJECT, 5, 4 << 10, TAG(d));
	o[1] = TAG(props);
	o[3] = heap_string_of("req-7");
	o[4] = SMI(7);
	return TAG(o);
}

/* A frame with one instance, whose identity hash is 321, and its store. */
static uint64_t heap_frame(uint64_t store)
{
	uint64_t *table = heap_new(2 + 3 + 7 * 2), *frame = heap_new(4), *key = heap_new(3);

	key[0] = heap_map_of(TYPE_OBJECT, 3, 0, 0);
	key[1] = SMI(321);
	table[1] = SMI(3 + 7 * 2);
	table[2] = SMI(1);
	table[4] = SMI(2);
	table[7] = TAG(key);
	table[8] = store;
	frame[0] = heap_map_of(TYPE_MAP, 4, 0, 0);
	frame[3] = TAG(table);
	return TAG(frame);
}

static void heap_layout(struct lr_heap *h)
{
	*h = (struct lr_heap){
		.flags = LR_HEAP_OBJECTS | LR_HEAP_TOP | LR_HEAP_ACF | LR_HEAP_OLD,
		.isolate_old_top = {.n = 1, .off = {offsetof(struct fake_isolate, old_top)}},
		.isolate_top = {.n = 1, .off = {offsetof(struct fake_isolate, top)}},
		.isolate_cped = offsetof(struct fake_isolate, slot),
		.isolate_undefined = offsetof(struct fake_isolate, undefined),
		.isolate_js_entry = offsetof(struct fake_isolate, js_entry),
		.type_string_max = 128,
		.type_symbol = 128,
		.type_heap_number = TYPE_NUMBER,
		.type_oddball = TYPE_ODDBALL,
		.type_js_object_min = 1040,
		.type_js_object = TYPE_OBJECT,
		.type_js_map = TYPE_MAP,
		.type_property_array = TYPE_PROPERTIES,
		.type_descriptor_array_min = TYPE_DESCRIPTORS,
		.type_descriptor_array_max = TYPE_DESCRIPTORS,
		.oddball_true = ODDBALL_TRUE,
		.oddball_null = 3,
		.oddball_undefined = ODDBALL_UNDEFINED,
		.str_encoding_mask = 8,
		.str_one_byte = 8,
		.str_shape_mask = 7,
		.str_cons = 1,
		.str_external = 2,
		.str_sliced = 3,
		.str_thin = 5,
		.map_instance_type = 11,
		.map_size = 7,
		.map_inobject_start = 8,
		.map_bit_field3 = 15,
		.map_descriptors = 39,
		.descriptors_header = 23,
		.name_hash = 7,
		.string_length = 11,
		.string_chars = 15,
		.cons_first = 15,
		.sliced_parent = 15,
		.sliced_offset = 23,
		.thin_actual = 15,
		.external_resource = 15,
		.heap_number_value = 7,
		.oddball_kind = 39,
		.object_properties = 7,
		.object_elements = 15,
		.property_array_data = 15,
		.js_map_table = 23,
		.fixed_array_data = 15,
		.bit_field3_dictionary = 1 << 21,
		.bit_field3_own_shift = 10,
		.bit_field3_own_mask = 0x3ff << 10,
		.details_kind_mask = 1,
		.details_location_mask = 32,
		.details_const_mask = CONST_FIELD,
		.details_index_shift = 19,
		.details_index_mask = 0x3ff << 19,
		.dictionary_start = 6,
	};
}

/* ---- what is seen ---- */

struct seen {
	uint64_t by_type[32];
	uint64_t holes;
	uint32_t last_seq;
	uint32_t before;		 /* type of the record before */
	struct lr_ev_turn turn, closing; /* the last, and the last with a top */
	struct lr_ev_gc gc;
	struct lr_ev_tenured tenured[2]; /* the last ones, the newest first */
	struct lr_ev_data in;
	struct lr_ev_stores stores; /* the last of a server */
	struct lr_ev_store store;
};

struct fixture {
	struct victim victim;
	struct kern *kern;
	struct flow_ring *ring;
	struct target_elf *elf;
	struct lr_process_config config;
	struct seen seen;
};

static void keep_tenured(struct seen *s, const void *data)
{
	s->tenured[1] = s->tenured[0];
	memcpy(&s->tenured[0], data, sizeof(s->tenured[0]));
}

static int on_record(void *ctx, const void *data, size_t len)
{
	const struct lr_event *h = data;
	struct seen *s = ctx;

	assert_true(len >= sizeof(*h) && h->size <= len && h->type < 32);
	if (h->tid) {
		s->holes += h->seq != s->last_seq + 1;
		s->last_seq = h->seq;
	}
	s->by_type[h->type]++;
	if (h->type == LR_EV_TURN) {
		memcpy(&s->turn, data, sizeof(s->turn));
		if (s->turn.top)
			s->closing = s->turn;
	}
	if (h->type == LR_EV_GC)
		memcpy(&s->gc, data, sizeof(s->gc));
	else if (h->type == LR_EV_TENURED)
		keep_tenured(s, data);
	else if (h->type == LR_EV_IN)
		memcpy(&s->in, data, sizeof(s->in));
	else if (h->type == LR_EV_STORE)
		memcpy(&s->store, data, h->size);
	else if (h->type == LR_EV_STORES && ((const struct lr_ev_stores *)data)->op == LR_OP_SERVER)
		memcpy(&s->stores, data, sizeof(s->stores));
	if (h->type == LR_EV_OUT && s->by_type[LR_EV_STORES]) {
		assert_int_equal(s->before, LR_EV_STORES);
		assert_true(h->ts == s->stores.h.ts);
	}
	s->before = h->type;
	return 0;
}

static void start(struct fixture *f, uint32_t mechanism, enum kern_bytes bytes)
{
	struct kern_opts opts = {.level = LR_LEVEL_RESOURCES, .bytes = bytes};
	char why[256] = "", path[64];

	memset(f, 0, sizeof(*f));
	victim__start(&f->victim);
	f->config.mechanism = mechanism;
	victim__layout(&f->config.layout);
	heap_layout(&f->config.heap);
	assert_int_equal(kern__load(&f->kern, &opts), 0);
	assert_int_equal(kern__add_process(f->kern, f->victim.pid, &f->config), 0);
	assert_int_equal(target_elf__open(&f->elf, "/proc/self/exe", why, sizeof(why)), 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", f->victim.pid);
	if (kern__attach_image(f->kern, f->elf, path, f->victim.pid, 1, 1, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(kern__attach_bytes(f->kern), 0);
	assert_int_equal(flow_ring__new(&f->ring, kern__ring_fd(f->kern), LR_RING_BYTES, on_record,
					&f->seen),
			 0);
}

static void stop(struct fixture *f)
{
	flow_ring__free(f->ring);
	kern__free(f->kern);
	target_elf__free(f->elf);
	victim__stop(&f->victim);
}

static void act(struct fixture *f, enum victim_command command, uint32_t count)
{
	victim__do(&f->victim, command, count);
	assert_int_equal(flow_ring__drain(f->ring), 0);
	assert_int_equal(f->seen.holes, 0);
}

/* ---- tests ---- */

static void epochs(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, LR_MECHANISM_ACF, KERN_BYTES_AUTO);
	act(&f, VICTIM_SERVE, 1);
	assert_int_equal(f.seen.in.epoch, 0);
	act(&f, VICTIM_GC, N);
	assert_int_equal(f.seen.by_type[LR_EV_GC], 2 * N);
	assert_int_equal(f.seen.gc.epoch, N);
	assert_int_equal(f.seen.gc.top, VICTIM_TOP + VICTIM_ALLOCATES);
	act(&f, VICTIM_SERVE, 1);
	assert_int_equal(f.seen.in.epoch, N);
	assert_int_equal(f.seen.stores.epoch, N);
	stop(&f);
}

/*
 * Each way to turn is told. What a receive began is ended once; the next receive needs no other
 * end. Being woken by other threads again and again, with nothing between, is told once.
 */
static void turns(void **state)
{
	static const struct {
		enum victim_command command;
		uint16_t kind;
		uint32_t told;
	} ways[] = {
		{VICTIM_TIMERS, LR_TURN_TIMERS, N},
		{VICTIM_IMMEDIATES, LR_TURN_IMMEDIATES, N},
		{VICTIM_ASYNC, LR_TURN_ASYNC, 1},
	};
	uint64_t want = N;
	struct fixture f;

	(void)state;
	start(&f, LR_MECHANISM_ACF, KERN_BYTES_AUTO);
	act(&f, ways[0].command, N);
	assert_int_equal(f.seen.by_type[LR_EV_TURN], want);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		act(&f, VICTIM_SERVE, N);
		assert_int_equal(f.seen.by_type[LR_EV_TURN], want);
		/* The command arrives by a receive that is no server's: that is the first turn. */
		act(&f, ways[i].command, N);
		want += 1 + ways[i].told;
		assert_int_equal(f.seen.by_type[LR_EV_TURN], want);
		assert_int_equal(f.seen.closing.top, f.seen.in.top + VICTIM_ALLOCATES);
		assert_int_equal(f.seen.closing.kind, LR_TURN_OTHER);
		assert_int_equal(f.seen.turn.kind, ways[i].kind);
		assert_int_equal(f.seen.turn.top, 0);
		assert_int_equal(f.seen.turn.flags, LR_TURN_F_IDLE);
	}
	/* It slept in between. */
	act(&f, VICTIM_ASYNC, N);
	assert_int_equal(f.seen.by_type[LR_EV_TURN], ++want);
	stop(&f);
}

/* When the first timer was due; what cannot be so is not known. */
static void due(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, LR_MECHANISM_NONE, KERN_BYTES_AUTO);
	for (uint32_t ms = 0; ms < 1000; ms += 333) {
		uint64_t late;

		act(&f, VICTIM_DUE, ms);
		late = f.seen.turn.h.ts - f.seen.turn.due_ns;
		assert_in_range(late, ms * 1000000ULL, (ms + 1) * 1000000ULL + 50000000);
		assert_int_equal(f.seen.turn.due_ns % 1000000, 0);
	}
	act(&f, VICTIM_DUE, VICTIM_FUTURE);
	assert_int_equal(f.seen.turn.due_ns, 0);
	act(&f, VICTIM_DUE, 3600 * 1000 + 1);
	assert_int_equal(f.seen.turn.due_ns, 0);
	act(&f, VICTIM_TIMERS, 1);
	assert_int_equal(f.seen.turn.due_ns, 0);
	assert_int_equal(f.seen.turn.kind, LR_TURN_TIMERS);
	assert_int_equal(f.seen.by_type[LR_EV_TURN], 7);
	stop(&f);
}

static void tops(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, LR_MECHANISM_ACF, KERN_BYTES_AUTO);
	act(&f, VICTIM_SERVE, N);
	assert_int_equal(f.seen.in.top, VICTIM_TOP + (N - 1) * VICTIM_ALLOCATES);
	/* The victim is the client here: it receives the answers, on a socket that serves nobody.
	 */
	act(&f, VICTIM_HTTP_UNIX, N);
	assert_int_equal(f.seen.by_type[LR_EV_TURN], 1 + N);
	stop(&f);
}

static void expect_tenured(const struct fixture *f, uint32_t i, uint64_t begin, uint64_t bytes,
			   uint32_t flags)
{
	assert_int_equal(f->seen.tenured[i].begin, begin);
	assert_int_equal(f->seen.tenured[i].end, begin + bytes);
	assert_int_equal(f->seen.tenured[i].flags, flags);
}

/* What a request's callback allocates in the old space is told once, and only then. */
static void tenured(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, LR_MECHANISM_ACF, KERN_BYTES_AUTO);
	act(&f, VICTIM_SERVE, N);
	assert_int_equal(f.seen.by_type[LR_EV_TENURED], 0);
	act(&f, VICTIM_TENURE, 0x60);
	act(&f, VICTIM_SERVE, 1);
	assert_int_equal(f.seen.by_type[LR_EV_TENURED], 1);
	expect_tenured(&f, 0, VICTIM_OLD, 0x60, 0);
	act(&f, VICTIM_SERVE, 1);
	act(&f, VICTIM_TIMERS, 1);
	assert_int_equal(f.seen.by_type[LR_EV_TENURED], 2);
	expect_tenured(&f, 0, VICTIM_OLD + 0x60, 0x60, 0);
	/* The next one does not fit: what is left of the area, and the area that is new. */
	act(&f, VICTIM_SERVE, 1);
	assert_int_equal(f.seen.by_type[LR_EV_TENURED], 4);
	expect_tenured(&f, 1, VICTIM_OLD + 0xc0, 0x40, LR_TENURED_F_REST);
	expect_tenured(&f, 0, VICTIM_OLD - VICTIM_OLD_NEXT, 0x60, LR_TENURED_F_AREA);
	act(&f, VICTIM_TENURE, 0);
	act(&f, VICTIM_SERVE, N);
	assert_int_equal(f.seen.by_type[LR_EV_TENURED], 4);
	stop(&f);
}

static void nothing_without_mechanism(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, LR_MECHANISM_NONE, KERN_BYTES_AUTO);
	act(&f, VICTIM_SERVE, N);
	act(&f, VICTIM_TIMERS, N);
	assert_int_equal(f.seen.by_type[LR_EV_TURN], N);
	act(&f, VICTIM_HTTP_UNIX, N);
	assert_int_equal(f.seen.in.top, 0);
	assert_int_equal(f.seen.by_type[LR_EV_TURN], N);
	assert_int_equal(f.seen.turn.top, 0);
	assert_int_equal(f.seen.by_type[LR_EV_STORES], 0);
	stop(&f);

	/* Not known: each head says so, other sends say nothing. */
	start(&f, LR_MECHANISM_OFF, KERN_BYTES_AUTO);
	act(&f, VICTIM_SERVE, N);
	assert_int_equal(f.seen.by_type[LR_EV_STORES], N);
	assert_int_equal(f.seen.stores.status, LR_STORES_OFF);
	stop(&f);
}

enum { SLOT_NONE, SLOT_OBJECT, SLOT_STRING, SLOT_CONS, SLOT_SMI, SLOT_BROKEN, SLOT_STRANGE };

static void make_heap(void)
{
	uint64_t *broken;

	heap_used = 0;
	memset(heap, 0, sizeof(heap));
	victim_slots[SLOT_NONE] = heap_oddball_of(ODDBALL_UNDEFINED);
	victim_slots[SLOT_OBJECT] = heap_frame(heap_object());
	victim_slots[SLOT_STRING] = heap_frame(heap_string_of("a store that is a string"));
	victim_slots[SLOT_CONS] = heap_frame(
		heap_cons_of(heap_string_of("left of it, "), heap_string_of("right\xe9"), 18));
	victim_slots[SLOT_SMI] = heap_frame(SMI(-5));
	/* A table whose counts do not agree, and something that is no frame at all. */
	victim_slots[SLOT_BROKEN] = heap_frame(SMI(1));
	broken = (uint64_t *)(uintptr_t)(victim_slots[SLOT_BROKEN] - 1);
	((uint64_t *)(uintptr_t)(broken[3] - 1))[4] = SMI(3);
	victim_slots[SLOT_STRANGE] = heap_object();
}

static const struct lr_store_field *field(const struct fixture *f, uint32_t i, const char *name,
					  uint8_t kind)
{
	const struct lr_store_field *x = &f->seen.store.field[i];

	assert_true(i < f->seen.store.n);
	assert_int_equal(x->name_len, strlen(name));
	assert_memory_equal(x->name, name, x->name_len);
	assert_int_equal(x->kind, kind);
	return x;
}

static void assert_text(const struct lr_store_field *x, const char *text)
{
	assert_int_equal(x->text_len, strlen(text));
	assert_memory_equal(x->text, text, x->text_len);
}

static void serve(struct fixture *f, uint32_t slot, uint16_t status, uint32_t n)
{
	act(f, VICTIM_SLOT, slot);
	act(f, VICTIM_SERVE, 1);
	assert_int_equal(f->seen.stores.status, status);
	assert_int_equal(f->seen.stores.n, n);
}

static void check_object(struct fixture *f)
{
	serve(f, SLOT_OBJECT, LR_STORES_OK, 1);
	assert_int_equal(f->seen.stores.ref[0].instance, 321);
	assert_int_equal(f->seen.stores.ref[0].kind, LR_VALUE_OBJECT);
	assert_int_equal(f->seen.by_type[LR_EV_STORE], 1);
	assert_true(f->seen.store.value == f->seen.stores.ref[0].value);
	assert_int_equal(f->seen.store.n, 4);
	assert_text(field(f, 0, "id", LR_VALUE_STRING), "req-7");
	assert_int_equal(field(f, 0, "id", LR_VALUE_STRING)->flags, LR_FIELD_F_CONST);
	assert_int_equal(field(f, 1, "n", LR_VALUE_SMI)->bits, 7);
	assert_int_equal(field(f, 1, "n", LR_VALUE_SMI)->flags, 0);
	assert_int_equal(field(f, 2, "done", LR_VALUE_BOOL)->bits, 1);
	assert_int_equal(field(f, 3, "more", LR_VALUE_DOUBLE)->bits, 0x3ff8000000000000);
}

static void check_stores(enum kern_bytes bytes)
{
	uint64_t stats[LR_STAT_COUNT];
	struct fixture f;

	make_heap();
	start(&f, LR_MECHANISM_ACF, bytes);
	serve(&f, SLOT_NONE, LR_STORES_OK, 0);
	check_object(&f);
	/* Told once in an epoch, and again in the next one. */
	serve(&f, SLOT_OBJECT, LR_STORES_OK, 1);
	assert_int_equal(f.seen.by_type[LR_EV_STORE], 1);
	assert_int_equal(f.seen.stores.ref[0].kind, LR_VALUE_OBJECT);
	act(&f, VICTIM_GC, 1);
	serve(&f, SLOT_OBJECT, LR_STORES_OK, 1);
	assert_int_equal(f.seen.by_type[LR_EV_STORE], 2);
	assert_int_equal(f.seen.store.epoch, 1);
	serve(&f, SLOT_STRING, LR_STORES_OK, 1);
	assert_text(field(&f, 0, "", LR_VALUE_STRING), "a store that is a string");
	serve(&f, SLOT_CONS, LR_STORES_OK, 1);
	assert_text(field(&f, 0, "", LR_VALUE_STRING), "left of it, right\xc3\xa9");
	serve(&f, SLOT_SMI, LR_STORES_OK, 1);
	assert_int_equal(f.seen.stores.ref[0].kind, LR_VALUE_SMI);
	assert_int_equal((int64_t)f.seen.stores.ref[0].value >> 32, -5);
	serve(&f, SLOT_BROKEN, LR_STORES_CHECK, 0);
	serve(&f, SLOT_STRANGE, LR_STORES_CHECK, 0);
	assert_int_equal(kern__stats(f.kern, stats), 0);
	assert_true(stats[LR_STAT_store_check] >= 2);
	assert_int_equal(stats[LR_STAT_store_fault], 0);
	act(&f, VICTIM_IDLE, 0);
	serve(&f, SLOT_OBJECT, LR_STORES_NO_JS, 0);
	stop(&f);
}

static void stores_tracepoint(void **state)
{
	(void)state;
	check_stores(KERN_BYTES_AUTO);
}

static void stores_syscall(void **state)
{
	(void)state;
	check_stores(KERN_BYTES_SYSCALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epochs),
		cmocka_unit_test(turns),
		cmocka_unit_test(due),
		cmocka_unit_test(tops),
		cmocka_unit_test(tenured),
		cmocka_unit_test(nothing_without_mechanism),
		cmocka_unit_test(stores_tracepoint),
		cmocka_unit_test(stores_syscall),
	};

	if (geteuid() != 0) {
		puts("needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
