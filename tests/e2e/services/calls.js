// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A service that asks others for each request: databases, a cache, an upstream. It logs what each
 * request really asked for: the connection's own port as the peer or the socket has it, and when.
 *
 *   calls.js MODULES UPSTREAM_PORT als|none TLS_PORT
 *
 * Paths are /ROUTE/ID; what goes upstream carries the id.
 */
const { AsyncLocalStorage } = require('async_hooks');
const { randomBytes, randomUUID } = require('crypto');
const http = require('http');
const https = require('https');
const path = require('path');

const { commands, dumpTo, logRequest, say } = require('./common');

const [modules, upstream, mode, secure] = process.argv.slice(2);
const load = (name) => require(path.join(modules, name));
const { Pool } = load('pg');
const Redis = load('ioredis');
const mysql = load('mysql2/promise');
const undici = load('undici-6');

const als = mode === 'als' ? new AsyncLocalStorage() : null;
const log = [];
const now = () => Number(process.hrtime.bigint());
const keep = new http.Agent({ keepAlive: true, maxSockets: 20 });
const once = new http.Agent({ keepAlive: false });
const keepTls = new https.Agent({ keepAlive: true, maxSockets: 20, rejectUnauthorized: false });
const pool = new Pool({ host: '127.0.0.1', port: 5432, user: 'postgres', database: 'postgres', max: 10 });
const redis = new Redis({ host: '127.0.0.1', port: 6379 });
const maria = mysql.createPool({ host: '127.0.0.1', port: 3306, user: 'root', connectionLimit: 10 });
/* The same peers over IPv6. */
const six = {
  pool: new Pool({ host: '::1', port: 5432, user: 'postgres', database: 'postgres', max: 4 }),
  redis: new Redis({ host: '::1', port: 6379, family: 6 }),
  origin: `http://[::1]:${upstream}`,
};
const origin = `http://127.0.0.1:${upstream}`;
const few = new undici.Pool(origin, { connections: 4 });

/* Remembers one call of the request: @ask returns what is known of it beside the time. */
async function call(entry, kind, ask) {
  const told = { kind, from_ns: now() };

  entry.calls.push(told);
  Object.assign(told, await ask());
  told.to_ns = now();
}

const SELECT = 'SELECT inet_client_port() AS port, $1::text AS id';

const query = (entry, from = pool) => call(entry, 'postgresql', async () => {
  const client = await from.connect();
  const { rows } = await client.query(SELECT, [entry.id]);

  client.release();
  return { port: rows[0].port };
});

/* Through the pool's own queue, which goes on in the context of whoever gives a client back. */
const pooled = (entry) => call(entry, 'postgresql', async () => {
  const { rows } = await pool.query(SELECT, [entry.id]);

  return { port: rows[0].port };
});

const cache = (entry, from = redis) => call(entry, 'redis', async () => {
  await from.get(`k${entry.id}`);
  return { port: from.stream.localPort };
});

/* The server's own word for the client's port. */
const HOST = 'SELECT HOST AS host, ? AS id FROM information_schema.PROCESSLIST ' +
  'WHERE ID = CONNECTION_ID()';
const ofHost = ([[row]]) => ({ port: Number(row.host.split(':').pop()) });

const mariaQuery = (entry) => call(entry, 'mysql', async () => {
  const conn = await maria.getConnection();
  const answer = await conn.query(HOST, [entry.id]);

  conn.release();
  return ofHost(answer);
});

const mariaPooled = (entry) => call(entry, 'mysql', async () => ofHost(await maria.query(HOST, [entry.id])));

/* A query that the server refuses is answered; one that the client gives up is not. */
const mariaWrong = (entry) => call(entry, 'mysql', async () => {
  const conn = await maria.getConnection();
  const port = conn.connection.stream.localPort;

  await conn.query('SELECT nothing FROM nowhere').catch((err) => { entry.code = err.code; });
  conn.release();
  return { port, outcome: 'ok' };
});

const mariaGivenUp = (entry) => call(entry, 'mysql', async () => {
  const conn = await maria.getConnection();
  const port = conn.connection.stream.localPort;

  conn.query('SELECT SLEEP(20)').catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 5));
  conn.destroy();
  return { port, outcome: 'aborted' };
});

const mariaAbsent = (entry) => call(entry, 'mysql', () =>
  mysql.createConnection({ host: '127.0.0.2', port: 3306, user: 'root' })
    .then(() => ({}), (err) => ({ error: err.code, absent: 3306 })));

