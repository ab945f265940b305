// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
'use strict';
/* The result for people: one block per Node.js and service, one line per condition. */

/* Below this share of its core the server was not the bottleneck. */
const SATURATED = 0.9;

function fixed(value, digits) {
	return value === null ? '-' : value.toFixed(digits);
}

function signed(value, digits) {
	return value === null ? '-' : (value < 0 ? '' : '+') + value.toFixed(digits);
}

function range(stat, format, digits) {
	return `${format(stat.median, digits)} (${format(stat.q1, digits)} .. ${format(stat.q3, digits)})`;
}

/* Did the server have a whole core, and use it? If not, its throughput says little. */
function isSaturated(base) {
	return base.wait_share.median <= 1 - SATURATED && base.cpu_share.median >= SATURATED;
}

/* By throughput; on a disturbed machine by the CPU time of a request, which suffers less. */
function budget(condition, base) {
	if (condition.budget === null)
		return '';

	const ratio = isSaturated(base) ? condition.ratio : condition.cpu_ratio;
	const verdict = 1 - ratio.median <= condition.budget ? 'within' : 'OVER';

	return `${verdict} ${(condition.budget * 100).toFixed(0)}%` +
		(isSaturated(base) ? '' : ' by CPU');
}

function line(cells) {
	const widths = [18, 24, 27, 27, 7, 8, 9, 18];

	return `  ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' ')}`.trimEnd();
}

function conditionLine(condition, base) {
	if (condition.unknown)
		return line([condition.name, `unknown: ${condition.unknown}`]);
	return line([
		condition.name,
		`x${range(condition.ratio, fixed, 3)}`,
		range(condition.added_us, signed, 2),
		range(condition.added_cpu_us, signed, 2),
		fixed(condition.p50_ms.median, 2),
		fixed(condition.p99_ms.median, 2),
		condition.agent_cpu ? `${(100 * condition.agent_cpu.median).toFixed(1)}%` : '-',
		budget(condition, base),
		condition.failed_requests ? `${condition.failed_requests} requests failed` : '',
	]);
}

/* One block of text. */
function render({ node, title, base, conditions }) {
	const lines = [
		`Node.js ${node}, ${title}: base ${range(base.rps, fixed, 0)} requests/s, ` +
			`${fixed(base.us.median, 1)} us each, p50 ${fixed(base.p50_ms.median, 2)} ms, ` +
			`p99 ${fixed(base.p99_ms.median, 2)} ms`,
		line(['condition', 'throughput', 'added us/request', 'added CPU us/request',
			'p50 ms', 'p99 ms', 'agent CPU', 'budget']),
		...conditions.map((condition) => conditionLine(condition, base)),
	];

	if (base.wait_share.median > 1 - SATURATED)
		lines.push(`  other programs held the server's core ${fixed(100 * base.wait_share.median, 0)}% ` +
			'of the time: repeat this on a quiet machine');
	else if (base.cpu_share.median < SATURATED)
		lines.push(`  the server used ${fixed(100 * base.cpu_share.median, 0)}% of its core ` +
			'only, so its throughput does not show its cost: is core 1 busy?');
	if (base.failed_requests)
		lines.push(`  ${base.failed_requests} requests of the base failed`);
	return lines.join('\n');
}

module.exports = { render };
