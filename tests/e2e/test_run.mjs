// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// loopray run: what a program serves is seen from its very first request on, as its own count has
// it; its exit status, its signals and its streams are its own.
//
// test-timeout: 600
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { spawn } from 'node:child_process';

import { Agent, exported, jsonLines, loopray, run, sleep, tmpFile, track, within } from
  './lib/proc.mjs';
import { LOOPRAY, SERVICES, TMP, nodes, selected } from './lib/env.mjs';
import { finish, part, skip, verdict } from './lib/report.mjs';
import { held, nothingLeft } from './lib/traces.mjs';

const PORT = 25980;
const N = 40;
const ROUNDS = 3;
const FIRST = path.join(SERVICES, 'first.js');

/* Debian's executable itself and not the script around it. */
function program(node) {
  const real = path.join(path.dirname(node.path), '../usr/bin/node');

  if (!fs.existsSync(real))
    return { file: node.path, env: process.env };
  return { file: real, env: { ...process.env,
    LD_LIBRARY_PATH: path.join(path.dirname(real), '../lib/x86_64-linux-gnu') } };
}

const lastLine = (text) => JSON.parse(text.trim().split('\n').at(-1));

/*
 * A machine that gave the agent no CPU from the exec until the program listened, which takes it 50
 * ms and more: loopray says that it was late. What is tested is another run, the third at most.
 */
const LATE = /listened already when it was attached to/;
const RUNS = 3;

async function unlessLate(once) {
  let out = await once();

  for (let i = 1; i < RUNS && LATE.test(out.end.stderr); i++) {
    console.log('# loopray was late, and said so: made again');
    out = await once();
  }
  return out;
}

/** One run; resolves to its end, the requests that were seen and the program's own words. */
async function observedOnce(command, opts = {}) {
  const file = tmpFile('run.jsonl');
  const end = await loopray(['run', '--format', 'jsonl', '-o', file, ...(opts.args ?? []), '--',
    ...command], { env: opts.env });
  const lines = fs.existsSync(file) ? jsonLines(file) : [];
  const own = end.stdout.trim() ? lastLine(end.stdout) : {};

  return { end, own, requests: lines.filter((l) => l.type === 'request'),
    header: lines.find((l) => l.type === 'header'),
    summary: lines.find((l) => l.type === 'summary') };
}

const observed = (command, opts) => unlessLate(() => observedOnce(command, opts));

/* What was seen is what was served: each path once, whole, and in that order. */
function compare({ end, own, requests, summary }, n, status = 0) {
  const wrong = [];
  const seen = [...requests].sort((a, b) => a.start_ns - b.start_ns).map((r) => r.path);

  if (end.status !== status)
    wrong.push(`status ${end.status}, not ${status}: ${end.stderr}`);
  if (own.paths?.length !== n)
    wrong.push(`it served ${own.paths?.length}, not ${n}`);
  const missed = (own.paths ?? []).filter((p) => !seen.includes(p));
  if (missed.length)
    wrong.push(`${missed.length} not seen: ${missed.slice(0, 4)}; ${end.stderr}`);
  if (seen.length !== own.paths?.length)
    wrong.push(`${seen.length} seen`);
  for (const r of requests)
    if (r.status !== 200 || r.outcome !== 'complete' || r.incomplete)
      wrong.push(`${r.path} ${r.status} ${r.outcome} ${r.incomplete_because}`);
  if (summary?.loss.total !== 0)
    wrong.push(`loss ${JSON.stringify(summary?.loss)}`);
  return wrong;
}

/* The program is its own client from its first turn on. */
async function first(node) {
  const { file, env } = program(node);
  const wrong = [];
  let seen = 0;

  for (let i = 0; i < ROUNDS; i++) {
    const out = await observed([file, FIRST, 'self', N, i ? 0 : 3], { env });
    seen += out.requests.length;
    wrong.push(...compare(out, N, i ? 0 : 3));
    if (out.header?.targets.length !== 1)
      wrong.push(`${out.header?.targets.length} targets`);
  }
  verdict(node.name, 'first requests', wrong, `${seen} of ${N * ROUNDS}`);
}

/* Asks until the port answers, and goes on: the first answer is to the first request it got. */
async function hammer(port, n) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const answers = [];
  const get = (p) => new Promise((resolve) => {
    http.get({ port, host: '127.0.0.1', path: p, agent }, (res) => {
      res.resume().on('end', () => resolve(true));
    }).on('error', () => resolve(false));
  });

  while (answers.length < n) {
    const p = `/h/${answers.length}`;

    if (await get(p))
      answers.push(p);
    else
      await sleep(1);
  }
  await get('/end');
  agent.destroy();
  return answers;
}

