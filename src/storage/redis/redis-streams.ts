import type { Redis } from 'ioredis';
import { ArbotError } from '../../messages/errors.js';
import { checkStreamBody, type StreamName } from '../../messages/streams.js';
import type { EventStream, GroupReader, StreamEntry, StreamRecord } from '../../ports/price-cache.js';
import {
  acceptEntryIds,
  acceptGroup,
  acceptLimit,
  acceptPosition,
  acceptReader,
  acceptRecords,
  acceptStream,
} from '../prices/price-border.js';
import type { RedisConnection } from './redis-connection.js';
import { resultsOf } from './redis-results.js';

/** Cursors of claims that are remembered; the next claim of another group begins at the start. */
const MAX_CURSORS = 64;
const START = '0-0';

export interface RedisStreamsOptions {
  /** Ends with a colon. */
  readonly prefix: string;
  readonly maxEntries: number;
  readonly connection: RedisConnection;
  /** Told of each entry that no ArBot can have written so. */
  readonly refused: (error: unknown) => void;
}

/** An entry as the driver gives it: id, and fields and values in turns; null when it was deleted. */
type RawEntry = readonly [string, readonly string[] | null];

/** Streams in Redis, trimmed about to a bound at each append. Each entry has the fields `kind` and `body`. */
export class RedisStreams implements EventStream {
  private readonly options: RedisStreamsOptions;
  /** Where the next look for abandoned entries begins, by stream and group. */
  private readonly cursors = new Map<string, string>();

  constructor(options: RedisStreamsOptions) {
    this.options = options;
  }

  private key(stream: StreamName): string {
    return `${this.options.prefix}stream:${acceptStream(stream)}`;
  }

  private call<T>(send: (client: Redis) => Promise<T>): Promise<T> {
    return this.options.connection.call(send);
  }

  async append(records: readonly StreamRecord[]): Promise<void> {
    const accepted = acceptRecords(records);
    if (accepted.length === 0) return;
    const bound = String(this.options.maxEntries);
    await this.call((client) => {
      const pipeline = client.pipeline();
      for (const { stream, body } of accepted) {
        const kind = checkStreamBody(stream, body);
        pipeline.xadd(this.key(stream), 'MAXLEN', '~', bound, '*', 'kind', kind, 'body', body);
      }
      return resultsOf(pipeline.exec());
    });
  }

  async read(stream: StreamName, afterId: string, limit: number): Promise<readonly StreamEntry[]> {
    const from = `(${acceptPosition(afterId)}`;
    const count = acceptLimit(limit);
    const raw = await this.call((client) => client.xrange(this.key(stream), from, '+', 'COUNT', count));
    return this.restored(stream, raw).entries;
  }

  async readGroup(stream: StreamName, reader: GroupReader, limit: number): Promise<readonly StreamEntry[]> {
    const accepted = acceptReader(reader);
    const count = acceptLimit(limit);
    try {
      return await this.give(stream, accepted, count);
    } catch (error) {
      if (!says(error, 'NOGROUP')) throw error;
      // The first reading of this group, or the stream was deleted with its groups.
      await this.createGroup(stream, accepted.group);
      return this.give(stream, accepted, count);
    }
  }

  private async createGroup(stream: StreamName, group: string): Promise<void> {
    try {
      await this.call((client) => client.xgroup('CREATE', this.key(stream), group, '0', 'MKSTREAM'));
    } catch (error) {
      // Another member was faster.
      if (!says(error, 'BUSYGROUP')) throw error;
    }
  }

  private async give(
    stream: StreamName,
    reader: GroupReader,
    limit: number,
  ): Promise<readonly StreamEntry[]> {
    const abandoned = await this.claim(stream, reader, limit);
    const left = limit - abandoned.length;
    if (left === 0) return abandoned;
    const { group, member } = reader;
    const answer = (await this.call((client) =>
      client.xreadgroup('GROUP', group, member, 'COUNT', left, 'STREAMS', this.key(stream), '>'),
    )) as readonly (readonly [string, readonly RawEntry[]])[] | null;
    const fresh = await this.taken(stream, group, answer?.[0]?.[1] ?? []);
    return [...abandoned, ...fresh];
  }

  /** From where the last look ended, and on from the start: a look ends after so many entries that are not abandoned. */
  private async claim(
    stream: StreamName,
    reader: GroupReader,
    limit: number,
  ): Promise<readonly StreamEntry[]> {
    const name = `${stream} ${reader.group}`;
    const from = this.cursors.get(name) ?? START;
    const ahead = await this.look(stream, reader, { from, limit });
    const isDone = from === START || ahead.entries.length >= limit || ahead.next !== START;
    const behind = isDone
      ? { entries: [], next: ahead.next }
      : await this.look(stream, reader, { from: START, limit: limit - ahead.entries.length });
    if (this.cursors.size >= MAX_CURSORS) this.cursors.clear();
    this.cursors.set(name, behind.next);
    const found = new Map([...ahead.entries, ...behind.entries].map((entry) => [entry.id, entry]));
    return [...found.values()];
  }

  private async look(
    stream: StreamName,
    { group, member, claimAfterMs }: GroupReader,
    { from, limit }: { readonly from: string; readonly limit: number },
  ): Promise<{ readonly next: string; readonly entries: readonly StreamEntry[] }> {
    const [next, raw] = (await this.call((client) =>
      client.xautoclaim(this.key(stream), group, member, claimAfterMs, from, 'COUNT', limit),
    )) as unknown as readonly [string, readonly (RawEntry | null)[]];
    return { next, entries: await this.taken(stream, group, raw) };
  }

  /** What cannot be read is acknowledged, so that no member meets it for ever. */
  private async taken(
    stream: StreamName,
    group: string,
    raw: readonly (RawEntry | null)[],
  ): Promise<readonly StreamEntry[]> {
    const { entries, refusedIds } = this.restored(stream, raw);
    if (refusedIds.length > 0)
      await this.call((client) => client.xack(this.key(stream), group, ...refusedIds));
    return entries;
  }

  private restored(
    stream: StreamName,
    raw: readonly (RawEntry | null)[],
  ): { entries: readonly StreamEntry[]; refusedIds: readonly string[] } {
    const entries: StreamEntry[] = [];
    const refusedIds: string[] = [];
    for (const entry of raw) {
      // Trimmed while it was pending.
      if (entry?.[1] === null || entry === null) continue;
      const [id, fields] = entry;
      const at = fields?.findIndex((field, index) => index % 2 === 0 && field === 'body') ?? -1;
      const body = at < 0 ? '' : (fields?.[at + 1] ?? '');
      try {
        checkStreamBody(stream, body);
        entries.push({ id, stream, body });
      } catch (error) {
        this.options.refused(error);
        refusedIds.push(id);
      }
    }
    return { entries, refusedIds };
  }

  async acknowledge(stream: StreamName, group: string, ids: readonly string[]): Promise<number> {
    const accepted = acceptEntryIds(ids);
    const name = acceptGroup(group);
    if (accepted.length === 0) return 0;
    return this.call((client) => client.xack(this.key(stream), name, ...accepted));
  }

  async length(stream: StreamName): Promise<number> {
    return this.call((client) => client.xlen(this.key(stream)));
  }
}

const says = (error: unknown, word: string): boolean =>
  error instanceof ArbotError && error.code === 'ARB_STORE_CONFLICT' && error.message.includes(word);
