import { ArbotError } from '../../messages/errors.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../../messages/order.js';
import type { Verdict } from '../../messages/risk.js';
import type { OpportunityEvent, Signal } from '../../messages/signal.js';
import type {
  ExchangeStore,
  ExchangeTerms,
  PortfolioSnapshot,
  PortfolioStore,
  SettingsStore,
  SignalStore,
  Stores,
  TradeStore,
} from '../../ports/stores.js';
import { contradictingResult, Exact, judgeResult, legNotJournalled } from '../ledger-rules.js';
import { mixedMode } from '../sql/settings-store.js';
import type { MemoryDatabase, MemoryEngine } from './memory-database.js';
import { MemoryLeases } from './memory-leases.js';
import { memoryLedger } from './memory-ledger.js';
import { memoryPerformance, memoryRetention } from './memory-performance.js';
import { memoryTradeReports } from './memory-trade-reports.js';

/** The newest rows of insertion-ordered bodies, newest first. */
function newest<T>(bodies: Iterable<string>, limit: number): T[] {
  return [...bodies]
    .slice(-limit)
    .reverse()
    .map((body) => JSON.parse(body) as T);
}

function conflict(message: string): ArbotError {
  return new ArbotError('ARB_STORE_CONFLICT', message);
}

/** All or nothing: every leg is checked, also against the others of the same call, before the first is kept. */
function journalLegs(db: MemoryDatabase, legs: readonly SubmitLeg[], fence: number): void {
  const keyOf = (leg: SubmitLeg): string => `${leg.verdictId} ${leg.legIndex} ${leg.attempt}`;
  const ids = new Set<string>();
  const keys = new Set<string>();
  for (const leg of legs) {
    if (db.legs.has(leg.clientOrderId) || ids.has(leg.clientOrderId))
      throw conflict(`leg ${leg.clientOrderId} is journalled already`);
    if (db.legKeys.has(keyOf(leg)) || keys.has(keyOf(leg)))
      throw conflict(`verdict ${leg.verdictId} has used leg ${leg.legIndex} attempt ${leg.attempt}`);
    ids.add(leg.clientOrderId);
    keys.add(keyOf(leg));
  }
  for (const leg of legs) {
    db.legs.set(leg.clientOrderId, JSON.stringify(leg));
    db.legKeys.add(keyOf(leg));
    db.legFences.set(leg.clientOrderId, fence);
  }
}

function saveLegResult(db: MemoryDatabase, next: LegResult): void {
  if (!db.legs.has(next.clientOrderId)) throw legNotJournalled(next.clientOrderId);
  const body = db.results.get(next.clientOrderId);
  const known = body === undefined ? null : (JSON.parse(body) as LegResult);
  const judged = judgeResult(known, next);
  if (judged === 'contradiction' && known !== null) throw contradictingResult(known, next);
  if (judged === 'save') db.results.set(next.clientOrderId, JSON.stringify(next));
}

function isOpen(db: MemoryDatabase, clientOrderId: string): boolean {
  const body = db.results.get(clientOrderId);
  return body === undefined || (JSON.parse(body) as LegResult).status === 'unknown';
}

function memoryTrades(engine: MemoryEngine): TradeStore {
  return {
    journalLegs: (legs, fence) =>
      engine.write((db, nowMs) => {
        MemoryLeases.requireFence(db, fence, nowMs);
        journalLegs(db, legs, fence);
      }),
    saveLegResult: (result) => engine.write((db) => saveLegResult(db, result)),
    closeArbitrage: (closed) =>
      engine.write((db) => {
        if (db.arbitrages.has(closed.arbitrageId)) return 'duplicate';
        db.arbitrages.set(closed.arbitrageId, JSON.stringify(closed));
        return 'booked';
      }),
    recentArbitrages: (limit) => engine.read((db) => newest<ArbitrageClosed>(db.arbitrages.values(), limit)),
    arbitragesOf: (arbitrageIds) =>
      engine.read((db) => {
        const wanted = new Set(arbitrageIds);
        return newest<ArbitrageClosed>(db.arbitrages.values(), db.arbitrages.size)
          .reverse()
          .filter((closed) => wanted.has(closed.arbitrageId));
      }),
    openLegs: () =>
      engine.read((db) =>
        [...db.legs].filter(([id]) => isOpen(db, id)).map(([, body]) => JSON.parse(body) as SubmitLeg),
      ),
    ...memoryTradeReports(engine),
  };
}

