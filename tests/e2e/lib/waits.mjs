// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where requests waited, against what services/waits.js wrote down and lib/waits_world.mjs knows.
import fs from 'node:fs';

import { Raw } from './raw.mjs';
import { sleep } from './proc.mjs';

export const KINDS = ['queue', 'cpu', 'loop', 'gc', 'sched', 'blocked', 'dns', 'connect', 'call',
  'socket', 'fs', 'crypto', 'zlib', 'pool', 'pool_queue', 'timer', 'client', 'other'];
/* Kinds that take an operation of the request's own: without one they are zero, exactly. */
export const OWN = ['dns', 'connect', 'call', 'socket', 'fs', 'crypto', 'zlib', 'pool', 'timer', 'client'];
/* What may be true of any request in small, and what in the middle is no more than that. */
const SMALL_NS = { queue: 1e6, loop: 1e6, gc: 1e6, sched: 1e6, blocked: 1e6, pool_queue: 1e6,
  other: 1e6, cpu: 4e6 };
const SHARE = 0.05;
const LEAST_NS = 1e6;
/* Of single ones so many are as they should be; the machine may have disturbed the others. */
const MOST = 0.9;
const UNKNOWN = 0.2;
/* Kinds of which the world remembers when they were over at their source. */
const ANSWERED = ['fs', 'dns', 'call'];
const PARTS = { call: ['connect'], pool_queue: ['fs'] };
const MS_NS = 1e6;
const TICK_NS = 5e6; /* the kernel's count may be as old as a tick, which is at most 4 ms */
const POOL = ['dns', 'fs', 'crypto', 'zlib', 'pool'];
const NOTHING = { least: 0, alone: 0, source: 0, most: 0, known: true };
/* A wait of its own that is told of a route is at least so long. */
const WORTH_NS = 5e6;

export const now = () => Number(process.hrtime.bigint());
export const ms = (ns) => (ns / 1e6).toFixed(2);
export const sum = (list) => list.reduce((a, b) => a + b, 0);
export const tolerance = (ns) => Math.max(SHARE * ns, LEAST_NS);
export const key = (e) => `${e.port ?? e.peer_port}/${e.conn_seq ?? e.seq}`;
export const routeOf = (e) => e.path.split('/')[1];

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);

  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/* For how long this thread could have run and had no CPU, so far. */
const delay = () => Number(fs.readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]);

/** A connection and what was asked over it: ask() resolves to an entry with the client's times. */
export class Client {
  static async open(port) {
    const client = new Client();

    client.raw = await Raw.open({ host: '127.0.0.1', port });
    client.seq = 0;
    return client;
  }

  /** @late_ms: a body is sent of which the second half comes later by that. */
  async ask(path, late_ms = 0) {
    const delayed = delay();
    const entry = { port: this.raw.port, seq: ++this.seq, path, start_ns: now() };
    const head = `${late_ms ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nHost: waits\r\n`;

    if (late_ms) {
      await this.raw.write(`${head}Content-Length: 8\r\n\r\nhalf`);
      await sleep(late_ms);
      entry.rest_ns = now();
      await this.raw.exchange('half', 'POST');
    } else {
      await this.raw.exchange(`${head}\r\n`);
    }
    entry.end_ns = now();
    entry.delay_ns = delay() - delayed;
    return entry;
  }

  end() {
    return this.raw.end();
  }
}

/** [{req, entry, client}] of what the clients asked; what is missing on a side. */
export function joined(requests, log, clients) {
  /* With the path: a port may be another connection's later. */
  const named = (e) => `${key(e)} ${e.path}`;
  const served = new Map(log.map((e) => [named(e), e]));
  const seen = new Map(requests.map((r) => [named(r), r]));
  const missing = [];
  const pairs = [];

  for (const client of clients) {
    const [req, entry] = [seen.get(named(client)), served.get(named(client))];
    if (!req || !entry)
      missing.push(`${named(client)}: ${JSON.stringify([req?.path, entry?.path])}`);
    else
      pairs.push({ req, entry, client, w: req.waits_ns });
  }
  return { pairs, missing };
}