async function hammered(node) {
  const { file, env } = program(node);
  const out = await unlessLate(async () => {
    const traffic = hammer(PORT, N);
    const run = await observedOnce([file, FIRST, 'serve', PORT], { env });
    return { ...run, answers: await within(traffic, 10000, 'end of the client') };
  });
  const wrong = compare(out, N + 1);

  if (out.answers.some((p) => !out.own.paths?.includes(p)))
    wrong.push('the client was answered by another');
  verdict(node.name, 'port hammered before the start', wrong, `${out.requests.length} seen`);
}

async function wrappers(node) {
  const { file, env } = program(node);
  const dir = fs.mkdtempSync(path.join(TMP, 'npm-'));
  const script = path.join(dir, 'start.sh');
  const PATH = `${path.dirname(file)}:${process.env.PATH}`;

  fs.writeFileSync(script, `#!/bin/sh\n(true; node "$@"; exit $?)\n`, { mode: 0o755 });
  verdict(node.name, 'shell script', compare(
    await observed([script, FIRST, 'self', N, 5], { env: { ...env, PATH } }), N, 5));
  if (node.name.startsWith('debian'))
    return;
  fs.writeFileSync(path.join(dir, 'package.json'),
    JSON.stringify({ scripts: { start: `node ${FIRST} self ${N} 0` } }));
  const out = await observed(['npm', '--prefix', dir, 'start'], { env: { ...env, PATH } });
  verdict(node.name, 'npm start', compare(out, N), `${out.header?.targets.length} targets`);
}

async function clustered(node) {
  const { file, env } = program(node);
  const out = await observed([file, FIRST, 'cluster', 3, N], { env });
  const wrong = compare({ ...out, own: { paths: out.own.paths && [...out.own.paths].sort() } }, 3 * N);

  if (new Set(out.requests.map((r) => r.pid)).size !== 3)
    wrong.push(`requests of ${new Set(out.requests.map((r) => r.pid)).size} processes`);
  verdict(node.name, 'cluster', wrong, `${out.header?.targets.length} targets`);
}

async function statuses(node) {
  const { file, env } = program(node);
  const js = (text) => [file, '-e', text];
  const notExecutable = tmpFile('program');
  const cases = [
    [js('0'), 0], [js('process.exit(3)'), 3], [js('process.kill(process.pid, "SIGKILL")'), 137],
    [js('process.kill(process.pid, "SIGTERM")'), 143], [js('throw 1'), 1],
    [['/nowhere/node'], 127, /No such file/], [['no-such-program'], 127, /No such file/],
    [[notExecutable], 126, /Permission denied/],
  ];
  const wrong = [];

  fs.writeFileSync(notExecutable, 'x', { mode: 0o644 });
  for (const [command, status, says] of cases) {
    const end = await loopray(['run', '-o', tmpFile('report'), '--', ...command], { env });

    if (end.status !== status || (says && !says.test(end.stderr)))
      wrong.push(`${command.join(' ')}: ${end.status}, not ${status}: ${end.stderr}`);
  }
  verdict(node.name, 'exit status', wrong, `${cases.length} programs`);
}

/* Each signal reaches the program once, though loopray is all that it was sent to. */
async function signals(node) {
  const { file, env } = program(node);
  const agent = new Agent(['run', '-o', tmpFile('report'), '--', file, FIRST, 'signals'], { env });
  const said = (what) => within((async () => {
    while (!agent.stdout.includes(what)) {
      if (agent.child.end)
        throw new Error(`loopray ended: ${JSON.stringify(agent.child.end)} ${agent.stderr}`);
      await sleep(10);
    }
  })(), 20000, () => `${what}: ${agent.stdout} ${agent.stderr}`);
  const names = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR2', 'SIGUSR1', 'SIGTERM'];

  await said('ready');
  for (const name of names) {
    agent.child.kill(name);
    await said(`{"signal":"${name}"}`);
  }
  const end = await agent.wait();
  const { got } = lastLine(end.stdout);
  verdict(node.name, 'signals', [
    ...(end.status === 9 ? [] : [`status ${end.status} ${end.signal}: ${end.stderr}`]),
    ...names.filter((s) => got[s] !== 1).map((s) => `${s} came ${got[s]} times`),
  ]);
}

/* ^C on a real terminal goes to the whole group: the program must not get it twice. */
async function terminal(node) {
  const { file } = program(node);
  const out = tmpFile('terminal');
  const tmux = (...args) => run('tmux', ['-L', `lr${process.pid}`, '-f', '/dev/null', ...args]);
  const said = (what) => within((async () => {
    while (!fs.existsSync(out) || !fs.readFileSync(out, 'utf8').includes(what))
      await sleep(20);
  })(), 30000, () => `${what}: ${fs.existsSync(out) && fs.readFileSync(out, 'utf8')}`);

  if ((await run('tmux', ['-V'])).status !== 0)
    return skip(node.name, '^C', 'no tmux');
  try {
    await tmux('new-session', '-d', '-x', '100', '-y', '30', `sh -c 'trap : INT; ${LOOPRAY} run -o ` +
      `${out}.report -- ${file} ${FIRST} signals >${out}; echo "status $?" >>${out}'`);
    await said('ready');
    await tmux('send-keys', 'C-c');
    await said('SIGINT');
    const { ready } = JSON.parse(fs.readFileSync(out, 'utf8').split('\n')[0]);
    await sleep(300);
    process.kill(ready, 'SIGTERM');
    await said('status');
    const text = fs.readFileSync(out, 'utf8');
    verdict(node.name, '^C', [
      ...(/"got":\{"SIGINT":1,"SIGTERM":1\}/.test(text) ? [] : [text]),
      ...(text.includes('status 9') ? [] : [text]),
    ]);
  } finally {
    await tmux('kill-server');
  }
}

