// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/*
 * The payment service's routes. Each request runs inside `requestContext.run`, and each
 * response tells the truth about its context in three headers:
 *
 *   x-request-id   whose request this is, carried by closure: nothing can swap it
 *   x-context-id   the request that the active store belonged to when the head was written
 *   x-context-ok   1 if the two are the same, else 0
 */
const { requestContext, createStore } = require('./context');

const MAX_BODY = 64 * 1024;
const USERS = 1000;
const CHUNKS = 4;

class Service {
	constructor({ gateway, oracle, log, onRequest }) {
		this.gateway = gateway;
		this.oracle = oracle;
		this.log = log;
		this.onRequest = onRequest;
		this.seq = 0;
		this.heads = { total: 0, wrong: 0 };
		this.owners = new WeakMap(); /* store -> seq, for the oracle: ids may be given twice */
		this.connections = new WeakMap(); /* socket -> its number, for the oracle */
		this.accepted = 0;
	}

	/* The listener of http.Server's 'request' event. */
	handle(req, res) {
		const request = this.#open(req);

		res.on('close', () => this.oracle.record(request, res.writableFinished));
		if (this.onRequest)
			this.onRequest(request.store);
		requestContext.run(request.store, () => {
			this.#route(req, res, request).catch((err) => this.#failed(res, request, err));
		});
	}

	#open(req) {
		const seq = ++this.seq;
		const store = createStore(req, seq);

		if (this.oracle.enabled)
			this.owners.set(store, seq);
		return {
			seq,
			store,
			start: process.hrtime.bigint(),
			head: 0n,
			contextId: null,
			contextSeq: null,
			connection: this.#connection(req.socket),
			remotePort: req.socket.remotePort ?? null,
			method: req.method,
			path: req.url,
			status: 0,
		};
	}

	/* Sockets in the file system have no ports: only the service can number its connections. */
	#connection(socket) {
		if (!this.oracle.enabled)
			return 0;
		if (!this.connections.has(socket))
			this.connections.set(socket, ++this.accepted);
		return this.connections.get(socket);
	}

	async #route(req, res, request) {
		const path = req.url.split('?', 1)[0];
		const reading = req.method === 'GET' || req.method === 'HEAD';
		const [, user, payments] = /^\/users\/(\w+)(\/payments)?$/.exec(path) || [];

		if (path === '/process-payment')
			await this.#payment(req, res, request);
		else if (!reading)
			this.#reply(res, request, 404, { error: 'no such route' });
		else if (path === '/health')
			this.#reply(res, request, 200, { status: 'ok', heads: { ...this.heads } });
		else if (path === '/reports/daily')
			throw new Error('the ledger is closed');
		else if (user && payments)
			this.#payments(res, request, user);
		else if (user)
			this.#user(res, request, user);
		else
			this.#reply(res, request, 404, { error: 'no such route' });
	}

	async #payment(req, res, request) {
		if (req.method !== 'POST') {
			this.#reply(res, request, 405, { error: 'use POST' });
			return;
		}

		const payment = parsePayment(await readBody(req));

		if (!payment) {
			this.#reply(res, request, 400, { error: 'not a payment' });
			return;
		}
		/*
		 * From here on callbacks: a promise would find its way back to this request's
		 * context, whoever settles it.
		 */
		this.gateway.pay(payment, (err, charge) => {
			if (err)
				this.#failed(res, request, err);
			else
				this.#reply(res, request, charge.status === 'approved' ? 200 : 402, {
					...charge,
					amount: payment.amount,
					requestId: request.store.requestId,
				});
		});
	}

	#user(res, request, user) {
		const known = Number(user) >= 1 && Number(user) <= USERS;

		if (known)
			this.#reply(res, request, 200, { id: Number(user), name: `user-${user}` });
		else
			this.#reply(res, request, 404, { error: 'no such user' });
	}

	/* Without a content-length: the answer goes out chunked, in several writes. */
	#payments(res, request, user) {
		this.#head(res, request, 200, { 'content-type': 'text/plain' });
		for (let i = 1; i <= CHUNKS; i++)
			res.write(`payment ${i} of user ${user}\n`);
		res.end();
	}

	#failed(res, request, err) {
		this.#reply(res, request, 500, { error: err.message });
	}

	#reply(res, request, status, body) {
		const text = `${JSON.stringify(body)}\n`;

		if (res.headersSent || res.destroyed)
			return;
		this.#head(res, request, status, {
			'content-type': 'application/json',
			'content-length': Buffer.byteLength(text),
		});
		res.end(text);
	}

	#head(res, request, status, headers) {
		const active = requestContext.getStore();
		const right = active === request.store;

		request.status = status;
		request.head = process.hrtime.bigint();
		request.contextId = active ? active.requestId : null;
		request.contextSeq = (active && this.owners.get(active)) ?? null;
		this.heads.total++;
		this.heads.wrong += right ? 0 : 1;
		res.writeHead(status, {
			...headers,
			'x-request-id': request.store.requestId,
			'x-context-id': request.contextId ?? 'none',
			'x-context-ok': right ? '1' : '0',
		});
		if (this.log)
			this.#logged(request, active);
	}

	/* As loggers do it: the request's own id by closure, the context's id from the store. */
	#logged(request, active) {
		console.log(JSON.stringify({
			msg: 'answering',
			request: request.store.requestId,
			status: request.status,
			requestId: active ? active.requestId : null,
		}));
	}
}

function readBody(req) {
	return new Promise((resolve, reject) => {
		const chunks = [];
		let size = 0;

		req.on('data', (chunk) => {
			size += chunk.length;
			if (size <= MAX_BODY)
				chunks.push(chunk);
		});
		req.on('end', () => resolve(size <= MAX_BODY ? Buffer.concat(chunks).toString() : ''));
		req.on('error', reject);
	});
}

/* Returns null if the text is not a payment. */
function parsePayment(text) {
	let body;

	try {
		body = JSON.parse(text);
	} catch {
		return null;
	}
	if (body === null || !Number.isFinite(body.amount) || body.amount <= 0)
		return null;
	return { amount: body.amount, currency: String(body.currency || 'EUR') };
}

module.exports = { Service };
