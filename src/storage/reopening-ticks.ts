import { ArbotError, errorText } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import type { TickBatch, TickRows, TickStore, TickTable, TimeRange } from '../ports/tick-store.js';
import type { Clock } from '../ports/time.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * A tick store that is handed out before it stands, so that a node trades while its store is still away. Opening begins at once;
 * calls wait for it while it is under way. When it failed, calls are refused with the reason, and the first call after a pause
 * tries again: no timer of its own.
 */
export class ReopeningTicks implements TickStore {
  readonly #open: () => Promise<TickStore>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #opening: Promise<TickStore> | null = null;
  #opened: TickStore | null = null;
  #failures = 0;
  #nextTryMs = 0;
  #reason = '';
  #closing: Promise<void> | null = null;

  constructor(open: () => Promise<TickStore>, clock: Clock, log: Logger) {
    this.#open = open;
    this.#clock = clock;
    this.#log = log;
    this.#ready().catch(() => undefined);
  }

  async insert(batch: TickBatch): Promise<void> {
    return (await this.#ready()).insert(batch);
  }

  async books(instrument: string, range: TimeRange, limit: number) {
    return (await this.#ready()).books(instrument, range, limit);
  }

  async trades(instrument: string, range: TimeRange, limit: number) {
    return (await this.#ready()).trades(instrument, range, limit);
  }

  async spreads(pair: string, range: TimeRange, limit: number) {
    return (await this.#ready()).spreads(pair, range, limit);
  }

  async spreadBuckets(pair: string, range: TimeRange, bucketMs: number) {
    return (await this.#ready()).spreadBuckets(pair, range, bucketMs);
  }

  async mids(instrument: string, range: TimeRange, bucketMs: number) {
    return (await this.#ready()).mids(instrument, range, bucketMs);
  }

  async *export<T extends TickTable>(table: T, range: TimeRange): AsyncGenerator<readonly TickRows[T][]> {
    yield* (await this.#ready()).export(table, range);
  }

  async status() {
    return (await this.#ready()).status();
  }

  async describe() {
    return (await this.#ready()).describe();
  }

  async ping(): Promise<number> {
    return (await this.#ready()).ping();
  }

  /** Does not wait for an opening that is under way; its store is closed when it comes. */
  close(): Promise<void> {
    if (this.#closing !== null) return this.#closing;
    if (this.#opened === null) this.#opening?.then((store) => store.close()).catch(() => undefined);
    this.#closing = this.#opened?.close() ?? Promise.resolve();
    return this.#closing;
  }

  #ready(): Promise<TickStore> {
    if (this.#closing !== null)
      return Promise.reject(new ArbotError('ARB_STORE_UNAVAILABLE', 'the tick store is closed'));
    if (this.#opening !== null) return this.#opening;
    if (this.#clock.monotonicMs() < this.#nextTryMs) return Promise.reject(this.#away());
    this.#opening = this.#open().then(
      (store) => (this.#opened = store),
      (error: unknown) => this.#failed(error),
    );
    return this.#opening;
  }

  #failed(error: unknown): never {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#nextTryMs = this.#clock.monotonicMs() + pauseMs;
    this.#reason = errorText(error);
    this.#opening = null;
    this.#log.error({ reason: this.#reason, pauseMs }, 'the tick store could not be opened; trading goes on');
    throw this.#away();
  }

  /** Whatever the reason was, a batch that waits for the store is not at fault. */
  #away(): ArbotError {
    return new ArbotError('ARB_STORE_UNAVAILABLE', `the tick store could not be opened: ${this.#reason}`, {
      retryable: true,
    });
  }
}
