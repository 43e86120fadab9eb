/** What a parent and the child that holds an embedded database say to each other, whatever the engine. */

/** An engine's refusal of one call. */
export interface ChildFailure {
  readonly code: string | undefined;
  readonly message: string;
  readonly constraint?: string | undefined;
}

export type ChildMessage<Result> =
  | { readonly kind: 'ready'; readonly openedInMs: number }
  | { readonly kind: 'done'; readonly id: number; readonly results: Result }
  | ({ readonly kind: 'failed'; readonly id: number } & ChildFailure);

/** Ends the child in order; everything else that a parent sends carries an `id`. */
export interface CloseMessage {
  readonly kind: 'close';
}

/** The child's exit codes that the parent tells apart. */
export const EXIT = { closed: 0, crashed: 70, folderBusy: 75 } as const;

/** Messages that are not of this shape come from a child of another version. */
export function isChildMessage(value: unknown): value is ChildMessage<unknown> {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  const { kind } = value;
  if (kind === 'ready') return true;
  return (kind === 'done' || kind === 'failed') && 'id' in value && typeof value.id === 'number';
}
