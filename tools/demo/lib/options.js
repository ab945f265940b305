// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* The command lines of the demo programs: --name VALUE, --name=VALUE, and --flag. */

function die(text) {
	process.stderr.write(`${require('node:path').basename(process.argv[1])}: ${text}\n`);
	process.exit(2);
}

/*
 * `defaults` names every option: one whose default is `false` is a flag, every other one takes
 * a value. Ends the process with status 2 on anything else.
 */
function parseOptions(args, defaults) {
	const options = { ...defaults };

	for (let i = 0; i < args.length; i++) {
		const [, name, inline] = /^--([a-z-]+)(?:=(.*))?$/.exec(args[i]) || [];

		if (!name || !Object.hasOwn(defaults, name))
			die(`unknown option ${args[i]}`);
		if (defaults[name] === false) {
			options[name] = true;
			continue;
		}
		options[name] = inline !== undefined ? inline : args[++i];
		if (options[name] === undefined)
			die(`--${name} needs a value`);
	}
	return options;
}

function parseNumber(name, text, min, max) {
	const value = Number(text);

	if (!Number.isInteger(value) || value < min || value > max)
		die(`--${name} must be a whole number from ${min} to ${max}, not ${text}`);
	return value;
}

/* "MIN-MAX" or one number, in milliseconds. */
function parseDelay(text) {
	const [, min, max] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) || [];

	if (min === undefined || Number(max) < Number(min))
		die(`--delay must be MIN-MAX in milliseconds, not ${text}`);
	return { min: Number(min), max: Number(max === undefined ? min : max) };
}

/* "HOST:PORT" of a bank that runs already. */
function parseAddress(name, text) {
	const [, host, port] = /^([\w.-]+):(\d{1,5})$/.exec(text) || [];

	if (!host)
		die(`--${name} must be HOST:PORT, not ${text}`);
	return { host, port: Number(port) };
}

module.exports = { parseOptions, parseNumber, parseDelay, parseAddress, die };
