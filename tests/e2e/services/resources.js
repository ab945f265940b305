// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node --expose-gc --expose-internals resources.js PORT [hook]: creates native resources of many
 * types on command. With `hook` it records every async_hooks event itself, in memory, as the
 * oracle. Without, it notes the ids that it sees in its own callbacks and handles.
 */
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { say, commands, dumpTo } = require('./common');
const { run } = require('./activities');

const port = Number(process.argv[2]);
const events = []; /* [kind, id, type, trigger, execution id, time in ns] */
const noted = []; /* {type, id, trigger} */

if (process.argv[3] === 'hook') {
  const { createHook, executionAsyncId } = require('async_hooks');
  const now = () => Number(process.hrtime.bigint());
  const push = events.push.bind(events);

  createHook({
    init(id, type, trigger) { push(['init', id, type, trigger, executionAsyncId(), now()]); },
    before(id) { push(['before', id, null, 0, 0, now()]); },
    after(id) { push(['after', id, null, 0, 0, now()]); },
    destroy(id) { push(['destroy', id, null, 0, 0, now()]); },
  }).enable();
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lr-resources-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));

const server = http.createServer((req, res) => {
  const parts = [];

  req.on('data', (part) => parts.push(part));
  req.on('end', () => fs.stat(__filename, () => {
    res.setHeader('x-size', Buffer.concat(parts).length);
    res.end('answer');
  }));
});

server.keepAliveTimeout = 60000;
server.listen(port, '127.0.0.1', () => say('ready', { pid: process.pid }));

/* Collected twice, with turns of the loop between: finalizers and destroy hooks run there. */
async function collect() {
  for (let i = 0; i < 4; i++) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/* The names of native types, from the runtime itself (--expose-internals). */
function providers() {
  return Object.keys(require('internal/test/binding').internalBinding('async_wrap').Providers);
}

commands({
  run: async ({ rounds }) => {
    for (let i = 0; i < rounds; i++)
      await run({ port, dir, note: (type, id, trigger) => noted.push({ type, id, trigger }) });
    await collect();
  },
  quiet: () => collect(),
  dump: ({ file }) => dumpTo(file, { events, noted, providers: providers() }),
});
