import type { Leases } from './leases.js';
import type { BalancesChanged, LedgerEntry } from '../messages/ledger.js';
import type { ArbitrageClosed, Attribution, Fill, LegResult, SubmitLeg } from '../messages/order.js';
import type { EquityMark } from '../messages/performance.js';
import type { AssetId, DecimalText, ExchangeId, ModeName, PairId, Strategy } from '../messages/primitives.js';
import type { Verdict } from '../messages/risk.js';
import type { OpportunityEvent, Signal } from '../messages/signal.js';
import type { PerformanceStore, RetentionStore } from './performance.js';

/**
 * Domain stores. Each has a real, an embedded and an in-memory implementation under one contract suite. All calls reject
 * with ARB_STORE_UNAVAILABLE when the store does not answer; what is *unknown* then is settled by reading back by id.
 */

export type Booked = 'booked' | 'duplicate';

export interface LedgerStore {
  /** Appends one balanced entry in one transaction. The same entryId again is `duplicate` and changes nothing. Rejects ARB_LEDGER_UNBALANCED. */
  append(entry: LedgerEntry): Promise<Booked>;
  /** A fill and its entry in one transaction; duplicate by (exchange, tradeId), for ever. */
  bookFill(fill: Fill, entry: LedgerEntry): Promise<Booked>;
  /** Sum of all postings on `exchange:*` accounts. */
  holdings(): Promise<BalancesChanged['holdings']>;
  /** Sum per account and asset, exact. */
  balances(): Promise<readonly { account: string; asset: AssetId; amount: DecimalText }[]>;
  /** Entries in booking order after a position (0 = from the start). */
  entries(afterPosition: number, limit: number): Promise<readonly { position: number; entry: LedgerEntry }[]>;
  fills(afterPosition: number, limit: number): Promise<readonly { position: number; fill: Fill }[]>;
  /** Fills of these arbitrages, at most 10,000 of them, in booking order. */
  fillsOf(arbitrageIds: readonly string[]): Promise<readonly Fill[]>;
}

/** An order as the journal has it. */
export interface JournalledOrder {
  readonly leg: SubmitLeg;
  /** The newest knowledge of it; null = none yet. */
  readonly result: LegResult | null;
}

/** Sums of the arbitrages of one pair that ended in one way, in the quote asset. */
export interface ProfitAndLoss {
  readonly pair: PairId;
  readonly strategy: Strategy;
  /** What the money is counted in. */
  readonly quote: AssetId;
  readonly outcome: ArbitrageClosed['outcome'];
  readonly arbitrages: number;
  readonly expectedNet: DecimalText;
  readonly realisedNet: DecimalText;
  readonly fees: DecimalText;
  /** Of these, those whose difference is told by its parts, and the sums of these parts. */
  readonly attributed: number;
  readonly parts: Attribution;
}

/**
 * What arbitrages that ended have left over of an asset, by their fills: also by those that came after the end. Of legs in several
 * pairs every asset counts but the quote; a position of a pair is carried and not left over.
 */
export interface ResidueRow {
  readonly asset: AssetId;
  /** Signed. */
  readonly amount: DecimalText;
  readonly arbitrages: number;
  readonly flagged: number;
}

