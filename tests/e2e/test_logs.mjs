// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// loopray logs: 50 concurrent requests that print three lines each; every line has its own request,
// as the line itself says (services/logs.js): over console, pino and winston, to files, pipes,
// sockets and terminals. Lines of the broken payment service are marked as its own log has it. And
// how it ends: a reader that goes away, the end of the target, an interrupt.
//
// test-timeout: 1500
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';

import { LOOPRAY, selected, SERVICES, TMP, TOP } from './lib/env.mjs';
import { warm } from './lib/context.mjs';
import { startPayments } from './lib/payment.mjs';
import { Agent, load, run as runProgram, sleep, tmpFile, track, within } from './lib/proc.mjs';
import { Raw } from './lib/raw.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

const READY_MS = 60000;
const CONNECTIONS = 50;
const REQUESTS = 1000;
const UNKNOWN_MAX = 0.005;
const LINES = 3;
const ODD = ['parts', 'binary', 'long', 'stack', 'crlf'];
/* No collection during the requests: a store that one moves before it was seen is nobody's. */
const FLAGS = ['--min-semi-space-size=128', '--max-semi-space-size=128'];

/* What stands behind standard output and error, and the words before the service's own. */
const WAYS = {
  file: ['bash', ['-c', 'exec "$@" >"$OUT" 2>&1', 'logs']],
  pipe: ['bash', ['-c', 'exec "$@" > >(cat >"$OUT") 2>&1', 'logs']],
  socket: null,
  /* A terminal of its own: script makes one, and copies what is written there. */
  terminal: ['bash', ['-c', 'exec script -qefc "$(printf "%q " "$@")" "$OUT" >/dev/null', 'logs']],
};

async function until(what, test, ms = READY_MS) {
  const end = Date.now() + ms;

  for (;;) {
    const got = test();
    if (got)
      return got;
    if (Date.now() > end)
      throw new Error(`no ${what} within ${ms} ms`);
    await sleep(20);
  }
}

const read = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');

/* The pid of the one process below @pid, or it, that runs logs.js. */
function serviceBelow(pid) {
  const words = read(`/proc/${pid}/cmdline`).split('\0');

  if (words.some((w) => w.endsWith('/logs.js')) && !/\b(bash|script|sh)$/.test(words[0]))
    return pid;
  for (const child of read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean)) {
    const found = serviceBelow(Number(child));
    if (found)
      return found;
  }
  return 0;
}

async function start(variant, way, logger, modules) {
  const ready = tmpFile('ready');
  const out = tmpFile('out');
  const argv = [variant.path, ...variant.flags, ...FLAGS, path.join(SERVICES, 'logs.js'), logger,
    modules];
  const env = { ...process.env, NODE_OPTIONS: '', READY: ready, OUT: out, TERM: 'xterm' };
  const [program, before] = WAYS[way] ?? [argv.shift(), []];
  const child = track(spawn(program, [...before, ...argv], { env,
    stdio: ['ignore', WAYS[way] ? 'inherit' : 'pipe', WAYS[way] ? 'inherit' : 'pipe'] }));

  if (!WAYS[way]) {
    const to = fs.createWriteStream(out);
    child.stdout.pipe(to);
    child.stderr.pipe(to);
  }
  const port = await until('port of the service', () => Number(read(ready)));
  const pid = serviceBelow(child.pid);
  return { child, pid, port, out, where: `127.0.0.1:${port}`,
    async stop() {
      process.kill(pid, 'SIGTERM');
      await within(child.closed, READY_MS, 'end of the service');
    } };
}

async function logs(pid, args = [], opts = {}) {
  const agent = new Agent(['logs', '-v', '-p', String(pid), ...args], opts);

  await agent.attached();
  return agent;
}

const parsed = (stdout) => stdout.split('\n').filter(Boolean).map((l) => JSON.parse(l));
const MARK = /\[(\d+)(\/\w*) (\d)\]/;

/*
 * Each line against what it says itself. A request is a seq; one seq has lines of one connection and
 * path, and one connection's requests come in the order of their numbers.
 */
