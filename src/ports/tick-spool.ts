import type { TickBatch, TickTable } from './tick-store.js';

/** Rows by table. */
export type RowCounts = Readonly<Record<TickTable, number>>;

/**
 * Where batches of ticks wait on the disk while their store is away: first in, first out, bounded in bytes. Calls may
 * overlap; each is carried out after the one before. What was acknowledged survives the end of the process.
 */
export interface TickSpool {
  /**
   * `kept`: on the disk; the same batch again is `kept` and stands there once. `full`: the bound leaves no room, nothing was written.
   * Rejects ARB_STORE_UNAVAILABLE when the disk refuses; nothing of the batch is kept then.
   */
  append(batch: TickBatch): Promise<'kept' | 'full'>;
  /**
   * The batch that waits longest, the same until it is forgotten; null when none waits. What is damaged is cut off, counted and
   * told. Rejects ARB_STORE_UNAVAILABLE when the disk does not let it be read.
   */
  oldest(): Promise<SpooledBatch | null>;
  /** The oldest batch is settled: it does not come again in this life. Another id changes nothing. */
  forget(batchId: string): Promise<void>;
  status(): SpoolStatus;
  /** Resolves when what was begun is done and no file is open. */
  close(): Promise<void>;
}

export interface SpooledBatch {
  readonly batch: TickBatch;
  /** Appended by a former life of the process. */
  readonly isCarried: boolean;
}

export interface SpoolStatus {
  /** Rows appended in this life and lost to damage since. */
  readonly damaged: RowCounts;
  /** Cuts at a damaged record, and bytes cut off. */
  readonly cuts: number;
  readonly cutBytes: number;
  /** Of all its files. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly segments: number;
  /** Files that could not be read and wait for the next start. */
  readonly setAside: number;
}
