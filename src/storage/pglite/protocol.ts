import type { CloseMessage } from '../child/protocol.js';
import type { Row, SqlValue, Statement } from '../sql/db.js';

/** What parent and child say to each other. JSON over the IPC channel; every value in it is text. */

export type ParentMessage =
  | {
      readonly kind: 'query';
      readonly id: number;
      readonly sql: string;
      readonly values: readonly SqlValue[];
    }
  | { readonly kind: 'transaction'; readonly id: number; readonly statements: readonly Statement[] }
  | { readonly kind: 'exec'; readonly id: number; readonly script: string }
  | CloseMessage;

/** A call as its sender writes it; the number is given on the way. */
export type Request = ParentMessage extends infer M
  ? M extends { readonly id: number }
    ? Omit<M, 'id'>
    : never
  : never;

/** Rows of each statement. */
export type Results = readonly (readonly Row[])[];

/** Small buffers: the default of 128 MB would double the child's memory for no gain at this load. */
export const PGLITE_CONFIG = ['shared_buffers=8MB'];

/** Names inside a data folder. */
export const PLACES = {
  /** The cluster. */
  cluster: 'pglite',
  /** Who has the cluster open, written by the child itself. */
  writer: 'pglite.writer.json',
} as const;
