// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Forms of messages: how requests and responses can be laid out on a connection. Each scenario
// talks to services/forms.js and returns the requests that must have been seen, in the order of
// their connection; what is not named in an expectation is not compared.
import { Raw } from './raw.mjs';
import { sleep } from './proc.mjs';

const CRLF = '\r\n';

export const head = (method, path, lines = [], version = '1.1') =>
  [`${method} ${path} HTTP/${version}`, 'Host: forms', ...lines, '', ''].join(CRLF);

const post = (path, body) => head('POST', path, [`Content-Length: ${body.length}`]) + body;

const chunked = (parts, trailers = '') =>
  parts.map((p) => `${p.length.toString(16)}${CRLF}${p}${CRLF}`).join('') + `0${CRLF}${trailers}${CRLF}`;

/* Requests one after the other on one connection. */
async function series(where, list) {
  const raw = await Raw.open(where);
  const out = [];

  for (const [method, path, data] of list) {
    const got = await raw.exchange(data ?? head(method, path), method);
    out.push({ method, path: path.split('?')[0], port: raw.port, ...got });
  }
  await raw.end();
  return out;
}

/* One request whose bytes go out in several writes, each in a packet of its own. */
async function inPieces(where, method, path, pieces, pause = 3) {
  const raw = await Raw.open(where);

  for (const piece of pieces) {
    await raw.write(piece);
    await sleep(pause);
  }
  const { status, bytes } = await raw.response(method);
  const next = await raw.exchange(head('GET', `${path}/next`));
  await raw.end();
  return [
    { method, path, port: raw.port, status, bytes_in: pieces.join('').length, bytes_out: bytes },
    { method: 'GET', path: `${path}/next`, port: raw.port, ...next },
  ];
}

