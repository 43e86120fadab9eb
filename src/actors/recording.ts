/**
 * The inputs of a stage in the order it processed them. Whoever wants to prove later that the stage is a pure function of
 * them (the parity test) hands in a recorder; values are JSON-safe.
 */
export interface StageInput {
  readonly stage: 'gate' | 'saga' | 'ledger';
  /** The instance within the stage: an arbitrage for the saga, empty otherwise. */
  readonly key: string;
  readonly event: unknown;
  readonly nowMs: number;
}

export type RecordInput = (input: StageInput) => void;
