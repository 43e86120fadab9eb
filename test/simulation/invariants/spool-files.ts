import { createHash } from 'node:crypto';
import type { TickBatch } from '../../../src/ports/tick-store.js';
import type { SimulatedDisk } from '../disk.js';

/** One record of a spool file as the format says it, read without the spool's own code. */
export interface SpoolRecord {
  readonly endsAt: number;
  readonly batch: TickBatch;
}

const FILE_HEAD_BYTES = 8;
const HEAD_BYTES = 40;

/** Whole records of a file, up to the first that is cut off or damaged. */
export function recordsOf(file: Buffer): SpoolRecord[] {
  const records: SpoolRecord[] = [];
  if (file.toString('latin1', 0, FILE_HEAD_BYTES) !== 'ARBTICK1') return records;
  for (let at = FILE_HEAD_BYTES; at + HEAD_BYTES <= file.length;) {
    const endsAt = at + HEAD_BYTES + file.readUInt32LE(at);
    if (endsAt > file.length) break;
    const body = file.subarray(at + HEAD_BYTES, endsAt);
    const sum = createHash('sha256')
      .update(body)
      .update(file.subarray(at, at + 8))
      .digest('hex');
    if (sum !== file.toString('hex', at + 8, at + HEAD_BYTES)) break;
    const [head = '', ...lines] = body.toString('utf8').trimEnd().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as unknown);
    records.push({ endsAt, batch: { ...(JSON.parse(head) as Omit<TickBatch, 'rows'>), rows } as TickBatch });
    at = endsAt;
  }
  return records;
}

/** Every batch that waits on a disk below a folder. */
export function spooledBatches(disk: SimulatedDisk, folder: string): TickBatch[] {
  return disk
    .paths()
    .filter((path) => path.startsWith(folder))
    .flatMap((path) => recordsOf(disk.bytesOf(path)).map(({ batch }) => batch));
}