/**
 * Timers that are late together run in one turn of the loop, and are told to have been due when the
 * first of them was.
 */
export function noteTurns(log) {
  const timers = log.flatMap((e) => e.ops).filter((op) => op.kind === 'timer');

  for (const op of timers) {
    op.first_due_ns = Math.min(...timers
      .filter((other) => other.due_ns <= op.due_ns && other.to_ns >= op.due_ns - MS_NS)
      .map((other) => other.due_ns));
  }
}

/** When what the operation waited for was there, as far as that is known. */
export function sourceOf(op, client, ready) {
  if (op.kind === 'client')
    return client.rest_ns;
  return op.first_due_ns ?? op.due_ns ?? (ANSWERED.includes(op.kind) ? ready.get(op.answer ?? op.id) : undefined);
}

/*
 * How long the operation took at its source (as far as that is known), and until its callback. What
 * the thread was kept from its CPU meanwhile may be called that; of a request that is alone, what
 * the thread did meanwhile is its own.
 */
function opTimes(op, client, ready) {
  const most = op.to_ns - op.from_ns;
  const at = sourceOf(op, client, ready);
  const source = at === undefined ? most : Math.min(Math.max(at - op.from_ns, 0), most);

  return { kind: op.kind, most, known: at !== undefined, source,
    least: Math.max(0, source - op.delay_ns),
    alone: Math.max(0, source - op.delay_ns - op.cpu_ns) };
}

/*
 * What a hypervisor took of the CPU while the thread had it: the kernel counts it as no time on a
 * CPU, and it is no delay either, so nothing tells it from a thread that blocks.
 */
function stolen(held) {
  const ns = held.to_ns - held.from_ns - held.delay_ns - held.cpu_ns;

  return held.kind === 'cpu' && ns > TICK_NS ? ns : 0;
}

/**
 * kind -> {least, alone, source, most, known}: what a request's own operations and callbacks took. Of
 * operations at the same time the one that ends last counts.
 */
export function expected({ entry, client }, ready) {
  const kinds = new Map();
  const add = (kind, least, alone, source, most, known = true) => {
    const has = kinds.get(kind) ?? NOTHING;

    kinds.set(kind, { least: has.least + least, alone: has.alone + alone,
      source: has.source + source, most: has.most + most, known: has.known && known });
  };
  const ops = entry.late ? [] : entry.ops.map((op) => opTimes(op, client, ready));
  const counted = routeOf(entry) === 'all' ?
    ops.sort((a, b) => b.most - a.most).slice(0, 1) : ops;

  for (const op of counted)
    add(op.kind, op.least, op.alone, op.source, op.most, op.known);
  for (const held of entry.late ? [] : entry.held) {
    const own = held.to_ns - held.from_ns - held.delay_ns;
    const value = held.kind === 'blocked' ? own - held.cpu_ns : own;

    /*
     * V8's own threads may take the CPU from a collection that runs on several. A request has some
     * CPU time beside what it holds the loop with.
     */
    const least = value - stolen(held);

    add(held.kind, least, least, least,
      value + ({ gc: held.delay_ns, cpu: SMALL_NS.cpu / 2 }[held.kind] ?? 0));
  }
  return kinds;
}

/** Every kind is there, and they add up, whatever else is true. */
export function sumsWrong(requests) {
  const wrong = [];

  for (const { path, waits_ns: w, start_ns, end_ns } of requests) {
    if (w === null)
      continue;
    const values = w ? Object.values(w) : [];
    if (JSON.stringify(Object.keys(w ?? {}).sort()) !== JSON.stringify([...KINDS].sort()))
      wrong.push(`${path}: kinds ${Object.keys(w ?? {})}`);
    else if (values.some((v) => !Number.isInteger(v) || v < 0))
      wrong.push(`${path}: ${JSON.stringify(w)}`);
    else if (sum(values) !== end_ns - start_ns)
      wrong.push(`${path}: ${sum(values)} is not ${end_ns - start_ns}: ${told(w)}`);
  }
  return wrong;
}

