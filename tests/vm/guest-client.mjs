// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node guest-client.mjs PORT COUNT CONNECTIONS: exactly COUNT keep-alive GETs to the target;
// fails if one is not answered by status 200.
import http from 'node:http';

const [port, count, connections] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: connections });

function request(n) {
	return new Promise((resolve, reject) => {
		http.get({ host: '127.0.0.1', port, agent, path: `/item/${n}` }, (res) => {
			res.resume();
			res.on('end', () => resolve(res.statusCode));
		}).on('error', reject);
	});
}

const statuses = await Promise.all(Array.from({ length: count }, (_, n) => request(n)));
const bad = statuses.filter((status) => status !== 200).length;
console.log(`${count} requests, ${bad} not answered by 200`);
agent.destroy();
process.exitCode = bad ? 1 : 0;
