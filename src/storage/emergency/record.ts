import { createHash } from 'node:crypto';
import { z } from 'zod';
import { submitLeg } from '../../messages/order.js';
import { timeMs } from '../../messages/primitives.js';
import type { EmergencyRecord } from '../../ports/emergency-journal.js';

/**
 * The emergency journal is one file: `ARBEMRG1` and then records, numbers little-endian:
 *
 * | bytes | meaning                              |
 * | ----- | ------------------------------------ |
 * | 4     | bytes of the body                    |
 * | 32    | SHA-256 over these four and the body |
 * | n     | body: JSON                           |
 */
export const EMERGENCY_HEAD = Buffer.from('ARBEMRG1', 'latin1');
const LENGTH_BYTES = 4;
const RECORD_HEAD_BYTES = LENGTH_BYTES + 32;
/** A leg is well below this; a longer record is damage, and its length is not believed. */
const MAX_BODY_BYTES = 16 * 1024;

const emergencyRecord = z.strictObject({
  leg: submitLeg,
  fence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  atMs: timeMs,
});

export function encodeEmergency(record: EmergencyRecord): Buffer {
  const body = Buffer.from(JSON.stringify(record), 'utf8');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(body.length, 0);
  return Buffer.concat([length, sumOf(length, body), body]);
}

const sumOf = (length: Buffer, body: Buffer): Buffer =>
  createHash('sha256').update(length).update(body).digest();

export interface EmergencyContent {
  readonly records: readonly EmergencyRecord[];
  /** Up to here the file is as it was written. */
  readonly soundBytes: number;
}

/** Everything up to the first byte that is not as it was written: nothing behind it can be trusted to begin where it seems to. */
export function decodeEmergency(file: Buffer): EmergencyContent {
  const records: EmergencyRecord[] = [];
  if (!file.subarray(0, EMERGENCY_HEAD.length).equals(EMERGENCY_HEAD)) return { records, soundBytes: 0 };
  let at = EMERGENCY_HEAD.length;
  for (let found = recordAt(file, at); found !== null; found = recordAt(file, at)) {
    records.push(found.record);
    at += found.bytes;
  }
  return { records, soundBytes: at };
}

function recordAt(
  file: Buffer,
  at: number,
): { readonly record: EmergencyRecord; readonly bytes: number } | null {
  if (at + RECORD_HEAD_BYTES > file.length) return null;
  const length = file.subarray(at, at + LENGTH_BYTES);
  const size = length.readUInt32LE(0);
  const end = at + RECORD_HEAD_BYTES + size;
  if (size > MAX_BODY_BYTES || end > file.length) return null;
  const body = file.subarray(at + RECORD_HEAD_BYTES, end);
  if (!sumOf(length, body).equals(file.subarray(at + LENGTH_BYTES, at + RECORD_HEAD_BYTES))) return null;
  const record = parsed(body);
  return record === null ? null : { record, bytes: RECORD_HEAD_BYTES + size };
}

/** A body whose sum fits was written whole; one of another shape was written by another version. */
function parsed(body: Buffer): EmergencyRecord | null {
  try {
    return emergencyRecord.parse(JSON.parse(body.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}