/** The kinds that are not zero, in milliseconds. */
export const told = (w) => (w ? KINDS.filter((k) => w[k] > 0).map((k) => `${k} ${ms(w[k])}`)
  .join(', ') : 'unknown');

/* May a request have this kind at all? Some operations have a part that is of another. */
function may(kind, entry) {
  return entry.ops.some((op) => op.kind === kind || PARTS[op.kind]?.includes(kind));
}

/** Kinds that have no reason: a wait for something that the request never asked for. */
export function strangeWrong(pairs) {
  const wrong = pairs.some((p) => p.w) ? [] : ['all are unknown: nothing was tested'];

  for (const { entry, w } of pairs.filter((p) => p.w)) {
    for (const kind of OWN.filter((k) => w[k] > 0 && (entry.late || !may(k, entry))))
      wrong.push(`${entry.path} of ${key(entry)} has ${kind} ${ms(w[kind])}: ${told(w)}`);
  }
  return wrong;
}

/* To the service a job begins when it hands it in. */
const withQueue = (w, kind) => w[kind] + (POOL.includes(kind) ? w.pool_queue : 0);

const isOutside = (w, kind, { least, most }) =>
  withQueue(w, kind) < least - tolerance(least) || w[kind] > most + tolerance(most);

/* Whose an operation is may be unknown: then nothing is told of it, and the time is nobody's. */
const isUnknown = (w, kind, { least }) => w[kind] === 0 && least > LEAST_NS &&
  w.other >= least - tolerance(least);

/* Of one kind, over all of a route: the middle is right, and nearly all are within the bounds. */
function kindWrong(kind, pairs, of) {
  const all = pairs.map(({ w }, i) => ({ w, ...(of[i].get(kind) ?? NOTHING) }))
    .map((x) => ({ ...x, least: x.alone }));
  const known = all.filter((x) => !isUnknown(x.w, kind, x));
  const [has, least, most] = [({ w }) => withQueue(w, kind), (x) => x.least, (x) => x.most]
    .map((f) => median(known.map(f)));
  const wrong = [];

  if (known.length < (1 - UNKNOWN) * all.length)
    wrong.push(`${kind} is unknown in ${all.length - known.length} of ${all.length}`);
  if (has < least - tolerance(least) || median(known.map(({ w }) => w[kind])) > most + tolerance(most))
    wrong.push(`${kind} is ${ms(has)} in the middle, not ${ms(least)} to ${ms(most)}`);
  const outside = known.filter((x) => isOutside(x.w, kind, x));
  if (outside.length > (1 - MOST) * all.length) {
    const [one] = outside;
    wrong.push(`${kind} of ${outside.length} of ${all.length}, such as ${ms(one.w[kind])}, ` +
      `not ${ms(one.least)} to ${ms(one.most)}: ${told(one.w)}`);
  }
  return wrong;
}

function largestWrong(pairs, of) {
  const wrong = pairs.filter(({ w, entry }, i) => {
    const held = sum([...entry.held, ...entry.ops].map((h) => h.delay_ns));
    const lost = sum(entry.held.map(stolen));
    const wants = [...of[i], ['sched', { source: held, most: held }],
      ['blocked', { source: lost, most: lost }]]
      .sort(([, a], [, b]) => b.source - a.source);
    const top = Math.max(...Object.values(w));

    if (w.other === top && [...of[i]].some(([kind, want]) => isUnknown(w, kind, want)))
      return false;
    /* Of two that are about as large either may be. */
    return !wants.some(([kind, { most }]) => w[kind] === top &&
      most >= wants[0][1].source - 2 * tolerance(most));
  });

  return wrong.length <= (1 - MOST) * pairs.length ? [] :
    [`${wrong.length} of ${pairs.length}: another kind is the largest: ${told(wrong[0].w)}`];
}

