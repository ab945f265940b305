// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Attach under load, detach, attach again; agents that end by signals or are killed: the target
// answers every request, keeps no probe, and what the agent saw while it was there is right.
//
// test-timeout: 240
import fs from 'node:fs';

import { Agent, exported, loopray, record, sleep, startLoad, startService,
  tmpFile } from './lib/proc.mjs';
import { nodes, selected } from './lib/env.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { codeChanged, held, nothingLeft } from './lib/traces.mjs';

const PORT = 25040;
const CYCLES = 3;
const HELD_MS = 400; /* how long an agent watches the load */
const STALL_MAX_NS = 1e9;
const MIX = 'GET /sync\nGET /timer\nPOST /echo {"a": 1}\nGET /file\nGET /chunked';

const key = (port, seq) => `${port}/${seq}`;

/* The longest time in which the client got no answer at all, within [from, to]. */
function longestStall(log, from, to) {
  const ends = log.map((c) => c.end_ns).filter((ns) => ns >= from && ns <= to)
    .sort((a, b) => a - b);
  let longest = 0;

  for (let i = 1; i < ends.length; i++)
    longest = Math.max(longest, ends[i] - ends[i - 1]);
  return longest;
}

const clock = () => Number(process.hrtime.bigint());
const ms = (ns) => (ns / 1e6).toFixed(1);

/*
 * An agent's requests are the client's own; and every request that began after the attach and
 * ended before the end of the agent is there, and whole, though its connection may be older.
 */
function compareWindow(out, log, from, to) {
  const wrong = [];
  const byPort = new Map(log.map((c) => [key(c.port, c.seq), c]));
  const offsets = new Map(); /* connections that are older than the attach count from there */
  const seen = new Set();

  for (const req of out.requests) {
    if (!offsets.has(req.peer_port)) {
      const first = log.find((c) => c.port === req.peer_port && c.end_ns >= req.recv_ns);
      offsets.set(req.peer_port, (first?.seq ?? 0) - req.conn_seq);
    }
    const seq = req.conn_seq + offsets.get(req.peer_port);
    const c = byPort.get(key(req.peer_port, seq));
    if (!c)
      wrong.push(`${req.peer_port}/${seq} ${req.path} is not the client's`);
    else if (req.outcome === 'complete' && !req.incomplete &&
             (c.method !== req.method || c.path !== req.path || c.status !== req.status))
      wrong.push(`${req.method} ${req.path} ${req.status}: was ${c.method} ${c.path} ${c.status}`);
    else if (req.outcome === 'complete' && req.incomplete && c.start_ns > from)
      wrong.push(`${req.path} is incomplete because of ${req.incomplete_because}`);
    else if (req.outcome === 'complete' && !req.incomplete &&
             (c.bytes_in !== req.bytes_out || c.bytes_out !== req.bytes_in))
      wrong.push(`${req.path} bytes ${req.bytes_in}/${req.bytes_out}, ${JSON.stringify(c)}`);
    seen.add(key(req.peer_port, seq));
  }
  const missed = log.filter((c) => c.start_ns > from && c.end_ns < to &&
    !seen.has(key(c.port, c.seq)));
  if (missed.length)
    wrong.push(`${missed.length} not seen, the first ${JSON.stringify(missed[0])}`);
  if (out.summary.loss.total)
    wrong.push(`loss ${JSON.stringify(out.summary.loss)}`);
  if (out.requests.length < 20)
    wrong.push(`only ${out.requests.length} requests: nothing was tested`);
  return wrong;
}

/* Attach, watch, detach by @signal; resolves to the window in which everything must be seen. */
async function watch(service, args, signal) {
  const begin = clock();
  const agent = await record([service.pid], args);
  const from = clock();
  const ids = held(agent.child.pid);

  await sleep(HELD_MS);
  const to = clock();
  const end = await agent.stop(signal);
  return { begin, from, to, end, done: clock(), file: agent.file, ids };
}

async function underLoad(node, args, name) {
  const service = await startService(node, 'mixed.js', [PORT]);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

  try {
    const traffic = startLoad(`127.0.0.1:${PORT}`,
      ['-c', '10', '-d', '120s', '--rate', '1500', '--mix', MIX]);
    const runs = [];
    await sleep(HELD_MS);
    for (let i = 0; i < CYCLES; i++)
      runs.push(await watch(service, args, signals[i % signals.length]));
    const { log, result } = await traffic.stop();
    const served = await service.dump();
    const wrong = [];

    if (result.errors.total !== 0)
      wrong.push(`client errors ${JSON.stringify(result.errors)}`);
    if (served.length !== log.length)
      wrong.push(`client ${log.length} requests, server ${served.length}`);
    verdict(node.name, `${name}: target unharmed`, wrong, `${log.length} answered`);

    const seen = [];
    const stalls = [];
    for (const [i, r] of runs.entries()) {
      if (r.end.status !== 0)
        seen.push(`agent ended by ${signals[i]} with status ${r.end.status}: ${r.end.stderr}`);
      seen.push(...compareWindow(await exported(r.file), log, r.from, r.to));
      stalls.push(longestStall(log, r.begin, r.from), longestStall(log, r.to, r.done));
    }
    verdict(node.name, `${name}: attach ${CYCLES} times`, seen);
    const quiet = longestStall(log, log[0].end_ns, runs[0].begin);
    verdict(node.name, `${name} stall`, stalls.filter((ns) => ns > STALL_MAX_NS).map(ms),
      `longest ${ms(Math.max(...stalls))} ms, without an agent ${ms(quiet)} ms`);
    verdict(node.name, `${name} nothing left`, await nothingLeft(runs.at(-1).ids, service.pid));
  } finally {
    await service.kill();
  }
}

