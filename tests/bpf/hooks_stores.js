// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A service that writes into each response head which stores getStore() gives, and its client.
//   node hooks_stores.js serve WORKERS    prints "PORT" for itself and for each worker
//   node hooks_stores.js load COUNT PORT...
'use strict';
const { AsyncLocalStorage, AsyncResource } = require('async_hooks');
const crypto = require('crypto');
const dns = require('dns');
const fs = require('fs');
const http = require('http');
const workers = require('worker_threads');
const zlib = require('zlib');

// Stores of numbers are numbers themselves; the others are objects with a number.
const numbers = new AsyncLocalStorage();
const objects = new AsyncLocalStorage();
const texts = new AsyncLocalStorage();
let last = workers.isMainThread ? 0 : workers.threadId * 1e6;

const next = () => ++last;
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

function finish(res) {
	const number = numbers.getStore();
	const object = objects.getStore();

	res.setHeader('X-Stores', `${number ?? '-'} ${object?.id ?? '-'} ${res.route}`);
	res.end('done');
}

function dictionary(keys) {
	const resource = new AsyncResource('TEST');

	for (let i = 0; i < keys; i++)
		resource[`key${i}`] = i;
	delete resource.key3;
	return resource;
}

const routes = {
	sync: (res) => finish(res),
	run: (res) => numbers.run(next(), () => objects.run({ id: next() }, () => finish(res))),
	nested: (res) => numbers.run(next(), () => numbers.run(next(), () => {
		numbers.run(next(), () => {});
		finish(res);
	})),
	left: (res) => numbers.run(undefined, () => finish(res)),
	enterWith: (res) => {
		numbers.enterWith(next());
		objects.enterWith({ id: next(), more: 'x' });
		finish(res);
	},
	enterWithAwait: async (res) => {
		objects.enterWith({ id: next() });
		await null;
		finish(res);
	},
	exitAll: (res) => numbers.exit(() => objects.exit(() => texts.exit(() => finish(res)))),
	awaits: async (res) => {
		for (let i = 0; i < 5; i++)
			await i;
		finish(res);
	},
	sleeps: async (res) => { await sleep(1); await sleep(1); finish(res); },
	all: async (res) => { await Promise.all([sleep(1), fs.promises.stat('/'), 1]); finish(res); },
	thenable: async (res) => {
		await { then(done) { setImmediate(done); } };
		finish(res);
	},
	generator: async (res) => {
		async function* steps() { for (let i = 0; i < 3; i++) { await sleep(0); yield i; } }
		for await (const step of steps())
			res.step = step;
		finish(res);
	},
	timer: (res) => setTimeout(() => finish(res), 1),
	interval: (res) => {
		const timer = setInterval(() => { clearInterval(timer); finish(res); }, 1);
	},
	immediate: (res) => setImmediate(() => setImmediate(() => finish(res))),
	nextTick: (res) => process.nextTick(() => process.nextTick(() => finish(res))),
	microtask: (res) => queueMicrotask(() => queueMicrotask(() => finish(res))),
	readFile: (res) => fs.readFile(__filename, () => finish(res)),
	readFilePromise: async (res) => { await fs.promises.readFile(__filename); finish(res); },
	lookup: (res) => dns.lookup('127.0.0.1', () => finish(res)),
	pbkdf2: (res) => crypto.pbkdf2('a', 'b', 1, 16, 'sha1', () => finish(res)),
	randomBytes: (res) => crypto.randomBytes(16, () => finish(res)),
	gzip: (res) => zlib.gzip('text'.repeat(50), () => finish(res)),
	resource: (res) => {
		const resource = new AsyncResource('TEST');
		setImmediate(() => resource.runInAsyncScope(() => finish(res)));
	},
	bind: (res) => {
		const bound = AsyncResource.bind(() => finish(res));
		numbers.run(next(), () => bound());
	},
	smallDictionary: (res) => dictionary(9).runInAsyncScope(() => finish(res)),
	largeDictionary: (res) => dictionary(90).runInAsyncScope(
		() => objects.run({ id: next() }, () => finish(res))),
	// 23 in-object properties and more behind: every kind of place for a property
	manyProperties: (res) => {
		const resource = new AsyncResource('TEST');
		for (let i = 0; i < 23; i++)
			resource[`key${i}`] = i;
		resource.runInAsyncScope(() => numbers.run(next(), () => finish(res)));
	},
	third: (res) => texts.run('text', () => setImmediate(() => finish(res))),
	shapes: (res) => objects.run({ id: next(), [`key${last % 50}`]: 1 },
		() => setImmediate(() => finish(res))),
	body: (res, req) => { req.resume(); req.on('end', () => finish(res)); },
};

function handle(req, res) {
	const route = routes[req.url.slice(1)];

	res.route = req.url.slice(1);
	if (!route)
		return finish(res); // outside of any store
	if (last % 3 === 0)
		return numbers.run(next(), route, res, req);
	if (last % 3 === 1)
		return objects.run({ id: next(), text: 'x', list: [1] }, route, res, req);
	return numbers.run(next(), () => objects.run({ id: next() }, route, res, req));
}

function serve(count) {
	for (let i = 0; i < count; i++)
		new workers.Worker(__filename, { argv: ['serve', '0'] });
	http.createServer(handle).listen(0, '127.0.0.1', function listening() {
		fs.writeSync(1, `${this.address().port}\n`);
	});
	if (global.gc)
		setInterval(() => global.gc(), 20);
	if (workers.isMainThread)
		process.stdin.on('end', () => process.exit()).resume();
}

function load(count, ports) {
	const names = ['none', ...Object.keys(routes)];
	const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
	let sent = 0;
	let got = 0;

	function one() {
		if (sent === count)
			return;
		const name = names[sent % names.length];
		const req = http.request({
			host: '127.0.0.1', port: ports[sent % ports.length], agent, path: `/${name}`,
			method: name === 'body' ? 'POST' : 'GET',
		}, (res) => {
			res.resume().on('end', () => {
				one();
				if (++got === count)
					process.exit(0);
			});
		});

		sent++;
		req.on('error', (err) => { console.error(name, err.message); process.exit(1); });
		req.end(name === 'body' ? 'x'.repeat(70000) : undefined);
	}
	for (let i = 0; i < 12; i++)
		one();
}

if (process.argv[2] === 'load')
	load(Number(process.argv[3]), process.argv.slice(4).map(Number));
else
	serve(Number(process.argv[3]));