/* What the client measured from its first byte to the last that it got, if it had a CPU for it. */
function durationWrong(pairs) {
  const off = median(pairs.map(({ req, client }) =>
    Math.max(0, Math.abs(req.end_ns - req.start_ns - (client.end_ns - client.start_ns)) -
      client.delay_ns)));
  const of = median(pairs.map(({ client }) => client.end_ns - client.start_ns));

  return off <= tolerance(of) ? [] : [`duration is off by ${ms(off)} of ${ms(of)}`];
}

/* What a request has of a kind that is not its route's: a part of it, the machine, or the loop. */
function unasked(kind, { entry, client }, kinds) {
  if (kind === 'queue')
    return entry.start_ns - client.start_ns;
  /* To start another process is work. */
  if (kind === 'cpu')
    return sum(entry.held.filter((h) => h.kind === 'blocked').map((h) => h.cpu_ns));
  /* A thread of the pool that is free may wait for a CPU. */
  if (kind === 'pool_queue')
    return POOL.some((k) => kinds.has(k)) ? Infinity : 0;
  if (kind === 'sched')
    return sum([...entry.held, ...entry.ops].map((h) => h.delay_ns));
  /* The thread waits for V8's others before it marks on. */
  if (kind === 'blocked')
    return SHARE * (kinds.get('gc')?.most ?? 0) + sum(entry.held.map(stolen));
  return kind === 'loop' ? sum([...kinds.values()].map(({ source, most }) => most - source)) :
    kinds.get(kind)?.most ?? 0;
}

/**
 * All that is asked of requests that were alone: their kinds are those of the truth, in size, and
 * nothing else is of any size. @kinds names those that the route is about, @besides what may be there.
 */
export function aloneWrong(pairs, ready, kinds, besides = []) {
  const known = pairs.filter((p) => p.w);
  const of = known.map((p) => expected(p, ready));
  const wrong = [];

  if (known.length < MOST * pairs.length)
    return [`${pairs.length - known.length} of ${pairs.length} are unknown`];
  for (const kind of kinds) {
    if (median(of.map((o) => o.get(kind)?.source ?? 0)) < WORTH_NS)
      wrong.push(`no ${kind} in the service's own account: nothing was tested`);
    wrong.push(...kindWrong(kind, known, of));
  }
  wrong.push(...largestWrong(known, of));
  for (const kind of KINDS.filter((k) => !kinds.includes(k) && !besides.includes(k))) {
    const has = median(known.map((p, i) => p.w[kind] - unasked(kind, p, of[i])));
    if (has > (SMALL_NS[kind] ?? LEAST_NS))
      wrong.push(`${kind} is ${ms(has)} in the middle, not small`);
  }
  wrong.push(...durationWrong(known));
  return wrong;
}

/** kind -> what it is in the middle, for the line that a check prints. */
export const middle = (pairs) => {
  const known = pairs.filter((p) => p.w);

  return KINDS.map((k) => [k, median(known.map(({ w }) => w[k]))])
    .filter(([, ns]) => ns >= 1e5).map(([k, ns]) => `${k} ${ms(ns)}`).join(', ');
};

/**
 * Requests among others: what a kind is told to be lies between what it was at its source and what
 * it was when the callback came, and it is not the loop's lateness that it is called.
 */
export function amongWrong(pairs, ready) {
  const bounds = [];
  const late = [];

  for (const pair of pairs.filter((p) => p.w)) {
    for (const [kind, want] of expected(pair, ready)) {
      const { least, source, most, known } = want;
      if (isOutside(pair.w, kind, known ? want : { least: 0, most }))
        bounds.push(`${pair.entry.path}: ${kind} ${ms(pair.w[kind])}, not ${ms(least)} to ` +
          `${ms(most)}: ${told(pair.w)}`);
      if (known && most - source > WORTH_NS)
        late.push(withQueue(pair.w, kind) - source);
    }
  }
  const all = pairs.filter((p) => p.w).length;
  return [
    ...(bounds.length > (1 - MOST) * all ? [`${bounds.length} out of bounds`, ...bounds] : []),
    ...(late.length && Math.abs(median(late)) > 2 * LEAST_NS ?
      [`of ${late.length} that were called late, the wait is ${ms(median(late))} too long`] : []),
  ];
}
