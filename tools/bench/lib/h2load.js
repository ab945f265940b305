// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * Load over HTTP/2 without TLS:
 *
 *   h2load.js HOST:PORT CONNECTIONS STREAMS SECONDS
 *
 * keeps STREAMS streams of each connection busy with GET / and prints what tools/loadgen --json
 * does, as far as the benchmark reads it. A client that is made of node:http2 would be slower than
 * the server that is measured; this one puts the same head on each stream and looks at nothing in
 * what comes back but the frames' heads and the status.
 */
const net = require('node:net');

const [target, connections, streams, seconds] = process.argv.slice(2);
const [host, port] = target.split(':');

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEAD = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8 };
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PADDED = 8;
const STATUS_200 = 0x88; /* HPACK, index 8 of the static table */
const WINDOW = 0x7fffffff - 65535;
const LEAST_ROOM = 1 << 30;

function frame(type, flags, stream, payload) {
	const buf = Buffer.alloc(HEAD + payload.length);

	buf.writeUIntBE(payload.length, 0, 3);
	buf[3] = type;
	buf[4] = flags;
	buf.writeUInt32BE(stream, 5);
	payload.copy(buf, HEAD);
	return buf;
}

function uint32(value) {
	const buf = Buffer.alloc(4);

	buf.writeUInt32BE(value);
	return buf;
}

/* A header that the decoder does not keep, its name from the static table (RFC 7541, 6.2.2). */
function literal(index, value) {
	const prefix = index < 15 ? [index] : [15, index - 15];

	return Buffer.from([...prefix, value.length, ...Buffer.from(value)]);
}

/* :method GET, :scheme http, :path /, :authority, user-agent, accept */
const BLOCK = Buffer.concat([Buffer.from([0x82, 0x86, 0x84]), literal(1, target),
	literal(58, 'h2load'), literal(19, '*/*')]);

const found = { answered: 0, non2xx: 0, reset: 0, connect: 0, latencies: [] };
let stopped = false;

class Connection {
	constructor() {
		this.next = 1;
		this.rest = Buffer.alloc(0);
		this.room = WINDOW + 65535;
		this.started = new Map(); /* stream -> ms */
		this.out = [];
		this.socket = net.connect(port, host, () => this.open());
		this.socket.setNoDelay(true);
		this.socket.on('data', (data) => this.read(data));
		this.socket.on('error', () => { found.connect += 1; });
	}

	open() {
		this.out.push(Buffer.from(PREFACE), frame(TYPE.settings, 0, 0, Buffer.alloc(0)),
			frame(TYPE.window, 0, 0, uint32(WINDOW)));
		for (let i = 0; i < streams; i++)
			this.request();
		this.flush();
	}

	flush() {
		if (this.out.length > 0)
			this.socket.write(Buffer.concat(this.out));
		this.out = [];
	}

	request() {
		if (stopped)
			return;
		this.started.set(this.next, performance.now());
		this.out.push(frame(TYPE.headers, END_STREAM | END_HEADERS, this.next, BLOCK));
		this.next += 2;
	}

	read(data) {
		const buf = this.rest.length ? Buffer.concat([this.rest, data]) : data;
		let at = 0;

		while (buf.length - at >= HEAD) {
			const length = buf.readUIntBE(at, 3);

			if (buf.length - at < HEAD + length)
				break;
			this.frame(buf[at + 3], buf[at + 4], buf.readUInt32BE(at + 5),
				buf.subarray(at + HEAD, at + HEAD + length));
			at += HEAD + length;
		}
		this.rest = buf.subarray(at);
		this.flush();
	}

	frame(type, flags, stream, payload) {
		if (type === TYPE.settings && !(flags & ACK))
			this.out.push(frame(TYPE.settings, ACK, 0, Buffer.alloc(0)));
		else if (type === TYPE.ping && !(flags & ACK))
			this.out.push(frame(TYPE.ping, ACK, 0, payload));
		else if (type === TYPE.headers)
			this.head(flags, payload);
		else if (type === TYPE.data)
			this.take(payload.length);
		else if (type === TYPE.goaway)
			found.reset += 1;

		if (type === TYPE.reset) {
			found.reset += 1;
			this.end(stream, false);
		} else if ((type === TYPE.headers || type === TYPE.data) && flags & END_STREAM) {
			this.end(stream, true);
		}
	}

	/* Behind padding and a new table size (001xxxxx) the status comes first. */
	head(flags, payload) {
		let at = flags & PADDED ? 1 : 0;

		while ((payload[at] & 0xe0) === 0x20)
			at += (payload[at] & 0x1f) === 0x1f ? payload.length : 1;
		if (payload[at] !== STATUS_200)
			found.non2xx += 1;
	}

	/* The connection's window is filled up again before it gets small. */
	take(bytes) {
		this.room -= bytes;
		if (this.room > LEAST_ROOM)
			return;
		this.out.push(frame(TYPE.window, 0, 0, uint32(LEAST_ROOM / 2)));
		this.room += LEAST_ROOM / 2;
	}

	end(stream, answered) {
		if (answered && !stopped) {
			found.answered += 1;
			found.latencies.push(performance.now() - this.started.get(stream));
		}
		this.started.delete(stream);
		this.request();
	}
}

function report(duration) {
	const sorted = Float64Array.from(found.latencies).sort();
	const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;

	console.log(JSON.stringify({
		requests: { answered: found.answered, rps: found.answered / duration },
		duration_s: duration,
		status: { non_2xx: found.non2xx },
		errors: { total: found.reset + found.connect },
		latency_ms: { p50: at(0.5), p99: at(0.99) },
	}));
}

const from = performance.now();
const all = Array.from({ length: Number(connections) }, () => new Connection());

setTimeout(() => {
	const duration = (performance.now() - from) / 1000;

	stopped = true;
	report(duration);
	all.forEach(({ socket }) => socket.destroy());
	process.exitCode = found.answered > 0 ? 0 : 1;
}, Number(seconds) * 1000);
