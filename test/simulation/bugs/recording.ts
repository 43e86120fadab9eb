import { Delivery, type DeliveryEffect, type DeliveryResult } from '../../../src/recording/delivery.js';
import { RowRing } from '../../../src/recording/row-ring.js';
import { TickRecording } from '../../../src/recording/tick-recording.js';
import type { AppendFile } from '../../../src/ports/files.js';
import type { TickBatch } from '../../../src/ports/tick-store.js';
import { DiskSpool } from '../../../src/storage/spool/disk-spool.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

interface DeliveryInside {
  appending: { readonly batch: TickBatch } | null;
  appendEnded(batch: TickBatch, result: DeliveryResult, nowMs: number): void;
}
interface Segment {
  bytes: number;
  at: number;
}
interface SpoolInside {
  readonly segments: Segment[];
  head: { readonly segment: Segment; readonly found: { readonly batch: TickBatch } } | null;
  isOpen: boolean;
  open(): Promise<void>;
  begin(): Promise<{ segment: Segment; file: AppendFile }>;
  recordIn(data: Buffer, at: number): Promise<{ batch: TickBatch; bytes: number } | null>;
  forget(batchId: string): Promise<void>;
}

const inside = <T extends object>(prototype: object): T => prototype as T;
const spool = inside<SpoolInside>(DiskSpool.prototype);

/** Defects of recording ticks. */
export const RECORDING_BUGS: readonly PlantedBug[] = [
  {
    name: 'batch-renamed',
    area: 'recording',
    what: 'a batch that is tried again gets a new id',
    plant: () => {
      const tried = new Map<string, number>();
      return replaceMethod(TickRecording.prototype, 'carryOut', (real) => {
        return function (this: TickRecording, effect: DeliveryEffect) {
          if (effect.kind !== 'insert') return real.call(this, effect);
          const { batch } = effect;
          const times = (tried.get(batch.batchId) ?? 0) + 1;
          tried.set(batch.batchId, times);
          const batchId = times === 1 ? batch.batchId : `${batch.batchId}-${times}`;
          return real.call(this, { ...effect, batch: { ...batch, batchId } });
        };
      });
    },
  },
  {
    name: 'spool-replayed-twice',
    area: 'recording',
    what: 'every second batch of the spool comes once more after it was stored',
    plant: () =>
      replaceMethod(spool, 'forget', (real) => {
        let asked = 0;
        return function (this: SpoolInside, batchId) {
          return ++asked % 2 === 0 ? Promise.resolve() : real.call(this, batchId);
        };
      }),
  },
  {
    name: 'damage-accepted',
    area: 'recording',
    what: 'the sum of a spooled record is not looked at, and lines that can be read are taken',
    plant: () =>
      replaceMethod(spool, 'recordIn', () => {
        return (data, at) => Promise.resolve(readWithoutSum(data, at));
      }),
  },
  {
    name: 'full-spool-uncounted',
    area: 'recording',
    what: 'a batch that finds no room in the spool vanishes uncounted',
    plant: () =>
      replaceMethod(inside<DeliveryInside>(Delivery.prototype), 'appendEnded', (real) => {
        return function (this: DeliveryInside, batch, result, nowMs) {
          if (result.kind === 'appended' && result.outcome === 'full') this.appending = null;
          else real.call(this, batch, result, nowMs);
        };
      }),
  },
  {
    name: 'overwritten-uncounted',
    area: 'recording',
    what: 'rows that make room in a full ring are not counted',
    plant: () =>
      replaceMethod(inside<RowRing<unknown>>(RowRing.prototype), 'push', (real) => {
        return function (this: RowRing<unknown>, row) {
          const before = this.overwritten;
          real.call(this, row);
          this.overwritten = before;
        };
      }),
  },
  {
    name: 'spool-left-behind',
    area: 'recording',
    what: 'a start does not look for what a former life left in the spool',
    plant: () =>
      replaceMethod(spool, 'open', (real) => {
        return async function (this: SpoolInside) {
          const wasOpen = this.isOpen;
          await real.call(this);
          if (!wasOpen) this.segments.length = 0;
        };
      }),
  },
  {
    name: 'spool-unsynced',
    area: 'recording',
    what: 'a spooled batch counts as kept before it is on the disk',
    plant: () =>
      replaceMethod(spool, 'begin', (real) => {
        return async function (this: SpoolInside) {
          const begun = await real.call(this);
          const { append, close } = begun.file;
          return { ...begun, file: { append, close, sync: () => Promise.resolve() } };
        };
      }),
  },
  {
    name: 'segment-removed-early',
    area: 'recording',
    what: 'a spool file is removed when its first record is stored',
    plant: () =>
      replaceMethod(spool, 'forget', (real) => {
        return function (this: SpoolInside, batchId) {
          const { head } = this;
          if (head !== null && head.found.batch.batchId === batchId) head.segment.at = head.segment.bytes;
          return real.call(this, batchId);
        };
      }),
  },
];

function readWithoutSum(data: Buffer, at: number): { batch: TickBatch; bytes: number } | null {
  if (at + 40 > data.length) return null;
  const bytes = Math.min(data.length - at, 40 + data.readUInt32LE(at));
  const lines = data.toString('utf8', at + 40, at + bytes).split('\n');
  const read = lines.flatMap((line): unknown[] => {
    try {
      return [JSON.parse(line)];
    } catch (error) {
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  });
  const [head, ...rows] = read as [Partial<TickBatch>?, ...unknown[]];
  if (typeof head?.batchId !== 'string' || typeof head.table !== 'string') return null;
  return { batch: { ...head, rows } as TickBatch, bytes };
}
