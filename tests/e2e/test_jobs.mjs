// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Jobs of the thread pool on every version: each under the request that handed it in and under no
// other, of the right kind, with the time that it waited for a thread and the time that it took.
// The service's own log is the truth.
//
// test-timeout: 300
import http from 'node:http';

import { selected } from './lib/env.mjs';
import { join, observe } from './lib/context.mjs';
import { sleep } from './lib/proc.mjs';
import { finish, part, verdict } from './lib/report.mjs';
import { variants } from './lib/variants.mjs';

/* Of jobs that were handed in by requests; what else there is has its reason. */
const KNOWN_MIN = 0.9;
const SLACK_NS = 60e6; /* a busy machine */

const ask = (agent, port, url) => new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path: url, agent }, (res) => {
    res.resume();
    res.on('end', resolve);
  }).on('error', reject);
});

async function together(port, urls, connections) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  let at = 0;

  await Promise.all(Array.from({ length: connections }, async () => {
    while (at < urls.length)
      await ask(agent, port, urls[at++]);
  }));
  agent.destroy();
}

const many = (n, url) => Array.from({ length: n }, (_, i) => url(i));

async function drive({ ready: { port } }) {
  await together(port, many(5, (i) => `/chain/${i}`), 1);
  await together(port, many(100, (i) => `/both/${i}`), 50);
  await together(port, many(60, (i) => `/each/${i}`), 20);
  await together(port, many(3, (i) => `/fifo/${i}`), 1);
  await together(port, many(30, (i) => `/late/${i}`), 2);
  await sleep(300);
}

async function driveOne({ ready: { port } }) {
  await together(port, many(5, (i) => `/queue/${i}`), 1);
}

/* The job that the service handed in between these two times, if the agent has one. */
const isThis = (job, told) => job.submit_ns >= told.from_ns && job.submit_ns <= told.to_ns;

/* [{entry, req, told, job}] of all that the service handed in itself. */
function pair(run, pairs) {
  const jobs = [...run.jobs].sort((a, b) => a.submit_ns - b.submit_ns);

  return pairs.flatMap(({ req, entry }) => entry.jobs.map((told) => ({
    entry, req, told, found: jobs.filter((job) => isThis(job, told)),
  })));
}

function attribution(name, run, pairs, all) {
  const wrong = [];
  const seqs = new Map(pairs.map(({ req, entry }) => [req.seq, entry]));
  let known = 0;

  for (const { entry, req, told, found } of all) {
    if (found.length !== 1)
      wrong.push(`${entry.path}: ${found.length} jobs for ${JSON.stringify(told)}`);
    for (const job of found) {
      if (job.kind !== told.kind)
        wrong.push(`${entry.path}: ${job.kind} is ${told.kind}`);
      if (job.request_seq !== null && job.request_seq !== req.seq)
        wrong.push(`${entry.path}: ${JSON.stringify(job)} is said to be ` +
          `${seqs.get(job.request_seq)?.path}'s`);
      known += job.request_seq !== null;
    }
  }
  const { strangers } = run.truth;
  const nobodys = strangers.flatMap((told) => run.jobs.filter((job) => isThis(job, told)));
  const taken = nobodys.filter((job) => job.request_seq !== null);

  if (nobodys.length < 100)
    wrong.push(`${nobodys.length} jobs of nobody: nothing was tested`);
  for (const job of taken)
    wrong.push(`nobody's is said to be ${seqs.get(job.request_seq)?.path}'s: ${JSON.stringify(job)}`);
  verdict(name, 'none is wrong', wrong, `${known} of ${all.length} known`);
  verdict(name, 'known', known >= KNOWN_MIN * all.length ? [] :
    [`${known} of ${all.length}: ${JSON.stringify(run.report.jobs.unknown)}`]);
}

/*
 * Of requests that were alone all jobs must be there, those that callbacks handed in too. The store
 * of one of them may be one of those whose request cannot be told.
 */
