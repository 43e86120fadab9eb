import type { ClickHouseClient } from '@clickhouse/client';
import { Readable } from 'node:stream';
import { ArbotError } from '../../messages/errors.js';
import { tickError } from './clickhouse-errors.js';
import type { QueryParams } from './tick-tables.js';

/** More calls at once are refused: whoever has that many does not wait for answers. */
const MAX_IN_FLIGHT = 64;

/**
 * Statements over the official client, whatever is behind it: a server over HTTP, chdb in this process or in a child. Bounds the
 * calls on their way and gives every failure its code. No settings per query: the embedded engine would keep them for the next
 * (an INSERT names its own in the statement, which it does not keep).
 */
export class Engine {
  readonly #client: ClickHouseClient;
  #inFlight = 0;
  #closing: Promise<void> | null = null;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  /** Rows as arrays of cells. 64-bit integers may come as text or number. */
  select(query: string, params: QueryParams = {}): Promise<readonly (readonly unknown[])[]> {
    return this.#run(async () => {
      const result = await this.#client.query({
        query,
        format: 'JSONCompactEachRow',
        ...(Object.keys(params).length === 0 ? {} : { query_params: { ...params } }),
      });
      return result.json<readonly unknown[]>();
    });
  }

  command(query: string): Promise<void> {
    return this.#run(async () => {
      await this.#client.command({ query });
    });
  }

  /** An INSERT whose rows follow as bytes of the format that it names. */
  insert(query: string, chunks: readonly Buffer[]): Promise<void> {
    return this.#run(async () => {
      const values = Readable.from(chunks, { objectMode: false });
      const { stream } = await this.#client.exec({ query, values });
      for await (const _ of stream);
    });
  }

  /** Ends the client once; calls are refused from then on. */
  close(): Promise<void> {
    this.#closing ??= this.#client.close();
    return this.#closing;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== null)
      throw new ArbotError('ARB_STORE_UNAVAILABLE', 'the tick store does not answer: it is closed');
    if (this.#inFlight >= MAX_IN_FLIGHT)
      throw new ArbotError('ARB_STORE_UNAVAILABLE', `more than ${MAX_IN_FLIGHT} calls of ticks are waiting`, {
        retryable: true,
      });
    this.#inFlight++;
    try {
      return await work();
    } catch (error) {
      throw tickError(error);
    } finally {
      this.#inFlight--;
    }
  }
}
