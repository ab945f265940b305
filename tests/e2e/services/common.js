// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * What every service under test has: commands on stdin, events on stdout (both lines of JSON),
 * and a log of the requests that it served, with what its own sockets counted.
 */
const fs = require('fs');
const readline = require('readline');

function say(event, more) {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

/* @handlers: command name -> function(command), may be async; each is answered by `done`. */
function commands(handlers) {
  readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    const command = JSON.parse(line);

    try {
      say('done', await handlers[command.cmd](command));
    } catch (err) {
      say('done', { error: String(err.stack) });
    }
  });
}

/*
 * To be called first in a request listener. The entry is complete when the response is: bytes
 * are the differences of the socket's own counters, so they are the request's and response's
 * own as long as no pipelining mixes them.
 */
function logRequest(log, req, res, more) {
  const socket = req.socket;
  const entry = {
    port: socket.remotePort || 0,
    seq: socket.served = (socket.served || 0) + 1,
    method: req.method,
    path: req.url.split('?')[0],
    start_ns: Number(process.hrtime.bigint()),
    ...more,
  };

  log.push(entry);
  res.on('finish', () => {
    entry.status = res.statusCode;
    entry.end_ns = Number(process.hrtime.bigint());
    entry.bytes_in = socket.bytesRead - (socket.readBefore || 0);
    entry.bytes_out = socket.bytesWritten - (socket.writtenBefore || 0);
    socket.readBefore = socket.bytesRead;
    socket.writtenBefore = socket.bytesWritten;
  });
  return entry;
}

function dumpTo(file, value) {
  fs.writeFileSync(file, JSON.stringify(value));
}

module.exports = { say, commands, logRequest, dumpTo };
