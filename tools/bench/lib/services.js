// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* The services that are measured, each saturated on a core of its own. */
const path = require('node:path');
const { makeCertificate } = require('../../demo/lib/certificate');
const { start, stop, listening } = require('./processes');

const DEMO = path.join(__dirname, '../../demo');

const TLS_DIR = path.join(process.env.BUILD || path.join(__dirname, '../../../build'), 'bench-tls');

/*
 * The payment service's bank runs beside the load and answers at once: with its usual delay
 * the service would wait, and a cost on its core would not show.
 */
const SERVICES = {
	hello: { title: 'hello world', script: 'hello.js', args: [], mix: 'GET /' },
	'hello-als': { title: 'hello world with AsyncLocalStorage', script: 'hello.js',
		args: ['--als'], mix: 'GET /', als: true },
	als: { title: 'AsyncLocalStorage and 8 awaits a request', script: 'hello.js',
		args: ['--als', '--awaits', '8'], mix: 'GET /', als: true },
	'als-log': { title: 'the same, a line logged for each', script: 'hello.js',
		args: ['--als', '--awaits', '8', '--log'], mix: 'GET /', als: true },
	call: { title: 'AsyncLocalStorage and an outgoing call a request', script: 'hello.js',
		args: ['--als'], mix: 'GET /', als: true, upstream: true },
	https: { title: 'hello world over HTTPS', script: 'hello.js', args: [], mix: 'GET /',
		tls: true },
	http2: { title: 'hello world over HTTP/2', script: 'hello.js', args: [], mix: 'GET /',
		http2: true },
	payment: { title: 'payment service', script: 'payment.js', bank: true, als: true,
		args: ['--mode', 'fixed', '--pool', '64'],
		mix: 'POST /process-payment {"amount": 12.5, "currency": "EUR"}' },
};

/* Starts a service, and its bank where it has one. `extra` are more arguments. */
async function startService({ name, node, extra, bench }) {
	const { script, args, mix, bank, upstream, tls, http2 } = SERVICES[name];
	const { serverCore, loadCore } = bench;
	const over = tls || http2 ?
		['-r', path.join(DEMO, tls ? 'lib/over-tls.js' : 'lib/over-http2.js')] : [];
	const command = [node, ...over, path.join(DEMO, script), ...args, ...extra];
	let bankProc = null;

	if (tls)
		makeCertificate(TLS_DIR);

	if (bank) {
		bankProc = start(loadCore, [node, path.join(DEMO, 'lib/bank.js'), '--delay', '0']);
		command.push('--bank', `127.0.0.1:${await listening(bankProc)}`);
	}

	if (upstream) {
		bankProc = start(loadCore, [node, path.join(DEMO, 'hello.js')]);
		command.push('--upstream', String(await listening(bankProc)));
	}

	const proc = start(serverCore, command, process.env.BENCH_STDERR, tls ? { TLS_DIR } : {});

	return { proc, bankProc, mix, tls, http2, pid: proc.pid, port: await listening(proc) };
}

async function stopService(service) {
	await stop(service.proc, 'SIGTERM');
	if (service.bankProc)
		await stop(service.bankProc, 'SIGTERM');
}

module.exports = { SERVICES, startService, stopService };
