// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * One TCP connection to the bank: a JSON line out, a JSON line back, answers in the order of
 * the questions. It is right in both forms of the service: a socket's events run in the context
 * of whoever opened it, so each callback is tied to the context of its own exchange.
 */
const net = require('node:net');
const { AsyncResource } = require('node:async_hooks');

const MAX_LINE = 1 << 20;

class BankConnection {
	/* Calls back once, with an error or with the open connection. */
	static open(address, callback) {
		const socket = net.connect({ ...address, noDelay: true });
		const failed = (err) => callback(err);

		socket.once('error', failed);
		socket.once('connect', () => {
			socket.removeListener('error', failed);
			callback(null, new BankConnection(socket));
		});
	}

	constructor(socket) {
		this.socket = socket;
		this.pending = [];
		this.input = '';
		this.closed = false;
		socket.setEncoding('utf8');
		socket.on('data', (text) => this.#read(text));
		socket.on('error', (err) => this.#fail(err));
		socket.on('close', () => this.#fail(new Error('the bank closed the connection')));
	}

	exchange(message, callback) {
		if (this.closed) {
			process.nextTick(callback, new Error('the connection to the bank is closed'));
			return;
		}
		this.pending.push(AsyncResource.bind(callback));
		this.socket.write(`${JSON.stringify(message)}\n`);
	}

	close() {
		this.closed = true;
		this.socket.destroy();
	}

	#read(text) {
		const lines = (this.input + text).split('\n');

		this.input = lines.pop();
		if (this.input.length > MAX_LINE) {
			this.#fail(new Error('the bank sent a line without end'));
			return;
		}
		for (const line of lines)
			this.#answer(line);
	}

	#answer(line) {
		const callback = this.pending.shift();
		let reply;

		if (!callback)
			return;
		try {
			reply = JSON.parse(line);
		} catch (err) {
			callback(err);
			return;
		}
		callback(null, reply);
	}

	#fail(err) {
		const pending = this.pending;

		this.close();
		this.pending = [];
		for (const callback of pending)
			callback(err);
	}
}

module.exports = { BankConnection };
