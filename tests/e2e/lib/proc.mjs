// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Child processes: services under test, agents, load. Nothing waits by sleeping: a service says
// when it listens, an agent when it is attached.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { spawn } from 'node:child_process';

import { LOADGEN, LOOPRAY, SERVICES, TMP } from './env.mjs';

const READY_MS = 60000;
const LOAD_MS = process.env.LOOPRAY_LONG ? 900000 : 180000;
const children = new Set();
let serial = 0;

export const tmpFile = (name) => path.join(TMP, `${++serial}-${name}`);
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Readable lines of a file that holds one JSON object a line. */
export function jsonLines(file) {
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
}

export function track(child) {
  children.add(child);
  child.closed = new Promise((resolve) => {
    child.on('error', (err) => resolve({ status: null, signal: null, err }));
    child.on('close', (status, signal) => resolve({ status, signal }));
  }).then((end) => {
    children.delete(child);
    child.end = end;
    return end;
  });
  return child;
}

function killAll() {
  for (const child of children)
    child.kill('SIGKILL');
}

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => process.exit(1));

/* @what: text, or a function that makes it when it is needed. */
export function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(
      `no ${typeof what === 'function' ? what() : what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * A Node.js program of services/. It talks by lines of JSON: on stdout {event, ...}, on stdin
 * commands {cmd, ...}; `dump` makes it write what it has seen to a file, which is returned.
 */
export class Service {
  constructor(node, script, args = [], opts = {}) {
    const argv = [...(opts.flags ?? []), path.join(SERVICES, script), ...args.map(String)];

    this.stderr = '';
    this.waiters = [];
    this.events = [];
    this.child = track(spawn(node.path, argv, {
      stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', ...opts.env },
    }));
    this.pid = this.child.pid;
    this.child.stderr.on('data', (data) => { this.stderr += data; });
    this.child.stdin.on('error', () => {});
    readline.createInterface({ input: this.child.stdout }).on('line', (l) => this.#line(l));
    this.child.closed.then(() => this.#wake());
  }

  #line(text) {
    this.events.push(JSON.parse(text));
    this.#wake();
  }

  #wake() {
    for (const waiter of this.waiters)
      waiter();
  }

  /** The next (or an earlier, not yet taken) event of this name. */
  async event(name, ms = READY_MS) {
    const look = (resolve, reject) => {
      const i = this.events.findIndex((e) => e.event === name);
      if (i >= 0)
        resolve(this.events.splice(i, 1)[0]);
      else if (this.child.end)
        reject(new Error(`service ended before '${name}': ${this.stderr.slice(0, 2000)}`));
    };
    let waiter;
    const found = new Promise((resolve, reject) => {
      waiter = () => look(resolve, reject);
      this.waiters.push(waiter);
      waiter();
    });
    return within(found, ms, () => `event '${name}' of the service (stderr: ${this.stderr})`)
      .finally(() => { this.waiters = this.waiters.filter((w) => w !== waiter); });
  }

  send(cmd, more = {}) {
    this.child.stdin.write(`${JSON.stringify({ cmd, ...more })}\n`);
  }

  /** Sends a command and waits for the event `done` that answers it. */
  async command(cmd, more = {}, ms = READY_MS) {
    this.send(cmd, more);
    return this.event('done', ms);
  }

  async dump() {
    const file = tmpFile('dump.json');

    await this.command('dump', { file });
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  }

  async kill(signal = 'SIGKILL') {
    this.child.kill(signal);
    return this.child.closed;
  }
}

export async function startService(node, script, args, opts) {
  const service = new Service(node, script, args, opts);

  service.ready = await service.event('ready');
  return service;
}

/** One run of loopray that observes: attached() resolves when it does, stop() ends it. */
export class Agent {
  constructor(args, opts = {}) {
    this.stderr = '';
    this.stdout = '';
    this.watchers = [];
    this.child = track(spawn(opts.loopray ?? LOOPRAY, args, {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...opts.env },
    }));
    this.child.stdout.on('data', (data) => { this.stdout += data; });
    this.child.stderr.on('data', (data) => {
      this.stderr += data;
      this.watchers.forEach((w) => w());
    });
    this.child.closed.then(() => this.watchers.forEach((w) => w()));
  }

  async says(pattern, ms = READY_MS) {
    const found = new Promise((resolve, reject) => {
      const look = () => {
        if (pattern.test(this.stderr))
          resolve();
        else if (this.child.end)
          reject(new Error(`agent ended (${JSON.stringify(this.child.end)}): ${this.stderr}`));
      };
      this.watchers.push(look);
      look();
    });
    return within(found, ms, () => `${pattern} from the agent, which said: ${this.stderr}`);
  }

  attached(ms) {
    return this.says(/attached to \d+/, ms);
  }

  async wait(ms = READY_MS) {
    const end = await within(this.child.closed, ms, 'end of the agent');
    return { ...end, stdout: this.stdout, stderr: this.stderr };
  }

  async stop(signal = 'SIGINT', ms) {
    this.child.kill(signal);
    return this.wait(ms);
  }
}

/** A recording agent, attached. */
export async function record(pids, args = [], file = tmpFile('run.lray')) {
  const targets = pids.flatMap((pid) => ['-p', String(pid)]);
  const agent = new Agent(['record', '-v', ...targets, ...args, '-o', file]);

  agent.file = file;
  await agent.attached();
  return agent;
}

/** Runs a program to its end. */
export async function run(program, args = [], opts = {}) {
  const child = track(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...opts }));
  const out = { stdout: '', stderr: '' };

  child.stdout.on('data', (data) => { out.stdout += data; });
  child.stderr.on('data', (data) => { out.stderr += data; });
  const end = await within(child.closed, opts.ms ?? 120000, `end of ${program} ${args.join(' ')}`)
    .finally(() => child.kill('SIGKILL'));
  return { ...end, ...out };
}

export const loopray = (args, opts) => run(LOOPRAY, args, opts);

/** The lines of `export --format jsonl`, by type. */
export async function exported(file, args = []) {
  const out = tmpFile('run.jsonl');
  const end = await loopray(['export', '--format', 'jsonl', ...args, file, '-o', out]);

  if (end.status !== 0)
    throw new Error(`export ended with ${end.status}: ${end.stderr}`);
  const lines = jsonLines(out);
  const of = (type) => lines.filter((l) => l.type === type);
  return {
    header: of('header')[0], summary: of('summary')[0],
    requests: of('request'), resources: of('resource'), lines: of('line'),
    calls: of('call'), jobs: of('job'),
  };
}

export async function reported(file) {
  const end = await loopray(['report', '--json', file]);

  if (end.status !== 0)
    throw new Error(`report ended with ${end.status}: ${end.stderr}`);
  return JSON.parse(end.stdout);
}

/** The load generator; resolves to {result, log} where log is one entry a request. */
export function startLoad(target, args) {
  const log = tmpFile('load.jsonl');
  const argv = ['--json', '--timeout', '60s', '--log', log, ...args, target];
  const child = track(spawn(LOADGEN, argv, { stdio: ['ignore', 'pipe', 'pipe'] }));
  let stdout = '';
  let stderr = '';

  child.stdout.on('data', (data) => { stdout += data; });
  child.stderr.on('data', (data) => { stderr += data; });
  const done = child.closed.then(({ status }) => {
    if (status !== 0)
      throw new Error(`loadgen ended with ${status}: ${stderr}`);
    return { result: JSON.parse(stdout), log: jsonLines(log) };
  });
  done.catch(() => {});
  return { done, stop: () => { child.kill('SIGINT'); return done; } };
}

export const load = (target, args) => within(startLoad(target, args).done, LOAD_MS,
  'end of load');
