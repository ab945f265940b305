// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The payment gateway's client: screens payments for fraud in batches, then charges them over
 * a small pool of bank connections, trying again when the bank is busy.
 */
const { BankConnection } = require('./connection');
const { ConnectionPool } = require('./pool');
const { Batcher } = require('./batcher');
const { bindFor } = require('./context');

const MAX_ATTEMPTS = 3;
const RETRY_DELAY_MS = 3;

class Gateway {
	constructor({ bank, mode, poolSize, batchSize, batchDelay }) {
		const bind = bindFor(mode);

		this.bank = bank;
		this.screening = null;
		this.pool = new ConnectionPool({
			open: (callback) => BankConnection.open(bank, callback),
			size: poolSize,
			bind,
		});
		this.batcher = new Batcher({
			send: (items, callback) => this.#screen(items, callback),
			maxItems: batchSize,
			maxDelay: batchDelay,
			bind,
		});
	}

	/* Opens the connection for screening, outside of every request. */
	start(callback) {
		BankConnection.open(this.bank, (err, connection) => {
			this.screening = connection;
			callback(err);
		});
	}

	stop() {
		this.batcher.flush();
		this.pool.close();
		if (this.screening)
			this.screening.close();
	}

	/* callback(err, {status: 'approved' | 'declined', chargeId}) */
	pay(payment, callback) {
		this.batcher.submit(payment, (err, verdict) => {
			if (err)
				callback(err);
			else if (!verdict.clean)
				callback(null, { status: 'declined', chargeId: null });
			else
				this.#charge(payment, 1, callback);
		});
	}

	#screen(items, callback) {
		this.screening.exchange({ op: 'screen', items }, (err, reply) => {
			callback(err, reply && reply.verdicts);
		});
	}

	#charge(payment, attempt, callback) {
		this.pool.acquire((err, connection) => {
			if (err) {
				callback(err);
				return;
			}
			connection.exchange({ op: 'charge', payment, attempt }, (failure, reply) => {
				this.pool.release(connection);
				this.#charged(payment, attempt, failure, reply, callback);
			});
		});
	}

	#charged(payment, attempt, err, reply, callback) {
		const again = err !== null || reply.status === 'busy';

		if (again && attempt < MAX_ATTEMPTS)
			setTimeout(() => this.#charge(payment, attempt + 1, callback), RETRY_DELAY_MS * attempt);
		else if (err)
			callback(err);
		else if (again || reply.status === 'failed')
			callback(new Error(again ? 'the bank is busy' : 'the bank cannot be reached'));
		else
			callback(null, reply);
	}
}

module.exports = { Gateway };
