import type { AlertEvent, AlertSeverity } from '../messages/alerts.js';
import { isCritical, keyOf, merged, type Entry } from './entry.js';
import { TokenBucket } from './token-bucket.js';

/**
 * What waits to be told in one chat. The first alert of an event and subject goes at once; more of the same within a while, and
 * whatever exceeds the singles of a storm, waits for the next digest, with its count. Bounded: beyond the bound the oldest entries
 * that are not critical make room, counted; a critical one that finds only critical ones joins one of its event. Nothing critical
 * ever leaves but by being told. Times are monotonic ms.
 */
export interface QueueTimes {
  /** More of an entry that was told within this waits for the digest. */
  readonly quietMs: number;
  readonly digestMs: number;
  /** Singles at once, and how long until one more may go: each severity has its own, so that trades crowd out no warning. */
  readonly singles: Readonly<Record<AlertSeverity, { readonly burst: number; readonly everyMs: number }>>;
}

export const QUEUE_TIMES: QueueTimes = {
  quietMs: 60_000,
  digestMs: 60_000,
  singles: {
    info: { burst: 5, everyMs: 30_000 },
    warning: { burst: 5, everyMs: 30_000 },
    critical: { burst: 10, everyMs: 10_000 },
  },
};

/** Entries in all, and without those that stand in for the criticals of an event. */
export const MAX_WAITING = 1_000;
const ORDINARY = MAX_WAITING - 32;
const MAX_QUIET = 4_096;
/** Subject of what a full queue could keep by its event only. */
const MANY = '(many)';

export class ChatQueue {
  private readonly times: QueueTimes;
  private waiting = new Map<string, Entry>();
  private readonly quietUntil = new Map<string, number>();
  private readonly singles: Readonly<Record<AlertSeverity, TokenBucket>>;
  private digestDueMs: number | null = null;
  private dropped = new Map<AlertEvent, number>();

  constructor(times: QueueTimes, nowMs: number) {
    this.times = times;
    const { info, warning, critical } = times.singles;
    this.singles = {
      info: new TokenBucket(info, nowMs),
      warning: new TokenBucket(warning, nowMs),
      critical: new TokenBucket(critical, nowMs),
    };
  }

  get size(): number {
    return this.waiting.size;
  }

  entries(): readonly Entry[] {
    return [...this.waiting.values()];
  }

  add(entry: Entry): void {
    const key = keyOf(entry);
    const known = this.waiting.get(key);
    if (known !== undefined) this.waiting.set(key, merged(known, entry));
    else if (this.waiting.size < ORDINARY || this.makeRoom()) this.waiting.set(key, entry);
    else if (isCritical(entry)) this.join(entry);
    else this.drop(entry);
  }

  /** When there is something to say: 0 = now, null = nothing waits. */
  dueInMs(nowMs: number): number | null {
    if (this.waiting.size === 0 && this.dropped.size === 0) return null;
    for (const entry of this.waiting.values()) if (this.isSingle(entry, nowMs)) return 0;
    this.digestDueMs ??= nowMs + this.times.digestMs;
    return Math.max(0, this.digestDueMs - nowMs);
  }

  /** The next entry that goes alone; null = none may. It is not taken out yet. */
  nextSingle(nowMs: number): Entry | null {
    const all = [...this.waiting.values()];
    const may = (entry: Entry): boolean => this.isSingle(entry, nowMs);
    return all.find((entry) => isCritical(entry) && may(entry)) ?? all.find(may) ?? null;
  }

  /** What the digest that is due is made of, critical ones first, oldest first; null = none is due. */
  nextDigest(nowMs: number): readonly Entry[] | null {
    if (this.digestDueMs === null || nowMs < this.digestDueMs) return null;
    const all = [...this.waiting.values()].sort((a, b) => a.firstAtMs - b.firstAtMs);
    return [...all.filter(isCritical), ...all.filter((entry) => !isCritical(entry))];
  }

  /** These are on their way: they wait no longer, and more of them keeps still for a while. */
  takeSingle(entry: Entry, nowMs: number): void {
    this.bucketOf(entry).take(nowMs);
    this.remove([entry], nowMs);
  }

  /** `isWhole`: nothing is left for another message of this digest. */
  takeDigest(entries: readonly Entry[], isWhole: boolean, nowMs: number): void {
    this.remove(entries, nowMs);
    this.digestDueMs = isWhole ? null : nowMs;
  }

  /** They were not taken: they wait again, and are tried as if they were new. */
  putBack(entries: readonly Entry[]): void {
    const later = this.waiting;
    this.waiting = new Map();
    for (const entry of entries) {
      this.quietUntil.delete(keyOf(entry));
      this.add(entry);
    }
    for (const entry of later.values()) this.add(entry);
  }

  /** Somebody else has told it, up to a moment. */
  forget(key: string, untilMs: number): void {
    const entry = this.waiting.get(key);
    if (entry !== undefined && entry.lastAtMs <= untilMs) this.waiting.delete(key);
  }

  /** Old news that nobody has to hear any more. */
  forgetOlderThan(atMs: number): void {
    for (const [key, entry] of this.waiting)
      if (!isCritical(entry) && entry.lastAtMs < atMs) this.waiting.delete(key);
  }

  /** What a full queue could not keep, by event; asked once. */
  takeDropped(): ReadonlyMap<AlertEvent, number> {
    const { dropped } = this;
    this.dropped = new Map();
    return dropped;
  }

  putBackDropped(dropped: ReadonlyMap<AlertEvent, number>): void {
    for (const [event, count] of dropped) this.dropped.set(event, (this.dropped.get(event) ?? 0) + count);
  }

  private isSingle(entry: Entry, nowMs: number): boolean {
    const quiet = this.quietUntil.get(keyOf(entry)) ?? -Infinity;
    return nowMs >= quiet && entry.subject !== MANY && this.bucketOf(entry).has(nowMs);
  }

  private bucketOf(entry: Entry): TokenBucket {
    return this.singles[entry.severity];
  }

  private remove(entries: readonly Entry[], nowMs: number): void {
    for (const entry of entries) {
      const key = keyOf(entry);
      this.waiting.delete(key);
      // Set anew, so that the map stays ordered by time.
      this.quietUntil.delete(key);
      this.quietUntil.set(key, nowMs + this.times.quietMs);
    }
    for (const [key, untilMs] of this.quietUntil)
      if (untilMs <= nowMs || this.quietUntil.size > MAX_QUIET) this.quietUntil.delete(key);
      else break;
  }

  private makeRoom(): boolean {
    for (const [key, entry] of this.waiting) {
      if (isCritical(entry)) continue;
      this.waiting.delete(key);
      this.drop(entry);
      return true;
    }
    return false;
  }

  private join(entry: Entry): void {
    const many = { ...entry, subject: MANY };
    const known = this.waiting.get(keyOf(many));
    this.waiting.set(keyOf(many), known === undefined ? many : merged(known, many));
  }

  private drop({ event, count }: Entry): void {
    this.dropped.set(event, (this.dropped.get(event) ?? 0) + count);
  }
}
