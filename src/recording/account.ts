import type { SpoolStatus } from '../ports/tick-spool.js';
import type { TickTable } from '../ports/tick-store.js';

/**
 * What became of the rows of one table since the process started. At every moment
 * `received + carried = stored + inSpool + inRing + dropped`, where `dropped` is the sum of its reasons.
 */
export interface TableAccount {
  readonly table: TickTable;
  readonly received: number;
  /** Read from files that a former life of the process left in the spool. */
  readonly carried: number;
  readonly stored: number;
  readonly inSpool: number;
  /** In memory: in the ring, in a batch under way, or in one that is tried again. */
  readonly inRing: number;
  readonly dropped: DroppedRows;
}

export interface DroppedRows {
  /** Made room in a full ring: neither store nor spool took them in time. */
  readonly ring: number;
  /** The store refused the row for good. */
  readonly refused: number;
  /** Damaged on the disk. */
  readonly damaged: number;
  /** Left in memory at an ordered stop, when neither store nor spool took them. */
  readonly stop: number;
}

export const DROP_REASONS = [
  'ring',
  'refused',
  'damaged',
  'stop',
] as const satisfies readonly (keyof DroppedRows)[];

/** The whole recorder as inspection and metrics show it. */
export interface TickAccount {
  readonly tables: readonly TableAccount[];
  readonly store: {
    readonly isUp: boolean;
    readonly inserts: number;
    readonly failures: number;
    readonly lastError: string | null;
  };
  readonly spool: SpoolStatus & {
    readonly appends: number;
    readonly failures: number;
    readonly timesFull: number;
    readonly replayed: number;
  };
  /** Trades that an exchange told again. */
  readonly repeatedTrades: number;
}

export const droppedRows = ({ ring, refused, damaged, stop }: DroppedRows): number =>
  ring + refused + damaged + stop;

/** Whether no row of a table is missing or there twice. */
export const isBalanced = (account: TableAccount): boolean =>
  account.received + account.carried ===
    account.stored + account.inSpool + account.inRing + droppedRows(account.dropped) && account.inSpool >= 0;