const decisionOf = (row: { readonly signal: string; readonly verdict: string }) => ({
  signal: JSON.parse(row.signal) as Signal,
  verdict: JSON.parse(row.verdict) as Verdict,
});

function memorySignals(engine: MemoryEngine): SignalStore {
  return {
    saveSignal: (detected, decided) =>
      engine.write((db) => {
        if (db.signals.has(detected.signalId)) return 'duplicate';
        if (db.verdictIds.has(decided.verdictId))
          throw conflict(`verdict ${decided.verdictId} exists already`);
        db.signals.set(detected.signalId, {
          signal: JSON.stringify(detected),
          verdict: JSON.stringify(decided),
        });
        db.verdictIds.add(decided.verdictId);
        return 'booked';
      }),
    saveOpportunity: (event) =>
      engine.write((db) => {
        db.opportunities.add(JSON.stringify(event, Object.keys(event).sort()));
      }),
    recentSignals: (limit) =>
      engine.read((db) => [...db.signals.values()].slice(-limit).reverse().map(decisionOf)),
    signalsOf: (verdictIds) =>
      engine.read((db) => {
        const wanted = new Set(verdictIds);
        return [...db.signals.values()].map(decisionOf).filter((row) => wanted.has(row.verdict.verdictId));
      }),
    recentOpportunities: (limit) => engine.read((db) => newest<OpportunityEvent>(db.opportunities, limit)),
  };
}

function memoryPortfolio(engine: MemoryEngine): PortfolioStore {
  return {
    saveSnapshot: (snapshot) =>
      engine.write((db) => {
        const key = `${snapshot.currency} ${snapshot.atMs}`;
        if (!db.snapshots.has(key)) db.snapshots.set(key, JSON.stringify(snapshot));
      }),
    recentSnapshots: (limit) => engine.read((db) => newest<PortfolioSnapshot>(db.snapshots.values(), limit)),
  };
}

function memorySettings(engine: MemoryEngine): SettingsStore {
  return {
    claimMode: (mode) =>
      engine.write((db) => {
        db.mode ??= mode;
        if (db.mode !== mode) throw mixedMode('this memory', db.mode, mode);
      }),
    get: (key) => engine.read((db) => db.settings.get(key) ?? null),
    set: (key, value) =>
      engine.write((db) => {
        db.settings.set(key, value);
      }),
  };
}

function memoryExchanges(engine: MemoryEngine): ExchangeStore {
  return {
    saveExchanges: (terms, nowMs) =>
      engine.write((db) => {
        const named = new Map(terms.map((one) => [one.exchange, one]));
        for (const [exchange, known] of db.exchanges)
          if (known.active && !named.has(exchange))
            db.exchanges.set(exchange, { ...known, active: false, sinceMs: nowMs });
        for (const [exchange, one] of named)
          if (!isSameTerms(db.exchanges.get(exchange), one))
            db.exchanges.set(exchange, { ...one, sinceMs: nowMs });
      }),
    exchanges: () =>
      engine.read((db) =>
        [...db.exchanges.values()]
          .sort((a, b) => (a.exchange < b.exchange ? -1 : 1))
          .map((row) => ({ ...row })),
      ),
  };
}

const isSameTerms = (known: ExchangeTerms | undefined, next: ExchangeTerms): boolean =>
  known !== undefined &&
  known.tier === next.tier &&
  known.active === next.active &&
  new Exact(known.makerFee).eq(next.makerFee) &&
  new Exact(known.takerFee).eq(next.takerFee);

/** The stores in memory, with the semantics of the SQL ones; for simulation and tests. */
export function memoryStores(engine: MemoryEngine): Stores {
  return {
    ledger: memoryLedger(engine),
    trades: memoryTrades(engine),
    signals: memorySignals(engine),
    portfolio: memoryPortfolio(engine),
    performance: memoryPerformance(engine),
    retention: memoryRetention(engine),
    settings: memorySettings(engine),
    leases: new MemoryLeases(engine),
    exchanges: memoryExchanges(engine),
    describe: () =>
      engine.read(() => ({
        name: 'trades',
        engine: 'memory',
        location: 'this process',
        unsafeForLive: ['nothing survives the end of the process'],
      })),
    ping: () => engine.ping(),
    close: async () => engine.close(),
  };
}
