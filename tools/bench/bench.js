// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * What loopray costs its target, as ratios: with nothing attached, with each level of loopray,
 * with a no-op agent (the noise floor of this machine), and beside it the in-process
 * async_hooks map. Prints a table and saves everything as JSON. Usage: see run-bench.
 */
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

const { measure } = require('./lib/measure');
const { SERVICES } = require('./lib/services');
const { render } = require('./lib/table');
const { killAll, setSessionNice } = require('./lib/processes');

const env = process.env;
const ROOT = path.join(__dirname, '../..');
const BUILD = env.BUILD || path.join(ROOT, 'build');

/* Share of throughput that a level may cost at most, by service. */
const BUDGET = {
	requests: { hello: 0.02, 'hello-als': 0.04, als: 0.04, call: 0.02, payment: 0.02 },
	resources: { hello: 0.15, 'hello-als': 0.15, als: 0.15, call: 0.10, payment: 0.10 },
};

function fail(text, status) {
	process.stderr.write(`run-bench: ${text}\n`);
	process.exit(status);
}

function number(name, fallback, min, max) {
	const value = Number(env[name] ?? fallback);

	if (!(value >= min && value <= max))
		fail(`${name} must be a number from ${min} to ${max}, not ${env[name]}`, 2);
	return value;
}

function settings(quick) {
	return {
		pairs: number('BENCH_PAIRS', quick ? 3 : 5, 1, 1000),
		seconds: number('BENCH_SECONDS', quick ? 1 : 3, 0.2, 600),
		warmup: quick ? 1 : 3,
		connections: number('BENCH_CONNECTIONS', 50, 1, 10000),
		nice: number('BENCH_NICE', 0, -20, 19),
		serverCore: 0,
		loadCore: 1,
		loadgen: path.join(BUILD, 'tools/loadgen'),
	};
}

function words(name, fallback) {
	return (env[name] ?? fallback).split(/[\s,]+/).filter(Boolean);
}

/* The newest binary in the cache for a version such as 22 or 22.21.1; or a path as it is. */
function findNode(version) {
	const cache = path.join(env.LOOPRAY_CACHE || '/var/cache/loopray', 'node');
	const wanted = `v${version.replace(/^v/, '')}`;

	if (version.includes('/'))
		return version;

	const found = fs.existsSync(cache) ? fs.readdirSync(cache) : [];
	const best = found.filter((name) =>
		name === version || name === wanted || name.startsWith(`${wanted}.`))
		.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).pop();

	if (!best)
		fail(`no Node.js ${version} in ${cache}: fetch one with tools/node-fetch, ` +
			'or set NODE_VERSIONS', 1);
	return path.join(cache, best, 'bin/node');
}

/* Why loopray cannot be measured here, or null. */
function agentReason(command) {
	if (process.getuid() !== 0)
		return 'needs root';
	if (command[0].includes('/') && !fs.existsSync(command[0]))
		return `${command[0]} is missing: run 'make'`;
	return null;
}

function conditionsFor(service, agentCommand) {
	const reason = agentReason(agentCommand);
	const levels = words('BENCH_LEVELS', 'requests resources').map((level) => ({
		name: level, level, agent: agentCommand, reason,
		budget: BUDGET[level]?.[service] ?? null,
	}));

	/* What reading stores costs: the same level without it. */
	if (SERVICES[service].als && !env.BENCH_AGENT)
		levels.splice(1, 0, { ...levels[0], name: `${levels[0].name}, --no-context`,
			agent: [...agentCommand, '--no-context'], budget: null },
		{ ...levels[0], name: `${levels[0].name}, --no-lines`,
			agent: [...agentCommand, '--no-lines'], budget: null });
	return [
		{ name: 'no-op (noise)', agent: ['sleep', '3600'], noop: true },
		...levels,
		{ name: 'async_hooks map', args: ['--hooks'] },
	];
}

function agentCommand() {
	const given = env.BENCH_AGENT;

	if (given)
		return given.split(' ');
	return [path.join(BUILD, 'loopray'), 'record', '-p', '{pid}', '-o', '/dev/null',
		'--level', '{level}', '-d', '1h'];
}

/* Progress on a terminal only; it leaves no trace in a log. */
function note(text) {
	if (process.stderr.isTTY)
		process.stderr.write(`\r\x1b[K  ${text}\r`);
}

function save(file, results, bench) {
	const report = {
		schema: 'loopray.bench/1',
		date: new Date().toISOString(),
		machine: { cpu: os.cpus()[0]?.model, cores: os.cpus().length, kernel: os.release() },
		settings: { ...bench, loadgen: undefined },
		results,
	};

	fs.mkdirSync(path.dirname(file), { recursive: true });
	fs.writeFileSync(`${file}.tmp`, `${JSON.stringify(report, null, '\t')}\n`);
	fs.renameSync(`${file}.tmp`, file);
}

async function main() {
	const bench = settings(process.argv.includes('--quick'));
	const nodes = words('NODE_VERSIONS', '22 24').map(findNode);
	const services = words('BENCH_SERVICES', 'hello als call https http2 payment');
	const file = env.BENCH_OUT || path.join(BUILD, 'bench.json');
	const results = [];

	for (const name of services.filter((service) => !Object.hasOwn(SERVICES, service)))
		fail(`no such service: ${name} (${Object.keys(SERVICES).join(', ')})`, 2);
	if (!fs.existsSync(bench.loadgen))
		fail(`${bench.loadgen} is missing: run 'make tools'`, 1);
	console.log(`Server on core ${bench.serverCore}, load on core ${bench.loadCore}, ` +
		`${bench.connections} connections, ${bench.pairs} pairs of ${bench.seconds} s; ` +
		'median (lower .. upper quartile)\n');
	if (bench.nice !== 0)
		setSessionNice(bench.nice);
	for (const node of nodes) {
		const version = execFileSync(node, ['-p', 'process.versions.node']).toString().trim();

		for (const name of services) {
			const conditions = conditionsFor(name, agentCommand());
			const measured = await measure(bench, node, name, conditions, note);
			const result = { node: version, service: name, title: SERVICES[name].title, ...measured };

			results.push(result);
			note('');
			console.log(`${render(result)}\n`);
			save(file, results, bench);
		}
	}
	console.log(`saved in ${file}`);
	if (results.some(({ conditions }) => conditions.some(({ unknown }) => unknown)))
		fail('not everything could be measured, see above', 1);
}

process.on('exit', killAll);
for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]])
	process.on(signal, () => process.exit(status));
main().catch((err) => fail(err.stack, 1));
