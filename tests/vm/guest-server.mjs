// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The target in a test guest: answers every request, prints how many once its input ends.
import http from 'node:http';

const port = Number(process.argv[2]);
let served = 0;
const server = http.createServer((req, res) => {
	served++;
	res.setHeader('content-type', 'text/plain');
	res.end(`hello ${req.url}\n`);
});
server.listen(port, '127.0.0.1', () => console.error(`listening ${port}`));
process.on('SIGTERM', () => {
	console.error(`served ${served}`);
	process.exit(0);
});
