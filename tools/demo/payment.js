#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A payment service that keeps each request's context in AsyncLocalStorage, in two forms:
 * `fixed` is right; `broken` differs in one thing only: its connection pool and its batcher run
 * callbacks in the context of whichever request happens to call them (lib/pool.js,
 * lib/batcher.js). Then one customer's payment is answered, logged and charged under another
 * customer's context, and only under concurrency.
 *
 *   POST /process-payment {"amount": 12.5, "currency": "EUR"}   200, 402, 400, 500
 *   GET  /users/ID, /users/ID/payments (chunked), /health, /reports/daily (always fails)
 *
 * Plain Node.js 18 or later, no packages. The bank is a process of its own (lib/bank.js).
 */
const http = require('node:http');
const path = require('node:path');
const { fork } = require('node:child_process');

const { parseOptions, parseNumber, parseDelay, parseAddress, die } = require('./lib/options');
const { Gateway } = require('./lib/gateway');
const { Oracle } = require('./lib/oracle');
const { Service } = require('./lib/service');
const { listen } = require('./lib/listen');
const hooksMap = require('./lib/hooks-map');

const USAGE = `usage: payment.js [--mode broken|fixed] [--port N | --socket PATH] [--pool N] [--batch N]
                  [--delay MIN-MAX] [--bank HOST:PORT] [--hooks] [--log]
  --mode     which form of the service (default broken)
  --port     TCP port on 127.0.0.1 (default: PORT of the environment, else any free one)
  --pool     connections to the bank (default 16)
  --batch    payments per fraud check (default 8)
  --delay    milliseconds that the bank takes for a charge (default 2-12)
  --bank     use a bank that runs already instead of starting one
  --log      log each response on standard output, as a JSON line
  --hooks    also keep an in-process async_hooks map, to measure its cost
ORACLE=FILE in the environment: record every request there, one JSON line each.
`;

function options() {
	const given = parseOptions(process.argv.slice(2), {
		mode: 'broken',
		port: process.env.PORT || '0',
		socket: '',
		pool: '16',
		batch: '8',
		delay: '2-12',
		bank: '',
		hooks: false,
		log: false,
		help: false,
	});

	if (given.help) {
		process.stdout.write(USAGE);
		process.exit(0);
	}
	if (given.mode !== 'broken' && given.mode !== 'fixed')
		die(`--mode must be broken or fixed, not ${given.mode}`);
	return {
		...given,
		port: parseNumber('port', given.port, 0, 65535),
		pool: parseNumber('pool', given.pool, 1, 10000),
		batch: parseNumber('batch', given.batch, 1, 10000),
		delay: parseDelay(given.delay) && given.delay,
		bank: given.bank && parseAddress('bank', given.bank),
	};
}

/* Starts the bank and calls back with its address. Without a bank there is no service. */
function startBank(delay, callback) {
	const bank = fork(path.join(__dirname, 'lib/bank.js'), ['--delay', delay]);

	bank.once('message', ({ port }) => callback({ host: '127.0.0.1', port }));
	bank.on('exit', (code) => {
		process.stderr.write(`payment: the bank ended (status ${code})\n`);
		process.exit(1);
	});
	return () => {
		bank.removeAllListeners('exit');
		bank.kill('SIGTERM');
	};
}

function openOracle(file) {
	try {
		return new Oracle(file);
	} catch (err) {
		process.stderr.write(`payment: cannot write the record of requests: ${err.message}\n`);
		process.exit(1);
	}
}

function serve(config, oracle, bank, stopBank) {
	const gateway = new Gateway({
		bank,
		mode: config.mode,
		poolSize: config.pool,
		batchSize: config.batch,
		batchDelay: 2,
	});
	const service = new Service({
		gateway,
		oracle,
		log: config.log,
		onRequest: config.hooks ? hooksMap.enter : null,
	});
	const server = http.createServer((req, res) => service.handle(req, res));

	gateway.start((err) => {
		if (err) {
			stopBank();
			process.stderr.write(`payment: cannot reach the bank: ${err.message}\n`);
			process.exit(1);
		}
		listen(server, config, () => {
			oracle.flush();
			gateway.stop();
			stopBank();
		});
	});
}

function main() {
	const config = options();

	const oracle = openOracle(process.env.ORACLE);

	if (config.hooks)
		hooksMap.enable();
	if (config.bank) {
		serve(config, oracle, config.bank, () => {});
		return;
	}

	const stopBank = startBank(config.delay, (bank) => serve(config, oracle, bank, stopBank));
}

main();
