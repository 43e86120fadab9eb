import type { HandledAlert } from '../messages/alerts.js';
import { keyOf } from './entry.js';

export interface Unacknowledged extends HandledAlert {
  readonly text: string;
}

export interface ReminderTimes {
  /** Until the first repetition; each following one comes twice as late … */
  readonly firstMs: number;
  /** … up to this. */
  readonly longestMs: number;
}

interface Pending {
  readonly alert: Unacknowledged;
  readonly dueMs: number;
  readonly pauseMs: number;
}

/** Told ones beyond this are not repeated, the oldest first: they were delivered. */
const MAX_PENDING = 500;

/** Critical alerts that were told and that nobody has acknowledged yet. Times are monotonic ms. */
export class Reminders {
  private readonly times: ReminderTimes;
  /** By event and subject, in the order of their sequence numbers. */
  private readonly pending = new Map<string, Pending>();

  constructor(times: ReminderTimes) {
    this.times = times;
  }

  get size(): number {
    return this.pending.size;
  }

  all(): readonly Unacknowledged[] {
    return [...this.pending.values()].map(({ alert }) => alert);
  }

  add(alert: Unacknowledged, nowMs: number): void {
    const key = keyOf(alert);
    const { firstMs } = this.times;
    this.pending.delete(key);
    this.pending.set(key, { alert, dueMs: nowMs + firstMs, pauseMs: firstMs });
    const [oldest] = this.pending.keys();
    if (this.pending.size > MAX_PENDING && oldest !== undefined) this.pending.delete(oldest);
  }

  /** By sequence numbers, both included. What is answered was open until now. */
  acknowledge(from: number, to: number): readonly Unacknowledged[] {
    const found = this.all().filter(({ sequence }) => sequence >= from && sequence <= to);
    for (const alert of found) this.pending.delete(keyOf(alert));
    return found;
  }

  /** The same alert was acknowledged elsewhere. */
  forget(alert: Pick<HandledAlert, 'event' | 'subject' | 'untilMs'>): void {
    const known = this.pending.get(keyOf(alert));
    if (known !== undefined && known.alert.untilMs <= alert.untilMs) this.pending.delete(keyOf(alert));
  }

  /** 0 = now, null = nothing is open. */
  dueInMs(nowMs: number): number | null {
    const dues = [...this.pending.values()].map(({ dueMs }) => dueMs);
    return dues.length === 0 ? null : Math.max(0, Math.min(...dues) - nowMs);
  }

  /** These were repeated. */
  told(alerts: readonly Unacknowledged[], nowMs: number): void {
    for (const alert of alerts) {
      const key = keyOf(alert);
      const known = this.pending.get(key);
      if (known === undefined) continue;
      const pauseMs = Math.min(known.pauseMs * 2, this.times.longestMs);
      // In its place: the order is that of the numbers.
      this.pending.set(key, { alert: known.alert, dueMs: nowMs + pauseMs, pauseMs });
    }
  }
}