function whoseWrong(lines, expected) {
  const owners = new Map();
  const wrong = [];
  const unknown = [];
  let marks = 0;

  for (const line of lines) {
    const [, port, at, which] = MARK.exec(line.text) ?? [];
    if (!port)
      continue;
    marks++;
    if (!line.request) {
      unknown.push(`no request (${line.request_unknown} ${line.store_unknown}): ${line.text.slice(0, 60)}`);
      continue;
    }
    const { seq, conn, path: is } = line.request;
    const owner = owners.get(seq) ?? { port, conn, at, seen: new Set() };
    owners.set(seq, owner);
    if (is !== at || owner.port !== port || owner.conn !== conn || owner.at !== at)
      wrong.push(`${line.text.slice(0, 60)} is of ${JSON.stringify(line.request)}`);
    if (owner.seen.has(which))
      wrong.push(`request ${seq} has line ${which} twice`);
    owner.seen.add(which);
    if (line.mark)
      wrong.push(`marked: ${line.text.slice(0, 60)}`);
  }
  /* Not told, with the reason: where a collection moved the store, or the first of a route. One
   * request's lines may be, however few there are. */
  if (unknown.length > Math.max(LINES + 1, expected * UNKNOWN_MAX))
    wrong.push(...unknown);
  const conns = new Map();
  for (const { port, conn } of owners.values()) {
    if ((conns.get(port) ?? conn) !== conn)
      wrong.push(`port ${port} is connection ${conns.get(port)} and ${conn}`);
    conns.set(port, conn);
  }
  if (marks !== expected)
    wrong.push(`${marks} lines, not ${expected}`);
  return wrong;
}

/* The lines are those that were written, in their order. */
function sameText(lines, file) {
  const text = read(file);
  let at = 0;

  for (const { text: line } of lines) {
    const found = text.indexOf(line.replace(/^\r/, ''), at);
    if (found < 0)
      return [`'${line.slice(0, 60)}' was not written, or not there`];
    at = found + line.length;
  }
  return [];
}

async function everyLine(variant, way, logger, modules) {
  const title = `${logger} to a ${way}`;
  const service = await start(variant, way, logger, modules);

  try {
    await warm(service.port, 'warm');
    const agent = await logs(service.pid, ['--json', '-f']);
    await load(service.where, ['-c', String(CONNECTIONS), '-n', String(REQUESTS),
      '--mix', 'GET /one\nGET /two\nGET /three']);
    await sleep(500);
    const end = await agent.stop();
    const lines = parsed(end.stdout);
    verdict(variant.name, `${title}: own request`, [
      ...whoseWrong(lines, REQUESTS * LINES),
      ...(end.status === 0 ? [] : [`status ${end.status}`]),
      ...(/lost|missing/.test(end.stderr) ? [end.stderr] : []),
    ], `${lines.length} lines`);
    if (way === 'file')
      verdict(variant.name, `${title}: text`, sameText(lines, service.out));
    await service.stop();
  } finally {
    service.child.kill('SIGKILL');
  }
}

/* Parts, binary, cuts, stacks: each with its own request, and nothing that a terminal obeys. */
async function oddLines(variant) {
  const service = await start(variant, 'file', 'console', '');

  try {
    await warm(service.port, 'warm');
    const [json, text, some] = [await logs(service.pid, ['--json', '-f']),
      await logs(service.pid, ['-f', '--line-limit', '100']),
      await logs(service.pid, ['-f', '--json', '--path', '/st*', '--stream', 'stderr'])];
    await load(service.where, ['-c', '20', '-n', '100',
      '--mix', ODD.map((r) => `GET /${r}`).join('\n')]);
    await sleep(700);
    const [{ stdout }, shown, filtered] = [await json.stop(), await text.stop(), await some.stop()];
    const lines = parsed(stdout);
    const of = (word) => lines.filter((l) => l.text.startsWith(word));
    const stacked = lines.filter((l) => /^ {4}at /.test(l.text) && l.request?.path !== '/stack');
    verdict(variant.name, 'odd: own request', whoseWrong(lines, 100 * (LINES + 1)));
    verdict(variant.name, 'odd: as they are', [
      ...of('bin ').filter((l) => l.utf8 || !l.text.endsWith('\u0000\u0001\u001b[2J\ufffd\ufffd\u009b'))
        .map((l) => `binary: ${JSON.stringify(l.text)}`),
      ...of('long ').filter((l) => l.text.length + l.bytes_cut < 20000 || l.text.length > 4096)
        .map((l) => `long: ${l.text.length}, ${l.bytes_cut} cut`),
      ...of('crlf ').filter((l) => !l.text.endsWith(']')).map((l) => `crlf: ${l.text}`),
      ...stacked.map((l) => `stack: ${l.text}`),
      ...['bin', 'long', 'crlf', 'in parts', 'Error: stack'].filter((w) => of(w).length !== 20)
        .map((w) => `${of(w).length} of ${w}`),
      ...lines.filter((l) => l.partial || l.continued).map((l) => `partial: ${l.text}`),
    ]);
    /* eslint-disable-next-line no-control-regex */
    const bad = shown.stdout.match(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g) ?? [];
    verdict(variant.name, 'odd: safe for a terminal', [
      ...bad.map((c) => `\\x${c.charCodeAt(0).toString(16)} is shown`),
      ...(shown.stdout.includes('\\x1b[2J\\xff\\xfe\\u009b') ? [] : ['no escaped bytes']),
      ...(/x…\[cut, \d+ bytes\]\n/.test(shown.stdout) ? [] : ['no visible cut']),
      ...shown.stdout.split('\n').filter((l) => l.split('| ')[1]?.length > 130),
    ]);
    const got = parsed(filtered.stdout);
    verdict(variant.name, 'odd: filters', [
      ...got.filter((l) => l.stream !== 'stderr' || l.request.path !== '/stack')
        .map((l) => JSON.stringify(l)),
      ...(got.length >= 20 * 3 ? [] : [`only ${got.length}`]),
    ], `${got.length} lines`);
    await service.stop();
  } finally {
    service.child.kill('SIGKILL');
  }
}

