import { changedRules } from '../../market/instrument-changes.js';
import type { Instrument } from '../../market/instrument.js';
import { BOARD_DEPTH, type QuoteBoard } from '../../market/quote-board.js';
import type { BalancesChanged } from '../../messages/ledger.js';
import type { PairPosition } from '../../messages/pair-positions.js';
import type { InstrumentId } from '../../messages/primitives.js';
import type { OpportunityLife } from '../opportunity-life.js';
import type { SpatialMarket } from '../spatial-route.js';
import { MidBars } from './mid-bars.js';
import { declined, settle, type Traded } from './pair-answers.js';
import { pairUniverse, type PairUniverse } from './pair-candidates.js';
import { PairDesk, type Now } from './pair-desk.js';
import type { FoundPair, PairVerdict } from './pair-discovery.js';
import { NO_PAIR_EFFECTS, PairBook, type StatisticalEffect } from './pair-effects.js';
import type { PairTestResult } from './pair-test.js';
import { PairTrader, type PairAction } from './pair-trader.js';
import { ACTION_OF, newWatch, pairKey, watchOfPosition, type PairWatch } from './pair-watch.js';
import { checkStatistical, type StatisticalParameters } from './statistical-parameters.js';

export interface StatisticalDetectorOptions {
  readonly instruments: readonly Instrument[];
  readonly board: QuoteBoard;
  readonly parameters: StatisticalParameters;
  /** A fresh entity id with this prefix; deterministic in replays. */
  readonly nextId: (prefix: string) => string;
  /** What is held from before, as the journal has it. */
  readonly positions?: readonly PairPosition[];
  readonly nowMs: number;
}

/** A mid from before. */
export interface PastMid {
  readonly atMs: number;
  readonly mid: number;
}

/** Pairs that begin to be followed in one call: each learns from a whole window. */
const ADOPTED_AT_ONCE = 4;

/**
 * Pairs of markets whose prices return to each other: found on a rolling window of mids, entered when their spread is far, left when it is back, further away
 * or too late. A call costs a bounded amount of work: the tests go out as effects and come back as `tested`. Pure: equal calls in equal order give
 * equal effects.
 */
export class StatisticalDetector {
  private readonly board: QuoteBoard;
  private readonly parameters: StatisticalParameters;
  private readonly book: PairBook;
  private readonly desk: PairDesk;
  private instruments: readonly Instrument[];
  private universe: PairUniverse;
  private bars: MidBars;
  private indexes = new Map<InstrumentId, number>();
  private readonly adoptions: FoundPair[] = [];
  private readonly testedAtBar = new Map<string, number>();
  private readonly findings = new Map<string, Finding>();

  /** @throws ArbotError ARB_CONFIG_INVALID or ARB_DECIMAL_INVALID naming what is wrong. */
  constructor({ instruments, board, parameters, nextId, positions = [], nowMs }: StatisticalDetectorOptions) {
    checkStatistical(parameters);
    this.board = board;
    this.parameters = parameters;
    this.book = new PairBook(nextId);
    this.desk = new PairDesk(this.book, board, parameters);
    this.instruments = instruments;
    this.universe = pairUniverse(instruments, board, parameters);
    this.bars = this.newBars();
    this.bars.open(this.bars.lastOver(nowMs));
    this.noteStates(instruments);
    for (const position of positions) {
      const watch = watchOfPosition(position, parameters.trader, { barMs: parameters.barMs, nowMs });
      this.watches.set(watch.key, watch);
    }
    this.place();
  }

  private get watches(): Map<string, PairWatch> {
    return this.book.watches;
  }

  private newBars(): MidBars {
    const { barMs, windowBars } = this.parameters;
    const { markets } = this.universe;
    this.indexes = new Map(markets.map(({ instrument }, at) => [instrument.id, at]));
    return new MidBars(markets.length, { barMs, window: windowBars });
  }

