// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * V8's heap, as far as stores are read: types, maps, properties, strings.
 *
 * V8 exports constants for debuggers (v8dbg_*, made from its own sources when it is built:
 * tools/gen-postmortem-metadata.py there). They are in the dynamic symbol table, so that a
 * stripped binary has them too. What they do not tell follows from V8's rules for laying out
 * objects (a header of one word, then one word per member); each such step is written below,
 * asked for by a constant where one is near, and checked again by whoever walks the heap.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "target_layout_parts.h"
#include "util.h"

#define TAG	   1 /* of a pointer to a heap object; folded into the offsets */
#define WORD	   8
#define OFFSET_MAX 256 /* no member that is read lies beyond */

enum fact_kind {
	FACT_NUMBER, /* u16 */
	FACT_WIDE,   /* u32 */
	FACT_OFFSET, /* s16, of a member of a heap object */
};

struct fact {
	const char *names; /* of v8dbg_ constants, separated by '|': the first that exists counts */
	enum fact_kind kind;
	size_t at; /* in struct lr_heap */
};

#define NUMBER(member, names)                                        \
	{                                                            \
		names, FACT_NUMBER, offsetof(struct lr_heap, member) \
	}
#define WIDE(member, names)                                        \
	{                                                          \
		names, FACT_WIDE, offsetof(struct lr_heap, member) \
	}
#define OFFSET(member, names)                                        \
	{                                                            \
		names, FACT_OFFSET, offsetof(struct lr_heap, member) \
	}

static const struct fact facts[] = {
	NUMBER(type_string_max, "FirstNonstringType"),
	NUMBER(type_symbol, "type_Symbol__SYMBOL_TYPE"),
	NUMBER(type_heap_number, "type_HeapNumber__HEAP_NUMBER_TYPE"),
	NUMBER(type_oddball, "type_Oddball__ODDBALL_TYPE"),
	NUMBER(type_js_object_min, "SpecialAPIObjectType"),
	NUMBER(type_js_object, "type_JSObject__JS_OBJECT_TYPE"),
	NUMBER(type_js_map, "type_JSMap__JS_MAP_TYPE"),
	NUMBER(type_js_promise, "type_JSPromise__JS_PROMISE_TYPE"),
	NUMBER(type_js_array, "type_JSArray__JS_ARRAY_TYPE"),
	NUMBER(type_property_array, "type_PropertyArray__PROPERTY_ARRAY_TYPE"),
	NUMBER(type_descriptor_array_min, "type_DescriptorArray__DESCRIPTOR_ARRAY_TYPE"),
	NUMBER(type_descriptor_array_max,
	       "type_StrongDescriptorArray__STRONG_DESCRIPTOR_ARRAY_TYPE"),
	NUMBER(oddball_false, "OddballFalse"),
	NUMBER(oddball_true, "OddballTrue"),
	NUMBER(oddball_null, "OddballNull"),
	NUMBER(oddball_undefined, "OddballUndefined"),
	NUMBER(str_encoding_mask, "StringEncodingMask"),
	NUMBER(str_one_byte, "OneByteStringTag"),
	NUMBER(str_shape_mask, "StringRepresentationMask"),
	NUMBER(str_seq, "SeqStringTag"),
	NUMBER(str_cons, "ConsStringTag"),
	NUMBER(str_external, "ExternalStringTag"),
	NUMBER(str_sliced, "SlicedStringTag"),
	NUMBER(str_thin, "ThinStringTag"),
	OFFSET(map_instance_type, "class_Map__instance_type__uint16_t"),
	OFFSET(map_size, "class_Map__instance_size_in_words__char"),
	OFFSET(map_inobject_start,
	       "class_Map__inobject_properties_start_or_constructor_function_index__char"),
	OFFSET(map_bit_field3, "class_Map__bit_field3__int"),
	OFFSET(map_descriptors, "class_Map__instance_descriptors_offset"),
	OFFSET(descriptors_header, "class_DescriptorArray__header_size__uintptr_t"),
	OFFSET(symbol_description, "class_Symbol__name__Object"),
	OFFSET(string_length, "class_String__length__int32_t"),
	OFFSET(string_chars, "class_SeqOneByteString__chars__char"),
	OFFSET(cons_first, "class_ConsString__first__String"),
	OFFSET(sliced_parent, "class_SlicedString__parent__String"),
	OFFSET(sliced_offset, "class_SlicedString__offset__SMI"),
	OFFSET(thin_actual, "class_ThinString__actual__String"),
	OFFSET(external_resource, "class_ExternalString__resource__Object"),
	OFFSET(heap_number_value, "class_HeapNumber__value__double"),
	OFFSET(oddball_kind, "class_Oddball__kind__int|class_Oddball__kind_offset__int"),
	OFFSET(object_properties, "class_JSReceiver__raw_properties_or_hash__Object|"
				  "class_JSReceiver__raw_properties_or_hash__Tagged_Object_"),
	OFFSET(object_elements, "class_JSObject__elements__Object"),
	/* A JSMap and a JSArray begin as any JSObject does; then comes their first own member. */
	OFFSET(js_map_table, "class_JSObject__internal_fields__uintptr_t"),
	OFFSET(js_array_length, "class_JSObject__internal_fields__uintptr_t"),
	OFFSET(fixed_array_data, "class_FixedArray__data__uintptr_t"),
	/* As a FixedArray: map, length, elements. Its type is checked where it is read. */
	OFFSET(property_array_data, "class_FixedArray__data__uintptr_t"),
	WIDE(bit_field3_own_shift, "bit_field3_number_of_own_descriptors_shift"),
	WIDE(bit_field3_own_mask, "bit_field3_number_of_own_descriptors_mask"),
	WIDE(details_kind_mask, "prop_kind_mask"),
	WIDE(details_location_mask, "prop_location_mask"),
	WIDE(details_index_shift, "prop_index_shift"),
	WIDE(details_index_mask, "prop_index_mask"),
};

