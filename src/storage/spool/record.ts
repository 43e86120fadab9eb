import { createHash, type Hash } from 'node:crypto';
import { ArbotError } from '../../messages/errors.js';
import type { TickBatch, TickTable } from '../../ports/tick-store.js';

/**
 * A segment file of the spool is `ARBTICK1` and then records, numbers little-endian:
 *
 * | bytes | meaning                                             |
 * | ----- | --------------------------------------------------- |
 * | 4     | bytes of the body                                   |
 * | 4     | rows in it                                          |
 * | 32    | SHA-256 over the body and the eight bytes before    |
 * | n     | body: JSON lines, first table and id, then each row |
 *
 * JSON keeps a float64 to its last bit, but the sign of zero; what the samplers make has no negative zero.
 */
export const FILE_HEAD = Buffer.from('ARBTICK1', 'latin1');
const NUMBERS_BYTES = 8;
const SUM_BYTES = 32;
export const RECORD_HEAD_BYTES = NUMBERS_BYTES + SUM_BYTES;

/** Work between two turns of the event loop. */
const SLICE_ROWS = 200;
const SLICE_BYTES = 256 * 1024;

const TABLES: ReadonlySet<string> = new Set<TickTable>([
  'tick_trades',
  'spread_history',
  'orderbook_snapshots',
]);

/** Resolves in a later turn of the event loop. */
export type Pause = () => Promise<void>;

/** One record as bytes; long batches give way to others between slices. */
export async function encodeRecord(batch: TickBatch, pause: Pause): Promise<Buffer> {
  const { table, batchId, rows } = batch;
  const hash = createHash('sha256');
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  const parts: Buffer[] = [head];
  const add = (text: string): void => {
    const bytes = Buffer.from(text, 'utf8');
    hash.update(bytes);
    parts.push(bytes);
  };
  add(`${JSON.stringify({ table, batchId })}\n`);
  for (let from = 0; from < rows.length; from += SLICE_ROWS) {
    if (from > 0) await pause();
    add(
      rows
        .slice(from, from + SLICE_ROWS)
        .map(lineOf)
        .join(''),
    );
  }
  const bodyBytes = parts.reduce((sum, part) => sum + part.length, 0) - RECORD_HEAD_BYTES;
  head.writeUInt32LE(bodyBytes, 0);
  head.writeUInt32LE(rows.length, 4);
  sumOf(hash, head).copy(head, NUMBERS_BYTES);
  return Buffer.concat(parts);
}

const lineOf = (row: unknown): string => `${JSON.stringify(row)}\n`;

const sumOf = (hash: Hash, head: Buffer): Buffer => hash.update(head.subarray(0, NUMBERS_BYTES)).digest();

export interface FoundRecord {
  readonly batch: TickBatch;
  /** With its head. */
  readonly bytes: number;
}

/** The record at an offset of a file; null when it is cut off, was changed, or is not one of this version's. */
export async function recordAt(file: Buffer, offset: number, pause: Pause): Promise<FoundRecord | null> {
  const bodyFrom = offset + RECORD_HEAD_BYTES;
  if (bodyFrom > file.length) return null;
  const head = file.subarray(offset, bodyFrom);
  const bodyTo = bodyFrom + head.readUInt32LE(0);
  if (bodyTo > file.length) return null;
  const body = file.subarray(bodyFrom, bodyTo);
  if (!(await hasSum(head, body, pause))) return null;
  const batch = await batchIn(body, head.readUInt32LE(4), pause);
  return batch === null ? null : { batch, bytes: RECORD_HEAD_BYTES + body.length };
}

async function hasSum(head: Buffer, body: Buffer, pause: Pause): Promise<boolean> {
  const hash = createHash('sha256');
  for (let from = 0; from < body.length; from += SLICE_BYTES) {
    if (from > 0) await pause();
    hash.update(body.subarray(from, from + SLICE_BYTES));
  }
  return sumOf(hash, head).equals(head.subarray(NUMBERS_BYTES));
}

/** Rows whose sum fits are as they were written; another version's shape is refused whole. */
async function batchIn(body: Buffer, count: number, pause: Pause): Promise<TickBatch | null> {
  const lines = body.toString('utf8').split('\n');
  if (lines.pop() !== '' || lines.length !== count + 1) return null;
  try {
    const { table, batchId } = JSON.parse(lines[0]!) as { table: unknown; batchId: unknown };
    if (typeof table !== 'string' || !TABLES.has(table) || typeof batchId !== 'string') return null;
    const rows: unknown[] = [];
    for (let from = 1; from < lines.length; from += SLICE_ROWS) {
      if (from > 1) await pause();
      for (const line of lines.slice(from, from + SLICE_ROWS)) rows.push(JSON.parse(line));
    }
    return { table, batchId, rows } as TickBatch;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export const unavailable = (what: string, cause: unknown): ArbotError =>
  new ArbotError('ARB_STORE_UNAVAILABLE', `the spool cannot ${what}: ${String(cause)}`, {
    retryable: true,
    cause,
  });
