import type { TickRows, TickTable } from '../../ports/tick-store.js';
import type { TableShape } from './tick-tables.js';

/**
 * A batch as the pieces that are inserted one by one. An insert is atomic within one partition and one block, so each piece stays
 * within both. The cut follows from the rows alone: a batch that comes again is cut the same way.
 */

export interface Piece<R> {
  /** Of the batch and the piece: what the store remembers. */
  readonly id: string;
  readonly rows: readonly R[];
}

/** Far below the smallest block that a server would split (268 MB, 1,048,449 rows). */
const PIECE_BYTES = 16 << 20;
/** Text made between two turns of the event loop. */
const SLICE_LENGTH = 65_536;
/** Of one row of text without its levels. */
const ROW_BYTES = 300;
const LEVEL_BYTES = 24;

function sizeOf(row: TickRows[TickTable]): number {
  return 'bidPrices' in row
    ? ROW_BYTES + LEVEL_BYTES * 2 * (row.bidPrices.length + row.askPrices.length)
    : ROW_BYTES;
}

/** Rows by partition, then by size, in the order in which they came. */
export function piecesOf<R extends TickRows[TickTable]>(
  batchId: string,
  rows: readonly R[],
  shape: TableShape<R>,
): Piece<R>[] {
  const open = new Map<number, { rows: R[]; bytes: number }>();
  const groups: R[][] = [];
  for (const row of rows) {
    const partition = shape.partitionOf(row);
    const size = sizeOf(row);
    let group = open.get(partition);
    if (group === undefined || group.bytes + size > PIECE_BYTES) {
      group = { rows: [], bytes: 0 };
      open.set(partition, group);
      groups.push(group.rows);
    }
    group.rows.push(row);
    group.bytes += size;
  }
  return groups.map((group, at) => ({ id: `${batchId}/${at}`, rows: group }));
}

/**
 * The text of a piece in chunks, with `rest` awaited between them so that the event loop is never held for long. Only the first
 * row carries the piece's id.
 */
export async function encodePiece<R>(
  piece: Piece<R>,
  shape: TableShape<R>,
  rest: () => Promise<void>,
): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let text = '';
  let mark = piece.id;
  for (const row of piece.rows) {
    text += `${shape.encode(row)}${mark}\n`;
    mark = '';
    if (text.length < SLICE_LENGTH) continue;
    chunks.push(Buffer.from(text));
    text = '';
    await rest();
  }
  if (text !== '') chunks.push(Buffer.from(text));
  return chunks;
}
