// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A client that sends exactly the bytes it is told, in the writes it is told, and counts what
// comes back. Responses are told apart by a small parser of its own.
import net from 'node:net';

import { within } from './proc.mjs';

const WAIT_MS = 10000;
const HEAD_END = '\r\n\r\n';

/* Length of the chunked body (with its trailers) at the beginning of @buf, -1 if not all there. */
function chunkedLength(buf) {
  let at = 0;

  for (;;) {
    const eol = buf.indexOf('\r\n', at);
    if (eol < 0)
      return -1;
    const size = parseInt(buf.toString('latin1', at, eol), 16);
    at = eol + 2;
    if (size === 0)
      break;
    at += size + 2;
  }
  for (;;) { /* trailers, up to an empty line */
    const eol = buf.indexOf('\r\n', at);
    if (eol < 0)
      return -1;
    if (eol === at)
      return eol + 2;
    at = eol + 2;
  }
}

/** {status, bytes} of the response that @buf begins with, or null. @method: what was asked. */
export function parseResponse(buf, method = 'GET') {
  const end = buf.indexOf(HEAD_END);

  if (end < 0)
    return null;
  const head = buf.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  let bytes = end + 4;
  if (status < 200 && status !== 101) {
    const rest = parseResponse(buf.subarray(bytes), method);
    return rest && { status: rest.status, bytes: bytes + rest.bytes };
  }
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101)
    return { status, bytes };
  if (/transfer-encoding: chunked/i.test(head)) {
    const length = chunkedLength(buf.subarray(bytes));
    return length < 0 ? null : { status, bytes: bytes + length };
  }
  bytes += Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  return buf.length < bytes ? null : { status, bytes };
}

export class Raw {
  constructor(where) {
    this.buf = Buffer.alloc(0);
    this.received = 0;
    this.sent = 0;
    this.waiters = new Set();
    this.socket = net.connect(where);
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => {
      this.received += data.length;
      this.buf = Buffer.concat([this.buf, data]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.on('close', resolve));
    this.closed.then(() => this.#wake());
  }

  static async open(where) {
    const raw = new Raw(where);

    await within(new Promise((resolve) => raw.socket.on('connect', resolve)), WAIT_MS, 'connect');
    raw.port = raw.socket.localPort ?? 0;
    return raw;
  }

  #wake() {
    for (const waiter of this.waiters)
      waiter();
  }

  /** Resolves when the bytes have been given to the kernel. */
  write(data) {
    this.sent += Buffer.byteLength(data);
    return new Promise((resolve) => this.socket.write(data, resolve));
  }

  until(condition, what) {
    let waiter;
    const met = new Promise((resolve) => {
      waiter = () => condition() && resolve();
      this.waiters.add(waiter);
      waiter();
    });
    return within(met, WAIT_MS, what).finally(() => this.waiters.delete(waiter));
  }

  /** Takes one response off what was received. */
  async response(method) {
    let found;

    await this.until(() => (found = parseResponse(this.buf, method)),
      `response, got ${this.buf.toString('latin1', 0, 300)}`);
    this.buf = this.buf.subarray(found.bytes);
    return found;
  }

  /** One request and its response; {status, bytes_in, bytes_out} as the server counts them. */
  async exchange(data, method) {
    await this.write(data);
    const { status, bytes } = await this.response(method);
    return { status, bytes_in: Buffer.byteLength(data), bytes_out: bytes };
  }

  reset() {
    this.socket.resetAndDestroy();
    return this.closed;
  }

  async end() {
    this.socket.end();
    await within(this.closed, WAIT_MS, 'end of a connection');
  }
}
