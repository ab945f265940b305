// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The measurement. Base phases and phases under a condition alternate, A B1 A B2 A B3 A ...,
 * and each B is compared with the mean of the base phases before and after it, so that a slow
 * drift of the machine cancels. The order of the conditions turns from round to round.
 *
 * The server has one core and is saturated, so the time a request costs is the inverse of the
 * throughput; the scheduler's count of the server's CPU time says the same in another way.
 */
const path = require('node:path');

const { start, lastLine, cpuSeconds, waitSeconds } = require('./processes');
const { startService, stopService } = require('./services');
const { attach, detach } = require('./agent');
const { summary } = require('./stats');

/* Share of a phase that the server may have waited for its core, and how often to try. */
const DISTURBED = 0.1;
const TRIES = 3;

const H2_CONNECTIONS = 4;

/*
 * One phase of load on a service; `agent` may be null. A phase in which other programs held the
 * server's core is tried again, and the least disturbed try counts.
 */
async function phase(bench, service, agent, seconds) {
	let best = null;

	for (let i = 0; i < TRIES; i++) {
		const result = await phaseOnce(bench, service, agent, seconds);

		if (!best || result.waitShare < best.waitShare)
			best = result;
		if (best.waitShare <= DISTURBED)
			break;
	}
	return best;
}

/* The command that makes the load. HTTP/2: so many streams as there are connections otherwise. */
function loadCommand(bench, { mix, tls, http2, port }, seconds) {
	const target = `127.0.0.1:${port}`;

	if (http2) {
		const streams = Math.ceil(bench.connections / H2_CONNECTIONS);

		return [process.execPath, path.join(__dirname, 'h2load.js'), target,
			String(H2_CONNECTIONS), String(streams), String(seconds)];
	}
	return [bench.loadgen, '-c', String(bench.connections),
		'-d', `${Math.round(seconds * 1000)}ms`, '--mix', mix, '--json',
		...(tls ? ['--tls', 'any'] : []), target];
}

async function phaseOnce(bench, service, agent, seconds) {
	const cpuBefore = cpuSeconds(service.pid);
	const waitBefore = waitSeconds(service.pid);
	const agentBefore = agent ? cpuSeconds(agent.pid) : 0;
	const load = start(bench.loadCore, loadCommand(bench, service, seconds));
	const { status } = await load.ended;

	if (status !== 0)
		throw new Error(`load generator: ${lastLine(load.output.stderr)}`);

	const result = JSON.parse(load.output.stdout);
	const cpu = cpuSeconds(service.pid) - cpuBefore;

	return {
		rps: result.requests.rps,
		us: 1e6 / result.requests.rps,
		cpuUs: (cpu * 1e6) / result.requests.answered,
		cpuShare: cpu / result.duration_s,
		waitShare: (waitSeconds(service.pid) - waitBefore) / result.duration_s,
		p50: result.latency_ms.p50,
		p99: result.latency_ms.p99,
		failed: result.errors.total + result.status.non_2xx,
		agentCpu: agent ? (cpuSeconds(agent.pid) - agentBefore) / result.duration_s : 0,
	};
}

/* One phase under a condition, with all that it takes to get into it and out again. */
async function phaseUnder(bench, condition, services, seconds) {
	if (!condition.agent)
		return phase(bench, services.get(condition.name), null, seconds);

	const base = services.get('base');
	const agent = await attach({
		command: condition.agent,
		core: bench.loadCore,
		pid: base.pid,
		level: condition.level,
		noop: condition.noop,
	});
	let result;

	try {
		result = await phase(bench, base, agent, seconds);
	} finally {
		await detach(agent);
	}
	return result;
}

function between(before, after, key) {
	return (before[key] + after[key]) / 2;
}

/* What one condition costs, from its phases and the base phases around each. */
function evaluate(condition, trials) {
	const over = (f) => summary(trials.map(f));
	const added = (key) => over(({ before, under, after }) =>
		under[key] - between(before, after, key));

	return {
		name: condition.name,
		budget: condition.budget ?? null,
		unknown: condition.reason ?? null,
		ratio: over(({ before, under, after }) => under.rps / between(before, after, 'rps')),
		cpu_ratio: over(({ before, under, after }) =>
			between(before, after, 'cpuUs') / under.cpuUs),
		added_us: added('us'),
		added_cpu_us: added('cpuUs'),
		rps: over(({ under }) => under.rps),
		p50_ms: over(({ under }) => under.p50),
		p99_ms: over(({ under }) => under.p99),
		agent_cpu: condition.agent ? over(({ under }) => under.agentCpu) : null,
		failed_requests: trials.reduce((sum, { under }) => sum + under.failed, 0),
	};
}

/* A condition that fails once is out, with the reason: a missing number, never a wrong one. */
async function tryPhase(bench, condition, services, note) {
	if (condition.reason)
		return null;
	try {
		return await phaseUnder(bench, condition, services, bench.seconds);
	} catch (err) {
		condition.reason = err.message;
		note(`${condition.name}: ${err.message}`);
		return null;
	}
}

async function startAll(bench, node, name, conditions) {
	const services = new Map();
	const common = { name, node, bench };

	services.set('base', await startService({ ...common, extra: [] }));
	for (const condition of conditions.filter((c) => !c.agent))
		services.set(condition.name, await startService({ ...common, extra: condition.args }));
	return services;
}

async function rounds(bench, conditions, services, note) {
	const trials = new Map(conditions.map((condition) => [condition, []]));
	const bases = [await phase(bench, services.get('base'), null, bench.seconds)];

	for (let round = 0; round < bench.pairs; round++) {
		for (let i = 0; i < conditions.length; i++) {
			const condition = conditions[(i + round) % conditions.length];
			const under = await tryPhase(bench, condition, services, note);

			if (!under)
				continue;
			bases.push(await phase(bench, services.get('base'), null, bench.seconds));
			trials.get(condition).push({
				before: bases[bases.length - 2],
				under,
				after: bases[bases.length - 1],
			});
		}
		note(`round ${round + 1} of ${bench.pairs}`);
	}
	return { trials, bases };
}

/* All conditions on one service and one Node.js. */
async function measure(bench, node, name, conditions, note) {
	const mine = conditions.map((condition) => ({ ...condition }));
	const services = await startAll(bench, node, name, mine);

	try {
		for (const service of services.values())
			await phase(bench, service, null, bench.warmup);

		const { trials, bases } = await rounds(bench, mine, services, note);
		const over = (key) => summary(bases.map((base) => base[key]));

		return {
			base: {
				rps: over('rps'), us: over('us'), cpu_us: over('cpuUs'),
				cpu_share: over('cpuShare'), wait_share: over('waitShare'),
				p50_ms: over('p50'), p99_ms: over('p99'),
				failed_requests: bases.reduce((sum, base) => sum + base.failed, 0),
			},
			conditions: mine.map((condition) => evaluate(condition, trials.get(condition))),
		};
	} finally {
		for (const service of services.values())
			await stopService(service);
	}
}

module.exports = { measure };
