import { ArbotError } from '../messages/errors.js';
import { ledgerEntry } from '../messages/ledger.js';
import { arbitrageClosed, fill, legResult } from '../messages/order.js';
import type { Leases } from '../ports/leases.js';
import { dailyPerformance, utcDay } from '../messages/performance.js';
import { assetId, modeName, timeMs } from '../messages/primitives.js';
import { verdict } from '../messages/risk.js';
import { opportunityEvent, signal } from '../messages/signal.js';
import type { PerformanceStore, RetentionStore } from '../ports/performance.js';
import type {
  ExchangeStore,
  LedgerStore,
  PortfolioStore,
  SettingsStore,
  SignalStore,
  Stores,
  TradeStore,
} from '../ports/stores.js';
import {
  exchangeTerms,
  fence,
  journalledLegs,
  leaseClaim,
  leaseKey,
  leaseResource,
  portfolioSnapshot,
  settingKey,
  settingValue,
  thinning,
} from './bodies.js';
import { accept, acceptIds, acceptLimit, acceptPosition } from './border.js';
import { requireAttributed, requireBalanced } from './ledger-rules.js';

/** Puts the same border in front of every implementation, so that all refuse the same inputs with the same words. */
export function bordered(inner: Stores): Stores {
  return {
    ledger: borderedLedger(inner.ledger),
    trades: borderedTrades(inner.trades),
    signals: borderedSignals(inner.signals),
    portfolio: borderedPortfolio(inner.portfolio),
    performance: borderedPerformance(inner.performance),
    retention: borderedRetention(inner.retention),
    settings: borderedSettings(inner.settings),
    leases: borderedLeases(inner.leases),
    exchanges: borderedExchanges(inner.exchanges),
    describe: () => inner.describe(),
    ping: () => inner.ping(),
    close: () => inner.close(),
  };
}

function borderedLedger(inner: LedgerStore): LedgerStore {
  return {
    append: async (value) => {
      const entry = accept(ledgerEntry, value, 'entry');
      requireBalanced(entry);
      return inner.append(entry);
    },
    bookFill: async (fillValue, entryValue) => {
      const booked = accept(fill, fillValue, 'fill');
      const entry = accept(ledgerEntry, entryValue, 'entry');
      requireBalanced(entry);
      return inner.bookFill(booked, entry);
    },
    holdings: () => inner.holdings(),
    balances: () => inner.balances(),
    entries: async (after, limit) => inner.entries(acceptPosition(after), acceptLimit(limit)),
    fills: async (after, limit) => inner.fills(acceptPosition(after), acceptLimit(limit)),
    fillsOf: async (ids) => inner.fillsOf(acceptIds(ids)),
  };
}

function borderedTrades(inner: TradeStore): TradeStore {
  return {
    journalLegs: async (legs, under) =>
      inner.journalLegs(accept(journalledLegs, legs, 'legs'), accept(fence, under, 'fence')),
    saveLegResult: async (result) => inner.saveLegResult(accept(legResult, result, 'result')),
    closeArbitrage: async (value) => {
      const closed = accept(arbitrageClosed, value, 'closed');
      requireAttributed(closed);
      return inner.closeArbitrage(closed);
    },
    recentArbitrages: async (limit) => inner.recentArbitrages(acceptLimit(limit)),
    arbitragesOf: async (ids) => inner.arbitragesOf(acceptIds(ids)),
    openLegs: () => inner.openLegs(),
    ordersOf: async (ids) => inner.ordersOf(acceptIds(ids)),
    profitAndLoss: async (fromMs, toMs) =>
      inner.profitAndLoss(accept(timeMs, fromMs, 'fromMs'), accept(timeMs, toMs, 'toMs')),
    residues: () => inner.residues(),
    openPositions: () => inner.openPositions(),
  };
}

function borderedSignals(inner: SignalStore): SignalStore {
  return {
    saveSignal: async (signalValue, verdictValue) => {
      const detected = accept(signal, signalValue, 'signal');
      const decided = accept(verdict, verdictValue, 'verdict');
      if (decided.signalId !== detected.signalId)
        throw new ArbotError('ARB_MESSAGE_INVALID', 'verdict.signalId: belongs to another signal');
      return inner.saveSignal(detected, decided);
    },
    saveOpportunity: async (event) => inner.saveOpportunity(accept(opportunityEvent, event, 'event')),
    recentSignals: async (limit) => inner.recentSignals(acceptLimit(limit)),
    signalsOf: async (ids) => inner.signalsOf(acceptIds(ids)),
    recentOpportunities: async (limit) => inner.recentOpportunities(acceptLimit(limit)),
  };
}

function borderedPortfolio(inner: PortfolioStore): PortfolioStore {
  return {
    saveSnapshot: async (snapshot) => inner.saveSnapshot(accept(portfolioSnapshot, snapshot, 'snapshot')),
    recentSnapshots: async (limit) => inner.recentSnapshots(acceptLimit(limit)),
  };
}

function borderedPerformance(inner: PerformanceStore): PerformanceStore {
  return {
    firstDay: async (currency) => inner.firstDay(accept(assetId, currency, 'currency')),
    facts: async (day, currency) =>
      inner.facts(accept(utcDay, day, 'day'), accept(assetId, currency, 'currency')),
    saveDay: async (row) => inner.saveDay(accept(dailyPerformance, row, 'row')),
    days: async (currency, before, limit) =>
      inner.days(
        accept(assetId, currency, 'currency'),
        before === null ? null : accept(utcDay, before, 'before'),
        acceptLimit(limit),
      ),
  };
}

function borderedRetention(inner: RetentionStore): RetentionStore {
  return {
    thin: async (request) => inner.thin(accept(thinning, request, 'thinning')),
    compact: () => inner.compact(),
  };
}

function borderedSettings(inner: SettingsStore): SettingsStore {
  return {
    claimMode: async (mode) => inner.claimMode(accept(modeName, mode, 'mode')),
    get: async (key) => inner.get(accept(settingKey, key, 'key')),
    set: async (key, value) =>
      inner.set(accept(settingKey, key, 'key'), accept(settingValue, value, 'value')),
  };
}

function borderedLeases(inner: Leases): Leases {
  return {
    acquire: async (claim) => inner.acquire(accept(leaseClaim, claim, 'claim')),
    renew: async (key) => inner.renew(accept(leaseKey, key, 'lease')),
    release: async (key) => inner.release(accept(leaseKey, key, 'lease')),
    current: async (resource) => inner.current(accept(leaseResource, resource, 'resource')),
  };
}

function borderedExchanges(inner: ExchangeStore): ExchangeStore {
  return {
    saveExchanges: async (terms, nowMs) =>
      inner.saveExchanges(accept(exchangeTerms, terms, 'exchanges'), accept(timeMs, nowMs, 'nowMs')),
    exchanges: () => inner.exchanges(),
  };
}