function chains(name, run, pairs) {
  const wrong = [];
  const sets = new Set();
  let unsure = 0;

  for (const { req, entry } of pairs.filter((p) => p.entry.path.startsWith('/chain/'))) {
    const mine = run.jobs.filter((job) => job.submit_ns >= entry.start_ns && job.submit_ns <= entry.end_ns);
    const other = mine.filter((job) => job.request_seq !== req.seq);
    const byStore = other.every((job) => job.request_seq === null && job.unknown === 'store');

    if (other.length && (!byStore || ++unsure > 1))
      wrong.push(`${entry.path}: ${JSON.stringify(other[0])}`);
    sets.add(mine.map((job) => job.kind).join(' '));
  }
  if (sets.size !== 1)
    wrong.push(`not the same jobs each time: ${[...sets].join(', ')}`);
  if (!/^fs.* crypto zlib.* dns$/.test([...sets][0]))
    wrong.push(`jobs ${[...sets][0]}`);
  verdict(name, 'chains', wrong, [...sets][0]);
}

/* How long a job took, where the service knows; and that it was done before its callback. */
function times(name, all) {
  const wrong = [];
  let fifos = 0;

  for (const { entry, told, found: [job] } of all.filter((a) => a.found.length)) {
    if (!(job.start_ns >= job.submit_ns && job.end_ns >= job.start_ns && job.callback_ns >= job.end_ns))
      wrong.push(`order ${JSON.stringify(job)}`);
    if (told.done_ns < job.end_ns)
      wrong.push(`${entry.path}: ended after its callback: ${JSON.stringify(job)}`);
    if (!entry.path.startsWith('/fifo/'))
      continue;
    fifos++;
    if (Math.abs(job.end_ns - job.start_ns - entry.fifo_ns) > SLACK_NS)
      wrong.push(`${entry.path}: ${job.end_ns - job.start_ns} is ${entry.fifo_ns}`);
  }
  if (!fifos)
    wrong.push('no FIFO was opened: nothing was tested');
  verdict(name, 'times', wrong);
}

function counts(name, run) {
  const { jobs } = run.report;
  const wrong = [];
  const sum = jobs.by_store + jobs.by_loop + jobs.by_nothing;

  if (jobs.total < run.jobs.length || sum < run.jobs.length || jobs.not_kept)
    wrong.push(JSON.stringify(jobs));
  if (Object.values(jobs.kinds).reduce((a, b) => a + b) !== jobs.total)
    wrong.push('kinds do not add up');
  verdict(name, 'report', wrong, JSON.stringify(jobs));
}

async function observed(name, variant, mode, opts) {
  const run = await observe({ ...variant, name }, 'jobs.js', { args: [mode], first: 'warm', settle_ms: 300, ...opts });
  const { pairs, missing } = join(run.requests, run.truth.log, run.since);

  verdict(name, 'seen', [...missing,
    ...(run.summary.loss.total ? [`loss ${run.summary.loss.total}`] : []),
    ...(run.end.status ? [run.end.stderr] : [])], `${pairs.length} requests, ${run.jobs.length} jobs`);
  return { run, pairs };
}

async function testVariant(variant, mode) {
  const name = mode === 'als' ? variant.name : `${variant.name} without`;
  const { run, pairs } = await observed(name, variant, mode, { drive });
  const all = pair(run, pairs);

  attribution(name, run, pairs, all);
  chains(name, run, pairs);
  times(name, all);
  counts(name, run);
}

/* One thread: a job behind one that takes long waits for it. */
async function testQueue(variant) {
  const name = `${variant.name} queue`;
  const { run, pairs } = await observed(name, variant, 'none', { drive: driveOne, env: { UV_THREADPOOL_SIZE: '1' } });
  const wrong = [];
  let waited = 0;

  for (const { entry, found: [job] } of pair(run, pairs)) {
    const queue = job ? job.start_ns - job.submit_ns : 0;

    if (queue > entry.fifo_ns - SLACK_NS && queue < entry.fifo_ns + SLACK_NS)
      waited++;
  }
  if (pairs.length !== 5 || waited !== 5)
    wrong.push(`${waited} jobs of ${pairs.length} requests waited`);
  for (const { req, entry } of pairs)
    if (!(req.waits_ns?.pool_queue + req.waits_ns?.fs > entry.fifo_ns - SLACK_NS))
      wrong.push(`${entry.path}: ${JSON.stringify(req.waits_ns)}, FIFO ${entry.fifo_ns}`);
  verdict(name, 'one waits for the other', wrong);
}

for (const variant of variants()) {
  for (const mode of ['als', 'none']) {
    if (selected(`${variant.name} ${mode}`))
      await part(variant.name, 'seen', () => testVariant(variant, mode));
  }
  if (selected(`${variant.name} queue`) && !variant.flags.length)
    await part(variant.name, 'queue', () => testQueue(variant));
}
finish('jobs');
