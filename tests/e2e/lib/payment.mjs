// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The demo's payment service under an agent, and its own record as a truth like the others'.
import path from 'node:path';
import { spawn } from 'node:child_process';
import readline from 'node:readline';

import { warm } from './context.mjs';
import { TOP } from './env.mjs';
import { exported, jsonLines, load, record, reported, sleep, tmpFile, track,
  within } from './proc.mjs';
import { overTls } from './tls.mjs';

const PAYMENT = path.join(TOP, 'tools/demo/payment.js');
const START_MS = 30000;

/* {child, where, oracle, stdout} of a service that listens, on a port or on a socket of the file system. */
export async function startPayments(variant, mode, { unix, tls, args = [] }) {
  const oracle = tmpFile('oracle.jsonl');
  const socket = unix ? tmpFile('payment.sock') : '';
  const over = tls ? overTls() : { flags: [], env: {} };
  const child = track(spawn(variant.path, [...variant.flags, ...over.flags, PAYMENT,
    '--mode', mode, ...args, ...(unix ? ['--socket', socket] : [])],
    { stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '', PORT: '0', ORACLE: oracle, ...over.env } }));
  const stdout = [];
  const listening = new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      stdout.push(line);
      const at = /^listening (.+)/.exec(line)?.[1];
      if (at)
        resolve(at);
    });
    child.closed.then(() => reject(new Error('the payment service ended')));
  });

  const at = await within(listening, START_MS, 'payment service');
  return { child, oracle, socket, stdout, where: unix ? `unix:${at}` : `127.0.0.1:${at}`,
    port: unix ? 0 : Number(at) };
}

/*
 * The record as a log of truth.js: numbers on connections, and whose store it was. What names a
 * connection is the peer's port; @unix: there is none, so it is the service's own number. A
 * payment is answered by one write, head and body.
 */
function truthOf(file, { unix, tls }) {
  const served = new Map();
  const log = jsonLines(file).sort((a, b) => a.seq - b.seq).map((line) => {
    const port = unix ? line.connection : line.remotePort;
    /* A port may be another connection's later. */
    const seq = (served.get(line.connection) ?? 0) + 1;
    served.set(line.connection, seq);
    return { ...line, service_seq: line.seq, port, seq,
      path: line.path.split('?')[0],
      end_ns: line.finish_ns, written_ns: tls ? line.head_ns : undefined, queued: false };
  });
  const bySeq = new Map(log.map((e) => [e.service_seq, e]));

  for (const entry of log) {
    const owner = bySeq.get(entry.contextSeq);
    if (entry.head_ns === 0)
      entry.context = null;
    else if (!owner)
      entry.context = [{ is: entry.contextId === null ? 'lost' : 'stray' }];
    else if (owner === entry)
      entry.context = [{ is: 'own' }];
    else
      entry.context = [{ is: owner.connection === entry.connection ? 'same' : 'foreign',
        other: { port: owner.port, seq: owner.seq, path: owner.path } }];
  }
  return log;
}

const grouped = (list, key) => list.reduce((by, one) =>
  by.set(key(one), [...(by.get(key(one)) ?? []), one]), new Map());

/* How far apart the heads of two connections are, requests' and responses'; Infinity: not the same. */
function distance(requests, entries) {
  const pairs = requests.map((r) => [r, entries.find((e) => e.seq === r.conn_seq)]);

  return requests.length !== entries.length || pairs.some(([, e]) => !e) ? Infinity :
    pairs.reduce((sum, [r, e]) => sum + Math.abs(e.start_ns - r.recv_ns) +
      Math.abs(e.head_ns - r.first_byte_ns), 0) / pairs.length;
}

/*
 * Connections without ports, by when their requests came and were answered: each of the agent's gets
 * the number of one of the service's, the nearest first, as if that were a port.
 */
function numbered(requests, log) {
  const served = [...grouped(log, (e) => e.port)];
  const near = [...grouped(requests, (r) => r.conn)].flatMap(([conn, list]) =>
    served.map(([number, entries]) => ({ conn, number, far: distance(list, entries) })))
    .filter(({ far }) => far < Infinity).sort((a, b) => a.far - b.far);
  const numbers = new Map();
  const taken = new Set();

  for (const { conn, number } of near) {
    if (!numbers.has(conn) && !taken.has(number)) {
      numbers.set(conn, number);
      taken.add(number);
    }
  }
  return requests.map((r) => ({ ...r, peer_port: numbers.get(r.conn) ?? -1,
    findings: r.findings.map((f) => (f.other ? { ...f,
      other: { ...f.other, peer_port: numbers.get(f.other.conn) ?? null } } : f)) }));
}

/**
 * Runs the service of @mode under an agent while @drive(where) loads it. @how: {unix} over a socket
 * of the file system, {tls} over HTTPS, {args} more arguments.
 */
export async function observePayments(variant, mode, drive, how = {}) {
  const service = await startPayments(variant, mode, how);

  try {
    if (how.tls)
      await load(service.where, ['-n', '1', '--tls', 'any', '--mix', 'GET /users/1']);
    else
      await warm(how.unix ? { path: service.socket } : service.port, 'users/1');
    const since = Number(process.hrtime.bigint());
    const agent = await record([service.child.pid]);
    const driven = await drive(service.where);
    await sleep(200);
    const end = await agent.stop();
    service.child.kill('SIGTERM');
    await within(service.child.closed, START_MS, 'end of the payment service');
    const out = await exported(agent.file);
    const log = truthOf(service.oracle, how);
    return { driven, since, end, file: agent.file, stdout: service.stdout, log, ...out,
      requests: how.unix ? numbered(out.requests, log) : out.requests,
      ports: out.requests.map((r) => r.peer_port),
      report: await reported(agent.file) };
  } finally {
    service.child.kill('SIGKILL');
  }
}
