import { ArbotError } from '../../messages/errors.js';
import { STREAM_NAMES, type StreamName } from '../../messages/streams.js';
import type { EventStream, GroupReader, StreamEntry, StreamRecord } from '../../ports/price-cache.js';
import type { Clock } from '../../ports/time.js';
import {
  acceptEntryIds,
  acceptGroup,
  acceptLimit,
  acceptPosition,
  acceptReader,
  acceptRecords,
  acceptStream,
} from './price-border.js';

const MAX_GROUPS = 16;

/** An id as two numbers: milliseconds, and a count within them. */
interface Position {
  readonly ms: number;
  readonly count: number;
}

interface Kept {
  readonly position: Position;
  readonly entry: StreamEntry;
}

interface Pending {
  member: string;
  givenMonotonicMs: number;
  readonly kept: Kept;
}

interface Group {
  /** The newest entry that was ever given out. */
  given: Position;
  /** Given and not acknowledged, oldest first; at most the bound of the stream, since what is trimmed leaves it. */
  readonly pending: Map<string, Pending>;
}

const START: Position = { ms: 0, count: 0 };
const isAfter = (a: Position, b: Position): boolean => a.ms > b.ms || (a.ms === b.ms && a.count > b.count);

function positionOf(id: string): Position {
  const [ms = '0', count = '0'] = id.split('-');
  return { ms: Number(ms), count: Number(count) };
}

/** Entries of one stream in a ring, and its groups. */
class OneStream {
  private readonly name: StreamName;
  private readonly capacity: number;
  private readonly ring: Kept[] = [];
  /** Where in the ring the oldest is. */
  private oldest = 0;
  private last: Position = START;
  private readonly groups = new Map<string, Group>();

  constructor(name: StreamName, capacity: number) {
    this.name = name;
    this.capacity = capacity;
  }

  get length(): number {
    return this.ring.length;
  }

  append(body: string, nowMs: number): void {
    const ms = Math.max(Math.floor(nowMs), this.last.ms);
    const count = ms === this.last.ms ? this.last.count + 1 : 0;
    this.last = { ms, count };
    const entry = { id: `${ms}-${count}`, stream: this.name, body };
    const kept = { position: this.last, entry };
    if (this.ring.length < this.capacity) {
      this.ring.push(kept);
      return;
    }
    const trimmed = this.ring[this.oldest]!.entry.id;
    for (const { pending } of this.groups.values()) pending.delete(trimmed);
    this.ring[this.oldest] = kept;
    this.oldest = (this.oldest + 1) % this.capacity;
  }

  after(position: Position, limit: number): Kept[] {
    const found: Kept[] = [];
    for (let index = this.firstAfter(position); index < this.ring.length && found.length < limit; index++)
      found.push(this.at(index));
    return found;
  }

  /** Counted from the oldest. */
  private at(index: number): Kept {
    return this.ring[(this.oldest + index) % this.ring.length]!;
  }

  private firstAfter(position: Position): number {
    let [low, high] = [0, this.ring.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isAfter(this.at(middle).position, position)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  give({ group: name, member, claimAfterMs }: GroupReader, limit: number, nowMs: number): StreamEntry[] {
    const group = this.group(name);
    const given: StreamEntry[] = [];
    for (const one of group.pending.values()) {
      if (given.length >= limit) break;
      if (nowMs - one.givenMonotonicMs < claimAfterMs) continue;
      one.member = member;
      one.givenMonotonicMs = nowMs;
      given.push(one.kept.entry);
    }
    for (const kept of this.after(group.given, limit - given.length)) {
      group.pending.set(kept.entry.id, { member, givenMonotonicMs: nowMs, kept });
      group.given = kept.position;
      given.push(kept.entry);
    }
    return given;
  }

  private group(name: string): Group {
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    if (this.groups.size >= MAX_GROUPS)
      throw new ArbotError('ARB_STORE_UNAVAILABLE', `${this.name}: ${MAX_GROUPS} groups, which is the most`);
    const group: Group = { given: START, pending: new Map() };
    this.groups.set(name, group);
    return group;
  }

  acknowledge(group: string, ids: readonly string[]): number {
    const pending = this.groups.get(group)?.pending;
    return ids.filter((id) => pending?.delete(id) === true).length;
  }
}

/** The event streams of a single process: rings of so many entries, forgotten at its end. */
export class InProcessStreams implements EventStream {
  private readonly clock: Clock;
  private readonly streams: ReadonlyMap<StreamName, OneStream>;

  constructor(clock: Clock, maxEntries: number) {
    this.clock = clock;
    this.streams = new Map(STREAM_NAMES.map((name) => [name, new OneStream(name, maxEntries)]));
  }

  private of(stream: StreamName): OneStream {
    return this.streams.get(acceptStream(stream))!;
  }

  async append(records: readonly StreamRecord[]): Promise<void> {
    for (const { stream, body } of acceptRecords(records)) this.of(stream).append(body, this.clock.nowMs());
  }

  async read(stream: StreamName, afterId: string, limit: number): Promise<readonly StreamEntry[]> {
    const after = positionOf(acceptPosition(afterId));
    return this.of(stream)
      .after(after, acceptLimit(limit))
      .map(({ entry }) => entry);
  }

  async readGroup(stream: StreamName, reader: GroupReader, limit: number): Promise<readonly StreamEntry[]> {
    return this.of(stream).give(acceptReader(reader), acceptLimit(limit), this.clock.monotonicMs());
  }

  async acknowledge(stream: StreamName, group: string, ids: readonly string[]): Promise<number> {
    return this.of(stream).acknowledge(acceptGroup(group), acceptEntryIds(ids));
  }

  async length(stream: StreamName): Promise<number> {
    return this.of(stream).length;
  }
}
