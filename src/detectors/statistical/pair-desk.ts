import { Decimal, ZERO } from '../../market/decimal.js';
import type { InstrumentState } from '../../market/instrument.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import type { BalancesChanged } from '../../messages/ledger.js';
import type { PairPosition, PendingSignal } from '../../messages/pair-positions.js';
import type { ExchangeId } from '../../messages/primitives.js';
import { marketProblem, type MarketProblem } from '../market-problem.js';
import type { OpportunityLife } from '../opportunity-life.js';
import type { QuoteLimitsExact } from '../spatial-parameters.js';
import type { NoTrade, TradePlan } from '../spatial-plan.js';
import type { SpatialMarket } from '../spatial-route.js';
import { endReasonOf } from './pair-answers.js';
import type { PairBook } from './pair-effects.js';
import { planEntry } from './pair-entry.js';
import { planExit } from './pair-exit.js';
import type { PairAction } from './pair-trader.js';
import { basesOf, heldOf, legsOf, otherSide, pairSignal, type PairWatch } from './pair-watch.js';
import { exactPairLimits, NO_RESERVE, type StatisticalParameters } from './statistical-parameters.js';

export interface Now {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export type Entry = Extract<PairAction, { kind: 'enter' }>;

/** Offers entries and exits to the gate, or says why not. */
export class PairDesk {
  private readonly book: PairBook;
  private readonly board: QuoteBoard;
  private readonly parameters: StatisticalParameters;
  private readonly limits: ReadonlyMap<string, QuoteLimitsExact>;
  /** By slot; those that trade are left out. */
  readonly stopped = new Map<number, InstrumentState>();
  /** `exchange asset` → amount. */
  private holdings = new Map<string, Decimal>();

  constructor(book: PairBook, board: QuoteBoard, parameters: StatisticalParameters) {
    this.book = book;
    this.board = board;
    this.parameters = parameters;
    this.limits = exactPairLimits(parameters);
  }

  balances(holdings: BalancesChanged['holdings']): void {
    this.holdings = new Map(
      holdings.map(({ exchange, asset, amount }) => [`${exchange} ${asset}`, new Decimal(amount)]),
    );
  }

  problemOf(market: SpatialMarket, monotonicMs: number): MarketProblem | null {
    const { board, parameters, stopped } = this;
    return marketProblem(market, monotonicMs, { board, terms: parameters, stopped });
  }

  /** The spread is where it may be entered. What is not offered is not held. */
  enter(watch: PairWatch, action: Entry, now: Now): void {
    const { use, entryRetryMs } = this.parameters;
    if (watch.position !== null || watch.first === null || watch.second === null)
      return watch.trader.entryFailed();
    const plan = this.entryPlan(watch, action, now);
    const edge = edgeOf(plan, action.reversion * 1e4);
    const legs = legsOf(watch, action.side);
    const life = (watch.life ??= this.book.openLife(legs, edge, now.nowMs));
    const isCooling = now.nowMs - watch.entryRefusedAtMs < entryRetryMs;
    if (plan.kind === 'trade' && use === 'trade' && !isCooling)
      return this.offerEntry(watch, life, { action, plan }, now);
    watch.trader.entryFailed();
    if (plan.kind === 'none') this.book.tell(life.obstructed(plan.reason, plan.detail, now.nowMs));
    else if (use === 'watch') this.book.tell(life.watched(edge, now.nowMs));
  }

  private entryPlan(watch: PairWatch, { side, beta, reversion }: Entry, now: Now): TradePlan | NoTrade {
    const { buy, sell } = legsOf(watch, side);
    const problem = this.problemOf(buy, now.monotonicMs) ?? this.problemOf(sell, now.monotonicMs);
    if (problem !== null) return refusal(problem.reason, problem.on);
    const obstacle = this.obstacleOf(watch);
    if (obstacle !== null) return obstacle;
    const { minNetBps, latencyDecayBps, transferCostBps } = this.parameters;
    const { exchange, quote } = buy.instrument;
    const question = {
      ...{ buy, sell, reversion, minNetBps, latencyDecayBps, transferCostBps },
      weightBuy: side === 'long' ? 1 : beta,
      weightSell: side === 'long' ? beta : 1,
      limits: this.limits.get(quote)!,
      inventory: this.available(sell.instrument.exchange, sell.instrument.base),
      cash: this.available(exchange, quote),
    };
    return planEntry(question, this.ground);
  }

  private get ground() {
    const { board } = this;
    const { depth, limitSlackBps } = this.parameters;
    return { board, depth, limitSlackBps };
  }