/* What the readers take for granted; a build in which it is otherwise is not read. */
static const struct {
	const char *name;
	int64_t value;
} givens[] = {
	{"HeapObjectTag", TAG},
	{"SmiTag", 0},
	{"SmiTagMask", 1},
	{"SmiShiftSize", 31}, /* with SmiValueShift: the value is the upper half of a word */
	{"SmiValueShift", 1},
	{"TaggedSize", WORD}, /* no pointer compression */
	{"SystemPointerSize", WORD},
	{"class_HeapObject__map__Map", 0},
	{"class_SeqTwoByteString__chars__char", 16}, /* as one-byte strings, see derive() */
	{"class_FixedArrayBase__length__SMI", 8},
	{"TwoByteStringTag", 0},
	{"StringTag", 0},
	{"prop_kind_Data", 0},
	{"prop_location_Field", 0},
	{"prop_desc_key", 0},
	{"prop_desc_details", 1},
	{"prop_desc_value", 2},
	{"prop_desc_size", 3},
	{"namedictionaryshape_entry_size", 3},
};

/* The first of several names that the binary has. */
static int64_t lookup(const struct target_elf *elf, const char *names)
{
	int64_t value = -1;

	while (*names && value < 0) {
		size_t len = strcspn(names, "|");
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		value = layout__v8dbg(elf, name);
		names += len + (names[len] == '|');
	}
	return value;
}

static bool fact_store(struct lr_heap *h, const struct fact *f, int64_t value)
{
	uint8_t *at = (uint8_t *)h + f->at;
	uint16_t number = (uint16_t)value;
	int16_t offset = (int16_t)(value - TAG);
	uint32_t wide = (uint32_t)value;

	switch (f->kind) {
	case FACT_NUMBER:
		memcpy(at, &number, sizeof(number));
		return value <= UINT16_MAX;
	case FACT_OFFSET:
		memcpy(at, &offset, sizeof(offset));
		return value > 0 && value < OFFSET_MAX;
	case FACT_WIDE:
		memcpy(at, &wide, sizeof(wide));
		return true;
	}
	return false;
}

static int decode_facts(struct layout_job *job)
{
	struct lr_heap *h = &job->l->heap;

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		int64_t value = lookup(job->elf, facts[i].names);
		int len = (int)strcspn(facts[i].names, "|");

		if (value < 0)
			return layout_job__refuse(job, "V8's heap", "no v8dbg_%.*s", len,
						  facts[i].names);
		if (!fact_store(h, &facts[i], value))
			return layout_job__refuse(job, "V8's heap", "v8dbg_%.*s is %lld", len,
						  facts[i].names, (long long)value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(givens); i++) {
		int64_t value = layout__v8dbg(job->elf, givens[i].name);

		if (value != givens[i].value)
			return layout_job__refuse(job, "V8's heap", "v8dbg_%s is %lld",
						  givens[i].name, (long long)value);
	}
	return 0;
}

/*
 * Details of a property are kind, constness, attributes, location, ... from the lowest bit on
 * (V8: src/objects/property-details.h). Constness has no constant of its own, but its
 * neighbours have: it is the one bit between them. Elsewhere, it is not known.
 */
static uint32_t constness(const struct target_elf *elf)
{
	int64_t kind = layout__v8dbg(elf, "prop_kind_mask");
	int64_t attributes = layout__v8dbg(elf, "prop_attributes_shift");

	return kind == 1 && attributes == 2 ? 1u << 1 : 0;
}

static int derive(struct layout_job *job)
{
	struct lr_heap *h = &job->l->heap;
	int64_t dictionary = layout__v8dbg(job->elf, "bit_field3_is_dictionary_map_shift");
	int64_t start = layout__v8dbg(job->elf, "namedictionary_prefix_start_index");
	int64_t prefix = layout__v8dbg(job->elf, "namedictionaryshape_prefix_size");

	if (dictionary < 0 || dictionary > 31 || start < 0 || start > 16 || prefix < 0 ||
	    prefix > 16)
		return layout_job__refuse(job, "V8's heap", "no v8dbg_ constants of dictionaries");
	h->bit_field3_dictionary = 1u << dictionary;
	h->dictionary_start = (uint16_t)(start + prefix);
	h->details_const_mask = constness(job->elf);
	/* A Name: its map, its hash, and in a String then the length, 32 bits each. */
	h->name_hash = WORD - TAG;
	if (h->string_length != h->name_hash + 4)
		return layout_job__refuse(job, "V8's heap", "a string's length is at %d",
					  h->string_length + TAG);
	if (h->string_chars + TAG != 2 * WORD ||
	    h->type_descriptor_array_min > h->type_descriptor_array_max)
		return layout_job__refuse(job, "V8's heap", "strings or descriptors are unlike V8");
	return 0;
}

int layout_heap__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int err = decode_facts(job);

	if (!err)
		err = derive(job);
	if (err)
		return err;
	l->heap.field_stack = l->p.field_stack;
	l->heap.flags |= LR_HEAP_OBJECTS;
	if (!l->p.cped)
		return 0;
	l->heap.isolate_cped = l->p.cped;
	l->heap.isolate_undefined = l->p.undefined;
	l->heap.flags |= LR_HEAP_ACF;
	return 0;
}
