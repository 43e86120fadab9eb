/** What happened to the frames of one book, for inspection and conformance. */
export interface SyncCounters {
  /** Socket frames applied, snapshots included. */
  updatesApplied: number;
  snapshots: number;
  /** Diffs older than the REST snapshot. */
  framesBeforeSync: number;
  bridgeOk: number;
  sequenceOk: number;
  keepAlive: number;
  checksumOk: number;
  checksumBad: number;
  gaps: number;
  crossed: number;
  duplicates: number;
}

export function emptyCounters(): SyncCounters {
  return {
    updatesApplied: 0,
    snapshots: 0,
    framesBeforeSync: 0,
    bridgeOk: 0,
    sequenceOk: 0,
    keepAlive: 0,
    checksumOk: 0,
    checksumBad: 0,
    gaps: 0,
    crossed: 0,
    duplicates: 0,
  };
}
