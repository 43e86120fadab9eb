import type { Stores } from '../ports/stores.js';
import type { Clock, TimerHandle, Timers } from '../ports/time.js';

/** Between two looks at the event loop, real ms. */
const LOOK_MS = 20;
/** Between two round trips to the stores, real ms. */
const PING_MS = 150;
/** Well below the book age and approval limits. */
const TOLERATED_MS = 80;
/** Delays count for this long, real ms. */
const MEMORY_MS = 2_000;
const RISE_PER_LOOK = 1.02;

export interface GovernorOptions {
  /** The machine's own time. */
  readonly machine: Clock & Timers;
  readonly stores: Pick<Stores, 'ping'> | null;
  /** The speed asked for; the governor never goes above it. */
  readonly maxFactor: number;
  /** What a delay of the machine may amount to in scaled time, ms; absent = well below the book age and approval limits. */
  readonly toleratedMs?: number;
  readonly setFactor: (factor: number) => void;
}

/**
 * Accelerated time that the machine can follow. At ten times the speed a pause of 100 ms looks like a second, and a node would
 * rightly refuse books that old; what such a run shows would be the machine's load. So time slows down as soon as the
 * event loop or the stores answer late, at once, and rises again little by little. Real time is never below factor 1.
 */
export class Governor {
  private readonly options: GovernorOptions;
  private factor = 1;
  private timer: TimerHandle | null = null;
  private dueMs = 0;
  private nextPingMs = 0;
  private pinging: { readonly sinceMs: number } | null = null;
  private worst: { delayMs: number; atMs: number }[] = [];
  private slowest = Infinity;

  constructor(options: GovernorOptions) {
    this.options = options;
  }

  start(): void {
    this.plan();
  }

  stop(): void {
    if (this.timer !== null) this.options.machine.clearTimer(this.timer);
    this.timer = null;
  }

  /** The factor in force and the lowest so far. */
  state(): { readonly factor: number; readonly slowest: number } {
    return { factor: this.factor, slowest: Math.min(this.slowest, this.factor) };
  }

  private plan(): void {
    const { machine } = this.options;
    this.dueMs = machine.monotonicMs() + LOOK_MS;
    this.timer = machine.setTimer(() => {
      this.look(machine.monotonicMs());
      if (this.timer !== null) this.plan();
    }, LOOK_MS);
  }

  private look(nowMs: number): void {
    this.note(nowMs - this.dueMs, nowMs);
    if (this.pinging !== null) this.note(nowMs - this.pinging.sinceMs, nowMs);
    else if (nowMs >= this.nextPingMs) this.ping(nowMs);
    this.worst = this.worst.filter(({ atMs }) => nowMs - atMs < MEMORY_MS);
    const delayMs = Math.max(1, ...this.worst.map((one) => one.delayMs));
    const sustainable = Math.max(1, (this.options.toleratedMs ?? TOLERATED_MS) / delayMs);
    const wanted = Math.min(this.options.maxFactor, sustainable, this.factor * RISE_PER_LOOK);
    if (wanted === this.factor) return;
    this.factor = wanted;
    this.options.setFactor(wanted);
  }

  private note(delayMs: number, atMs: number): void {
    if (delayMs > 1) this.worst.push({ delayMs, atMs });
  }

  private ping(nowMs: number): void {
    const { stores, machine } = this.options;
    if (stores === null) return;
    this.pinging = { sinceMs: nowMs };
    const answered = () => {
      const endMs = machine.monotonicMs();
      this.note(endMs - nowMs, endMs);
      this.pinging = null;
      this.nextPingMs = endMs + PING_MS;
    };
    // A store that is away is its owner's trouble; here it only counts as slow.
    stores.ping().then(answered, answered);
  }
}