export interface TradeStore {
  /**
   * Journal before send: the legs of one arbitrage in one commit, under the fence of the lease `trade`. A fence that is not
   * the one in force rejects ARB_FENCE_STALE and writes nothing. (verdict, leg, attempt) is unique: a second use rejects
   * ARB_STORE_CONFLICT.
   */
  journalLegs(legs: readonly SubmitLeg[], fence: number): Promise<void>;
  saveLegResult(result: LegResult): Promise<void>;
  closeArbitrage(closed: ArbitrageClosed): Promise<Booked>;
  /** Newest first. */
  recentArbitrages(limit: number): Promise<readonly ArbitrageClosed[]>;
  /** The ends of those of these arbitrages that have one; at most 10,000 are asked for. */
  arbitragesOf(arbitrageIds: readonly string[]): Promise<readonly ArbitrageClosed[]>;
  /** Journalled legs that have no result yet, oldest first: what a restart must settle. */
  openLegs(): Promise<readonly SubmitLeg[]>;
  /** Every order of these arbitrages, oldest first; at most 10,000 are asked for. */
  ordersOf(arbitrageIds: readonly string[]): Promise<readonly JournalledOrder[]>;
  /** Of arbitrages that ended from one moment on and before another, Unix ms; by pair and outcome. */
  profitAndLoss(fromMs: number, toMs: number): Promise<readonly ProfitAndLoss[]>;
  /** By asset. */
  residues(): Promise<readonly ResidueRow[]>;
  /** The newest end of each position of a statistical pair that still holds something, at most 1,000. */
  openPositions(): Promise<readonly ArbitrageClosed[]>;
}

export interface SignalStore {
  saveSignal(signal: Signal, verdict: Verdict): Promise<Booked>;
  saveOpportunity(event: OpportunityEvent): Promise<void>;
  recentSignals(limit: number): Promise<readonly { signal: Signal; verdict: Verdict }[]>;
  /** Those of these verdicts that are stored, with their signals; at most 10,000 are asked for. */
  signalsOf(verdictIds: readonly string[]): Promise<readonly { signal: Signal; verdict: Verdict }[]>;
  recentOpportunities(limit: number): Promise<readonly OpportunityEvent[]>;
}

export interface PortfolioSnapshot {
  readonly atMs: number;
  /** Asset the totals are in. */
  readonly currency: AssetId;
  readonly equity: DecimalText;
  readonly realisedNet: DecimalText;
  readonly holdings: readonly {
    exchange: ExchangeId;
    asset: AssetId;
    amount: DecimalText;
    mark: DecimalText | null;
  }[];
  /** What was held on purpose then, so that its revaluation can be told from trading. */
  readonly baseline?: EquityMark['baseline'];
}

export interface PortfolioStore {
  saveSnapshot(snapshot: PortfolioSnapshot): Promise<void>;
  recentSnapshots(limit: number): Promise<readonly PortfolioSnapshot[]>;
}

export interface SettingsStore {
  /** Stamps the data folder with its mode at first use; rejects ARB_MODE_MIXED when it was written in another. */
  claimMode(mode: ModeName): Promise<void>;
  /** The kill switch and whatever else must survive a restart. */
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<void>;
}

/** An exchange as it is traded here. Rates are shares of the notional: 0.001 = 10 bps. */
export interface ExchangeTerms {
  readonly exchange: ExchangeId;
  /** Where the rates come from: `default`, the name of a tier of the exchange, or `configured` by the trader. */
  readonly tier: string;
  readonly makerFee: DecimalText;
  readonly takerFee: DecimalText;
  readonly active: boolean;
}

export interface ExchangeStore {
  /** Writes what changed; `sinceMs` of the others stays. Exchanges that are not named become inactive. */
  saveExchanges(terms: readonly ExchangeTerms[], nowMs: number): Promise<void>;
  /** By name. */
  exchanges(): Promise<readonly (ExchangeTerms & { readonly sinceMs: number })[]>;
}

export interface StoreDescription {
  readonly name: string;
  /** `pglite 0.5.16`, `postgresql 15.18`, `memory`. */
  readonly engine: string;
  readonly location: string;
  /** What makes it unfit for LIVE, empty when nothing does. */
  readonly unsafeForLive: readonly string[];
}

export interface Stores {
  readonly ledger: LedgerStore;
  readonly trades: TradeStore;
  readonly signals: SignalStore;
  readonly portfolio: PortfolioStore;
  readonly performance: PerformanceStore;
  readonly retention: RetentionStore;
  readonly settings: SettingsStore;
  readonly leases: Leases;
  readonly exchanges: ExchangeStore;
  describe(): Promise<StoreDescription>;
  /** Round trip in ms; rejects when unavailable. */
  ping(): Promise<number>;
  close(): Promise<void>;
}
