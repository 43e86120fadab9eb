import type { SubmitLeg } from '../messages/order.js';

/** What was journalled here instead of in the trade store. */
export interface EmergencyRecord {
  readonly leg: SubmitLeg;
  /** The fence under which it was sent. */
  readonly fence: number;
  readonly atMs: number;
}

export interface EmergencyStatus {
  /** Records that are not in the trade store yet. */
  readonly waiting: number;
  /** Records of which nothing can be read any more, and the bytes of what was cut off. */
  readonly damaged: number;
  readonly damagedBytes: number;
}

/**
 * Journal before send while the trade store is away (R1, TRADING §4): on the local disk, synced, for orders that reduce risk,
 * and only as long as the lease holds. The trade store stays the truth: what is here goes there when it answers again.
 */
export interface EmergencyJournal {
  /** Resolves when the record is on the disk. Rejects ARB_STORE_UNAVAILABLE: then nothing may be sent. */
  append(record: EmergencyRecord): Promise<void>;
  /** What is not in the trade store yet, oldest first, also from former lives of the process. */
  waiting(): Promise<readonly EmergencyRecord[]>;
  /** These are in the trade store now. */
  migrated(clientOrderIds: readonly string[]): Promise<void>;
  status(): EmergencyStatus;
  close(): Promise<void>;
}
