// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// node guest-check.mjs FILE PATH=VALUE...: is the member at PATH of a JSON file that VALUE (JSON,
// or the text itself)? One line for each; fails if one is not.
import fs from 'node:fs';

const [file, ...wanted] = process.argv.slice(2);
let report;
try {
	report = JSON.parse(fs.readFileSync(file, 'utf8'));
} catch (error) {
	console.log(`not ok - ${file} is JSON: ${error.message}`);
	process.exit(1);
}
for (const item of wanted) {
	const [path, text] = item.split('=');
	const value = path.split('.').reduce((object, key) => object?.[key], report);
	const good = String(value) === text;
	console.log(`${good ? 'ok' : 'not ok'} - ${path} is ${text}${good ? '' : `, not ${value}`}`);
	if (!good)
		process.exitCode = 1;
}