  /** Markets that are followed. */
  get followed(): readonly InstrumentId[] {
    return this.universe.markets.map(({ instrument }) => instrument.id);
  }

  /** What may still come of history: from the beginning of the window. */
  get windowFromMs(): number {
    return this.bars.endMs(this.bars.newest - this.bars.window);
  }

  /** The lives that are open: of entries that may be offered, and of exits. */
  current(): readonly OpportunityLife[] {
    return [...this.watches.values()].flatMap(({ life, exitLife }) => [life ?? [], exitLife ?? []].flat());
  }

  get positions(): readonly PairPosition[] {
    return this.book.positions;
  }

  /** Mids of a market from before this detector looked. What is known already stays. */
  learn(instrument: InstrumentId, past: readonly PastMid[]): void {
    const market = this.indexes.get(instrument);
    if (market === undefined) return;
    const { barMs } = this.bars;
    for (const { atMs, mid } of past) this.bars.fill(market, Math.floor(atMs / barMs), mid);
  }

  /** History has been loaded as far as there is some: positions from before learn from it. */
  historyLoaded(): void {
    for (const watch of this.watches.values()) this.warm(watch);
  }

  /** Other rules, fees or markets. Bars, pairs and positions stay; open lives close. */
  replaceInstruments(instruments: readonly Instrument[], nowMs: number): readonly StatisticalEffect[] {
    const before = { bars: this.bars, indexes: this.indexes };
    this.instruments = instruments;
    this.universe = pairUniverse(instruments, this.board, this.parameters);
    this.bars = this.newBars();
    this.bars.open(before.bars.newest);
    for (const [id, market] of this.indexes) {
      const known = before.indexes.get(id);
      if (known === undefined) continue;
      for (let back = before.bars.window - 1; back >= 0; back--) {
        const bar = before.bars.newest - back;
        this.bars.fill(market, bar, Math.exp(before.bars.at(known, bar)));
      }
    }
    this.noteStates(instruments);
    for (const watch of this.watches.values())
      if (watch.position === null) this.book.endLife(watch, 'RECONFIGURED', nowMs);
    this.place();
    return this.book.take();
  }

  /** A state is obeyed when something is to be traded; other rules are as `replaceInstruments`. */
  instrumentChanged(instrument: Instrument, nowMs: number): readonly StatisticalEffect[] {
    const known = this.instruments.find(({ id }) => id === instrument.id);
    if (known === undefined) return NO_PAIR_EFFECTS;
    const next = this.instruments.map((one) => (one === known ? instrument : one));
    if (changedRules(known, instrument).length > 0) return this.replaceInstruments(next, nowMs);
    this.instruments = next;
    this.noteStates([instrument]);
    return NO_PAIR_EFFECTS;
  }

  private noteStates(instruments: readonly Instrument[]): void {
    for (const { id, state } of instruments) {
      const slot = this.board.slotOf(id);
      if (state === 'trading') this.desk.stopped.delete(slot);
      else this.desk.stopped.set(slot, state);
    }
  }

  /** Gives each pair its markets as they are now. */
  private place(): void {
    const marketOf = (id: InstrumentId) => this.universe.markets[this.indexes.get(id) ?? -1] ?? null;
    for (const watch of this.watches.values()) {
      watch.first = marketOf(watch.found.y);
      watch.second = marketOf(watch.found.x);
    }
  }

  /** Closes a bar when one is over, and looks at what waits. Call it several times per bar. */
  sweep(nowMs: number, monotonicMs: number): readonly StatisticalEffect[] {
    const now = { nowMs, monotonicMs };
    const bar = this.bars.lastOver(nowMs);
    if (this.bars.open(bar)) this.closeBar(now);
    for (let adopted = 0; adopted < ADOPTED_AT_ONCE && this.adoptions.length > 0; adopted++)
      this.adopt(this.adoptions.shift()!);
    for (const watch of this.watches.values())
      if (watch.position !== null && watch.position.wanted !== null && watch.position.pending === null)
        this.desk.leave(watch, now);
    return this.book.take();
  }