export const messages = {
  'content-length': (w) => series(w, [['GET', '/length/1'], ['POST', '/plain/len/2',
    post('/plain/len/2', 'a body')], ['GET', '/length/3']]),

  'chunked request': (w) => inPieces(w, 'POST', '/plain/chunked', [
    head('POST', '/plain/chunked', ['Transfer-Encoding: chunked']), '5\r\nfirst\r\n',
    '6\r\nsec', 'ond\r\n', chunked(['third'], 'X-Trailer: yes\r\n')]),

  'chunked response': (w) => series(w, [['GET', '/chunks/1'], ['GET', '/flush/2'],
    ['GET', '/chunks/3']]),

  'HEAD': (w) => series(w, [['HEAD', '/length/head'], ['GET', '/length/get'],
    ['HEAD', '/chunks/head'], ['GET', '/plain/last']]),

  '204 and 304': (w) => series(w, [['GET', '/status/204/a'], ['GET', '/status/200/b'],
    ['GET', '/status/304/c'], ['DELETE', '/status/204/d'], ['GET', '/status/418/e']]),

  async '100-continue'(w) {
    const raw = await Raw.open(w);
    const first = head('PUT', '/plain/continue', ['Content-Length: 9', 'Expect: 100-continue']);

    await raw.write(first);
    await raw.until(() => raw.buf.includes('100 Continue'), '100 Continue');
    await raw.write('nine byte');
    const { status, bytes } = await raw.response('PUT');
    const next = await raw.exchange(head('GET', '/plain/after-continue'));
    await raw.end();
    return [
      { method: 'PUT', path: '/plain/continue', status, bytes_in: first.length + 9,
        bytes_out: bytes },
      { method: 'GET', path: '/plain/after-continue', ...next },
    ];
  },

  'early hints': (w) => series(w, [['GET', '/hints/1'], ['GET', '/plain/after-hints']]),

  /* What goes over an upgraded connection is nobody's HTTP, whatever it looks like. */
  async 'upgrade'(w) {
    const raw = await Raw.open(w);

    await raw.write(head('GET', '/upgrade', ['Connection: Upgrade', 'Upgrade: raw']));
    await raw.until(() => raw.buf.includes('\r\n\r\n'), '101');
    const before = raw.received;
    const fake = head('GET', '/fake-request');
    await raw.write(fake);
    await raw.until(() => raw.received >= before + fake.length, 'echo');
    await raw.end();
    return [{ method: 'GET', path: '/upgrade', status: 101, outcome: 'upgraded' }];
  },

  async 'CONNECT'(w) {
    const raw = await Raw.open(w);

    await raw.write(`CONNECT tunnel.example:443 HTTP/1.1${CRLF}Host: tunnel.example${CRLF}${CRLF}`);
    await raw.until(() => raw.buf.includes('\r\n\r\n'), '200');
    const before = raw.received;
    const fake = head('GET', '/fake-request');
    await raw.write(fake);
    await raw.until(() => raw.received >= before + fake.length, 'echo');
    await raw.end();
    return [{ method: 'CONNECT', path: 'tunnel.example:443', status: 200, outcome: 'upgraded' }];
  },

  /* 60 requests in one write, of different answers; responses come in order. */
  async 'pipelining'(w) {
    const raw = await Raw.open(w);
    const paths = ['/plain/p', '/status/404/p', '/length/p', '/status/204/p', '/wait/3/p'];
    const list = Array.from({ length: 60 }, (_, i) => (i % 7 === 3 ?
      ['POST', `/plain/p${i}`, post(`/plain/p${i}`, `body ${i}`)] :
      [i % 11 === 5 ? 'HEAD' : 'GET', `${paths[i % paths.length]}${i}`]));
    const bytes = list.map(([method, path, data]) => data ?? head(method, path));

    await raw.write(bytes.join(''));
    const out = [];
    for (const [i, [method, path]] of list.entries()) {
      const got = await raw.response(method);
      out.push({ method, path, status: got.status, conn_seq: i + 1, port: raw.port,
        bytes_in: bytes[i].length, bytes_out: got.bytes });
    }
    await raw.end();
    return out;
  },

  async 'long head'(w) {
    const cookie = `Cookie: ${'c'.repeat(7000)}`;

    return series(w, [['GET', '/plain/long', head('GET', '/plain/long', [cookie, `X${cookie}`])],
      ['GET', '/plain/after-long']]);
  },

  'too long head': async (w) => {
    const raw = await Raw.open(w);

    await raw.write(head('GET', '/plain/431', [`Cookie: ${'c'.repeat(40000)}`]));
    const { status } = await raw.response();
    raw.socket.destroy();
    return [{ method: 'GET', path: '/plain/431', status }];
  },

  'query': (w) => series(w, [['GET', '/plain/query?user=secret&x=/y'], ['GET', '/plain?q']]),

  'split head': (w) => inPieces(w, 'GET', '/plain/split', ['GET /pla',
    'in/split HTTP/1.1\r\nHo', 'st: forms\r\n\r', '\n'], 10),

  'slow head': (w) => inPieces(w, 'GET', '/plain/slow', [...head('GET', '/plain/slow')], 0),

  'head and body apart': (w) => inPieces(w, 'POST', '/plain/apart',
    [head('POST', '/plain/apart', ['Content-Length: 6']), 'abc', 'def']),

  'upload': (w) => inPieces(w, 'POST', '/plain/upload',
    [head('POST', '/plain/upload', ['Content-Length: 300000']), 'u'.repeat(200000),
      'v'.repeat(100000)], 0),

  'chunked upload': (w) => inPieces(w, 'POST', '/plain/chunkedup',
    [head('POST', '/plain/chunkedup', ['Transfer-Encoding: chunked']),
      chunked(['w'.repeat(90000), 'x'.repeat(70000), 'y'])], 0),

  /* The client reads nothing for a while: most of the response waits in the process. */
  async 'large response'(w) {
    const raw = await Raw.open(w);

    raw.socket.pause();
    const data = head('GET', '/large/1');
    await raw.write(data);
    await sleep(300);
    raw.socket.resume();
    const { status, bytes } = await raw.response();
    const next = await raw.exchange(head('GET', '/plain/after-large'));
    await raw.end();
    return [
      { method: 'GET', path: '/large/1', status, bytes_in: data.length, bytes_out: bytes,
        check: (r) => (r.end_ns - r.first_byte_ns > 200e6 ? '' :
          `ended ${(r.end_ns - r.first_byte_ns) / 1e6} ms after its first byte`) },
      { method: 'GET', path: '/plain/after-large', ...next },
    ];
  },

  async 'HTTP/1.0'(w) {
    const raw = await Raw.open(w);
    const kept = head('GET', '/length/old', ['Connection: keep-alive'], '1.0');
    const first = await raw.exchange(kept);
    const last = head('GET', '/plain/old', [], '1.0');

    await raw.write(last);
    await raw.closed;
    return [
      { method: 'GET', path: '/length/old', http: 10, ...first },
      { method: 'GET', path: '/plain/old', http: 10, status: 200, bytes_in: last.length,
        bytes_out: raw.received - first.bytes_out },
    ];
  },

  async 'close after answer'(w) {
    const raw = await Raw.open(w);
    const data = head('GET', '/plain/close', ['Connection: close']);

    await raw.write(data);
    await raw.closed;
    return [{ method: 'GET', path: '/plain/close', status: 200, bytes_in: data.length,
      bytes_out: raw.received }];
  },

  async 'body until close'(w) {
    const raw = await Raw.open(w);
    const data = head('GET', '/untilclose', ['Connection: close']);

    await raw.write(data);
    await raw.closed;
    return [{ method: 'GET', path: '/untilclose', status: 200, bytes_in: data.length,
      bytes_out: raw.received }];
  },

  async 'bad header'(w) {
    const raw = await Raw.open(w);

    await raw.write(head('GET', '/plain/bad', ['Content-Length: many']));
    await raw.closed;
    return [{ method: 'GET', path: '/plain/bad', status: 400 }];
  },

  async 'head too large'(w) {
    const raw = await Raw.open(w);

    await raw.write(head('GET', '/plain/large-head', [`X-Long: ${'x'.repeat(20000)}`]));
    await raw.closed;
    return [{ method: 'GET', path: '/plain/large-head', status: 431 }];
  },

  /* Behind one that is answered; only the bad one is refused. */
  async 'bad header later'(w) {
    const raw = await Raw.open(w);
    const first = await raw.exchange(head('GET', '/plain/good'));

    await raw.write(head('DELETE', '/plain/bad-later', ['no colon here']));
    await raw.closed;
    return [
      { method: 'GET', path: '/plain/good', ...first },
      { method: 'DELETE', path: '/plain/bad-later', status: 400 },
    ];
  },

  /* No request line, so no request; and nothing is made up for it. */
  async 'no HTTP'(w) {
    const raw = await Raw.open(w);

    await raw.write('\x16\x03\x01 this is no HTTP at all\r\n\r\n');
    await raw.closed;
    return [];
  },
};
