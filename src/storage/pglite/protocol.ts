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
  | { readonly kind: 'close' };

export type ChildMessage =
  | { readonly kind: 'ready'; readonly openedInMs: number }
  | { readonly kind: 'done'; readonly id: number; readonly results: readonly (readonly Row[])[] }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly code: string | undefined;
      readonly message: string;
      readonly constraint: string | undefined;
    };

/** The child's exit codes that the parent tells apart. */
export const EXIT = { closed: 0, crashed: 70, folderBusy: 75 } as const;

/** Small buffers: the default of 128 MB would double the child's memory for no gain at this load. */
export const PGLITE_CONFIG = ['shared_buffers=8MB'];

/** Names inside a data folder. */
export const PLACES = {
  /** The cluster. */
  cluster: 'pglite',
  /** Who has the cluster open, written by the child itself. */
  writer: 'pglite.writer.json',
} as const;

/** Messages that are not of this shape come from a child of another version. */
export function isChildMessage(value: unknown): value is ChildMessage {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  const { kind } = value;
  if (kind === 'ready') return true;
  return (kind === 'done' || kind === 'failed') && 'id' in value && typeof value.id === 'number';
}
