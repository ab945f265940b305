// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A client that speaks HTTP/2 over several connections, many streams at once, and writes down what
// it sent and got on each stream; and the comparison with what the agent and the service say.
import http2 from 'node:http2';

const now = () => Number(process.hrtime.bigint());

/* One request {path, method, body, trailers, cancel_ms}: resolves to its log entry. */
function exchange(session, port, what) {
  const { path, method = 'GET', body, trailers, cancel_ms: cancel } = what;
  const stream = session.request({ ':path': path, ':method': method, ...what.headers },
    { endStream: body === undefined, waitForTrailers: Boolean(trailers) });
  const entry = {
    port, stream: 0, method, path, status: 0, bytes_out: body?.length ?? 0, bytes_in: 0, code: 0,
    start_ns: now(),
  };

  stream.on('ready', () => { entry.stream = stream.id; });
  entry.stream = stream.id ?? 0;
  stream.on('response', (headers) => { entry.status = headers[':status']; });
  stream.on('data', (data) => {
    entry.bytes_in += data.length;
    entry.end_ns = now();
  });
  /* A client whose body is not wanted may wait for ever for room to send it. */
  stream.on('end', () => setTimeout(() => stream.destroy(), 500));
  if (trailers)
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  if (body !== undefined)
    stream.end(body);
  if (cancel)
    setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), cancel);
  return new Promise((resolve) => {
    stream.on('error', () => {});
    stream.on('close', () => {
      entry.end_ns = now();
      entry.code = stream.rstCode;
      resolve(entry);
    });
  });
}

export class Client {
  /** @where: a port, or what http2.connect takes. */
  static async open(where, opts = {}) {
    const client = new Client();
    const at = typeof where === 'number' ? `http://127.0.0.1:${where}` : where;

    client.session = http2.connect(at, { rejectUnauthorized: false,
      maxSessionMemory: 500, ...opts });
    client.session.on('error', () => {});
    await new Promise((resolve) => { client.session.once('remoteSettings', resolve); });
    client.port = client.session.socket.localPort ?? 0;
    return client;
  }

  /** Makes all of @list, @width at once; resolves to the entries. */
  async all(list, width = 100) {
    const done = [];
    let next = 0;
    const lane = async () => {
      while (next < list.length)
        done.push(await exchange(this.session, this.port, list[next++]));
    };

    await Promise.all(Array.from({ length: width }, lane));
    return done;
  }

  close() {
    return new Promise((resolve) => {
      this.session.on('close', resolve);
      this.session.close();
    });
  }
}

export const key = (e) => `${e.port ?? e.peer_port}/${e.stream}`;

/* What the outcome of each route is. */
const OUTCOMES = {
  reset: 'aborted_by_server', refuse: 'aborted_by_server', cut: 'aborted_by_server',
  hang: 'aborted_by_client',
};

const routeOf = (path) => path.split('?')[0].split('/')[1];
export const outcomeOf = (path) => OUTCOMES[routeOf(path)] ?? 'complete';

