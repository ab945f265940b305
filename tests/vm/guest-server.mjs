// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The target in a test guest: answers every request in a store of its own, logs a line for each on
// standard output, prints how many once its input ends.
import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import http from 'node:http';

const port = Number(process.argv[2]);
const requests = new AsyncLocalStorage();
let served = 0;
const server = http.createServer((req, res) => requests.run({ id: ++served }, async () => {
	await null;
	fs.writeSync(1, `${req.url} is ${requests.getStore().id}\n`);
	res.setHeader('content-type', 'text/plain');
	res.end(`hello ${req.url}\n`);
}));
requests.run({ id: 0 }, () => {}); // in use before an agent looks
server.listen(port, '127.0.0.1', () => console.error(`listening ${port}`));
process.on('SIGTERM', () => {
	console.error(`served ${served}`);
	process.exit(0);
});