  private closeBar(now: Now): void {
    const { markets } = this.universe;
    for (const [at, market] of markets.entries())
      if (this.desk.problemOf(market, now.monotonicMs) === null) this.bars.set(at, this.midOf(market));
    const { newest } = this.bars;
    for (const watch of this.watches.values()) {
      const [y, x] = [this.indexOf(watch.found.y), this.indexOf(watch.found.x)];
      const logOf = (market: number) => (market < 0 ? NaN : this.bars.at(market, newest));
      this.act(watch, watch.trader.observe(logOf(y), logOf(x)), now);
    }
    this.askForTests();
  }

  private midOf({ slot }: SpatialMarket): number {
    const at = slot * BOARD_DEPTH;
    const { board } = this;
    if (board.bidLevels[slot] === 0 || board.askLevels[slot] === 0) return NaN;
    return (board.bidPrices[at]! + board.askPrices[at]!) / 2;
  }

  private indexOf(id: InstrumentId): number {
    return this.indexes.get(id) ?? -1;
  }

  private askForTests(): void {
    const { retestBars, maxGapShare, discovery } = this.parameters;
    const bar = this.bars.newest;
    for (const [quote, candidates] of this.universe.candidates) {
      if (bar - (this.testedAtBar.get(quote) ?? -Infinity) < retestBars) continue;
      const used = [...new Set(candidates.flat())];
      const windows = used.flatMap((market) => {
        const logPrices = this.bars.logPrices(market, maxGapShare);
        return logPrices === null ? [] : [{ market, logPrices }];
      });
      const places = new Map(windows.map(({ market }, at) => [market, at]));
      const tested = candidates.flatMap(([a, b]) => {
        const [at, other] = [places.get(a), places.get(b)];
        return at === undefined || other === undefined ? [] : [[at, other] as const];
      });
      if (tested.length === 0) continue;
      this.testedAtBar.set(quote, bar);
      const nameOf = (market: number) => this.universe.markets[market]!.instrument.id;
      const series = windows.map(({ market, logPrices }) => ({ name: nameOf(market), logPrices }));
      this.book.push({ kind: 'test', test: { quote, bar, series, candidates: tested, terms: discovery } });
    }
  }

  /** A test that was dropped or failed is made again with the next bar. */
  notTested(quote: string): void {
    this.testedAtBar.delete(quote);
  }

  /** What a test has found. Pairs that are followed are kept, broken or renewed by it. */
  tested({ quote, bar, verdicts }: PairTestResult): void {
    const found = verdicts.filter((verdict) => verdict.found !== null);
    this.findings.set(quote, { bar, tested: verdicts.length, found: found.length });
    for (const verdict of verdicts) {
      const watch = this.watches.get(pairKey(verdict.a, verdict.b));
      if (watch !== undefined) this.retested(watch, verdict, bar);
      else if (verdict.found !== null) this.adoptLater(verdict.found);
    }
  }

  private adoptLater(found: FoundPair): void {
    const { maxPairs } = this.parameters;
    const isWaiting = this.adoptions.some(({ y, x }) => pairKey(y, x) === pairKey(found.y, found.x));
    if (!isWaiting && this.watches.size + this.adoptions.length < maxPairs) this.adoptions.push(found);
  }

  private retested(watch: PairWatch, { found, pValue, reason }: PairVerdict, bar: number): void {
    const { keepP, maxFailedTests, retestBars } = this.parameters;
    const isKept = found !== null || (reason === 'not_significant' && pValue !== null && pValue < keepP);
    watch.failedTests = isKept ? 0 : watch.failedTests + 1;
    // Of degenerate input nothing can be said, and nothing is traded on it.
    const isDegenerate = pValue === null && reason !== 'stationary_input';
    const isOver = isDegenerate || watch.failedTests >= maxFailedTests;
    if (!isKept && isOver) watch.trader.breakRegime(`retest: ${reason}`);
    if (watch.trader.phase !== 'broken') return;
    watch.brokenAtBar ??= bar;
    if (watch.position !== null || bar - watch.brokenAtBar < 2 * retestBars) return;
    // After two rounds of tests it is another pair of the same markets, or none.
    this.watches.delete(watch.key);
    if (found !== null) this.adoptLater(found);
  }

