/**
 * Rows as text for other programs: CSV after RFC 4180 and JSON, one row at a time, so that a year of them fits in no memory.
 * Numbers are decimal text as they were booked; a spreadsheet must never take a text for a formula.
 */

/** Null = not known, or not applicable; an empty cell. */
export type Cell = string | null;
/** Every row of a table has the same columns in the same order. */
export type ExportRow = Readonly<Record<string, Cell>>;

export type ExportFormat = 'csv' | 'json';

const PLAIN_DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
/** What spreadsheets read as the beginning of a formula, in the full-width forms too, and the mark itself, so that it can be taken off again. */
const FORMULA = /^[=+\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]/;
/** Separators of other locales are quoted too. */
const SPECIAL = /[",;\t\r\n]|^\s|\s$/;

/** One field: decimals as they are, a text that begins like a formula behind an apostrophe, quotes where RFC 4180 wants them. */
export function csvField(value: Cell): string {
  if (value === null) return '';
  const text = !PLAIN_DECIMAL.test(value) && FORMULA.test(value) ? `'${value}` : value;
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csvRecord = (fields: readonly Cell[]): string => `${fields.map(csvField).join(',')}\r\n`;

/** Pieces of text around the rows of one table. */
export interface TableWriter {
  /** Before the first row. */
  readonly head: string;
  row(row: ExportRow): string;
  /** After the last row. */
  tail(): string;
}

/** `columns` in order; a JSON row is an object with null where CSV has an empty field. */
export function tableWriter(format: ExportFormat, columns: readonly string[]): TableWriter {
  if (format === 'csv')
    return {
      head: csvRecord(columns),
      row: (row) => csvRecord(columns.map((column) => row[column] ?? null)),
      tail: () => '',
    };
  let rows = 0;
  return {
    head: '[',
    row: (row) => {
      const cells = Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
      return `${rows++ === 0 ? '' : ','}\n${JSON.stringify(cells)}`;
    },
    tail: () => (rows === 0 ? ']\n' : '\n]\n'),
  };
}
