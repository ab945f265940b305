// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A bounded pool of connections with a queue of waiters.
 *
 * release() hands the connection straight to the next waiter, inside the call stack of the
 * request that releases it. With a `bind` that does nothing, the waiter goes on under that
 * other request's store: the first of the two defects of the broken service. It takes
 * concurrency to show, because without waiters everyone calls back for himself.
 */
class ConnectionPool {
	/* open(callback) makes a connection; bind(fn) ties a waiter to its context, or does not. */
	constructor({ open, size, maxWaiters = 10000, bind }) {
		this.open = open;
		this.size = size;
		this.maxWaiters = maxWaiters;
		this.bind = bind;
		this.idle = [];
		this.waiters = [];
		this.total = 0;
	}

	acquire(callback) {
		const connection = this.#takeIdle();

		if (connection)
			callback(null, connection);
		else if (this.total < this.size)
			this.#openFor(callback);
		else if (this.waiters.length < this.maxWaiters)
			this.waiters.push(this.bind(callback));
		else
			callback(new Error('too many requests wait for a bank connection'));
	}

	release(connection) {
		if (connection.closed) {
			this.total--;
			this.#replaceForWaiter();
			return;
		}

		const waiter = this.waiters.shift();

		if (waiter)
			waiter(null, connection);
		else
			this.idle.push(connection);
	}

	close() {
		for (const connection of this.idle)
			connection.close();
		this.idle = [];
	}

	#takeIdle() {
		while (this.idle.length > 0) {
			const connection = this.idle.pop();

			if (!connection.closed)
				return connection;
			this.total--;
		}
		return null;
	}

	#openFor(callback) {
		this.total++;
		this.open((err, connection) => {
			if (err)
				this.total--;
			callback(err, connection);
			if (err)
				this.#replaceForWaiter();
		});
	}

	/* A connection is gone: whoever waits longest gets a new one. */
	#replaceForWaiter() {
		const waiter = this.waiters.shift();

		if (waiter)
			this.#openFor(waiter);
	}
}

module.exports = { ConnectionPool };
