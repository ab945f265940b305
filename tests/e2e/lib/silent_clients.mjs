// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The load of the service silent.js: every route over keep-alive connections, and the clients
// that a load generator is not: pipelining, slow, upgrading, talking nonsense, leaving.
import crypto from 'node:crypto';
import net from 'node:net';

import { load, sleep, within } from './proc.mjs';
import { Raw } from './raw.mjs';

const SLOW = 'slow'; /* its body is for readers that do not keep up */
const BODY = 'x'.repeat(300);
const PIPELINED = ['sync', 'await', 'timeout', 'immediate', 'nexttick', 'fs', 'gzip', 'agent',
  'microtask', 'shape-literal', 'nostore', 'enterwith', 'koa', 'late'];
const READ_AFTER_MS = 40;
const END_MS = 30000;
const SAME = 4;
const TRACES = 16;

const head = (method, path, more = '') => `${method} /${path} HTTP/1.1\r\nHost: silent\r\n${more}\r\n`;

function lineOf(route) {
  if (route === 'head')
    return 'HEAD /head';
  return /body|iterate/.test(route) ? `POST /${route} ${BODY}` : `GET /${route}`;
}

/** Each route in turn, over @connections, with ids or without. Resolves to the client's log. */
export async function everyRoute(where, routes, connections, requests, ids = false) {
  const mix = routes.filter((r) => r !== SLOW).map(lineOf).join('\n');
  const { result, log } = await load(where,
    ['-c', String(connections), '-n', String(requests), '--mix', mix,
      ...(ids ? ['--request-id'] : [])]);

  if (result.errors.total)
    throw new Error(`${result.errors.total} errors of the client`);
  return log;
}

/** Resolves to the ports of connections that had several requests in flight. */
export async function pipelined(where, requests) {
  const { log } = await load(where, ['-c', '8', '-p', '4', '-n', String(requests),
    '--mix', PIPELINED.map(lineOf).join('\n')]);

  return log.map((entry) => entry.port);
}

/* Sends, waits, and only then reads, to the end of the connection. */
async function slowReader(where) {
  const socket = net.connect(where);
  let bytes = 0;

  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.pause();
  socket.write(head('GET', SLOW, 'Connection: close\r\n'));
  await sleep(READ_AFTER_MS);
  socket.on('data', (data) => { bytes += data.length; }).resume();
  await within(new Promise((resolve) => socket.once('close', resolve)), END_MS, 'slow answer');
  return bytes;
}

async function upgrading(where) {
  const raw = await Raw.open(where);

  await raw.exchange(head('GET', 'upgrade', 'Connection: Upgrade\r\nUpgrade: raw\r\n'));
  for (const text of ['first', 'second']) {
    await raw.write(text);
    await raw.until(() => raw.buf.includes(text), 'echo');
  }
  await raw.end();
}

async function nonsense(where) {
  const raw = await Raw.open(where);

  await raw.exchange(head('GET', 'timeout'));
  await raw.exchange('this is no request\r\n\r\n');
  await within(raw.closed, END_MS, 'end of a bad connection');
}

async function leaving(where) {
  const raw = await Raw.open(where);

  await raw.write(head('GET', 'timers'));
  await raw.reset();
}

/* One id on several connections at once: a trace, or a client that tries again. */
async function sameIds(where) {
  const raws = await Promise.all(Array.from({ length: SAME }, () => Raw.open(where)));

  for (let i = 0; i < TRACES; i++) {
    const id = crypto.randomUUID();
    const more = `x-request-id: ${id}\r\ntraceparent: 00-${id.replaceAll('-', '')}-` +
      'b7ad6b7169203331-01\r\n';
    const path = ['traced', 'tracedlate', 'timeout', 'late'][i % 4];
    await Promise.all(raws.map((raw) => raw.exchange(head('GET', path, more))));
  }
  await Promise.all(raws.map((raw) => raw.end()));
}

/** Everything else, at once. */
export async function oddClients(port) {
  const where = { host: '127.0.0.1', port };
  const times = (n, fn) => Array.from({ length: n }, () => fn(where));

  await Promise.all([...times(4, slowReader), ...times(5, upgrading), ...times(5, nonsense),
    ...times(5, leaving), ...times(4, sameIds)]);
}
