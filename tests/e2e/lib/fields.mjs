// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Each field of what was observed against what the client and the service say themselves.

/* A send returns after its bytes are delivered: on a busy machine the client may run first. */
const CLOCK_NS = 1e6;
const SHARE_IN_TIME = 0.98;

/** A colourful mix of what services/mixed.js serves. */
export const MIX = [
  'GET /sync', 'POST /echo {"amount": 12.5, "currency": "EUR"}', 'GET /timer', 'HEAD /length',
  'PUT /put some bytes that are put', 'DELETE /empty', 'GET /chunked', 'GET /cached',
  'PATCH /echo {"op": "replace"}', 'OPTIONS /sync', 'GET /big?size=large', 'GET /moved',
  'GET /fails', 'GET /nowhere/17', 'GET /file', 'POST /put x', 'GET /promise?a=1&b=2',
  'PROPFIND /sync', 'HEAD /big', 'POST /sync {"ignored": true}', 'GET /length',
].join('\n');

const key = (entry, seq) => `${entry.port ?? entry.peer_port}/${seq}`;
const plain = (path) => path.split('?')[0];

/* Sums of a connection: where the server counts what belongs to the next request as this one's. */
function compareBytes(requests, server) {
  const sums = (list, field) => {
    const by = new Map();
    for (const entry of list) {
      const id = entry.port ?? entry.peer_port;
      by.set(id, (by.get(id) ?? 0) + entry[field]);
    }
    return by;
  };
  const wrong = [];

  for (const field of ['bytes_in', 'bytes_out']) {
    const said = sums(server, field);
    for (const [id, bytes] of sums(requests, field))
      if (bytes !== said.get(id))
        wrong.push(`connection ${id}: ${field} ${bytes}, server ${said.get(id)}`);
  }
  return wrong;
}

/**
 * Client and server name a request by the client's port and its number on the connection. Over
 * TLS, @tls, a response is finished for the server when the next request is in already, so that
 * its count of bytes is right only for the connection.
 */
export function compareAll(requests, client, server, tls = false) {
  const wrong = tls ? compareBytes(requests, server) : [];
  const byKey = new Map(client.map((c) => [key(c, c.seq), c]));
  const served = new Map(server.map((s) => [key(s, s.seq), s]));

  for (const req of requests) {
    const id = key(req, req.conn_seq);
    const c = byKey.get(id);
    const s = served.get(id);

    if (!c || !s) {
      wrong.push(`${id} ${req.method} ${req.path} is not in the ${c ? 'server' : 'client'}'s log`);
      continue;
    }
    byKey.delete(id);
    const want = {
      method: c.method, path: plain(c.path), status: c.status,
      bytes_in: c.bytes_out, bytes_out: c.bytes_in,
    };
    const said = {
      method: s.method, path: s.path, status: s.status,
      ...(tls ? {} : { bytes_in: s.bytes_in, bytes_out: s.bytes_out }),
    };
    for (const field of Object.keys(want)) {
      if (req[field] !== want[field])
        wrong.push(`${id} ${c.method} ${c.path}: ${field} ${req[field]}, client ${want[field]}`);
      if (field in said && req[field] !== said[field])
        wrong.push(`${id} ${c.method} ${c.path}: ${field} ${req[field]}, server ${said[field]}`);
    }
  }
  for (const [id, c] of byKey)
    wrong.push(`${id} ${c.method} ${c.path} was not seen`);
  return wrong;
}

export const whole = (req) => req.outcome === 'complete' && !req.incomplete && req.duration_ns > 0;

/* Every request's [start, end] lies within the client's, and holds the server's. */
export function compareTimes(requests, client, server) {
  const byKey = new Map(client.map((c) => [key(c, c.seq), c]));
  const served = new Map(server.map((s) => [key(s, s.seq), s]));
  const early = [];
  const late = [];
  const wrong = [];

  for (const req of requests) {
    const c = byKey.get(key(req, req.conn_seq));
    const s = served.get(key(req, req.conn_seq));
    if (!c || !s)
      continue;
    early.push(c.start_ns - req.start_ns);
    late.push(req.end_ns - c.end_ns);
    if (!(req.start_ns <= req.recv_ns && req.recv_ns <= s.start_ns + 1000))
      wrong.push(`${req.path}: read at ${req.recv_ns}, listener at ${s.start_ns}`);
    if (!(req.first_byte_ns >= s.start_ns && req.first_byte_ns <= req.end_ns))
      wrong.push(`${req.path}: first byte ${req.first_byte_ns} of ${s.start_ns}..${req.end_ns}`);
    if (req.duration_ns !== req.end_ns - req.start_ns)
      wrong.push(`${req.path}: duration ${req.duration_ns}`);
  }
  for (const [name, list] of [['start before the client\'s', early], ['end after', late]]) {
    const within = list.filter((ns) => ns <= CLOCK_NS).length;
    if (within < list.length * SHARE_IN_TIME)
      wrong.push(`${list.length - within} of ${list.length}: ${name}`);
  }
  const most = (list) => (Math.max(...list) / 1e6).toFixed(2);
  return { wrong, detail: `most ${most(early)} ms early, ${most(late)} ms late` };
}

export function breakdownWrong(requests) {
  const wrong = [];

  for (const req of requests) {
    const b = req.breakdown_ns;
    const parts = [b.queue, b.cpu, b.loop_busy, b.wait];
    if (parts.some((p) => typeof p !== 'number' || p < 0))
      wrong.push(`${req.method} ${req.path}: ${JSON.stringify(b)}`);
    else if (parts.reduce((x, y) => x + y) !== req.duration_ns)
      wrong.push(`${req.method} ${req.path}: ${parts.join('+')} is not ${req.duration_ns}`);
  }
  return wrong;
}

const median = (list) => list.sort((x, y) => x - y)[list.length >> 1];

/* A timer's 5 ms are waiting; an answer at once is not. */
export function plausibleWrong(requests) {
  const of = (path, part) => median(requests.filter((r) => r.path === path)
    .map((r) => r.breakdown_ns[part] / 1e6));
  const wrong = [];

  if (!(of('/timer', 'wait') + of('/timer', 'loop_busy') >= 3.5))
    wrong.push(`/timer waits ${of('/timer', 'wait')} ms`);
  if (!(of('/sync', 'cpu') > 0))
    wrong.push(`/sync costs ${of('/sync', 'cpu')} ms of CPU`);
  return wrong;
}

