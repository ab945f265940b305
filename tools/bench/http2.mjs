// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What following HTTP/2 costs the target: sudo node tools/bench/http2.mjs [PAIRS [SECONDS]]
//
// A server that answers at once (h2c) on one core, this client on the other: 4 connections, 25
// streams at once on each. Phases with and without loopray alternate; each with it is compared
// with the mean of its neighbours, in CPU time of the server for each request.
import fs from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SERVER = `
const http2 = require('node:http2');
const server = http2.createServer();
server.on('stream', (stream) => { stream.respond({ ':status': 200 }); stream.end('hello'); });
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;
const LOOPRAY = process.env.LOOPRAY ??
  path.join(path.dirname(fileURLToPath(import.meta.url)), '../../build/loopray');
const TICK_US = 1e6 / 100; /* USER_HZ */
const [pairs = 5, seconds = 2] = process.argv.slice(2).map(Number);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

const child = spawn('taskset', ['-c', '0', process.execPath, '-e', SERVER],
  { stdio: ['ignore', 'pipe', 'inherit'] });
const port = await new Promise((resolve) => {
  child.stdout.once('data', (data) => resolve(Number(data)));
});
process.on('exit', () => child.kill());

let answered = 0;
let stopped = false;

async function lane(session) {
  while (!stopped) {
    await new Promise((resolve) => {
      const stream = session.request({ ':path': '/hello', 'user-agent': 'bench', accept: '*/*' });
      stream.resume();
      stream.on('close', resolve);
    });
    answered++;
  }
}

const sessions = Array.from({ length: 4 }, () => http2.connect(`http://127.0.0.1:${port}`));
const lanes = sessions.flatMap((s) => Array.from({ length: 25 }, () => lane(s)));

/* User and system time of the server so far, in microseconds. */
function cpu() {
  const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');

  return (Number(stat[11]) + Number(stat[12])) * TICK_US;
}

async function measure() {
  const from = { cpu: cpu(), answered, at: process.hrtime.bigint() };

  await sleep(seconds * 1000);
  const n = answered - from.answered;
  return { us: (cpu() - from.cpu) / n,
    rate: n / (Number(process.hrtime.bigint() - from.at) / 1e9) };
}

async function withAgent() {
  const agent = spawn('taskset', ['-c', '1', LOOPRAY, 'record', '-v', '-p', String(child.pid),
    '-o', '/dev/null'], { stdio: ['ignore', 'ignore', 'pipe'] });

  await new Promise((resolve) => {
    agent.stderr.on('data', (data) => String(data).includes('attached to') && resolve());
  });
  await sleep(300);
  const result = await measure();
  agent.kill('SIGINT');
  await new Promise((resolve) => { agent.on('close', resolve); });
  return result;
}

await sleep(2000);
const added = [];
const ratios = [];
let before = await measure();

for (let i = 0; i < pairs; i++) {
  const on = await withAgent();
  const after = await measure();
  added.push(on.us - (before.us + after.us) / 2);
  ratios.push(on.rate / ((before.rate + after.rate) / 2));
  console.log(`without ${before.us.toFixed(1)} µs, ${before.rate.toFixed(0)}/s; ` +
    `with ${on.us.toFixed(1)} µs, ${on.rate.toFixed(0)}/s`);
  before = after;
}
console.log(`node ${process.version}: x${median(ratios).toFixed(3)} of the throughput, ` +
  `${median(added).toFixed(1)} µs of CPU a request added to ${before.us.toFixed(1)} (medians)`);
stopped = true;
await Promise.all(lanes);
process.exit();
