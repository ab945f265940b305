// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * node logs.js LOGGER NODE_MODULES: a service that logs three lines a request, in three callbacks of
 * it, with console, pino or winston, or with console and without any store (bare). Standard output and error are for the lines alone; it talks over
 * files: its port goes to the file $READY.
 *
 * A line holds `[<connection's port>/<path> <which>]`, by closure: that is the truth. The second one
 * goes to standard error with console.
 */
const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const timers = require('node:timers/promises');

const [logger, modules] = process.argv.slice(2);
const requests = new AsyncLocalStorage();

const makers = {
  console: () => ({ info: console.log, error: console.error }),
  bare: () => ({ info: console.log, error: console.error }), /* uses no store */
  pino() {
    const log = require(path.join(modules, 'pino'))({
      mixin: () => ({ requestId: requests.getStore()?.requestId }),
    });
    return { info: (t) => log.info(t), error: (t) => log.error(t) };
  },
  winston() {
    const winston = require(path.join(modules, 'winston'));
    const log = winston.createLogger({ format: winston.format.json(),
      transports: [new winston.transports.Console()] });
    return { info: (t) => log.info(t), error: (t) => log.error(t) };
  },
};
const log = makers[logger]();

const odd = {
  /* Written in parts, with other requests' lines between for all that this callback knows. */
  parts(mark) {
    for (const c of `in parts ${mark(4)}\n`)
      process.stdout.write(c);
  },
  binary: (mark) => process.stdout.write(Buffer.concat([Buffer.from(`bin ${mark(4)} `),
    Buffer.from([0, 1, 27, 0x5b, 0x32, 0x4a, 255, 254, 0xc2, 0x9b, 10])])),
  long: (mark) => console.log(`long ${mark(4)} ${'x'.repeat(20000)}`),
  stack: (mark) => console.error(new Error(`stack ${mark(4)}`).stack),
  crlf: (mark) => process.stdout.write(`crlf ${mark(4)}\r\n`),
};

let served = 0;

function handle(req, res) {
  const name = req.url.slice(1);
  const mark = (i) => `[${req.socket.remotePort}${req.url} ${i}]`;

  const enter = logger === 'bare' ? (store, fn) => fn() : requests.run.bind(requests);

  enter({ requestId: `request-${String(++served).padStart(8, '0')}` }, async () => {
    log.info(`first ${mark(1)}`);
    await timers.setTimeout(Math.random() * 10);
    log.error(`second ${mark(2)}`);
    await fs.promises.stat(__filename);
    log.info(`third ${mark(3)}`);
    odd[name]?.(mark);
    res.end('done');
  });
}

const server = http.createServer(handle);
server.listen(0, '127.0.0.1', () => fs.writeFileSync(process.env.READY,
  String(server.address().port)));
/* The end of the target is an end like any other. */
process.on('SIGTERM', () => process.exit(0));
