/**
 * Why a message was not handled. `no_actor`: nobody lives at the path (never started, between two incarnations, stopped).
 * `full`: refused by the bound. `left_over`: waited when its incarnation ended. `dropped_oldest` and `expired` went by the
 * policy of their kind and are counted as dropped, not as dead; they are shown here all the same.
 */
export type DeadLetterReason = 'no_actor' | 'stopping' | 'full' | 'left_over' | 'dropped_oldest' | 'expired';

export interface DeadLetter {
  readonly path: string;
  readonly incarnation: number;
  readonly reason: DeadLetterReason;
  /** What the message calls itself (`kind`, `type` or the class name); never its content, which may be private. */
  readonly label: string;
  /** Wall clock, Unix ms. */
  readonly atMs: number;
}

const LABEL_MAX = 64;

/** The newest dead letters in a bounded ring, and counts by reason of all there ever were. */
export class DeadLetters {
  private readonly capacity: number;
  private readonly ring: DeadLetter[] = [];
  private next = 0;
  private readonly counts = new Map<DeadLetterReason, number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(path: string, incarnation: number, reason: DeadLetterReason, message: unknown, atMs: number): void {
    this.ring[this.next] = { path, incarnation, reason, label: labelOf(message), atMs };
    this.next = (this.next + 1) % this.capacity;
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  /** Oldest first. */
  recent(): readonly DeadLetter[] {
    return [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)];
  }

  /** By reason, since the start. */
  totals(): Readonly<Partial<Record<DeadLetterReason, number>>> {
    return Object.fromEntries(this.counts);
  }
}

function labelOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) return typeof message;
  const { kind, type } = message as { kind?: unknown; type?: unknown };
  if (typeof kind === 'string') return kind.slice(0, LABEL_MAX);
  if (typeof type === 'string') return type.slice(0, LABEL_MAX);
  return (message.constructor?.name ?? 'object').slice(0, LABEL_MAX);
}
