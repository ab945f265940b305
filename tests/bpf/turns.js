// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// Turns of the loop, of which the program itself knows when they came and for which timer.
//   node turns.js    waits for a line on its input; then prints, for each turn that it made:
//                    THREAD KIND FROM TO AT
// THREAD 0 is the main thread, 1 a worker. The first timer was due between FROM and TO (0 for other
// kinds), AT is when its callback began, all in nanoseconds of CLOCK_MONOTONIC.
'use strict';
const fs = require('fs');
const workers = require('worker_threads');

const ROUNDS = 8;
const MS = 1000000n;
const turns = [];
const now = () => process.hrtime.bigint();

function block(ms) {
	const end = now() + BigInt(ms) * MS;

	while (now() < end);
}

function note(kind, from, to) {
	turns.push(`${workers.isMainThread ? 0 : 1} ${kind} ${from} ${to} ${now()}`);
}

// A timer of @ms, noted when it runs. The thread may lose its CPU while it makes it.
const timer = (ms) => new Promise((done) => {
	const from = now() + BigInt(ms) * MS;

	setTimeout(() => {
		note('timers', from, to);
		done();
	}, ms);
	const to = now() + BigInt(ms) * MS;
});

const shapes = [
	() => timer(7),
	async () => {
		const done = timer(50);

		block(80);
		await done;
	},
	async () => {
		block(30); // the loop's own time is of before
		await timer(11);
	},
	// Two lists of timers: the second one is set again when the first has run.
	() => Promise.all([timer(9), timer(40)]),
	// Both are due at once: the turn is for the first of them.
	async () => {
		setTimeout(() => {}, 31);
		const done = timer(13);

		block(60);
		await done;
	},
	() => new Promise((done) => {
		setImmediate(() => {
			note('immediates', 0, 0);
			done();
		});
	}),
	() => new Promise((done) => {
		fs.stat('/', () => {
			note('async', 0, 0);
			done();
		});
	}),
];

async function run() {
	for (let i = 0; i < ROUNDS; i++) {
		for (const shape of shapes)
			await shape();
	}
}

if (workers.isMainThread) {
	process.stdin.once('data', async () => {
		await run();
		new workers.Worker(__filename).once('message', (theirs) => {
			console.log(turns.concat(theirs, 'end').join('\n'));
		});
	});
	process.stdin.on('end', () => process.exit());
	console.log('ready');
} else {
	run().then(() => workers.parentPort.postMessage(turns));
}