/* kill -9 of the agent: the target goes on, no probe remains, and the capture up to then opens. */
async function killed(node) {
  const service = await startService(node, 'mixed.js', [PORT]);

  try {
    const traffic = startLoad(`127.0.0.1:${PORT}`,
      ['-c', '10', '-d', '120s', '--rate', '1000', '--mix', MIX]);
    const agent = await record([service.pid], ['--level', 'resources']);
    const ids = held(agent.child.pid);
    const inside = [ids.prog.size, ids.link.size, codeChanged(service.pid)];
    await sleep(1500); /* long enough for whole members of the capture to be written */
    const end = await agent.stop('SIGKILL');
    const left = await nothingLeft(ids, service.pid);
    const again = await watch(service, [], 'SIGINT');
    const { log, result } = await traffic.stop();
    const served = await service.dump();
    const wrong = [];

    if (end.signal !== 'SIGKILL' || inside.some((n) => n === 0))
      wrong.push(`agent ended by ${end.signal}; programs, links, probes in it: ${inside}`);
    if (result.errors.total !== 0 || served.length !== log.length)
      wrong.push(`client ${log.length}, server ${served.length}, ${JSON.stringify(result.errors)}`);
    verdict(node.name, 'kill -9: target unharmed', wrong, `${log.length} answered`);
    verdict(node.name, 'kill -9 nothing left', left, `of programs, links, probes: ${inside}`);
    verdict(node.name, 'kill -9 attach again',
      compareWindow(await exported(again.file), log, again.from, again.to));

    const torn = fs.readdirSync(agent.file.replace(/[^/]*$/, ''))
      .filter((f) => f.includes(agent.file.split('/').pop()));
    if (fs.existsSync(agent.file))
      verdict(node.name, 'kill -9 capture', ['a file of the final name is there']);
    const report = await loopray(['report', '--json',
      agent.file.replace(/[^/]*$/, torn[0] ?? 'none')]);
    const total = report.stdout && JSON.parse(report.stdout).requests.total;
    verdict(node.name, 'kill -9 capture', torn.length === 1 && total > 0 &&
      /cut|incomplete|truncated|not closed|end/i.test(report.stderr) ? [] :
      [`${torn}: status ${report.status}, ${total} requests, ${report.stderr}`],
    `${total} requests in ${torn}, status ${report.status}`);
  } finally {
    await service.kill();
  }
}

/* The target ends while it is recorded: the agent ends by itself, all that was seen is there. */
async function targetEnds(node) {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    const service = await startService(node, 'mixed.js', [PORT]);
    const agent = await record([service.pid]);
    const traffic = startLoad(`127.0.0.1:${PORT}`, ['-c', '5', '-n', '200', '--mix', MIX]);

    const { log } = await traffic.done;
    service.child.kill(signal);
    const end = await agent.wait(30000);
    const out = await exported(agent.file);
    const whole = out.requests.filter((r) => r.outcome === 'complete' && !r.incomplete).length;
    verdict(node.name, `target ends: ${signal}`, [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...(whole === log.length ? [] : [`${whole} requests, client ${log.length}`]),
      ...(/ended/.test(end.stderr) ? [] : [`the end is not named: ${end.stderr}`]),
      ...(out.summary.loss.total === 0 ? [] : [`loss ${JSON.stringify(out.summary.loss)}`]),
    ]);
    await service.kill();
  }
}

/* It ends somewhere in the middle of the attach: an answer either way, and no hang. */
async function diesWhileAttaching(node) {
  const wrong = [];
  const seen = {};

  for (let i = 0; i < 32; i++) {
    const service = await startService(node, 'mixed.js', [PORT]);
    const agent = new Agent(['record', '-v', '-p', String(service.pid), '-o', tmpFile('d.lray')]);
    await sleep(i < 24 ? i * 2 : (i - 23) * 150); /* all of the first 50 ms */
    service.child.kill('SIGKILL');
    const end = await agent.wait(30000);
    seen[end.status] = (seen[end.status] ?? 0) + 1;
    if (end.status !== 0 && end.status !== 3)
      wrong.push(`status ${end.status}: ${end.stderr}`);
    if (end.status === 3 && !end.stderr.includes(`${service.pid}`))
      wrong.push(`the process is not named: ${end.stderr}`);
    await service.kill();
  }
  verdict(node.name, 'dies while attaching', wrong, `statuses ${JSON.stringify(seen)}`);
}

for (const node of nodes()) {
  if (selected('requests'))
    await part(node.name, 'requests', () => underLoad(node, [], 'requests'));
  if (selected('kill'))
    await part(node.name, 'kill -9', () => killed(node));
}
for (const node of nodes(['18', '22', '26'])) {
  if (selected('resources'))
    await part(node.name, 'resources', () => underLoad(node, ['--level', 'resources'],
      'resources'));
  if (selected('ends'))
    await part(node.name, 'target ends', () => targetEnds(node));
}
for (const node of nodes(['22'])) {
  if (selected('dies'))
    await part(node.name, 'dies while attaching', () => diesWhileAttaching(node));
}
finish('lifecycle');
