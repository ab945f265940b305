// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What makes the page handier, and is not needed to read it: sorting, a filter, all of it on paper.
'use strict';
(() => {
	const value = (row, i) => {
		const cell = row.cells[i];
		return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
	};
	const order = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b
		: typeof a === 'number' ? 1 : typeof b === 'number' ? -1 : a.localeCompare(b);

	function sort(table, head, i) {
		const down = head.getAttribute('aria-sort') !== 'descending';
		const body = table.tBodies[0];
		for (const other of table.tHead.rows[0].cells)
			other.removeAttribute('aria-sort');
		head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
		for (const row of [...body.rows].sort((x, y) =>
			(down ? -1 : 1) * order(value(x, i), value(y, i))))
			body.append(row);
	}

	function sortable(table) {
		[...table.tHead.rows[0].cells].forEach((head, i) => {
			const button = document.createElement('button');
			button.type = 'button';
			button.append(...head.childNodes);
			button.addEventListener('click', () => sort(table, head, i));
			head.append(button);
		});
	}

	function filterable(table) {
		const label = document.createElement('label');
		const input = document.createElement('input');
		label.className = 'filter';
		label.append('Only rows with ', input);
		input.type = 'search';
		input.addEventListener('input', () => {
			const want = input.value.toLowerCase();
			for (const row of table.tBodies[0].rows)
				row.hidden = !row.textContent.toLowerCase().includes(want);
		});
		table.closest('.scroll').before(label);
	}

	for (const table of document.querySelectorAll('table')) {
		const rows = table.tBodies[0].rows.length;
		if (rows > 4 && table.tHead.querySelector('.n'))
			sortable(table);
		if (rows > 12)
			filterable(table);
	}

	let closed = [];
	addEventListener('beforeprint', () => {
		closed = [...document.querySelectorAll('details:not([open])')];
		for (const one of closed)
			one.open = true;
	});
	addEventListener('afterprint', () => {
		for (const one of closed)
			one.open = false;
	});
})();
