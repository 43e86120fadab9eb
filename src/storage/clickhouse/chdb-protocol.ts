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
