// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* Processes of a measurement: started on a core of their own, their CPU time, their end. */
const fs = require('node:fs');
const { spawn } = require('node:child_process');

const READY_MS = 15000;
const STOP_MS = 10000;

const running = new Set();

/*
 * Starts a program pinned to one core; `output.stdout` and `.stderr` grow as it writes. With
 * `stderr`, a file, it is that one that grows. `env` is added to the environment.
 */
function start(core, command, stderr, env = {}) {
	const child = spawn('taskset', ['-c', String(core), ...command], {
		stdio: ['ignore', 'pipe', stderr ? fs.openSync(stderr, 'w') : 'pipe'],
		env: { ...process.env, ...env },
	});
	const output = { stdout: '', stderr: '' };

	for (const name of stderr ? ['stdout'] : ['stdout', 'stderr'])
		child[name].setEncoding('utf8').on('data', (text) => {
			output[name] = (output[name] + text).slice(-65536);
		});
	running.add(child);

	const ended = new Promise((resolve) => {
		child.on('error', (err) => resolve({ status: err.message }));
		child.on('close', (code, signal) => resolve({ status: code ?? signal }));
	}).finally(() => running.delete(child));

	return { child, pid: child.pid, output, ended, command };
}

function isRunning(proc) {
	return running.has(proc.child);
}

function lastLine(text) {
	return text.trim().split('\n').pop();
}

async function sleep(ms) {
	await new Promise((resolve) => setTimeout(resolve, ms));
}

/* Waits for the line "listening PORT" of a demo program. */
async function listening(proc) {
	const until = Date.now() + READY_MS;

	while (isRunning(proc) && Date.now() < until) {
		const [, port] = /^listening (\d+)$/m.exec(proc.output.stdout) || [];

		if (port)
			return Number(port);
		await sleep(20);
	}
	throw new Error(`${proc.command.join(' ')} did not start: ${lastLine(proc.output.stderr)}`);
}

/* Asks a process to end; kills it when it does not. Returns its exit status. */
async function stop(proc, signal) {
	proc.child.kill(signal);

	const timer = setTimeout(() => proc.child.kill('SIGKILL'), STOP_MS);
	const { status } = await proc.ended;

	clearTimeout(timer);
	return status;
}

/* CPU time in seconds of all threads of a process, from the scheduler's own nanoseconds. */
function cpuSeconds(pid) {
	let ns = 0n;

	for (const tid of fs.readdirSync(`/proc/${pid}/task`)) {
		try {
			const text = fs.readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'latin1');

			ns += BigInt(text.split(' ', 1)[0]);
		} catch {
			/* A thread that ended meanwhile takes its time with it. */
		}
	}
	return Number(ns) / 1e9;
}

/* Seconds that the main thread was ready to run while something else had its core. */
function waitSeconds(pid) {
	return Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e9;
}

/*
 * Gives this session a priority against others on a busy machine. Sessions share the cores
 * evenly, whatever the nice values inside each (sched_autogroup), so it is the group's value
 * that counts; it is put back at the end.
 */
function setSessionNice(nice) {
	const file = '/proc/self/autogroup';
	const [, before] = /nice (-?\d+)/.exec(fs.readFileSync(file, 'latin1'));

	fs.writeFileSync(file, String(nice));
	process.on('exit', () => fs.writeFileSync(file, before));
}

function killAll() {
	for (const child of running)
		child.kill('SIGKILL');
}

module.exports = {
	start, stop, listening, isRunning, lastLine, sleep, cpuSeconds, waitSeconds, setSessionNice,
	killAll,
};
