// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Turns what `compare` collected in a directory into its table and its JSON file.
 * usage: compare-table.js DIR OUT CONNECTIONS SECONDS AUTOCANNON-VERSION
 */
const fs = require('node:fs');
const path = require('node:path');

const MODES = ['broken', 'fixed'];

function readJson(file) {
	return JSON.parse(fs.readFileSync(file, 'utf8'));
}

/* Heads under a wrong context between the two looks, by the service's own count. */
function wrongContext(base) {
	return readJson(`${base}.after`).heads.wrong - readJson(`${base}.before`).heads.wrong;
}

function unknown(reason) {
	return { requests: null, findings: null, loss: null, unknown: reason };
}

/* What loopray reported. Where it could not judge, the count is unknown and not zero. */
function loopray(file) {
	if (fs.existsSync(`${file}.why`))
		return unknown(fs.readFileSync(`${file}.why`, 'utf8').trim());

	let report;

	try {
		report = readJson(file);
	} catch (err) {
		return unknown(`its report is no JSON: ${err.message}`);
	}

	const { requests, context, findings, loss } = report;
	const kinds = ['foreign', 'lost_intermittent', 'lost_always'].map((kind) => findings?.[kind]);
	const judged = (context?.read ?? 0) > 0 && kinds.every(Number.isFinite);

	return {
		requests: requests?.total ?? null,
		findings: judged ? kinds.reduce((sum, count) => sum + count) : null,
		loss: loss?.total ?? null,
		unknown: judged ? null : 'it read no context',
	};
}

function collect(dir, mode) {
	const base = path.join(dir, mode);
	const load = readJson(`${base}.load`);

	return {
		mode,
		/* autocannon does not wait for what is in flight at the end; the service answers it. */
		sent: load.requests.sent,
		answered: load.requests.total,
		rps: load.requests.average,
		p50_ms: load.latency.p50,
		p99_ms: load.latency.p99,
		errors: load.errors + load.timeouts,
		non_2xx: load.non2xx,
		wrong_context: wrongContext(base),
		loopray: loopray(`${base}.loopray`),
	};
}

const COLUMNS = [
	['service', (s) => s.mode],
	['requests/s', (s) => s.rps.toFixed(1)],
	['p50 ms', (s) => s.p50_ms.toFixed(0)],
	['p99 ms', (s) => s.p99_ms.toFixed(0)],
	['errors', (s) => s.errors],
	['non-2xx', (s) => s.non_2xx],
	['sent', (s) => s.sent],
	['wrong context', (s) => s.wrong_context],
	['seen by loopray', (s) => s.loopray.requests ?? 'unknown'],
	['findings', (s) => s.loopray.findings ?? 'unknown'],
];

function print(services) {
	const rows = [COLUMNS.map(([title]) => title),
		...services.map((s) => COLUMNS.map(([, value]) => String(value(s))))];
	const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i].length)));

	for (const row of rows)
		console.log(row.map((cell, i) =>
			i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join('  '));
	for (const { mode, loopray: seen } of services.filter((s) => s.loopray.unknown))
		console.log(`${mode}: loopray's findings are unknown: ${seen.unknown}`);
}

function main([dir, out, connections, seconds, autocannon]) {
	const services = MODES.map((mode) => collect(dir, mode));
	const report = {
		schema: 'loopray.demo-compare/1',
		date: new Date().toISOString(),
		node: process.versions.node,
		autocannon,
		connections: Number(connections),
		seconds: Number(seconds),
		services,
	};

	print(services);
	fs.writeFileSync(`${out}.tmp`, `${JSON.stringify(report, null, '\t')}\n`);
	fs.renameSync(`${out}.tmp`, out);
	console.log(`saved in ${out}`);
}

main(process.argv.slice(2));