function get(entry, agent, at = origin) {
  const url = `/up/${entry.id}/${entry.calls.length}?secret=1`;

  return call(entry, 'http', () => new Promise((resolve, reject) => {
    http.get(at + url, { agent, headers: entry.trace && { traceparent: entry.trace } }, (res) => {
      const port = res.socket.localPort;

      res.resume();
      res.on('end', () => resolve({ port, path: url.split('?')[0], status: res.statusCode }));
    }).on('error', reject);
  }));
}

const clients = {
  keep: (entry) => get(entry, keep),
  once: (entry) => get(entry, once),
  mysql: mariaQuery,
  tls: (entry) => call(entry, 'https', () => new Promise((resolve, reject) => {
    https.get({ host: '127.0.0.1', port: secure, path: '/', agent: keepTls }, (res) => {
      const port = res.socket.localPort;

      res.resume();
      res.on('end', () => resolve({ port }));
    }).on('error', reject);
  })),
  fetch: (entry) => call(entry, 'http', async () => {
    const url = `/up/${entry.id}/${entry.calls.length}`;
    const res = await fetch(`${origin}${url}?secret=1`);

    await res.text();
    return { path: url, status: res.status };
  }),
  undici: (entry) => call(entry, 'http', async () => {
    const url = `/up/${entry.id}/${entry.calls.length}`;
    const { statusCode, body } = await undici.request(`${origin}${url}?secret=1`);

    await body.text();
    return { path: url, status: statusCode };
  }),
  few: (entry) => call(entry, 'http', async () => {
    const url = `/up/${entry.id}/${entry.calls.length}`;
    const { statusCode, body } = await few.request({ path: `${url}?secret=1`, method: 'GET' });

    await body.text();
    return { path: url, status: statusCode };
  }),
};

/* The upstream's client is the second part of the path. */
const routes = {
  warm: async (entry) => {
    await query(entry);
    await cache(entry);
  },
  each: async (entry, client) => {
    await query(entry);
    await cache(entry);
    await mariaQuery(entry);
    await clients[client](entry);
  },
  six: async (entry) => {
    entry.addr = '::1';
    await query(entry, six.pool);
    await cache(entry, six.redis);
    await get(entry, keep, six.origin);
  },
  wrong: async (entry) => {
    await mariaWrong(entry);
    await mariaGivenUp(entry);
    await mariaAbsent(entry);
  },
  three: async (entry, client) => {
    for (let i = 0; i < 3; i++)
      await clients[client](entry);
  },
  pooled: async (entry) => {
    await pooled(entry);
    await pooled(entry);
    await mariaPooled(entry);
  },
  trace: async (entry) => {
    entry.trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await clients.keep(entry);
  },
  /* As an SDK inside of the process does: a trace of its own, a span for each call. */
  begun: async (entry) => {
    const trace = randomBytes(16).toString('hex');

    entry.traces = [0, 1].map(() => `00-${trace}-${randomBytes(8).toString('hex')}-01`);
    for (entry.trace of entry.traces)
      await clients.keep(entry);
  },
  refused: (entry) => call(entry, 'other', () => new Promise((resolve) => {
    http.get({ host: '127.0.0.1', port: 9, agent: once }, () => {})
      .on('error', (err) => resolve({ error: err.code, absent: 9 }));
  })),
};

async function late(entry, res) {
  res.end('answered');
  await new Promise((resolve) => setTimeout(resolve, 2));
  entry.late = true;
  await routes.each(entry, 'keep');
}

async function serve(req, res) {
  const [, name, client] = req.url.split('?')[0].split('/');
  const entry = logRequest(log, req, res, { id: req.url.split('?')[0].split('/').pop(), calls: [] });

  if (name === 'late') {
    await late(entry, res);
    return;
  }
  await routes[name](entry, client);
  res.end('done');
}

const server = http.createServer((req, res) => {
  const run = () => serve(req, res).catch((err) => res.end(String(err.stack)));

  if (als)
    als.run({ requestId: randomUUID(), path: req.url }, run);
  else
    run();
});

async function main() {
  await Promise.all([redis.ping(), six.redis.ping()]);
  server.keepAliveTimeout = 60000;
  server.listen(0, '127.0.0.1', () => say('ready', { pid: process.pid, port: server.address().port }));
  commands({ dump: ({ file }) => dumpTo(file, { log }) });
}

main();
