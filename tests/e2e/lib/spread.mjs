// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A client that says in each request's headers what it likes, over many connections at once.
import http from 'node:http';

function one(options) {
  return new Promise((resolve, reject) => {
    http.get(options, (res) => {
      res.resume().on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
}

/** @requests over @connections; of(i) is the i-th one's {path, headers}. */
export async function spread(port, connections, requests, of) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  let n = 0;

  await Promise.all(Array.from({ length: connections }, async () => {
    while (n < requests)
      await one({ host: '127.0.0.1', port, agent, ...of(n++) });
  }));
  agent.destroy();
}
