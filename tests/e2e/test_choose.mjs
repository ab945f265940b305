// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Commands without a process, on a terminal: what is listed, and what answers lead to. The
// terminal is one that script(1) makes.
//
// test-timeout: 120
import fs from 'node:fs';
import http from 'node:http';
import { spawn } from 'node:child_process';

import { LOOPRAY, nodes } from './lib/env.mjs';
import { exported, loopray, startService, tmpFile, track, within } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';

const QUESTION = /q to leave: $/;

/** loopray on a terminal; what it says and what is typed are in `text`. */
class Terminal {
  constructor(args) {
    /* A shell that waits would end with 130 after Ctrl-C, whatever loopray ended with. */
    const command = ['exec', LOOPRAY, ...args].join(' ');

    this.text = '';
    this.child = track(spawn('script', ['-qefc', command, '/dev/null'],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm' } }));
    this.child.stdout.on('data', (data) => {
      this.text += data;
      this.wake?.();
    });
    this.child.closed.then(() => this.wake?.());
  }

  /* Resolves when what came since the last answer matches. */
  says(pattern) {
    const found = new Promise((resolve, reject) => {
      this.wake = () => {
        const match = pattern.exec(this.text.replaceAll('\r', ''));
        if (match)
          resolve(match);
        else if (this.child.end)
          reject(new Error(`it ended: ${this.text}`));
      };
      this.wake();
    });
    return within(found, 30000, () => `${pattern} in: ${this.text}`);
  }

  answer(text) {
    this.text = '';
    this.child.stdin.write(text);
  }

  async end() {
    return { ...await within(this.child.closed, 60000, () => `end of: ${this.text}`),
      text: this.text };
  }
}

/* The number that a list gives a process. */
async function numberOf(terminal, pid) {
  await terminal.says(QUESTION);
  const line = terminal.text.split(/\r?\n/).find((l) => new RegExp(`^ +\\d+  pid ${pid} `).test(l));
  return line?.trim().split(' ')[0];
}

const get = (port) => new Promise((resolve, reject) => {
  http.get({ port, host: '127.0.0.1', path: '/fs', agent: false }, (res) => {
    res.resume().on('end', resolve);
  }).on('error', reject);
});

/* One of two is chosen by its number, after an answer that is none. */
async function chosen(node, services) {
  const file = tmpFile('chosen.lray');
  const terminal = new Terminal(['record', '-v', '-o', file]);
  const wrong = [];
  const numbers = [];

  for (const { pid } of services)
    numbers.push(await numberOf(terminal, pid));
  if (numbers.some((n) => !n))
    wrong.push(`numbers ${numbers} in ${terminal.text}`);
  if (!terminal.text.includes('jobs.js') || !terminal.text.includes(`in ${process.cwd()}`))
    wrong.push(`no script or directory in ${terminal.text}`);
  terminal.answer('0\n');
  await terminal.says(/Numbers from 1 to [\s\S]*q to leave: $/);
  terminal.answer(`${numbers[1]}\n`);
  await terminal.says(/attached to 1 /);
  for (const { port } of services.map((s) => s.ready))
    await get(port);
  terminal.answer('\x03');
  const end = await terminal.end();
  if (end.status !== 0)
    wrong.push(`status ${end.status}: ${end.text}`);
  const { requests } = await exported(file);
  if (requests.length !== 1 || requests[0].pid !== services[1].pid)
    wrong.push(`requests of ${requests.map((r) => r.pid)}, not of ${services[1].pid}`);
  verdict(node.name, 'a number', wrong);
}

async function left(node) {
  const file = tmpFile('left.lray');
  const wrong = [];

  for (const answer of ['q\n', '\x04']) {
    const terminal = new Terminal(['record', '-o', file]);
    await terminal.says(QUESTION);
    terminal.answer(answer);
    const end = await terminal.end();
    if (end.status !== 3)
      wrong.push(`status ${end.status} after ${JSON.stringify(answer)}: ${end.text}`);
  }
  if (fs.existsSync(file))
    wrong.push('a file was written');
  verdict(node.name, 'q and end of input', wrong);
}

/* A report of all: it says so, and ends by itself. */
async function everything(node, services) {
  const file = tmpFile('all.json');
  const terminal = new Terminal(['report', '-d', '500ms', '--json', '-o', file]);

  await terminal.says(QUESTION);
  terminal.answer('all\n');
  const end = await terminal.end();
  const pids = JSON.parse(fs.readFileSync(file, 'utf8')).targets.map((t) => t.pid);
  verdict(node.name, 'all', [
    ...(end.status === 0 ? [] : [`status ${end.status}: ${end.text}`]),
    ...services.filter((s) => !pids.includes(s.pid)).map((s) => `${s.pid} is not in ${pids}`),
  ]);
}

/* Nobody is asked where nobody answers. */
async function noTerminal(node) {
  const end = await loopray(['record']);

  verdict(node.name, 'no terminal', end.status === 2 && /nothing to look at/.test(end.stderr) ?
    [] : [`status ${end.status}: ${end.stderr}`]);
}

for (const node of nodes(['22'])) {
  const services = [await startService(node, 'jobs.js'), await startService(node, 'jobs.js')];

  await part(node.name, 'a number', () => chosen(node, services));
  await part(node.name, 'q and end of input', () => left(node));
  await part(node.name, 'all', () => everything(node, services));
  await part(node.name, 'no terminal', () => noTerminal(node));
  for (const service of services)
    await service.kill();
}
finish('choose');