  /** One position per asset: the same spread shows on every exchange that lists both. */
  private obstacleOf({ found }: PairWatch): NoTrade | null {
    const { positions } = this.book;
    const { maxPositions } = this.parameters;
    if (positions.length >= maxPositions)
      return refusal('MAX_POSITIONS', `${positions.length} positions, limit ${maxPositions}`);
    const own = basesOf({ first: found.y, second: found.x });
    const other = positions.find((position) => basesOf(position).some((base) => own.includes(base)));
    return other === undefined ? null : refusal('ASSET_IN_USE', `by ${other.positionId}`);
  }

  /** Above the reserve, never below 0. */
  private available(exchange: ExchangeId, asset: string): Decimal {
    const { reserveOf = NO_RESERVE } = this.parameters;
    const held = this.holdings.get(`${exchange} ${asset}`) ?? ZERO;
    return Decimal.max(ZERO, held.minus(reserveOf(exchange, asset)));
  }

  private offerEntry(
    watch: PairWatch,
    life: OpportunityLife,
    { action, plan }: { readonly action: Entry; readonly plan: TradePlan },
    { nowMs }: Now,
  ): void {
    const { y: first, x: second, ...found } = watch.found;
    const { opportunityId } = life.identity;
    life.offered(edgeOf(plan, 0));
    watch.position = {
      positionId: `${first}~${second}`,
      ...{ first, second, direction: action.side, opportunityId },
      ...{ enteredAtMs: nowMs, barMs: this.parameters.barMs, alpha: action.alpha, beta: action.beta },
      found,
      held: { first: '0', second: '0', quote: '0' },
      wanted: null,
      pending: { signalId: this.book.id('sig'), opportunityId, action: 'enter', sentAtMs: nowMs },
    };
    this.offer(watch, plan, action.z);
  }

  /** Out of a position that is to be left, as soon as both books may be used. */
  leave(watch: PairWatch, now: Now): void {
    const position = watch.position!;
    const { use, exitRetryMs } = this.parameters;
    if (use === 'watch' || now.nowMs - watch.exitRefusedAtMs < exitRetryMs) return;
    if (watch.first === null || watch.second === null) return;
    const legs = legsOf(watch, otherSide(position.direction));
    const { held, owed } = heldOf(position);
    if (!held.greaterThan(0) || !owed.greaterThan(0)) return this.book.finish(watch, 'ONE_SIDED', now.nowMs);
    const problem = this.problemOf(legs.buy, now.monotonicMs) ?? this.problemOf(legs.sell, now.monotonicMs);
    const quoteFlow = new Decimal(position.held.quote);
    const plan =
      problem === null
        ? planExit({ ...legs, held, owed, quoteFlow }, this.ground)
        : refusal(problem.reason, problem.on);
    if (plan.kind === 'none' && plan.reason === 'DUST')
      return this.book.finish(watch, endReasonOf(position), now.nowMs);
    const edge = edgeOf(plan, 0);
    const life = (watch.exitLife ??= this.book.openLife(legs, edge, now.nowMs));
    if (plan.kind === 'none') return this.book.tell(life.obstructed(plan.reason, plan.detail, now.nowMs));
    life.offered(edge);
    watch.position = { ...position, pending: this.pendingExit(position, life, now.nowMs) };
    this.offer(watch, plan, watch.trader.summary().z ?? 0);
  }

  private pendingExit({ wanted }: PairPosition, life: OpportunityLife, nowMs: number): PendingSignal {
    const { opportunityId } = life.identity;
    return { signalId: this.book.id('sig'), opportunityId, action: wanted!, sentAtMs: nowMs };
  }

  /** The position says what is pending; it is kept before the signal leaves. */
  private offer(watch: PairWatch, plan: TradePlan, zScore: number): void {
    const { signalTtlMs: ttlMs, barMs } = this.parameters;
    const { positionId, direction, beta, pending } = watch.position!;
    const { signalId, opportunityId, action, sentAtMs: nowMs } = pending!;
    const { buy } = legsOf(watch, action === 'enter' ? direction : otherSide(direction));
    const { halfLife, pValue } = watch.found;
    const figures = { hedgeRatio: beta, zScore, halfLifeMs: halfLife * barMs, pValue };
    const signal = pairSignal(plan, buy, {
      ...{ signalId, opportunityId, nowMs, ttlMs },
      action: { positionId, action, direction, ...figures },
    });
    this.book.keep();
    this.book.push({ kind: 'signal', signal });
  }
}

function edgeOf(plan: TradePlan | NoTrade, grossBps: number) {
  const { netBps, quantity, net } = plan;
  return { grossBps: plan.kind === 'trade' ? plan.grossBps : grossBps, netBps, quantity, net };
}

function refusal(reason: string, detail: string): NoTrade {
  return { kind: 'none', reason, detail, netBps: 0, net: ZERO, quantity: ZERO };
}