/* Without stores lines are seen all the same; whose they are is right or not told. */
async function bare(variant) {
  const service = await start(variant, 'pipe', 'bare', '');

  try {
    await warm(service.port, 'warm');
    const agent = await logs(service.pid, ['--json', '-f']);
    await load(service.where, ['-c', '10', '-n', '100', '--mix', 'GET /one\nGET /two']);
    await sleep(500);
    const { stdout } = await agent.stop();
    const lines = parsed(stdout);
    const known = lines.filter((l) => l.request);
    verdict(variant.name, 'bare: lines', [
      ...(lines.length === 100 * LINES ? [] : [`${lines.length} lines`]),
      ...known.filter((l) => l.request.path !== MARK.exec(l.text)[2] || l.request_by !== 'callback')
        .map((l) => JSON.stringify(l)),
      ...lines.filter((l) => !l.request && !['not_read', 'no_store'].includes(l.request_unknown))
        .map((l) => JSON.stringify(l)),
    ], `${known.length} of ${lines.length} with a request`);
    await service.stop();
  } finally {
    service.child.kill('SIGKILL');
  }
}

const MIX = [
  ...Array.from({ length: 11 }, (_, i) => `POST /process-payment {"amount": ${i + 1}.5}`),
  'GET /users/7/payments',
].join('\n');

/*
 * The service's lines say whose they are by closure (request) and whose context it was
 * (requestId). A line marked ! must be one where these differ, with the right request of the two
 * under the mark; one without any mark, whose request is told, must be that request's.
 */
async function payments(variant, mode) {
  const service = await startPayments(variant, mode, { args: ['--log'] });
  const agents = [];

  try {
    await warm(service.port, 'users/1');
    for (const args of [[], ['--mismatch']])
      agents.push(await logs(service.child.pid, ['--json', '-f', ...args]));
    await load(service.where, ['-c', '80', '--mix', MIX, '-n', '2000', '--request-id']);
    await load(service.where, ['-c', '3', '--mix', MIX, '-n', '400', '--request-id']);
    await sleep(500);
    const [all, marked] = [await agents[0].stop(), await agents[1].stop()];
    const lines = parsed(all.stdout).filter((l) => l.text.startsWith('{'))
      .map((l) => ({ ...l, says: JSON.parse(l.text) }));
    const foreign = lines.filter((l) => l.says.request !== l.says.requestId);
    const of = (mark) => lines.filter((l) => l.mark === mark);
    const ids = new Map(); /* whose store it is, by the lines that nothing is wrong with */
    const wrong = [];

    for (const l of lines) {
      const own = l.says.request === l.says.requestId;
      const name = (request, id) => {
        const known = ids.get(request.seq) ?? id;
        ids.set(request.seq, known);
        if (known !== id)
          wrong.push(`request ${request.seq} is ${known} and ${id}: ${JSON.stringify(l)}`);
      };
      if (l.mark === 'foreign' && own)
        wrong.push(`marked, though its own: ${l.text}`);
      if (l.mark === 'foreign') {
        name(l.request, l.says.request);
        name(l.under, l.says.requestId);
      } else if (!l.mark && l.request && l.request_by === 'store') {
        name(l.request, l.says.requestId);
      }
    }
    const unmarked = foreign.filter((l) => !l.mark);
    const count = `${foreign.length} of ${lines.length} lines under another context, ` +
      `${of('foreign').length} marked !, ${of('suspect').length} ~, ${unmarked.length} not`;
    if (mode === 'fixed') {
      verdict(variant.name, 'fixed payments: no marks', [
        ...(foreign.length === 0 ? [] : ['the service is not right']),
        ...lines.filter((l) => l.mark).map((l) => l.text),
        ...(lines.length === 2400 ? [] : [`${lines.length} lines`]),
        ...(marked.stdout === '' ? [] : [marked.stdout]),
      ], count);
      return;
    }
    verdict(variant.name, 'payments: right', wrong, count);
    verdict(variant.name, 'payments: found', [
      ...(of('foreign').length >= foreign.length * 0.8 && foreign.length > 500 ? [] : [count]),
      ...(unmarked.length <= foreign.length * 0.05 ? [] : [count]),
    ], count);
    verdict(variant.name, 'payments: --mismatch', parsed(marked.stdout).filter((l) => !l.mark)
      .map((l) => l.text), `${parsed(marked.stdout).length} lines`);
  } finally {
    service.child.kill('SIGKILL');
  }
}

