import { ArbotError } from '../../messages/errors.js';
import type { ExchangeTerms } from '../../ports/stores.js';
import type { Clock, Timers } from '../../ports/time.js';

/** The ways a store can fail that the simulation switches on and off while it runs. */
export interface StoreFaults {
  /** Every call takes this long before it takes effect. */
  delayMs: number;
  /** Every call is refused and changes nothing. */
  down: boolean;
  /** No space is left: every write is refused and changes nothing, reads are answered. */
  full: boolean;
  /** This many of the next writes take effect and are then reported as failed. */
  lostAcknowledgements: number;
}

export interface StoredResult {
  readonly clientOrderId: string;
  readonly body: string;
}

/** A row of the table `leases`; its times are those of the clock of the stores. */
export interface LeaseRow {
  readonly holder: string | null;
  readonly nonce: string | null;
  readonly fence: number;
  readonly renewals: number;
  readonly ttlMs: number;
  readonly maxExpiryMs: number;
  readonly formerExpiryMs: number;
  readonly expiresAtMs: number;
}

/**
 * The content of the in-memory stores, apart from them, so that a simulated crash can open it again. Bodies are JSON text,
 * as in the database, so that nothing shares objects with its callers.
 */
export interface MemoryDatabase {
  mode: string | null;
  readonly settings: Map<string, string>;
  readonly entries: { readonly entryId: string; readonly body: string }[];
  readonly entryIds: Set<string>;
  readonly fills: { readonly key: string; readonly body: string }[];
  /** (exchange, trade id) to the index in `fills`. */
  readonly fillKeys: Map<string, number>;
  readonly legs: Map<string, string>;
  /** The fence each leg was journalled under. */
  readonly legFences: Map<string, number>;
  readonly legKeys: Set<string>;
  readonly results: Map<string, string>;
  readonly arbitrages: Map<string, string>;
  readonly signals: Map<string, { readonly signal: string; readonly verdict: string }>;
  readonly verdictIds: Set<string>;
  readonly opportunities: Set<string>;
  readonly snapshots: Map<string, string>;
  /** By resource. */
  readonly leases: Map<string, LeaseRow>;
  readonly exchanges: Map<string, ExchangeTerms & { readonly sinceMs: number }>;
  /** Daily rows by currency and day. */
  readonly days: Map<string, string>;
}

export function createMemoryDatabase(): MemoryDatabase {
  return {
    mode: null,
    settings: new Map(),
    entries: [],
    entryIds: new Set(),
    fills: [],
    fillKeys: new Map(),
    legs: new Map(),
    legFences: new Map(),
    legKeys: new Set(),
    results: new Map(),
    arbitrages: new Map(),
    signals: new Map(),
    verdictIds: new Set(),
    opportunities: new Set(),
    snapshots: new Map(),
    leases: new Map(),
    exchanges: new Map(),
    days: new Map(),
  };
}

export function noFaults(): StoreFaults {
  return { delayMs: 0, down: false, full: false, lostAcknowledgements: 0 };
}

function unavailable(reason: string): ArbotError {
  return new ArbotError('ARB_STORE_UNAVAILABLE', `the in-memory store does not answer: ${reason}`, {
    retryable: true,
  });
}

/** Runs calls on a database under the faults of the moment; each call is atomic, as a transaction is. */
export class MemoryEngine<D = MemoryDatabase> {
  readonly database: D;
  readonly #faults: StoreFaults;
  readonly #timers: Timers;
  readonly #clock: Clock;
  #closed = false;

  constructor(database: D, faults: StoreFaults, timers: Timers, clock: Clock) {
    this.database = database;
    this.#faults = faults;
    this.#timers = timers;
    this.#clock = clock;
  }

  /** `nowMs` is the clock of the stores at the moment the call takes effect. */
  async read<T>(look: (database: D, nowMs: number) => T): Promise<T> {
    await this.#admit();
    return look(this.database, this.#clock.nowMs());
  }

  async write<T>(change: (database: D, nowMs: number) => T): Promise<T> {
    await this.#admit();
    if (this.#faults.full) throw unavailable('no space is left');
    const result = change(this.database, this.#clock.nowMs());
    if (this.#faults.lostAcknowledgements > 0) {
      this.#faults.lostAcknowledgements--;
      throw unavailable('the acknowledgement was lost; the outcome is unknown until it is read back');
    }
    return result;
  }

  async ping(): Promise<number> {
    const startedMs = this.#clock.monotonicMs();
    await this.#admit();
    return this.#clock.monotonicMs() - startedMs;
  }

  close(): void {
    this.#closed = true;
  }

  async #admit(): Promise<void> {
    const { delayMs } = this.#faults;
    if (delayMs > 0) await new Promise<void>((resume) => this.#timers.setTimer(resume, delayMs));
    if (this.#closed) throw unavailable('it is closed');
    if (this.#faults.down) throw unavailable('it is down');
  }
}
