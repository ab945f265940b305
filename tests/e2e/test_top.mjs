// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// loopray top on a real terminal (tmux), over the broken payment service under load: what its views
// show, its keys, any size, terminals without colours or UTF-8, and that the terminal is given back
// whatever ends it.
//
// test-timeout: 180
import fs from 'node:fs';

import { LOOPRAY } from './lib/env.mjs';
import { startPayments } from './lib/payment.mjs';
import { sleep, startLoad, tmpFile } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { Screen } from './lib/screen.mjs';
import { variants } from './lib/variants.mjs';

const MIX = 'POST /process-payment {"amount": 12.5, "currency": "EUR"}\nGET /users/17\n' +
  'POST /process-payment {"amount": 99, "currency": "USD"}\nGET /reports/daily\n';
const GONE_MS = 15000;
const FREE = '0 1 0'; /* a terminal that nobody has taken */
const COLOR = /\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m/;
const RUNNING = /rps [1-9]/;
const variant = variants(['22'])[0];

const alive = (pid) => {
  /* A process that nobody has waited for yet has ended, too. */
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/* A screen on which top runs, or what of it is wrong at its end. */
class Top {
  constructor(args, how = {}) {
    this.before = tmpFile('before');
    this.after = tmpFile('after');
    this.status = tmpFile('status');
    this.pidFile = tmpFile('pid');
    this.screen = new Screen(how);
    this.screen.keepBytes();
    this.screen.run(`${how.before ?? ''} stty -g >${this.before}; (echo $BASHPID >${this.pidFile}; ` +
      `exec ${LOOPRAY} top ${args}); echo $? >${this.status}; stty -g >${this.after}`);
  }

  get pid() {
    return Number(fs.readFileSync(this.pidFile, 'utf8'));
  }

  async running() {
    await this.screen.until(RUNNING);
    return this;
  }

  /* Waits for its end; what is not as it was before. */
  async left(status) {
    const wrong = [];

    for (let ms = 0; !fs.existsSync(this.after) || !fs.readFileSync(this.after).length; ms += 50) {
      if (ms > GONE_MS)
        throw new Error(`top has not ended:\n${this.screen.text()}`);
      await sleep(50);
    }
    const got = Number(fs.readFileSync(this.status, 'utf8'));
    if (got !== status)
      wrong.push(`status ${got}, not ${status}: ${this.screen.text()}`);
    if (fs.readFileSync(this.before, 'utf8') !== fs.readFileSync(this.after, 'utf8'))
      wrong.push('the modes of the terminal are others');
    if (this.screen.state() !== FREE)
      wrong.push(`alternate screen, cursor, mouse: ${this.screen.state()}`);
    if (alive(this.pid))
      wrong.push('it is still there');
    return wrong;
  }
}

const missing = (text, patterns) => patterns.filter((p) => !p.test(text))
  .map((p) => `no ${p} in:\n${text}`);

async function views(screen) {
  const seen = {};

  for (const [key, name] of [['1', 'requests'], ['2', 'routes'], ['3', 'findings'],
    ['4', 'resources'], ['5', 'loop'], ['6', 'agent']]) {
    screen.keys(key);
    seen[name] = await screen.until((t) => t.includes(`[${key} ${name}]`) && t, `view ${name}`);
  }
  verdict(variant.name, 'views: header', missing(seen.requests, [/pid \d+ node 22\./, RUNNING,
    /5xx [1-9]/, /p50 [\d.]+ .s/, /p95 [\d.]+ .s/, /p99 [\d.]+ .s/, /mismatches [1-9]/,
    /loop [\d.]+%/, /lag p99 [\d.]+ .s/, /in flight \d/, /lost 0/,
    /loopray [\d.]+% cpu, [\d.]+ [MG]i?B/]));
  verdict(variant.name, 'views: each shows its own', [
    ...missing(seen.requests, [/POST +\/process-payment +(200|402)/, /GET +\/users\/17 +200/,
      /\/reports\/daily +500/]),
    ...missing(seen.routes, [/POST +\/process-payment/, /GET +\/users\/:id/, /REQ\/S/]),
    ...missing(seen.findings, [/\/process-payment/]),
    ...missing(seen.loop, [/LATENCY/, /main/, /BUSY/]),
    ...missing(seen.agent, [/bytes_in +tracepoint/, /HITS/])]);
}

const rowsOf = (text) => text.split('\n').slice(4, -1).filter((l) => / (GET|POST) /.test(l));

async function keys(screen) {
  const wrong = [];
  const expect = async (what, keyNames, test) => {
    screen.keys(...keyNames);
    try {
      return await screen.until(test, what);
    } catch (err) {
      wrong.push(`${what}: ${err.message}`);
      return '';
    }
  };
  const sorted = (text, order) => {
    const ms = rowsOf(text).map((l) => /([\d.]+) (µs|ms|s) /.exec(l))
      .map((m) => m && Number(m[1]) * { µs: 1e-3, ms: 1, s: 1e3 }[m[2]]);
    return ms.length > 5 && ms.every((v, i) => i === 0 || order * v >= order * ms[i - 1]) && text;
  };

  screen.keys('1');
  for (let i = 0; i < 12 && !/LATENCY[▲▼]/.test(screen.text()); i++) {
    const before = /(\S+)[▲▼]/.exec(screen.text())?.[1];
    screen.keys('s');
    await screen.until((t) => !t.includes(`${before}▼`) && !t.includes(`${before}▲`), 'other order');
  }
  await expect('slowest first', [], (t) => /LATENCY▼/.test(t) && sorted(t, -1));
  await expect('quickest first', ['r'], (t) => /LATENCY▲/.test(t) && sorted(t, 1));
  await expect('the column to the left', ['<'], (t) => !/LATENCY[▲▼]/.test(t) && /[▲▼]/.test(t));
  await expect('the edit line', ['/'], /\/\s*$/);
  screen.type('path:/users/*');
  await expect('rows of users alone', ['Enter'], (t) => rowsOf(t).length > 3 &&
    rowsOf(t).every((l) => l.includes('/users/17')) && t.includes('/path:/users/*'));
  await expect('all rows', ['Escape'], (t) => rowsOf(t).length > 3 && !t.includes('/path:'));
  await expect('the edit line', ['/'], /\/\s*$/);
  screen.type('nothing-like-that');
  await expect('no row', [], /no row matches/);
  await expect('what was before', ['Escape'], (t) => rowsOf(t).length > 3);
  verdict(variant.name, 'keys: sort and filter', wrong.splice(0));

  await expect('FROZEN', ['Space'], /FROZEN/);
  const held = screen.text();
  await sleep(2500);
  if (screen.text() !== held)
    wrong.push(`frozen, and yet another screen:\n${held}\n${screen.text()}`);
  await expect('the third row', ['j', 'j'], (t) => t.split('\n').findIndex((l) => /^▶/.test(l)) === 7);
  const row = screen.lines()[7];
  await expect('its page', ['Enter'], (t) => !/^▶/m.test(t) && /Esc back/.test(t) &&
    t.includes(/(\/\S+)/.exec(row)[1]));
  await expect('the table again', ['Escape'], /^▶/m);
  if (screen.lines()[7] !== row)
    wrong.push(`another row: ${screen.lines()[7]}, not ${row}`);
  await expect('an order while frozen', ['r'], (t) => t !== held && /FROZEN/.test(t));
  await expect('going on', ['Space'], (t) => !/FROZEN/.test(t));
  verdict(variant.name, 'keys: freeze and open', wrong.splice(0));

  await expect('help', ['?'], /Keys[^]*This help/);
  await expect('its end', ['G'], /findings +\S[^]*line (\d+) of/);
  await expect('the view', ['?'], /\[1 requests\]/);
  await expect('the next view', ['Tab'], /\[2 routes\]/);
  await expect('the one before', ['BTab'], /\[1 requests\]/);
  await expect('messages', ['m'], /Messages/);
  await expect('back by Backspace', ['BSpace'], /^▶/m);
  const at = screen.lines()[3].indexOf('5 loop');
  screen.click(3, at + 2);
  await expect('a tab by click', [], /\[5 loop\]/);
  screen.keys('1');
  await expect('requests', [], /\[1 requests\]/);
  screen.click(8, 20);
  await expect('a row by click', [], (t) => /^▶/.test(t.split('\n')[8]));
  verdict(variant.name, 'keys: help, tabs, mouse', wrong.splice(0));
}

async function sizes(screen) {
  const wrong = [];

  for (const [cols, rows, test] of [[40, 10, /^pid[^]*\[1 \S+\][^]*▶[^]*\? help/],
    [39, 10, /needs 40x10 \(is 39x10\)/], [12, 3, /needs 40x/], [200, 60, /\[1 requests\]/],
    [80, 24, /\[1 requests\][^]*ENDED|LATENCY/]]) {
    screen.resize(cols, rows);
    try {
      await screen.until(test, `${cols}x${rows}`);
    } catch (err) {
      wrong.push(err.message);
    }
    for (const key of ['2', '3', '4', '5', '6', '?', '?', '1'])
      screen.keys(key);
    await screen.until(cols < 40 ? /needs/ : /\[1 /, 'first view');
  }
  verdict(variant.name, 'any size', wrong);
}

/* The whole of it on a terminal that can do all. */
async function full(pid) {
  const top = new Top(`-p ${pid}`);

  try {
    await top.screen.until(/attaching/);
    await top.running();
    await top.screen.until(/mismatches [1-9]/);
    await views(top.screen);
    await keys(top.screen);
    await sizes(top.screen);
    verdict(variant.name, 'colours where they are', COLOR.test(top.screen.bytes()) ? [] :
      ['none: the check for their absence sees nothing']);
    top.screen.keys('q');
    verdict(variant.name, 'end: q', await top.left(0));
  } finally {
    top.screen.close();
  }
}

async function vt100(pid) {
  const top = new Top(`-p ${pid}`, { env: { TERM: 'vt100' } });
  const wrong = [];

  try {
    await top.running();
    top.screen.keys('3');
    await sleep(300);
    if (COLOR.test(top.screen.bytes()))
      wrong.push('colours');
    verdict(variant.name, 'vt100 has no colours', wrong);
    top.screen.keys('C-z');
    await top.screen.until(/Stopped/);
    if (top.screen.state() !== FREE)
      wrong.push(`stopped: ${top.screen.state()}`);
    top.screen.run('fg');
    await sleep(300);
    top.screen.keys('1');
    await top.screen.until(/\[1 requests\][^]*q quit/);
    verdict(variant.name, 'stops and goes on', wrong);
    process.kill(top.pid, 'SIGTERM');
    await top.screen.until((t) => t.trimEnd().endsWith('ready>'), 'prompt');
    verdict(variant.name, 'end: SIGTERM', top.screen.state() === FREE ? [] :
      [`alternate screen, cursor, mouse: ${top.screen.state()}`]);
  } finally {
    top.screen.close();
  }
}

async function plain(pid) {
  const top = new Top(`-p ${pid} --ascii`, { env: { NO_COLOR: '1' } });
  const wrong = [];

  try {
    await top.running();
    for (const key of ['1', '2', '3', '4', '5', '6', '?']) {
      top.screen.keys(key);
      await sleep(150);
    }
    if (COLOR.test(top.screen.bytes()))
      wrong.push('colours');
    if (/[^\x00-\x7f]/.test(top.screen.bytes()))
      wrong.push(`not ASCII: ${/.{20}[^\x00-\x7f]+.{20}/s.exec(top.screen.bytes())}`);
    verdict(variant.name, 'NO_COLOR and --ascii', wrong);
    process.kill(top.pid, 'SIGSEGV');
    verdict(variant.name, 'end: SIGSEGV', await top.left(128 + 11));
  } finally {
    top.screen.close();
  }
}

/* Processes are chosen, one more is added, and the terminal goes away, of which no signal tells. */
async function chosen(pid, other) {
  const top = new Top('', { env: { LC_ALL: 'C' }, before: "trap '' HUP;" });
  const wrong = [];
  /* One key at a time: what runs is looked for meanwhile, which may take longer than a key. */
  const select = async (which) => {
    const marked = (text) => text.split('\n').findIndex((l) => l.startsWith('>'));
    const wanted = new RegExp(`\\] +${which} `);

    for (let i = 0; i < 60; i++) {
      const text = top.screen.text();
      const at = marked(text);
      const to = text.split('\n').findIndex((l) => wanted.test(l));
      if (at === to)
        return;
      top.screen.keys(at < to ? 'j' : 'k');
      await top.screen.until((t) => marked(t) !== at, `selection of ${which}`);
    }
  };

  try {
    await top.screen.until(new RegExp(`Which Node.js processes[^]* ${pid} `));
    await select(pid);
    top.screen.keys('Space');
    await top.screen.until(new RegExp(`\\[x\\] +${pid} .*chosen`));
    await sleep(2500); /* it has looked for processes again by then */
    await top.screen.until(new RegExp(`^>\\[x\\] +${pid} .*chosen`, 'm'));
    top.screen.keys('Enter');
    await top.running();
    top.screen.keys('p');
    await top.screen.until(new RegExp(`\\[x\\] +${pid} .*shown[^]* ${other} `));
    await select(other);
    top.screen.keys('Enter');
    await top.screen.until(new RegExp(`\\[x\\] +${other} .*shown`));
    top.screen.keys('Escape');
    await top.screen.until(/processes 2/);
    if (/[^\x00-\x7f]/.test(top.screen.bytes()))
      wrong.push('not ASCII, where the locale is not UTF-8');
    verdict(variant.name, 'processes are chosen', wrong.splice(0));
    const loopray = top.pid;
    top.screen.close();
    for (let ms = 0; alive(loopray) && ms < GONE_MS; ms += 50)
      await sleep(50);
    verdict(variant.name, 'end: the terminal is closed', alive(loopray) ? ['it goes on'] : []);
  } finally {
    top.screen.close();
  }
}

/* What is wrong is said when the terminal is itself again. */
async function refused() {
  const wrong = [];
  const screen = new Screen({ cols: 150 });

  try {
    screen.run(`${LOOPRAY} top -p 1 </dev/null; echo without $?`);
    await screen.until(/reads its keys from standard input[^]*without 2/);
    screen.run(`${LOOPRAY} top -p $$; echo status $?`);
    await screen.until(/loopray: [^]*status 3/);
    if (screen.state() !== FREE)
      wrong.push(`not Node.js: ${screen.state()}`);
    screen.run(`TERM=nonsense ${LOOPRAY} top -p 1; echo ended $?`);
    await screen.until(/terminal type 'nonsense' is not known[^]*ended 1/);
    screen.run(`TERM=dumb ${LOOPRAY} top -p 1; echo over $?`);
    await screen.until(/terminal type 'dumb' is not known, or cannot be used[^]*over 1/);
  } finally {
    screen.close();
  }
  verdict('-', 'refusals', wrong);
}

const broken = await startPayments(variant, 'broken', {});
const fixed = await startPayments(variant, 'fixed', {});
const load = startLoad(broken.where, ['-d', '170s', '-c', '40', '--rate', '700', '--mix', MIX]);

try {
  await part('-', 'refusals', refused);
  await part(variant.name, 'end: q', () => full(broken.child.pid));
  await part(variant.name, 'end: SIGTERM', () => vt100(broken.child.pid));
  await part(variant.name, 'end: SIGSEGV', () => plain(broken.child.pid));
  await part(variant.name, 'processes are chosen', () => chosen(broken.child.pid, fixed.child.pid));
  const { result } = await load.stop();
  verdict(variant.name, 'the service goes on', broken.child.end || fixed.child.end ||
    !result.requests ? [JSON.stringify([broken.child.end, fixed.child.end, result])] : []);
} finally {
  broken.child.kill();
  fixed.child.kill();
}
finish('top');
