// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Callbacks that held the loop: who, how long, doing what, and who paid for it.
import { key, ms, routeOf, sourceOf, sum, tolerance } from './waits.mjs';

export const OVER_NS = 20e6;
const MARGIN_NS = 3e6;
const MEMBERS = ['blocked_ns', 'by', 'cpu_ns', 'duration_ns', 'env', 'gc_ns', 'paid', 'pid',
  'request', 'sched_ns', 'start_ns'];
const BY = ['request', 'timers', 'immediates', 'async', 'unknown'];
const MOST = 0.9;
const POLLS = [232, 281]; /* epoll_wait, epoll_pwait */
const LATE_NS = 1e6; /* a sample is taken after its time */

const end = (b) => b.start_ns + b.duration_ns;
const overlap = (a, b, c, d) => Math.max(0, Math.min(b, d) - Math.max(a, c));

/** What the service did in one go for longer than the threshold: [{path, key, from, to, ...}]. */
export function holds(log) {
  return log.flatMap((entry) => {
    if (!entry.held.length)
      return [];
    const from = entry.held[0].from_ns;
    const to = entry.held.at(-1).to_ns;
    const of = (kind) => sum(entry.held.filter((h) => h.kind === kind)
      .map((h) => h.to_ns - h.from_ns - h.delay_ns - (kind === 'blocked' ? h.cpu_ns : 0)));

    return [{ path: entry.path, key: entry.port ? key(entry) : null, from, to, gc: of('gc'),
      blocked: of('blocked'), sched: sum(entry.held.map((h) => h.delay_ns)) }];
  }).filter((h) => h.to - h.from > OVER_NS + MARGIN_NS);
}

const told = (b) => b.paid.worst.map((x) => `${x.seq} ${x.path} ${ms(x.ns)}`);

/* The line that is of this hold. */
const lineOf = (lines, hold) => lines.filter((b) =>
  overlap(b.start_ns, end(b), hold.from, hold.to) > (hold.to - hold.from) / 2);

function formWrong(b) {
  const parts = [b.cpu_ns, b.gc_ns, b.sched_ns, b.blocked_ns];

  if (MEMBERS.some((m) => !(m in b)))
    return [`members ${Object.keys(b)}`];
  if (!BY.includes(b.by))
    return [`by ${b.by}: ${JSON.stringify(b.request)}`];
  return parts.every((p) => Number.isInteger(p) && p >= 0) && sum(parts) <= b.duration_ns * 1.001 ?
    [] : [`parts ${parts} of ${b.duration_ns}`];
}

/* Timers that are due together have one turn: who did what in it is not always known. */
const isShared = (log, b, hold) => b.by === 'timers' && log.some((entry) => entry.port &&
  key(entry) !== hold.key && entry.ops.some(({ kind, to_ns: at }) => kind === 'timer' &&
  at > b.start_ns - LATE_NS && at < end(b) + LATE_NS));

/* Was the loop in its poll meanwhile? It may be held by what the service does not know of: a lock. */
const waitedIn = (samples, b) => samples.filter(([at, call]) => POLLS.includes(call) &&
  at > b.start_ns + LATE_NS && at < end(b) - LATE_NS).length;

/**
 * Each hold is told once, with who did it and what it was; nothing else is. @samples: [ns, number of
 * the system call that the thread was in].
 */
export function blockingWrong(lines, log, requests, samples) {
  const wrong = lines.flatMap(formWrong);
  const seen = new Map(requests.map((r) => [r.seq, r]));
  const off = [];
  const nobody = [];
  const told = new Set();

  for (const hold of holds(log)) {
    const found = lineOf(lines, hold);
    const name = `${hold.path} of ${hold.key}, ${ms(hold.to - hold.from)}`;

    found.forEach((b) => told.add(b));
    if (found.length !== 1) {
      wrong.push(`${name}: told ${found.length} times`);
      continue;
    }
    const [b] = found;
    const req = b.request && seen.get(b.request.seq);
    if (b.request === null && hold.key && !isShared(log, b, hold))
      nobody.push(`${name}: done by nobody known (${b.by})`);
    else if (b.request && (!req || key(req) !== hold.key))
      wrong.push(`${name}: done by ${JSON.stringify(b.request)} (${b.by})`);
    if (req && (req.conn !== b.request.conn || req.path !== b.request.path))
      wrong.push(`${name}: ${JSON.stringify(b.request)} of ${req.conn} ${req.path}`);
    /*
     * The callback is a little more than what the service measured, and what the machine did to it
     * then is not known. A collection during which the thread has no CPU is either of both.
     */
    const outside = b.gc_ns + b.sched_ns;
    const within = hold.gc + hold.sched;
    for (const [what, is, want] of [
      ['duration', b.duration_ns - outside, hold.to - hold.from - within],
      ['blocked', b.blocked_ns, hold.blocked],
      ['gc and sched', Math.min(outside, within), within],
      ['gc', b.gc_ns, Math.max(b.gc_ns, hold.gc)]]) {
      if (Math.abs(is - want) > tolerance(want) + 1e6)
        off.push(`${name}: ${what} ${ms(is)}, not ${ms(want)}`);
    }
  }
  if (nobody.length > (1 - MOST) * Math.max(1, told.size))
    wrong.push(...nobody);
  if (off.length > (1 - MOST) * 4 * Math.max(1, told.size))
    wrong.push(...off);
  /* The machine may hold a callback up; the program did not. */
  for (const b of lines.filter((l) => !told.has(l))) {
    const idle = waitedIn(samples, b);
    if (b.cpu_ns > OVER_NS || (idle && b.duration_ns - b.sched_ns - b.gc_ns > OVER_NS))
      wrong.push(`told without a reason, ${idle} times seen to wait: ${JSON.stringify(b)}`);
  }
  return wrong;
}

