/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values of customers' data, as fingerprints: equal values have equal hashes within one
 * recording, and nothing else can be told from one. The key is random for each recording.
 */
#ifndef LOOPRAY_FLOW_VALUE_H
#define LOOPRAY_FLOW_VALUE_H

#include <stddef.h>
#include <stdint.h>

/* 0 is never returned: it stands for "no value". */
uint64_t flow_value__hash(uint64_t key, const void *bytes, size_t len);

#endif
