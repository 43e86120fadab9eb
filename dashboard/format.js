// How numbers and times are shown. Money arrives as decimal text and is never turned into a float to be changed.

/** Milliseconds as people read them: `840 ms`, `12 s`, `3 min`, `2 h`. */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return `${Math.floor(ms / 3_600_000)} h`;
}

export function fixed(value, places) {
  return typeof value === 'number' && Number.isFinite(value) ? value.toFixed(places) : '–';
}

/** Decimal text cut (not rounded) to some places, so that no digit shown is wrong. */
export function money(text, places = 4) {
  if (typeof text !== 'string') return '–';
  const [whole, part = ''] = text.split('.');
  const shown = part.slice(0, places).replace(/0+$/, '');
  if (shown === '') return whole === '-0' ? '0' : whole;
  return `${whole}.${shown}`;
}

/** `good`, `bad` or nothing, by the sign of decimal text. */
export function sign(text) {
  if (typeof text !== 'string' || !/[1-9]/.test(text)) return '';
  return text.startsWith('-') ? 'bad' : 'good';
}

const PARTS = {
  priceMove: 'price move',
  fees: 'fees',
  slippage: 'slippage',
  latency: 'latency',
  legFailure: 'leg failure',
};

/** Why realised is not expected: the parts that are not nothing, with their signs. */
export function partsText(parts) {
  if (parts === undefined) return '–';
  const told = Object.entries(PARTS)
    .map(([name, label]) => [label, money(parts[name])])
    .filter(([, text]) => /[1-9]/.test(text));
  return told.length === 0 ? 'as expected' : told.map(([label, text]) => `${label} ${text}`).join(', ');
}

export function clockTime(ms) {
  return typeof ms === 'number' ? new Date(ms).toISOString().slice(11, 19) : '–';
}

/** A cell of a row: text, CSS class. Only ever text, so nothing that an exchange sends becomes markup. */
export function cell(text, className = '') {
  return { text: String(text ?? '–'), className };
}

/** Fills a table body, reusing its rows and cells, so that a selection or the keyboard focus survives an update. */
export function fillRows(body, rows, emptyText, columns) {
  const wanted = rows.length === 0 ? [[cell(emptyText)]] : rows;
  while (body.rows.length > wanted.length) body.deleteRow(-1);
  wanted.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    row.className = rows.length === 0 ? 'empty' : '';
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((content, at) =>
      fillCell(row.cells[at] ?? row.insertCell(), content, rows.length === 0 ? columns : 1),
    );
  });
}

function fillCell(target, content, span) {
  target.colSpan = span;
  if (target.className !== content.className) target.className = content.className;
  if (content.onClick !== undefined) {
    let button = target.querySelector('button');
    if (button === null) {
      button = document.createElement('button');
      button.type = 'button';
      button.className = 'link';
      target.replaceChildren(button);
    }
    button.onclick = content.onClick;
    if (button.textContent !== content.text) button.textContent = content.text;
  } else if (target.textContent !== content.text || target.firstElementChild !== null)
    target.textContent = content.text;
}

/** Fills a <dl> with [name, value, class] entries. */
export function fillFigures(list, entries, inGroups) {
  const nodes = entries.flatMap(([name, value, className = '']) => {
    const term = document.createElement('dt');
    const detail = document.createElement('dd');
    term.textContent = name;
    detail.textContent = value;
    detail.className = className;
    if (!inGroups) return [term, detail];
    const group = document.createElement('div');
    group.append(term, detail);
    return [group];
  });
  list.replaceChildren(...nodes);
}
