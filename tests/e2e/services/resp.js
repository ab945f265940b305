// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * A Redis server as far as clients need one to start and to GET: a process of its own, so that
 * answers arrive as they do from a real one. Whoever forks it is told its port.
 */
const net = require('node:net');

const DELAY_MS = 1;

/* Takes one array of bulk strings off @text: [words, rest], or null if it is not complete. */
function take(text) {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (!head)
    return null;
  let at = head[0].length;
  const words = [];

  for (let i = 0; i < Number(head[1]); i++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 32));
    if (!size || text.length < at + size[0].length + Number(size[1]) + 2)
      return null;
    at += size[0].length;
    words.push(text.slice(at, at + Number(size[1])));
    at += Number(size[1]) + 2;
  }
  return [words, text.slice(at)];
}

const bulk = (text) => `$${text.length}\r\n${text}\r\n`;

function answer([name, key]) {
  switch (name.toUpperCase()) {
    case 'GET': return bulk(`value of ${key}`);
    case 'INFO': return bulk('# Server\r\nredis_version:6.0.16\r\nloading:0\r\n');
    case 'PING': return '+PONG\r\n';
    default: return '+OK\r\n';
  }
}

const server = net.createServer((socket) => {
  let input = '';

  socket.setNoDelay(true).setEncoding('latin1').on('error', () => {});
  socket.on('data', (text) => {
    const out = [];

    input += text;
    for (let got = take(input); got; got = take(input)) {
      input = got[1];
      out.push(answer(got[0]));
    }
    if (out.length)
      setTimeout(() => socket.writable && socket.write(out.join('')), DELAY_MS);
  });
});

server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit(0));
