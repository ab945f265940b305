// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A client whose bodies come in packets of their own, after the head: what a slow network does.
import { Raw } from './raw.mjs';
import { sleep } from './proc.mjs';

const PAUSE_MS = 3;

/**
 * @connections at once, @each requests on every one; path(i) names the i-th. Resolves to how
 * many were answered.
 */
export async function lateBodies(where, connections, each, path) {
  let n = 0;
  const one = async () => {
    const raw = await Raw.open(where);

    for (let i = 0; i < each; i++) {
      const body = JSON.stringify({ amount: n, text: 'x'.repeat(50) });
      await raw.write(`POST ${path(n++)} HTTP/1.1\r\nHost: late\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`);
      await sleep(PAUSE_MS);
      await raw.exchange(body, 'POST');
    }
    await raw.end();
  };

  await Promise.all(Array.from({ length: connections }, one));
  return n;
}
