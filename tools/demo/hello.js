#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The cheapest HTTP server there is: the worst case for an observer, whose cost per request is
 * nowhere a larger share.
 *
 * usage: hello.js [--port N | --socket PATH] [--als] [--hooks]
 *   --als    runs each request inside an AsyncLocalStorage store
 *   --hooks  keeps an in-process async_hooks map
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

function withStorage(handler) {
	const storage = new AsyncLocalStorage();
	let seq = 0;

	return (req, res) => storage.run({ requestId: ++seq }, handler, req, res);
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
		hooks: false,
	});
	let handler = hello;

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
