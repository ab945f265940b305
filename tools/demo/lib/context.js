// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The request's context: one AsyncLocalStorage instance for the whole service, and the two
 * ways to hand a callback over to somebody else's asynchronous chain.
 *
 * A callback that waits in a queue is later called by whoever empties the queue. Called as it
 * is, it runs under that caller's store. `bindFor('fixed')` ties it to the context in which it
 * was handed over; `bindFor('broken')` does not, which is the whole difference between the two
 * forms of the payment service.
 */
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');

const requestContext = new AsyncLocalStorage();

const TENANTS = ['acme', 'globex', 'initech', 'umbrella'];

/* The store of one request; `seq` is the service's own count of requests, from 1. */
function createStore(req, seq) {
	const inbound = req.headers['x-request-id'];
	const named = typeof inbound === 'string' && /^[\w.-]{1,64}$/.test(inbound);

	return {
		requestId: named ? inbound : `req-${seq}`,
		userId: req.headers['x-user-id'] || `user-${1 + (seq % 1000)}`,
		tenant: req.headers['x-tenant'] || TENANTS[seq % TENANTS.length],
		startedAt: Date.now(),
	};
}

function bindFor(mode) {
	return mode === 'fixed' ? (fn) => AsyncResource.bind(fn) : (fn) => fn;
}

module.exports = { requestContext, createStore, bindFor };
