// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What was found about contexts, against what the service itself knows (services/truth.js):
// request by request, joined by connection and number on it.
import { Raw } from './raw.mjs';
import { record, reported, exported, sleep, startService } from './proc.mjs';

/* What ends within this time of something else may have ended before or after it. */
const CLOSE_NS = 5e6;

const key = (port, seq) => `${port}/${seq}`;
const name = (e) => `${e.method} ${e.path} ${key(e.port, e.seq)}`;

/*
 * One request on a connection of its own, so that the process has used a store before. @where: a
 * port, or what net.connect() takes.
 */
export async function warm(where, route) {
  const raw = await Raw.open(typeof where === 'number' ? { host: '127.0.0.1', port: where } : where);

  await raw.exchange(`GET /${route} HTTP/1.1\r\nHost: warm\r\n\r\n`);
  await raw.end();
}

/**
 * Runs @script under an agent while @drive(service) does its work. Resolves to what the service
 * says (its dump) and what the agent says: requests, report. The agent meets a process at work:
 * @first is a route that is asked for before.
 */
export async function observe(variant, script, opts) {
  const service = await startService(variant, script, opts.args ?? [],
    { flags: [...variant.flags, ...(opts.flags ?? [])], env: opts.env });

  try {
    for (const port of opts.first ? service.ready.ports ?? [service.ready.port] : [])
      await warm(port, opts.first);
    const since = Number(process.hrtime.bigint());
    const agent = await record([service.pid], opts.agent ?? []);
    const driven = await opts.drive(service);
    await sleep(opts.settle_ms ?? 100); /* what is answered last is over */
    const end = await agent.stop();
    const truth = await service.dump();
    const out = await exported(agent.file, opts.shown ?? []);
    opts.also?.(agent.file);
    return { service, since, driven, end, truth, ...out, report: await reported(agent.file),
      stderr: service.stderr };
  } finally {
    await service.kill(opts.signal);
  }
}

/**
 * [{req, entry}] of all, and what is only on one side; what began before @since may be. A port may
 * be another connection's later.
 */
export function join(requests, log, since) {
  const served = new Map();
  const pairs = [];
  const missing = [];

  for (const entry of log) {
    const at = key(entry.port, entry.seq);

    served.set(at, [...served.get(at) ?? [], entry]);
  }
  for (const req of requests) {
    const at = key(req.peer_port, req.conn_seq);
    const entries = served.get(at) ?? [];
    const [entry] = entries.filter((e) => e.path === req.path).sort((a, b) =>
      Math.abs(a.start_ns - req.recv_ns) - Math.abs(b.start_ns - req.recv_ns));

    if (entry)
      pairs.push({ req, entry });
    else if (entries.length)
      missing.push(`${req.path} of ${at} was ${entries.map((e) => e.path)}`);
    served.set(at, entries.filter((e) => e !== entry));
  }
  for (const entry of [...served.values()].flat()) {
    if (entry.context && entry.start_ns > since)
      missing.push(`${name(entry)} was not seen`);
  }
  return { pairs, missing };
}

export const findings = (req, kind) => req.findings.filter((f) => f.kind === kind);
const says = (entry, is) => (entry.context ?? []).filter((c) => c.is === is);
const told = (entry) => (entry.context ?? []).map((c) => c.is).join('+');

/* The one that the finding names is the one whose store it really was. */
function otherWrong(finding, entry, bySeq) {
  const { other } = finding;
  const real = says(entry, 'foreign');
  const of = (c) => c.other.port === other.peer_port;

  if (other.conn === null) /* older than all that is known */
    return '';
  if (!real.some(of))
    return `${name(entry)} is said to be under ${other.peer_port}'s store, ` +
      `was under ${real.map((c) => key(c.other.port, c.other.seq))}'s`;
  const req = other.seq ? bySeq.get(other.seq) : null;
  if (req && !real.some((c) => of(c) && c.other.seq === req.conn_seq))
    return `${name(entry)}: the other is number ${req.conn_seq} of its connection, ` +
      `was ${real.filter(of).map((c) => c.other.seq)}`;
  if (other.path && !real.some((c) => of(c) && other.path === c.other.path))
    return `${name(entry)}: the other's path is ${other.path}, was ${real[0].other.path}`;
  return '';
}

/*
 * Was the other one's answer over? Not asked where it ended at about the same time. Over TLS the
 * service is told of the end later than it was, by an immediate: what it wrote last says more.
 */
function staleWrong(finding, entry, others) {
  const real = says(entry, 'foreign').find((c) => c.other.port === finding.other.peer_port);
  /* A later connection can have the same port: the last one that had begun by then. */
  const other = real && others.get(key(real.other.port, real.other.seq))
    ?.findLast((e) => e.start_ns <= entry.head_ns);
  const end = finding.stale ? other?.written_ns ?? other?.end_ns : other?.end_ns;

  if (!end || Math.abs(end - entry.head_ns) < CLOSE_NS)
    return '';
  return finding.stale === end < entry.head_ns ? '' :
    `${name(entry)}: stale ${finding.stale}, the other ended ` +
      `${((end - entry.head_ns) / 1e6).toFixed(1)} ms from its head`;
}

