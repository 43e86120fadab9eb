import type { Stores } from '../../src/ports/stores.js';
import type { Timers } from '../../src/ports/time.js';
import type { StoreFaults } from '../../src/storage/memory/memory-database.js';
import type { Prng } from '../../src/simulator/prng.js';

/** Runs one call of a store; `name` is `<store>.<call>`. */
export type Around = <T>(name: string, call: () => Promise<T>) => Promise<T>;

/** The same stores with every call led through `around`. */
export function aroundStores(inner: Stores, around: Around): Stores {
  const { ledger, trades, signals, portfolio, performance, retention, settings, leases, exchanges } = inner;
  return {
    ledger: {
      append: (entry) => around('ledger.append', () => ledger.append(entry)),
      bookFill: (fill, entry) => around('ledger.bookFill', () => ledger.bookFill(fill, entry)),
      holdings: () => around('ledger.holdings', () => ledger.holdings()),
      balances: () => around('ledger.balances', () => ledger.balances()),
      entries: (after, limit) => around('ledger.entries', () => ledger.entries(after, limit)),
      fills: (after, limit) => around('ledger.fills', () => ledger.fills(after, limit)),
      fillsOf: (ids) => around('ledger.fillsOf', () => ledger.fillsOf(ids)),
    },
    trades: {
      journalLegs: (legs, fence) => around('trades.journalLegs', () => trades.journalLegs(legs, fence)),
      saveLegResult: (result) => around('trades.saveLegResult', () => trades.saveLegResult(result)),
      closeArbitrage: (closed) => around('trades.closeArbitrage', () => trades.closeArbitrage(closed)),
      recentArbitrages: (limit) => around('trades.recentArbitrages', () => trades.recentArbitrages(limit)),
      arbitragesOf: (ids) => around('trades.arbitragesOf', () => trades.arbitragesOf(ids)),
      openLegs: () => around('trades.openLegs', () => trades.openLegs()),
      ordersOf: (ids) => around('trades.ordersOf', () => trades.ordersOf(ids)),
      profitAndLoss: (fromMs, toMs) =>
        around('trades.profitAndLoss', () => trades.profitAndLoss(fromMs, toMs)),
      residues: () => around('trades.residues', () => trades.residues()),
      openPositions: () => around('trades.openPositions', () => trades.openPositions()),
    },
    signals: {
      saveSignal: (signal, verdict) =>
        around('signals.saveSignal', () => signals.saveSignal(signal, verdict)),
      saveOpportunity: (event) => around('signals.saveOpportunity', () => signals.saveOpportunity(event)),
      recentSignals: (limit) => around('signals.recentSignals', () => signals.recentSignals(limit)),
      signalsOf: (ids) => around('signals.signalsOf', () => signals.signalsOf(ids)),
      recentOpportunities: (limit) =>
        around('signals.recentOpportunities', () => signals.recentOpportunities(limit)),
    },
    portfolio: {
      saveSnapshot: (snapshot) => around('portfolio.saveSnapshot', () => portfolio.saveSnapshot(snapshot)),
      recentSnapshots: (limit) => around('portfolio.recentSnapshots', () => portfolio.recentSnapshots(limit)),
    },
    performance: {
      firstDay: (currency) => around('performance.firstDay', () => performance.firstDay(currency)),
      facts: (day, currency) => around('performance.facts', () => performance.facts(day, currency)),
      saveDay: (row) => around('performance.saveDay', () => performance.saveDay(row)),
      days: (currency, before, limit) =>
        around('performance.days', () => performance.days(currency, before, limit)),
    },
    retention: {
      thin: (thinning) => around('retention.thin', () => retention.thin(thinning)),
      compact: () => around('retention.compact', () => retention.compact()),
    },
    settings: {
      claimMode: (mode) => around('settings.claimMode', () => settings.claimMode(mode)),
      get: (key) => around('settings.get', () => settings.get(key)),
      set: (key, value) => around('settings.set', () => settings.set(key, value)),
    },
    leases: {
      acquire: (claim) => around('leases.acquire', () => leases.acquire(claim)),
      renew: (key) => around('leases.renew', () => leases.renew(key)),
      release: (key) => around('leases.release', () => leases.release(key)),
      current: (resource) => around('leases.current', () => leases.current(resource)),
    },
    exchanges: {
      saveExchanges: (terms, nowMs) =>
        around('exchanges.saveExchanges', () => exchanges.saveExchanges(terms, nowMs)),
      exchanges: () => around('exchanges.exchanges', () => exchanges.exchanges()),
    },
    describe: () => inner.describe(),
    ping: () => around('ping', () => inner.ping()),
    close: () => inner.close(),
  };
}

/** Whichever write about money and orders comes first. */
export interface Torn {
  readonly as: 'lost' | 'kept';
  readonly die: () => void;
}

export interface ArmedWrite extends Torn {
  readonly of: string;
  /** 1 = the next one of that name. */
  left: number;
}

/** The switches of the disk behind the stores. Every call draws its own delay, so that two calls may overtake each other. */
export class StoreSwitches implements StoreFaults {
  down = false;
  full = false;
  lostAcknowledgements = 0;
  /** Added to each way, ms. */
  slowMs = 0;
  /** The next write that comes by is the last: told before it takes effect (`lost`) or after (`kept`), and never acknowledged. */
  torn: Torn | null = null;
  /** Such writes that wait for their turn among others of their name. */
  readonly armed = new Set<ArmedWrite>();
  private readonly prng: Prng;
  private readonly maxMs: number;

  constructor(prng: Prng, maxMs: number) {
    this.prng = prng;
    this.maxMs = maxMs;
  }

  get delayMs(): number {
    return this.prng.between(0.2, this.maxMs) + this.slowMs;
  }

  /** What this write dies of, taken out; null = nothing. */
  takeTorn(name: string, as: Torn['as']): (() => void) | null {
    for (const armed of this.armed) {
      if (armed.of !== name || armed.as !== as || --armed.left > 0) continue;
      this.armed.delete(armed);
      return armed.die;
    }
    const { torn } = this;
    if (torn?.as !== as || !WRITES.test(name)) return null;
    this.torn = null;
    return torn.die;
  }
}

/** Writes about money and orders; the others would come by first, and nothing hangs on them. */
const WRITES = /\.(append|bookFill|journalLegs|saveLegResult|closeArbitrage)$/;

/**
 * The answer's way back: between the commit and its acknowledgement a process may die. Writes of a process that was taken for dead
 * are not counted.
 */
export function acknowledgedLater(
  timers: Timers,
  switches: StoreSwitches,
  isCurrent: () => boolean = () => true,
): Around {
  const back = (): Promise<void> => new Promise((resolve) => void timers.setTimer(resolve, switches.delayMs));
  const dies = (name: string, as: Torn['as']): boolean => {
    const die = isCurrent() ? switches.takeTorn(name, as) : null;
    die?.();
    return die !== null;
  };
  return async (name, call) => {
    if (dies(name, 'lost')) return never();
    try {
      const answer = await call();
      if (dies(name, 'kept')) return await never();
      return answer;
    } finally {
      await back();
    }
  };
}

/** The process is gone; its promise never settles. */
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
