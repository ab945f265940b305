#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The bank: a process of its own that answers JSON lines over TCP on the loopback interface,
 * in order on each connection. A charge takes a random time; one in twenty is "busy" at its
 * first attempt. Amounts over the limit are declined, the test currency XTS always fails.
 *
 * Alone: bank.js [--port N] [--delay MIN-MAX]; prints "listening PORT" when ready.
 * Forked by the payment service: sends {port} and ends when the service does.
 */
const net = require('node:net');
const { parseOptions, parseDelay } = require('./options');

const LIMIT = 5000;
const BUSY_SHARE = 0.05;
const MAX_LINE = 1 << 20;

let charges = 0;

function charge({ payment, attempt }) {
	if (payment.currency === 'XTS')
		return { status: 'failed' };
	if (payment.amount > LIMIT)
		return { status: 'declined', chargeId: null };
	if (attempt === 1 && Math.random() < BUSY_SHARE)
		return { status: 'busy' };
	return { status: 'approved', chargeId: `ch-${++charges}` };
}

function screen({ items }) {
	return { verdicts: items.map((payment) => ({ clean: payment.currency !== 'KPW' })) };
}

function answer(message) {
	return message.op === 'charge' ? charge(message) : screen(message);
}

function pause(delay) {
	const ms = delay.min + Math.random() * (delay.max - delay.min);

	return new Promise((resolve) => setTimeout(resolve, ms));
}

/* Answers the lines of one connection, one after the other. */
async function serve(socket, delay) {
	let input = '';

	for await (const text of socket) {
		const lines = (input + text).split('\n');

		input = lines.pop();
		if (input.length > MAX_LINE)
			break;
		for (const line of lines) {
			const message = JSON.parse(line);

			if (message.op === 'charge' && delay.max > 0)
				await pause(delay);
			socket.write(`${JSON.stringify(answer(message))}\n`);
		}
	}
	socket.destroy();
}

function listen(port, delay, ready) {
	const server = net.createServer({ noDelay: true }, (socket) => {
		socket.setEncoding('utf8');
		socket.on('error', () => {});
		serve(socket, delay).catch(() => socket.destroy());
	});

	server.listen(port, '127.0.0.1', () => ready(server.address().port));
}

function main() {
	const options = parseOptions(process.argv.slice(2), { port: '0', delay: '2-12' });

	listen(Number(options.port), parseDelay(options.delay), (port) => {
		if (process.send)
			process.send({ port }, () => {});
		else
			console.log(`listening ${port}`);
	});
	if (process.send)
		process.on('disconnect', () => process.exit(0));
	process.on('SIGTERM', () => process.exit(0));
	/* ^C on a terminal reaches the whole group: the service decides when the bank ends. */
	if (process.send)
		process.on('SIGINT', () => {});
}

main();