/* What is not Node.js runs all the same, and its streams are untouched. */
async function streams(node) {
  const { file, env } = program(node);
  const pipe = async (args, text) => {
    const child = track(spawn(LOOPRAY, ['run', ...args], { env, stdio: 'pipe' }));
    const out = { stdout: '', stderr: '' };

    child.stdout.on('data', (d) => { out.stdout += d; });
    child.stderr.on('data', (d) => { out.stderr += d; });
    child.stdin.end(text);
    return { ...await within(child.closed, 60000, 'end of a pipe'), ...out };
  };
  const text = 'x'.repeat(300000);
  const cat = await pipe(['cat'], text);
  const wrong = [];

  if (cat.status !== 0 || cat.stdout !== text)
    wrong.push(`cat: status ${cat.status}, ${cat.stdout.length} bytes`);
  if (!/nothing was observed: .*no Node\.js/.test(cat.stderr))
    wrong.push(`of cat it says: ${cat.stderr}`);
  const js = await pipe(['--', file, '-e',
    'process.stdin.pipe(process.stdout); console.error("its own")'], text);
  if (js.status !== 0 || js.stdout !== text)
    wrong.push(`node: status ${js.status}, ${js.stdout.length} bytes: ${js.stderr}`);
  if (!js.stderr.includes('its own') || !/^Requests +0/m.test(js.stderr))
    wrong.push(`of node it says: ${js.stderr}`);
  const page = await pipe(['--format', 'html', '--', file, '-e', 'console.log("its own")']);
  if (page.stdout !== 'its own\n' || !/<html/.test(page.stderr))
    wrong.push(`with a page: ${page.stdout.slice(0, 80)}, ${page.stderr.slice(0, 80)}`);
  verdict(node.name, 'streams', wrong);
}

/* The program may run as somebody else; a capture is a capture. */
async function others(node) {
  const { file, env } = program(node);
  const capture = tmpFile('run.lray');
  const end = await loopray(['run', '--user', 'nobody', '-o', capture, '--', file, '-e',
    'console.log(process.getuid(), process.env.USER, process.getgroups().includes(0));' +
    'require("http").createServer((q, r) => r.end()).listen(0, "127.0.0.1", function () {' +
    'require("http").get({ port: this.address().port, agent: false }, ' +
    '(r) => r.resume().on("end", () => process.exit()));})'], { env });
  const out = end.status === 0 ? await exported(capture) : { requests: [] };

  verdict(node.name, '--user and -o FILE.lray', [
    ...(end.stdout === '65534 nobody false\n' ? [] : [`it says ${end.stdout} ${end.stderr}`]),
    ...(out.requests.length === 1 ? [] : [`${out.requests.length} requests: ${end.stderr}`]),
  ]);
}

async function killed(node) {
  const { file, env } = program(node);
  const agent = new Agent(['run', '-v', '-o', tmpFile('report'), '--', file, FIRST, 'serve', PORT + 1],
    { env });
  const wrong = [];

  await agent.says(/pid \d+: attached/);
  const pid = Number(/pid (\d+): attached/.exec(agent.stderr)[1]);
  const ids = held(agent.child.pid);
  agent.child.kill('SIGKILL');
  await sleep(100);
  const left = await nothingLeft(ids, pid);
  const answers = await within(hammer(PORT + 1, 5), 20000, 'answers of the program');

  if (ids.prog.size === 0 || ids.link.size === 0)
    wrong.push('it held no programs: nothing was tested');
  if (answers.length !== 5)
    wrong.push(`${answers.length} answers`);
  verdict(node.name, 'kill -9: program goes on', wrong);
  verdict(node.name, 'kill -9: nothing left', left);
}

const parts = { first, hammered, statuses, wrappers, cluster: clustered };
const once = { signals, terminal, streams, others, killed };

for (const node of nodes(['18', '22', '24', '26', 'debian'])) {
  for (const [name, fn] of Object.entries(parts))
    if (selected(name))
      await part(node.name, name, () => fn(node));
}
for (const node of nodes(['22'])) {
  for (const [name, fn] of Object.entries(once))
    if (selected(name))
      await part(node.name, name, () => fn(node));
}
finish('run');
