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

export interface Torn {
  readonly as: 'lost' | 'kept';
  /** One write only; absent = whichever about money and orders comes first. */
  readonly of?: string;
  readonly die: () => void;
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
  private readonly prng: Prng;
  private readonly maxMs: number;

  constructor(prng: Prng, maxMs: number) {
    this.prng = prng;
    this.maxMs = maxMs;
  }

  get delayMs(): number {
    return this.prng.between(0.2, this.maxMs) + this.slowMs;
  }
}

/** Writes about money and orders; the others would come by first, and nothing hangs on them. */
const WRITES = /\.(append|bookFill|journalLegs|saveLegResult|closeArbitrage)$/;

const isMeant = ({ of }: Torn, name: string): boolean => (of === undefined ? WRITES.test(name) : of === name);

/** The answer's way back: between the commit and its acknowledgement a process may die. */
export function acknowledgedLater(timers: Timers, switches: StoreSwitches): Around {
  const back = (): Promise<void> => new Promise((resolve) => void timers.setTimer(resolve, switches.delayMs));
  return async (name, call) => {
    const { torn } = switches;
    if (torn?.as === 'lost' && isMeant(torn, name)) return lastWrite(switches, torn.die);
    try {
      return await call();
    } finally {
      if (switches.torn?.as === 'kept' && isMeant(switches.torn, name))
        await lastWrite(switches, switches.torn.die);
      await back();
    }
  };
}

/** The process is gone; its promise never settles. */
function lastWrite(switches: StoreSwitches, die: () => void): Promise<never> {
  switches.torn = null;
  die();
  return new Promise(() => undefined);
}
