import type { CloseMessage } from '../child/protocol.js';

/** What the parent asks of the process that holds chdb: the calls of the official client's connection, as plain data. */

export type Operation = 'query' | 'command' | 'insert' | 'exec';

export interface ChdbRequest {
  readonly operation: Operation;
  readonly query: string;
  readonly params: Readonly<Record<string, unknown>> | undefined;
  /** Rows of an INSERT. */
  readonly values: Uint8Array | undefined;
}

export type ChdbMessage = (ChdbRequest & { readonly id: number }) | CloseMessage;

/** The answer's bytes, empty for statements without one. */
export type ChdbAnswer = Uint8Array;

/** The database of the tick tables inside a data folder. */
export const CHDB_DATABASE = 'arbot';

/** Names inside a store's folder, beside its lock. */
export const PLACES = {
  /** The engine's own folder. */
  data: 'data',
  /** Who has it open, written by the child itself. */
  writer: 'chdb.writer.json',
} as const;
