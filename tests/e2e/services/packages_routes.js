// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Public packages, old versions that lose or swap contexts and current ones that do not, each
 * behind a route. Every handler is called inside `als.run` of its request unless it is `bare`;
 * it gets {req, res, als, truth, entry, store, reply(text)}.
 */
const http = require('node:http');
const path = require('node:path');
const timers = require('node:timers/promises');
const { pathToFileURL } = require('node:url');

const SLOTS = 2; /* of each pool and limiter: everybody else waits */
const WORK_MS = 2;

function limiter(pLimit) {
  const limit = pLimit(SLOTS);

  return (c) => limit(async () => {
    await timers.setTimeout(WORK_MS);
    c.reply('limited');
  });
}

const factory = {
  number: 0,
  create: async () => ({ number: ++factory.number }),
  destroy: async () => {},
};

function callbackPool({ Pool }) {
  const pool = new Pool({
    name: 'callbacks', max: SLOTS, min: 0, log: false,
    create: (then) => setImmediate(then, null, { number: ++factory.number }),
    destroy: () => {},
  });

  return (c) => pool.acquire((err, resource) => setTimeout(() => {
    pool.release(resource);
    c.reply(err ? String(err) : 'pooled');
  }, WORK_MS));
}

function promisePool({ createPool }) {
  const pool = createPool(factory, { max: SLOTS, min: 0 });

  return async (c) => {
    const resource = await pool.acquire();

    setTimeout(() => {
      pool.release(resource);
      c.reply('pooled');
    }, WORK_MS);
  };
}

const redisGet = (client, c) => client.get('key', (err, value) => c.reply(err ?? value));

/* The client is opened by the first request that needs it. */
function lazyRedis(redis, where) {
  let client = null;

  return (c) => {
    client ??= redis.createClient({ ...where, no_ready_check: true }).on('error', () => {});
    redisGet(client, c);
  };
}

function bootRedis(redis, where) {
  const client = redis.createClient({ ...where, no_ready_check: true }).on('error', () => {});

  return (c) => redisGet(client, c);
}

function promiseRedis(redis, where) {
  let opened = null;

  return async (c) => {
    opened ??= redis.createClient({ socket: where }).on('error', () => {}).connect();
    c.reply(await (await opened).get('key'));
  };
}

/* An Express application that enters the store in its first middleware, then reads the body. */
function express(create, json, before = (req, next) => next()) {
  const app = create();

  app.disable('x-powered-by');
  app.use((req, res, next) => req.c.enter(next));
  app.use((req, res, next) => before(req, next));
  app.use(json);
  app.use(async (req, res) => {
    const { reply } = req.c;

    if (req.url.includes('slow'))
      await timers.setTimeout(1);
    reply(JSON.stringify(req.body ?? null));
  });
  return (c) => {
    c.req.c = c;
    app(c.req, c.res);
  };
}

/* Something sent while the request's store is active: an observer sees that there was one. */
function sender(upstream) {
  const agent = new http.Agent({ keepAlive: true });

  return (req, next) => {
    http.get({ ...upstream, agent, path: '/audit' }, (res) => res.resume())
      .on('error', () => {});
    next();
  };
}

/* A miss goes through a queue that a timer of the process's start empties, and loses its store. */
function cache() {
  const queue = [];
  let turn = 0;

  setInterval(() => queue.splice(0).forEach((answer) => answer()), 3).unref();
  return async (c) => {
    const hit = ++turn % 4 !== 0;

    await timers.setTimeout(1);
    if (hit)
      c.reply('hit');
    else
      queue.push(() => c.reply('miss'));
  };
}

/* The same for a handler without middleware. */
function sending(handler, upstream) {
  const send = sender(upstream);

  return (c) => send(c.req, () => handler(c));
}

function koa(Koa, inside) {
  const app = new Koa();

  app.on('error', () => {});
  app.use((ctx, next) => ctx.req.c.enter(next));
  app.use(async (ctx) => {
    await timers.setTimeout(1);
    ctx.respond = !inside;
    ctx.res.statusCode = 200;
    if (inside)
      ctx.req.c.reply('koa, itself');
    else
      ctx.body = 'koa';
  });
  const handle = app.callback();
  return (c) => {
    c.req.c = c;
    c.entry.outside = !inside;
    handle(c.req, c.res);
  };
}

/* As @fastify/request-context does it: entered early, entered again behind the body's parser. */
async function fastify(create) {
  const app = create();

  app.addHook('onRequest', (req, reply, done) => req.raw.c.enter(done));
  app.addHook('preValidation', (req, reply, done) => req.raw.c.enter(done));
  app.all('/*', async (req) => {
    await timers.setTimeout(1);
    return { took: req.body ?? null };
  });
  await app.ready();
  return (c) => {
    c.req.c = c;
    app.routing(c.req, c.res);
  };
}

async function hapi(Hapi) {
  const listener = http.createServer();
  const server = Hapi.server({ listener, autoListen: false });

  server.route({ method: '*', path: '/{any*}', handler: async (req) => {
    await timers.setTimeout(1);
    return { took: req.payload };
  } });
  await server.start();
  return (c) => c.enter(() => listener.emit('request', c.req, c.res));
}

/* Without any package: event emitters carry no contexts, so here the handler really has none. */
const onEnd = (c) => c.req.resume().on('end', () => c.reply('ended'));

/* {name: {bare, handler}} of what the Node.js that runs can load; others are in `missing`. */
async function load(modules, upstream, redisAt) {
  const need = (name) => require(path.join(modules, name));
  const body18 = () => need('body-parser-1.18').json();
  const body20 = () => need('body-parser-1.20').json();
  const makers = {
    limit3: () => limiter(need('p-limit-3')),
    limit5: async () => limiter((await import(
      pathToFileURL(path.join(modules, 'p-limit-5/index.js')).href)).default),
    pool2: () => callbackPool(need('generic-pool-2')),
    pool3: () => promisePool(need('generic-pool-3')),
    redis3: () => lazyRedis(need('redis-3'), redisAt),
    redis3boot: () => bootRedis(need('redis-3'), redisAt),
    redis3sent: () => sending(bootRedis(need('redis-3'), redisAt), upstream),
    redis4: () => promiseRedis(need('redis-4'), redisAt),
    hapi: () => hapi(need('@hapi/hapi')),
    onend: () => onEnd,
    cachesent: () => sending(cache(), upstream),
    onendsent: () => sending(onEnd, upstream),
    bparser18: () => express(need('express-4'), body18()),
    bparser18sent: () => express(need('express-4'), body18(), sender(upstream)),
    bparser20: () => express(need('express-4'), body20()),
    express4: () => express(need('express-4'), need('express-4').json()),
    express5: () => express(need('express-5'), need('express-5').json()),
    koa: () => koa(need('koa'), false),
    koainside: () => koa(need('koa'), true),
    fastify4: () => fastify(need('fastify-4')),
    fastify5: () => fastify(need('fastify-5')),
  };
  const bare = /^(hapi|bparser|express|koa|fastify)/; /* they enter the store themselves */
  const routes = {};
  const missing = {};

  for (const [name, make] of Object.entries(makers)) {
    try {
      routes[name] = { bare: bare.test(name), handler: await make() };
    } catch (err) {
      missing[name] = String(err.message);
    }
  }
  return { routes, missing };
}

module.exports = { load };
