// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * What an export takes: seconds and CPU time per 100,000 requests and the largest resident set, for
 * each format, of captures that tools/gencapture made. Time that grows faster than the capture, or
 * memory that grows with it, shows as a difference between the sizes. Usage: see run-bench.
 */
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync, spawn } = require('node:child_process');

const { env } = process;
const BUILD = env.BUILD || path.join(__dirname, '../../build');
const LOOPRAY = path.join(BUILD, 'loopray');
const PER = 100000;
const POLL_MS = 10;
const TICKS = 100; /* of /proc/PID/stat, a second */

const words = (name, fallback) => (env[name] ?? fallback).split(/[\s,]+/).filter(Boolean);

/* What the kernel says of a process while it is there. */
function look(pid) {
	try {
		const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
		const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');

		return {
			rss_kb: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0),
			cpu_s: (Number(stat[11]) + Number(stat[12])) / TICKS,
		};
	} catch {
		return null;
	}
}

/* {seconds, cpu_s, rss_kb, bytes} of one export. */
function measure(capture, args, file) {
	return new Promise((resolve, reject) => {
		const begin = process.hrtime.bigint();
		const child = spawn(LOOPRAY, ['export', '-q', ...args, capture, '-o', file],
			{ stdio: 'inherit' });
		let last = { rss_kb: 0, cpu_s: 0 };
		const timer = setInterval(() => {
			const seen = look(child.pid);

			if (seen?.rss_kb)
				last = seen;
		}, POLL_MS);

		child.on('error', reject);
		child.on('exit', (status) => {
			clearInterval(timer);
			if (status !== 0)
				reject(new Error(`export ${args.join(' ')} ended with ${status}`));
			else
				resolve({ seconds: Number(process.hrtime.bigint() - begin) / 1e9,
					bytes: fs.statSync(file).size, ...last });
		});
	});
}

function row(cells) {
	const widths = [14, 10, 10, 10, 11, 10];

	console.log(`  ${cells.map((cell, i) => (i ? `${cell}`.padStart(widths[i]) :
		`${cell}`.padEnd(widths[i]))).join(' ')}`);
}

async function main() {
	const sizes = words('BENCH_REQUESTS', '100000 1000000').map(Number);
	const formats = words('BENCH_FORMATS', 'jsonl csv perfetto chrome perfetto.gz');
	const dir = fs.mkdtempSync(path.join(env.TMPDIR || os.tmpdir(), 'loopray-bench.'));
	const results = [];

	try {
		row(['format', 'requests', 's/100k', 'CPU/100k', 'RSS MB', 'MB/100k']);
		for (const requests of sizes) {
			const capture = path.join(dir, 'made.lray');

			execFileSync(path.join(BUILD, 'tools/gencapture'), [String(requests), capture]);
			for (const format of formats) {
				const file = path.join(dir, format);
				const args = ['--format', format.replace('.gz', ''),
					...(format.endsWith('.gz') ? ['--gzip'] : [])];
				const m = await measure(capture, args, file);
				const per = (value, digits) => (value * PER / requests).toFixed(digits);

				results.push({ format, requests, ...m });
				row([format, requests, per(m.seconds, 2), per(m.cpu_s, 2),
					(m.rss_kb / 1024).toFixed(1), per(m.bytes / 1e6, 1)]);
				fs.rmSync(file);
			}
		}
	} finally {
		fs.rmSync(dir, { recursive: true, force: true });
	}
	if (env.BENCH_OUT)
		fs.writeFileSync(env.BENCH_OUT, `${JSON.stringify({ schema: 'loopray.bench-export/1',
			results }, null, '\t')}\n`);
}

main().catch((err) => {
	process.stderr.write(`run-bench: ${err.message}\n`);
	process.exit(1);
});
