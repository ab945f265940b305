// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What can happen to a connection, what work a request can do, and what the latency breakdown
// must say of it. See forms_messages.mjs for the form of a scenario.
import http from 'node:http';

import { Raw } from './raw.mjs';
import { head } from './forms_messages.mjs';
import { load, sleep } from './proc.mjs';

const get = async (where, path) => {
  const raw = await Raw.open(where);
  const got = await raw.exchange(head('GET', path));

  await raw.end();
  return [{ method: 'GET', path, port: raw.port, ...got }];
};

/* Share of the duration that the parts make, and their time in ms. */
const part = (req, ...names) => names.reduce((n, name) => n + req.breakdown_ns[name], 0);

function shareAtLeast(names, ms, share) {
  return (req) => {
    const ns = part(req, ...names);
    return ns >= ms * 1e6 && ns >= share * req.duration_ns ? '' :
      `${names.join('+')} is ${ns / 1e6} of ${req.duration_ns / 1e6} ms: ` +
      JSON.stringify(req.breakdown_ns);
  };
}

export const connections = {
  async 'client aborts request'(w) {
    const raw = await Raw.open(w);

    await raw.write(head('POST', '/plain/half', ['Content-Length: 1000']) + 'only this much');
    await sleep(30);
    await raw.reset();
    return [{ method: 'POST', path: '/plain/half', status: 0, outcome: 'aborted_by_client' }];
  },

  async 'client aborts waiting'(w) {
    const raw = await Raw.open(w);

    await raw.write(head('GET', '/never/1'));
    await sleep(30);
    await raw.reset();
    return [{ method: 'GET', path: '/never/1', status: 0, outcome: 'aborted_by_client' }];
  },

  async 'client aborts response'(w) {
    const raw = await Raw.open(w);

    await raw.write(head('GET', '/stream/1'));
    await raw.until(() => raw.received > 200, 'some of the stream');
    await raw.reset();
    return [{ method: 'GET', path: '/stream/1', status: 200, outcome: 'aborted_by_client' }];
  },

  async 'server destroys'(w) {
    const first = await Raw.open(w);
    await first.write(head('GET', '/destroy/1'));
    await first.closed;
    const second = await Raw.open(w);
    await second.write(head('GET', '/breaks/2'));
    await second.closed;
    return [
      { method: 'GET', path: '/destroy/1', status: 0, outcome: 'aborted_by_server' },
      { method: 'GET', path: '/breaks/2', status: 200, outcome: 'aborted_by_server',
        bytes_out: second.received },
    ];
  },

  'answers at once': (w) => get(w, '/plain/sync'),
  'answers after a file': (w) => get(w, '/file/1'),

  /* The call that the process makes itself is not a request that it served. */
  async 'answers after a call'(w) {
    const upstream = http.createServer((req, res) => setTimeout(() => res.end('ok'), 5));

    await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const out = await get(w, `/upstream/${upstream.address().port}`);
    upstream.close();
    upstream.closeAllConnections();
    return out;
  },

  /* ... but one that it makes to itself is served, once. */
  async 'calls itself'(w) {
    const out = await get(w, '/self/1');

    return [...out, { method: 'GET', path: '/plain/self', status: 200 }];
  },

  async 'wait'(w) {
    const [req] = await get(w, '/wait/50/');

    return [{ ...req, check: shareAtLeast(['wait'], 40, 0.6) }];
  },

  async 'cpu'(w) {
    const [req] = await get(w, '/burn/40/');

    return [{ ...req, check: shareAtLeast(['cpu'], 35, 0.6) }];
  },

  /* The second request arrives while the loop burns for the first. */
  async 'queue'(w) {
    const [first, second] = [await Raw.open(w), await Raw.open(w)];

    await first.write(head('GET', '/burn/150/q'));
    await sleep(40);
    const [got] = await Promise.all([second.exchange(head('GET', '/plain/queued')),
      first.response()]);
    await Promise.all([first.end(), second.end()]);
    return [
      { method: 'GET', path: '/burn/150/q', status: 200, check: shareAtLeast(['cpu'], 130, 0.6) },
      { method: 'GET', path: '/plain/queued', ...got,
        check: shareAtLeast(['queue'], 50, 0.5) },
    ];
  },

  /* ... and here while its timer was already running: that is others' work, or its own wait. */
  async 'loop busy'(w) {
    const [first, second] = [await Raw.open(w), await Raw.open(w)];

    await first.write(head('GET', '/wait/20/b'));
    await sleep(5);
    await second.write(head('GET', '/burn/150/b'));
    const got = await first.response();
    await second.response();
    await Promise.all([first.end(), second.end()]);
    return [
      { method: 'GET', path: '/wait/20/b', status: got.status,
        check: shareAtLeast(['loop_busy', 'wait'], 60, 0.5) },
      { method: 'GET', path: '/burn/150/b', status: 200,
        check: shareAtLeast(['cpu'], 75, 0.4) },
    ];
  },
};

/* 200 keep-alive requests over a unix socket, where there is no port. */
export async function unixSocket(path) {
  const { log } = await load(`unix:${path}`, ['-c', '4', '-n', '200', '--mix',
    'GET /plain/unix\nPOST /plain/unix {"a":1}\nGET /chunks/unix\nHEAD /length/unix']);

  return log;
}

/*
 * Connections that are older than the attach: idle, in the middle of an upload, waiting for
 * their answer, in the middle of a response, and with pipelined requests unanswered. What is
 * returned goes on after the attach.
 */
export async function oldConnections(w, service) {
  const open = async (data) => {
    const raw = await Raw.open(w);
    await raw.exchange(head('GET', '/plain/old-first'));
    if (data)
      await raw.write(data);
    return raw;
  };
  const idle = await open();
  const upload = await open(head('POST', '/plain/old-upload', ['Content-Length: 20']) + 'ten bytes,');
  const waiting = await open(head('GET', '/hold/old-waiting'));
  const streaming = await open(head('GET', '/holdbody/old-streaming'));
  await streaming.until(() => streaming.buf.includes('first half'), 'first half');
  const pipelined = await open(head('GET', '/hold/old-1') + head('GET', '/hold/old-2'));
  while ((await service.command('held')).held < 4)
    await sleep(5);

  const next = async (raw, name) => {
    const got = await raw.exchange(head('GET', `/plain/old-next/${name}`));
    await raw.end();
    return { method: 'GET', path: `/plain/old-next/${name}`, port: raw.port, ...got };
  };
  return async function finish() {
    await upload.write(' and ten m');
    await pipelined.write(head('GET', '/status/404/old-pipelined'));
    await sleep(50); /* until it has been read, before the two that it waits for are answered */
    await service.command('release');
    await Promise.all([upload.response('POST'), waiting.response(), streaming.response()]);
    for (let i = 0; i < 3; i++)
      await pipelined.response();
    await pipelined.exchange(head('GET', '/status/418/old-pipelined'));
    await pipelined.end();
    return [await next(idle, 'idle'), await next(upload, 'upload'),
      await next(waiting, 'waiting'), await next(streaming, 'streaming')];
  };
}
