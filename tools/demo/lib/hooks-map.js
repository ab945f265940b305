// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The hand-written way to keep a context inside the process: a map from async id to request,
 * filled at init from the trigger's entry and cleaned at destroy. It is here to be measured
 * against an observer outside the process, not to be imitated.
 */
const asyncHooks = require('node:async_hooks');

const contexts = new Map();

function enable() {
	asyncHooks.createHook({
		init(asyncId, type, triggerAsyncId) {
			const context = contexts.get(triggerAsyncId);

			if (context !== undefined)
				contexts.set(asyncId, context);
		},
		destroy(asyncId) {
			contexts.delete(asyncId);
		},
	}).enable();
}

/* Marks the current execution as the root of a request. */
function enter(context) {
	contexts.set(asyncHooks.executionAsyncId(), context);
}

module.exports = { enable, enter };