/** Every request once, each field as the client and the service have it. */
export function wrongFields(requests, client, server) {
  const wrong = [];
  const sent = new Map(client.map((c) => [key(c), c]));
  const served = new Map(server.map((s) => [key(s), s]));

  for (const req of requests) {
    const c = sent.get(key(req));
    const s = served.get(key(req));
    const id = `${key(req)} ${req.method} ${req.path}`;
    const expect = (field, is, want) => is === want ||
      wrong.push(`${id}: ${field} ${is}, not ${want}`);

    if (!c || !s) {
      wrong.push(`${id} is not in the ${c ? 'service' : 'client'}'s log, or twice here`);
      continue;
    }
    sent.delete(key(req));
    expect('method', req.method, c.method);
    expect('path', req.path, c.path.split('?')[0]);
    expect('protocol', req.protocol, 'h2');
    expect('outcome', req.outcome, outcomeOf(c.path));
    expect('incomplete', req.incomplete, false);
    expect('status', req.status, s.status);
    expect('number on the connection', req.conn_seq, (req.stream + 1) / 2);
    if (req.outcome !== 'complete')
      continue;
    expect('status', req.status, c.status);
    expect('bytes_out', req.bytes_out, c.bytes_in);
    if (routeOf(c.path) !== 'unread')
      expect('bytes_in', req.bytes_in, c.bytes_out);
    if (req.method !== 'HEAD' && routeOf(c.path) !== 'quiet')
      expect('bytes_out, by the service', req.bytes_out, s.bytes_out);
    if (!(req.start_ns <= req.recv_ns && req.recv_ns <= s.start_ns &&
        s.start_ns <= req.first_byte_ns && req.first_byte_ns <= req.end_ns))
      wrong.push(`${id}: times ${req.start_ns} ${req.recv_ns} ${s.start_ns} ` +
        `${req.first_byte_ns} ${req.end_ns}`);
  }
  for (const c of sent.values())
    wrong.push(`${key(c)} ${c.method} ${c.path} was not seen`);
  return wrong;
}

/** Shares of the requests whose times lie in the client's, to within @slack_ns. */
export function wrongTimes(requests, client, slack_ns = 1e6, share = 0.98) {
  const sent = new Map(client.map((c) => [key(c), c]));
  const whole = requests.filter((r) => r.outcome === 'complete' && sent.has(key(r)));
  const within = (list) => list.filter((ns) => ns <= slack_ns).length >= list.length * share;
  const early = whole.map((r) => sent.get(key(r)).start_ns - r.start_ns);
  const late = whole.map((r) => r.end_ns - sent.get(key(r)).end_ns);
  const most = (list) => (Math.max(...list) / 1e6).toFixed(2);

  return [
    ...(within(early) ? [] : [`starts up to ${most(early)} ms before the client`]),
    ...(within(late) ? [] : [`ends up to ${most(late)} ms after the client`]),
    ...whole.filter((r) => {
      const b = Object.values(r.breakdown_ns);
      return b.some((p) => typeof p !== 'number' || p < 0) ||
        b.reduce((x, y) => x + y) !== r.duration_ns;
    }).map((r) => `${r.path}: ${JSON.stringify(r.breakdown_ns)} of ${r.duration_ns}`),
  ];
}

/** Findings against the service's own word for whose store was active. */
export function contextsWrong(requests, server) {
  const served = new Map(server.map((s) => [key(s), s]));
  const wrong = [];
  let real = 0;
  let found = 0;
  let open = 0;
  let harm = 0;

  for (const req of requests) {
    const s = served.get(key(req));
    const id = `${key(req)} ${req.path}`;
    const foreign = req.findings.filter((f) => f.kind === 'foreign');

    if (!s)
      continue;
    if (s.is === 'foreign') {
      real++;
      found += foreign.length > 0;
      /* The service writes the active store's id into the response head. */
      harm += foreign.some((f) => f.grade === 'harm' && f.id_in_response);
      open += foreign.length === 0 && ['unknown', 'unread'].includes(req.context);
      if (foreign.length === 0 && req.context === 'own')
        wrong.push(`${id} is called own, is under ${key(s.other)}'s`);
    } else if (req.findings.length > 0) {
      wrong.push(`${id} is ${s.is}: ${JSON.stringify(req.findings)}`);
    } else if (req.context === 'own' && s.is !== 'own') {
      wrong.push(`${id} is called own, is ${s.is}`);
    }
    for (const f of foreign.filter(({ other }) => other.conn !== null && s.other)) {
      if (f.other.peer_port !== s.other.port || f.other.stream !== s.other.stream)
        wrong.push(`${id}: said to be under ${f.other.peer_port}/${f.other.stream}'s, ` +
          `is under ${key(s.other)}'s`);
    }
  }
  return { wrong, real, found, open, harm };
}
