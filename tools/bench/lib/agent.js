// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Attaching what is measured to a server that runs already, and detaching it again. Between
 * the two the server stays the same process, so that its compiled code is the same with the
 * agent and without.
 */
const fs = require('node:fs');
const { start, stop, isRunning, lastLine, sleep } = require('./processes');

const ATTACH_MS = 20000;
const FEW = 3; /* links that are there while the programs are still being loaded */
const STEADY_MS = 400;
const POLL_MS = 50;

/* Links and perf events that a process holds: what it has put into the kernel. */
function countProbes(pid) {
	let count = 0;

	try {
		for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
			const target = fs.readlinkSync(`/proc/${pid}/fd/${fd}`);

			count += /bpf[-_]link|perf_event/.test(target) ? 1 : 0;
		}
	} catch {
		/* It ended, or a descriptor was closed in between: the next look will tell. */
	}
	return count;
}

/* Waits until the agent holds its probes and no new ones came for a while. */
async function attached(agent) {
	const until = Date.now() + ATTACH_MS;
	let last = 0;
	let since = Date.now();

	while (isRunning(agent) && Date.now() < until) {
		const now = countProbes(agent.pid);

		if (now !== last)
			since = Date.now();
		last = now;
		if (now > FEW && Date.now() - since >= STEADY_MS)
			return now;
		await sleep(POLL_MS);
	}
	throw new Error(isRunning(agent) ? 'the agent attached nothing' :
			`the agent ended: ${lastLine(agent.output.stderr) || 'with no message'}`);
}

/* `command` with {pid} and {level} filled in; `noop`: it attaches nothing and is not awaited. */
async function attach({ command, core, pid, level, noop }) {
	const words = command.map((word) => word.replace('{pid}', pid).replace('{level}', level));
	const agent = start(core, words);

	try {
		agent.probes = noop ? 0 : await attached(agent);
	} catch (err) {
		await stop(agent, 'SIGKILL');
		throw err;
	}
	await sleep(noop ? STEADY_MS : 0);
	return agent;
}

async function detach(agent) {
	const early = !isRunning(agent);
	const status = await stop(agent, agent.probes > 0 ? 'SIGINT' : 'SIGTERM');

	if (early || (agent.probes > 0 && status !== 0))
		throw new Error(`the agent ended with ${status}: ${lastLine(agent.output.stderr)}`);
}

module.exports = { attach, detach };
