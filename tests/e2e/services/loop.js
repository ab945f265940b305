// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A loop that does what it is told, and measures itself: iterations of a known length, a known
 * share of microtasks, garbage. `begin` starts the measuring, `end` answers what was measured.
 *
 *   node loop.js PORT [worker]     worker: the same in a worker thread, which is told what to do
 */
const crypto = require('crypto');
const http = require('http');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { performance, PerformanceObserver, monitorEventLoopDelay } = require('perf_hooks');

const { say, commands } = require('./common.js');

const now = () => Number(process.hrtime.bigint());
const gcs = [];
let timers = [];
let blocks = [];
let drains = [];
let done = 0; /* microtasks */
let works = []; /* jobs, from submission to callback */
let submitted = 0;
let ticks = 0;
let answers = 0;
let delay;
let first;
let kept = [];

function spin(ms) {
  const from = now();

  while (now() - from < ms * 1e6)
    ;
  return [from, now()];
}

/* Each @every ms, the loop is held for @ms. */
function block({ ms, every }) {
  timers.push(setInterval(() => blocks.push(spin(ms)), every));
}

/* Each @every ms, @plain ms of a callback and then @micro ms in @count microtasks. */
function drain({ plain, micro, count, every }) {
  timers.push(setInterval(() => {
    spin(plain);
    for (let i = 0; i < count; i++)
      queueMicrotask(() => { drains.push(spin(micro / count)); done++; });
  }, every));
}

/* Each @every ms, @mb megabytes, some of which live for a while. */
function garbage({ mb, every }) {
  timers.push(setInterval(() => {
    for (let i = 0; i < mb * 64; i++)
      kept.push(new Array(2000).fill(i));
    kept = kept.slice(-500);
  }, every));
}

/* Each @every ms, @count jobs of @rounds rounds for the thread pool, all at once. */
function jobs({ count, rounds, every }) {
  timers.push(setInterval(() => {
    for (let i = 0; i < count; i++) {
      const from = now();
      crypto.pbkdf2('secret', 'salt', rounds, 32, 'sha256', () => works.push([from, now()]));
      submitted++;
    }
  }, every));
}

/* A timer each @every ms that does nothing, but has to be met. */
function tick({ every }) {
  timers.push(setInterval(() => { ticks++; }, every));
}

/* Each @every ms a call to @port, whose answer is waited for. */
function ask({ port, every }) {
  const agent = new http.Agent({ keepAlive: true });

  timers.push(setInterval(() => {
    http.get({ port, host: '127.0.0.1', agent }, (res) => {
      res.resume();
      answers++;
    });
  }, every));
}

const snapshot = () => ({
  ns: now(),
  elu: performance.eventLoopUtilization(),
  loops: performance.nodeTiming.uvMetricsInfo?.loopCount ?? null,
  cpu: process.cpuUsage(),
});

/* @watch: a timer of its own measures how late the loop is, and makes it go round. */
function begin({ watch }) {
  blocks = [];
  drains = [];
  gcs.length = 0;
  done = 0;
  works = [];
  submitted = 0;
  ticks = 0;
  answers = 0;
  delay = watch ? monitorEventLoopDelay({ resolution: 5 }) : null;
  delay?.enable();
  first = snapshot();
  return { ns: first.ns };
}

async function end() {
  const last = snapshot();
  const elu = performance.eventLoopUtilization(last.elu, first.elu);

  delay?.disable();
  timers.forEach(clearInterval);
  timers = [];
  while (works.length < submitted)
    await new Promise((resolve) => setTimeout(resolve, 10));
  /* The observer is told of collections in a later iteration. */
  await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    from: first.ns,
    to: last.ns,
    utilisation: elu.utilization,
    active_ms: elu.active,
    loops: first.loops === null ? null : last.loops - first.loops,
    delay_max_ms: delay ? delay.max / 1e6 : null,
    blocks,
    drains,
    microtasks: done,
    works,
    submitted,
    ticks,
    answers,
    gcs: gcs.filter((g) => g.end > first.ns && g.start < last.ns),
  };
}

const handlers = { block, drain, garbage, jobs, tick, ask, begin, end };

/* startTime is relative to timeOrigin, and so is what hrtime is compared with. */
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) {
    const start = now() - (performance.now() - e.startTime) * 1e6;
    gcs.push({ start, end: start + e.duration * 1e6, ms: e.duration,
      kind: (e.detail ?? e).kind });
  }
}).observe({ entryTypes: ['gc'] });

function main() {
  const worker = process.argv[3] === 'worker' ? new Worker(__filename) : null;
  const server = http.createServer((req, res) => res.end('ok'));
  let answered;

  worker?.on('message', (m) => answered(m));
  const ask = (command) => new Promise((resolve) => {
    answered = resolve;
    worker.postMessage(command);
  });
  const all = Object.fromEntries(Object.keys(handlers).map((name) =>
    [name, (command) => (worker ? ask(command) : handlers[name](command))]));
  server.listen(Number(process.argv[2]), '127.0.0.1', () => {
    commands(all);
    say('ready', { version: process.version });
  });
}

if (isMainThread)
  main();
else
  parentPort.on('message', async (c) => parentPort.postMessage(await handlers[c.cmd](c) ?? {}));
