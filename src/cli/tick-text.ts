import type { TickRows, TickTable } from '../ports/tick-store.js';

/** Rows of ticks as lines of text, in the field names of src/ports/tick-store.ts. */

const COLUMNS = {
  orderbook_snapshots: [
    'exchange',
    'instrument',
    'exchangeTimeMs',
    'receiveTimeMs',
    'epoch',
    'sequence',
    'bidPrices',
    'bidSizes',
    'askPrices',
    'askSizes',
  ],
  tick_trades: [
    'exchange',
    'instrument',
    'tradeId',
    'price',
    'quantity',
    'side',
    'exchangeTimeMs',
    'receiveTimeMs',
  ],
  spread_history: [
    'secondMs',
    'pair',
    'base',
    'quote',
    'buyExchange',
    'sellExchange',
    'ask',
    'bid',
    'grossBps',
    'maxGrossBps',
  ],
} as const satisfies { readonly [T in TickTable]: readonly (keyof TickRows[T])[] };

/** A cell of CSV as RFC 4180 has it; levels are separated by blanks. */
function cellText(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export interface TickText {
  /** Empty where the format has none. */
  readonly head: string;
  readonly line: (row: object) => string;
}

/** How rows of a table are written; every line with its end. */
export function tickText(table: TickTable, format: 'csv' | 'jsonl'): TickText {
  if (format === 'jsonl') return { head: '', line: (row) => `${JSON.stringify(row)}\n` };
  const columns: readonly string[] = COLUMNS[table];
  return {
    head: `${columns.join(',')}\r\n`,
    line: (row) => {
      const cells = row as Readonly<Record<string, unknown>>;
      return `${columns.map((column) => cellText(cells[column])).join(',')}\r\n`;
    },
  };
}