/**
 * No finding but what the service itself confirms, and every word of it right. @only: requests
 * that count, e.g. a route's.
 */
export function wrongFindings(pairs, only = () => true) {
  const bySeq = new Map(pairs.map(({ req }) => [req.seq, req]));
  const others = new Map();
  const wrong = [];

  for (const { entry } of [...pairs].sort((a, b) => a.entry.start_ns - b.entry.start_ns)) {
    const at = key(entry.port, entry.seq);
    others.set(at, [...others.get(at) ?? [], entry]);
  }
  for (const { req, entry } of pairs.filter(({ entry }) => only(entry))) {
    for (const f of findings(req, 'foreign')) {
      /* Of a store from before the attach it is not known which connection's request had it. */
      if (f.other.conn === null && says(entry, 'same').length > 0)
        continue;
      if (says(entry, 'foreign').length === 0)
        wrong.push(`${name(entry)} is called foreign, is ${told(entry)}: ${JSON.stringify(f)}`);
      else
        wrong.push(otherWrong(f, entry, bySeq), staleWrong(f, entry, others));
    }
    for (const f of findings(req, 'lost')) {
      if (says(entry, 'lost').length === 0)
        wrong.push(`${name(entry)} is called lost, is ${told(entry)}: ${JSON.stringify(f)}`);
    }
  }
  return wrong.filter(Boolean);
}

/* What may be true of each instance at a head of which the agent says this, and of one at least. */
const MEANS = {
  own: { each: ['own', 'same', 'shared', 'none'], one: ['own', 'same', 'shared'] },
  none: { each: ['none', 'lost'], one: ['none', 'lost'] },
};

function means(word, entry) {
  const { each, one } = MEANS[word];

  return entry.context.every((c) => each.includes(c.is)) &&
    entry.context.some((c) => one.includes(c.is));
}

/** The word `context` of each request: it claims nothing that the service denies. */
export function wrongContexts(pairs) {
  const wrong = [];

  for (const { req, entry } of pairs.filter(({ entry }) => entry.context && !entry.queued)) {
    if (MEANS[req.context] && findings(req, 'fan_out').length === 0 && !means(req.context, entry))
      wrong.push(`${name(entry)} is called ${req.context}, is ${told(entry)}`);
    if (['foreign', 'lost'].includes(req.context) && findings(req, req.context).length === 0)
      wrong.push(`${name(entry)} is called ${req.context} without a finding`);
  }
  return wrong;
}

/**
 * Of the heads that really were @kind: how many were found, how many the agent left open (it
 * says unknown or unreadable), how many it missed.
 */
export function recall(pairs, kind) {
  const real = pairs.filter(({ entry }) => says(entry, kind).length > 0);
  const found = real.filter(({ req }) => findings(req, kind).length > 0);
  const left = real.filter(({ req }) => findings(req, kind).length === 0 &&
    ['unknown', 'unreadable', 'unread'].includes(req.context));

  return {
    real: real.length, found: found.length, open: left.length,
    missed: real.filter((p) => !found.includes(p) && !left.includes(p))
      .map(({ req, entry }) => `${name(entry)} is ${told(entry)}, called ${req.context}`),
    share: real.length === left.length ? 1 : found.length / (real.length - left.length),
  };
}

/** {own: 12, unknown: 3, ...}: requests by the agent's word for their context. */
export function contexts(requests) {
  const n = {};

  for (const req of requests) {
    const word = req.context === 'unknown' ? `unknown (${req.context_unknown})` : req.context;
    n[word] = (n[word] ?? 0) + 1;
  }
  return n;
}

export const counted = (n) => Object.entries(n).map(([word, count]) => `${count} ${word}`)
  .join(', ');

/** The report's sums are those of the requests. */
export function wrongReport(report, requests) {
  const wrong = [];
  const expect = (what, is, want) => is === want ||
    wrong.push(`report: ${what} ${is}, not ${want}`);
  const all = (kind) => requests.flatMap((r) => findings(r, kind));
  const { context, findings: sums } = report;

  expect('foreign', sums.foreign, all('foreign').length);
  expect('stale', sums.stale, all('foreign').filter((f) => f.stale).length);
  expect('lost', sums.lost_intermittent + sums.lost_always, all('lost').length);
  expect('fan_out', sums.fan_out, all('fan_out').length);
  expect('read + none + unreadable', context.read + context.none + context.unreadable,
    context.heads);
  if (context.unreadable > 0)
    wrong.push(`report: ${context.unreadable} of ${context.heads} heads are unreadable`);
  return wrong;
}
