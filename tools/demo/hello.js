#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The cheapest HTTP server there is: the worst case for an observer, whose cost per request is
 * nowhere a larger share.
 *
 * usage: hello.js [--port N | --socket PATH] [--als] [--awaits N] [--upstream PORT] [--hooks]
 *                 [--log]
 *   --als     runs each request inside an AsyncLocalStorage store
 *   --awaits  awaits N promises before it answers
 *   --upstream  asks another server for each request, over kept connections
 *   --hooks   keeps an in-process async_hooks map
 *   --log     logs a line for each request, on standard error
 */
const http = require('node:http');
const { AsyncLocalStorage } = require('node:async_hooks');

const { parseOptions, parseNumber } = require('./lib/options');
const { listen } = require('./lib/listen');
const hooksMap = require('./lib/hooks-map');

const BODY = 'Hello, world!\n';

function hello(req, res) {
	res.writeHead(200, { 'content-type': 'text/plain', 'content-length': BODY.length });
	res.end(BODY);
}

function withAwaits(handler, count) {
	return async (req, res) => {
		for (let i = 0; i < count; i++)
			await null;
		handler(req, res);
	};
}

function withUpstream(handler, port) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

	return (req, res) => {
		const call = http.get({ host: '127.0.0.1', port, path: '/', agent }, (answer) => {
			answer.resume();
			answer.on('end', () => handler(req, res));
		});

		call.on('error', () => res.writeHead(502).end());
	};
}

function withStorage(handler) {
	const storage = new AsyncLocalStorage();
	let seq = 0;

	return (req, res) => {
		const id = ++seq;
		const store = { requestId: `req-${id}`, userId: id % 1000, startedAt: Date.now() };

		storage.run(store, handler, req, res);
	};
}

function withLog(handler) {
	return (req, res) => {
		console.error(`${req.method} ${req.url} from ${req.socket.remotePort}`);
		handler(req, res);
	};
}

function withHooksMap(handler) {
	let seq = 0;

	hooksMap.enable();
	return (req, res) => {
		hooksMap.enter({ requestId: ++seq });
		handler(req, res);
	};
}

function main() {
	const options = parseOptions(process.argv.slice(2), {
		port: process.env.PORT || '0',
		socket: '',
		als: false,
		awaits: '0',
		upstream: '0',
		hooks: false,
		log: false,
	});
	const awaits = parseNumber('awaits', options.awaits, 0, 1000);
	const upstream = parseNumber('upstream', options.upstream, 0, 65535);
	const inner = options.log ? withLog(hello) : hello;
	let handler = awaits > 0 ? withAwaits(inner, awaits) : inner;

	if (upstream)
		handler = withUpstream(handler, upstream);

	if (options.als)
		handler = withStorage(handler);
	if (options.hooks)
		handler = withHooksMap(handler);
	listen(http.createServer(handler), {
		port: parseNumber('port', options.port, 0, 65535),
		socket: options.socket,
	}, () => {});
}

main();