  private adopt(found: FoundPair): void {
    const watch = newWatch(found, new PairTrader(found, this.parameters.trader), null);
    if (this.watches.has(watch.key)) return;
    this.watches.set(watch.key, watch);
    this.place();
    this.warm(watch);
  }

  private warm({ trader, found }: PairWatch): void {
    const [y, x] = [this.indexOf(found.y), this.indexOf(found.x)];
    if (y < 0 || x < 0) return;
    const { newest, window } = this.bars;
    for (let bar = newest - window + 1; bar <= newest; bar++)
      trader.warm(this.bars.at(y, bar), this.bars.at(x, bar));
  }

  balances(holdings: BalancesChanged['holdings']): void {
    this.desk.balances(holdings);
  }

  private act(watch: PairWatch, action: PairAction, now: Now): void {
    if (action.kind === 'enter') return this.desk.enter(watch, action, now);
    if (action.kind === 'leave') return this.want(watch, ACTION_OF[action.reason]);
    if (watch.position !== null || watch.life === null) return;
    // The excursion is over, or the pair is: what was not entered closes.
    const { z } = watch.trader.summary();
    if (watch.trader.phase === 'broken') this.book.endLife(watch, 'REGIME_BREAK', now.nowMs);
    else if (z !== null && Math.abs(z) < this.parameters.trader.entryZ)
      this.book.endLife(watch, 'EDGE_CLOSED', now.nowMs);
  }

  private want(watch: PairWatch, wanted: PairPosition['wanted']): void {
    if (watch.position === null || watch.position.wanted !== null) return;
    watch.position = { ...watch.position, wanted };
    this.book.keep();
  }

  /** The gate refused what was offered: an entry is not held, an exit is offered again. */
  markRefused(
    opportunityId: string,
    reason: string,
    detail: string,
    nowMs: number,
  ): readonly StatisticalEffect[] {
    const watch = this.book.find(({ pending }) => pending?.opportunityId === opportunityId);
    if (watch !== null) declined(this.book, watch, { phase: 'refused', reason, detail }, nowMs);
    return this.book.take();
  }

  /** The end of what was offered is known. Anything but the signal that is waited for is ignored. */
  settled(signalId: string, traded: Traded | null, nowMs: number): readonly StatisticalEffect[] {
    const watch = this.book.find(({ pending }) => pending?.signalId === signalId);
    if (watch !== null) settle(this.book, watch, traded, nowMs);
    return this.book.take();
  }

  /** For people. */
  summary() {
    const { windowBars } = this.parameters;
    const { markets, candidates, leftOut } = this.universe;
    const counts = markets.map((_, at) => this.bars.count(at)).sort((a, b) => b - a);
    // Two markets make a pair: the second that is full is what is waited for.
    const bars = counts[1] ?? 0;
    const isReady = this.testedAtBar.size > 0;
    return {
      state: isReady ? 'running' : `warming up: ${bars} of ${windowBars} bars`,
      markets: markets.length,
      candidates: [...candidates.values()].reduce((sum, list) => sum + list.length, 0),
      leftOut,
      tests: Object.fromEntries(this.findings),
      pairs: [...this.watches.values()].map(({ trader }) => trader.summary()),
      positions: this.positions.map(({ positionId, direction, held, wanted, pending }) => ({
        ...{ positionId, direction, held, wanted },
        waitsFor: pending?.action ?? null,
      })),
    };
  }
}

interface Finding {
  readonly bar: number;
  readonly tested: number;
  readonly found: number;
}