/* Of operations at once each waits; their request waits once. */
function disjoint(times) {
  let last = 0;

  return times.sort(([a], [b]) => a - b).map(([from, to]) => {
    const since = Math.max(from, last);
    last = Math.max(last, to);
    return [since, Math.max(since, to)];
  });
}

/*
 * What the request certainly needed, and whose end shows: not of operations at once, and of timers
 * whose callbacks do nothing that is seen only the one before the response.
 */
function needed({ entry }) {
  if (['all', 'then'].includes(routeOf(entry)))
    return [];
  return routeOf(entry) === 'timers' ? entry.ops.slice(-1) : entry.ops;
}

/*
 * When the request only waited for the loop: its bytes were there, or what it waited for. With
 * @perhaps also when it waited for something of which it is not known when it was there.
 */
function waited(pair, ready, perhaps) {
  const times = [[pair.client.start_ns, pair.entry.start_ns]];

  for (const op of perhaps ? pair.entry.ops : needed(pair)) {
    const at = sourceOf(op, pair.client, ready) ?? (perhaps ? op.from_ns : undefined);
    if (at !== undefined)
      times.push([at, op.to_ns]);
  }
  return disjoint(times);
}

/** How long @pair waited for the end of [@from, @to), in ns: {least, most}. */
export function paidFor(pair, from, to, ready) {
  const [least, most] = [false, true].map((perhaps) => sum(waited(pair, ready, perhaps)
    .map(([since, until]) => overlap(since, until, from, to))));

  return { least, most };
}

/** Those who paid, and the blockers of those who waited, are the ones that the clocks show. */
export function payersWrong(lines, log, pairs, ready, least = 3e6) {
  const wrong = [];
  const bySeq = new Map(pairs.map((p) => [p.req.seq, p]));
  let checked = 0;

  for (const hold of holds(log)) {
    const [b] = lineOf(lines, hold);
    if (!b)
      continue;
    const real = pairs.filter((p) => key(p.entry) !== hold.key)
      .map((p) => [p, paidFor(p, hold.from, hold.to, ready).least]).filter(([, ns]) => ns > least);
    checked += real.length;
    if (b.paid.count < real.length)
      wrong.push(`${hold.path} from ${hold.from}: ${b.paid.count} paid (${told(b)}), ` +
        `not ${real.map(([p, ns]) => `${p.req.seq} ${p.entry.path} ${ms(ns)}`)}`);
    for (const { seq, ns } of b.paid.worst) {
      const p = bySeq.get(seq);
      const want = p ? paidFor(p, b.start_ns, end(b), ready) : { least: 0, most: 0 };
      if (ns < want.least - tolerance(want.least) - 2e6 || ns > want.most + tolerance(want.most) + 2e6)
        wrong.push(`${hold.path}: ${p?.entry.path ?? seq} is said to have paid ${ms(ns)}, ` +
          `not ${ms(want.least)} to ${ms(want.most)}`);
    }
    for (const [p, ns] of real.filter(([q, paid]) => q.w && paid > 2 * least)) {
      const blocker = p.req.blockers.find((x) => x.seq === b.request?.seq);
      if (b.request && !blocker && p.req.blockers.length < 3)
        wrong.push(`${p.entry.path} waited ${ms(ns)} for ${hold.path}: ${JSON.stringify(p.req.blockers)}`);
      else if (blocker && blocker.conn !== b.request.conn)
        wrong.push(`${p.entry.path}: ${JSON.stringify(blocker)}`);
    }
  }
  return { wrong: wrong.length > (1 - MOST) * checked ? wrong : [], checked, off: wrong.length };
}
