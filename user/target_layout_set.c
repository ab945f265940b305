// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A std::set<std::string> of libstdc++ in another process: a red-black tree whose header
 * {colour, root, leftmost, rightmost} comes after the (empty) comparison, and whose nodes
 * are {colour, parent, left, right, string}. A string is {pointer, length, 16 bytes of its
 * own or the capacity}. Part of the C++ ABI, unchanged since GCC 5.
 */
#include <errno.h>
#include <string.h>

#include "target_layout_parts.h"
#include "target_memory.h"
#include "util.h"

#define SET_HEADER 8
#define SET_ROOT   16 /* the header's parent pointer; the root's is the header */
#define DEPTH_MAX  64 /* a balanced tree this deep has more nodes than there is memory */
#define STRING_MAX 4096

struct set_node {
	uint64_t colour, parent, left, right;
	uint64_t text, length;
};

/* As std::string::compare(key, node). */
static int compare(struct target_memory *m, const struct set_node *node, const char *key,
		   int *order)
{
	char text[128];
	size_t len = strlen(key), common = min_t(size_t, len, node->length);
	int err;

	if (common > sizeof(text) || node->length > STRING_MAX)
		return -EINVAL;
	err = target_memory__read(m, node->text, text, common);
	if (err)
		return err;
	*order = memcmp(key, text, common);
	if (*order == 0 && len != node->length)
		*order = len < node->length ? -1 : 1;
	return 0;
}

int layout_set__contains(struct target_memory *m, uint64_t set, const char *key)
{
	uint64_t at;
	int err = target_memory__u64(m, set + SET_ROOT, &at);

	for (int depth = 0; !err && at; depth++) {
		struct set_node node;
		int order = 0;

		if (depth == DEPTH_MAX)
			return -ELOOP;
		err = target_memory__read(m, at, &node, sizeof(node));
		if (!err && depth == 0 && node.parent != set + SET_HEADER)
			return -EINVAL; /* no set here, or it is being rebalanced */
		if (!err)
			err = compare(m, &node, key, &order);
		if (!err && order == 0)
			return 1;
		at = order < 0 ? node.left : node.right;
	}
	return err;
}