/* A reader that goes away, the end of the target, an interrupt; nothing but lines on stdout. */
async function ends(variant) {
  const service = await start(variant, 'file', 'console', '');
  const get = async () => {
    const raw = await Raw.open({ host: '127.0.0.1', port: service.port });
    await raw.exchange('GET /one HTTP/1.1\r\nHost: logs\r\n\r\n');
    await raw.end();
  };

  try {
    await warm(service.port, 'warm');
    const head = track(spawn('bash', ['-c',
      '"$1" logs -p "$2" -f | head -n 2; echo "${PIPESTATUS[0]}"', 'logs', LOOPRAY,
      String(service.pid)], { stdio: ['ignore', 'pipe', 'pipe'] }));
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
      head[name].on('data', (d) => { said[name] += d; });
    const asking = setInterval(get, 200);
    await within(head.closed, READY_MS, () => `end of head: ${JSON.stringify(said)}`)
      .finally(() => clearInterval(asking));
    const printed = said.stdout.trimEnd().split('\n');
    verdict(variant.name, 'ends: closed pipe', [
      ...(printed.length === 3 && printed[2] === '1' ? [] : [said.stdout]),
      ...(said.stderr === '' ? [] : [said.stderr]),
    ]);
    const agent = await logs(service.pid, ['-f']);
    await get();
    await until('a line while it runs', () => agent.stdout.includes('third'));
    await service.stop();
    const end = await agent.wait();
    verdict(variant.name, 'ends: of the target', [
      ...(end.status === 0 ? [] : [`status ${end.status}: ${end.stderr}`]),
      ...(end.stdout.trimEnd().split('\n').length === 3 ? [] : [end.stdout]),
      ...(end.stdout.includes('\x1b') ? ['colours in a pipe'] : []),
    ]);
  } finally {
    service.child.kill('SIGKILL');
  }
}

async function packages() {
  const { status, stdout, stderr } = await runProgram(path.join(TOP, 'tools/npm-fetch'));

  if (status !== 0)
    throw new Error(`tools/npm-fetch: ${stderr.trim()}`);
  return stdout.trim();
}

const EVERY = [['file', 'console'], ['file', 'pino'], ['pipe', 'winston']];
/* What the lines go through is the kernel's, not the version's: these with one of each mechanism. */
const WAYS_TOO = [['pipe', 'console'], ['terminal', 'console'], ['socket', 'console'],
  ['terminal', 'pino']];
const ENDS = variants(['20', '24']).filter((v) => !v.flags.length).map((v) => v.name);
const modules = await packages();

fs.chmodSync(TMP, 0o755);
for (const variant of variants()) {
  const one = ENDS.includes(variant.name);

  for (const [way, logger] of [...EVERY, ...one ? WAYS_TOO : []]) {
    if (selected(`${logger} to a ${way}`))
      await part(variant.name, `${logger} to a ${way}: own request`,
        () => everyLine(variant, way, logger, modules));
  }
  if (one && selected('odd'))
    await part(variant.name, 'odd: own request', () => oddLines(variant));
  if (selected('bare'))
    await part(variant.name, 'bare: lines', () => bare(variant));
  if (selected('payments'))
    await part(variant.name, 'payments: right', () => payments(variant, 'broken'));
  if (selected('fixed'))
    await part(variant.name, 'fixed payments: no marks', () => payments(variant, 'fixed'));
  if (one && selected('ends'))
    await part(variant.name, 'ends: closed pipe', () => ends(variant));
}
finish('logs');
