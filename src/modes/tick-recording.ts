import type { ClusterConfig } from '../config/index.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { Ids } from '../ports/random.js';
import type { TickStore } from '../ports/tick-store.js';
import type { Clock, Timers } from '../ports/time.js';
import { TickRecording, type RecordingShare } from '../recording/tick-recording.js';
import { DiskSpool } from '../storage/spool/disk-spool.js';

export interface TickRecordingParts {
  readonly config: ClusterConfig['recording'];
  readonly store: TickStore;
  /** Data folder of the mode. */
  readonly folder: string;
  readonly files: Files;
  readonly board: QuoteBoard;
  readonly instruments: () => readonly Instrument[];
  readonly time: Clock & Timers;
  readonly ids: Ids;
  readonly log: Logger;
  readonly share?: RecordingShare;
}

const MEGABYTE = 1_000_000;
const POLICY = {
  retry: { minMs: 250, maxMs: 10_000 },
  patienceMs: 2_000,
  timeoutMs: 30_000,
};

/** Below the data folder of the mode, so that ticks of two modes never meet. */
export const SPOOL_FOLDER = 'ticks-spool';

/** What a node records of its markets, over its spool on the disk. Nothing is read or written before the actor starts. */
export function openTickRecording(parts: TickRecordingParts): TickRecording {
  const { config, store, folder, files, board, instruments, time, ids, log, share } = parts;
  const { books, trades, spreads, ringRows, batchRows, batchAgeMs, spoolMaxMegabytes } = config;
  const spool = new DiskSpool({
    files,
    folder: `${folder}/${SPOOL_FOLDER}`,
    maxBytes: spoolMaxMegabytes * MEGABYTE,
    life: ids.next('life').slice('life-'.length),
    pause: () => new Promise((resolve) => time.setImmediate(resolve)),
    log,
  });
  return new TickRecording({
    board,
    instruments,
    limits: { books, trades, spreads },
    sizes: { ringRows, batchRows, batchAgeMs },
    policy: POLICY,
    store,
    spool,
    clock: time,
    ids,
    ...(share !== undefined && { share }),
  });
}
