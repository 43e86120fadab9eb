import { invariant } from '../../messages/errors.js';
import type { SimulatedMarket } from '../market.js';
import type { EngineTrade, OrderType } from '../matching-engine.js';
import type { AccountBook, HoldingView } from './account-book.js';
import { lotsWithin, planSelfTrade, sweep } from './book-walk.js';
import type { DeskRules } from './desk-rules.js';
import type { DeskEvent, DeskTrade, EndReason } from './desk-types.js';
import { spentAsset, viewOf, type LiveOrder } from './live-order.js';
import type { OrderArchive } from './order-archive.js';
import { marketUnits } from './order-checks.js';
import { amountsOf, book, lockNeed, restOf, spentOn, type Fill } from './settlement.js';
import { delayOf, type TradingFault, type TradingFaultBoard } from './trading-faults.js';

export interface OrderExecutionParts {
  /** The account's name in the matching engines. */
  readonly account: string;
  readonly markets: readonly SimulatedMarket[];
  readonly rules: DeskRules;
  readonly faults: TradingFaultBoard;
  /** Unix ms. */
  readonly nowMs: () => number;
  readonly emit: (event: DeskEvent) => void;
  /** Private connections break now. */
  readonly cutConnections: () => void;
}

/**
 * What happens to an order once it is taken and its money is bound: self-trade prevention, matching, fills as taker and as
 * maker, its end. Every fill is booked and told at once.
 */
export class OrderExecution {
  readonly rules: DeskRules;
  /** Oldest first. */
  readonly trades: DeskTrade[] = [];
  private readonly parts: OrderExecutionParts;
  private readonly account: AccountBook;
  private readonly archive: OrderArchive;
  private readonly inEngine = new Map<SimulatedMarket, Map<number, LiveOrder>>();
  private later: { readonly dueMs: number; readonly run: () => void }[] = [];
  private tradeCount = 0;

  constructor(parts: OrderExecutionParts, account: AccountBook, archive: OrderArchive) {
    this.parts = parts;
    this.rules = parts.rules;
    this.account = account;
    this.archive = archive;
    for (const market of parts.markets) {
      this.inEngine.set(market, new Map());
      market.onTrade((print) => this.onPrint(market, print));
    }
  }

  /** Whole Unix ms. */
  now(): number {
    return Math.floor(this.parts.nowMs());
  }

  /** Takes the order to the engine. Afterwards it rests, or has ended. */
  run(order: LiveOrder): void {
    this.archive.add(order);
    this.tell(order, 'new', null);
    this.match(order, this.parts.faults.takeOrder(order.request.market.listing.symbol, MATCH_FAULTS));
  }

  /** Ends an order without a word, and everything that is still to happen. */
  drop(orders: readonly LiveOrder[]): void {
    for (const order of orders) {
      this.takeFromEngine(order);
      this.close(order, 'exchange');
    }
    this.later = [];
  }

  /** Runs `action` once `delayMs` have passed, at a step of the world. */
  after(delayMs: number, action: () => void): void {
    this.later.push({ dueMs: this.now() + delayMs, run: action });
  }

  /** Time has passed. */
  onStep(): void {
    if (this.later.length === 0) return;
    const now = this.now();
    const due = this.later.filter(({ dueMs }) => dueMs <= now).sort((a, b) => a.dueMs - b.dueMs);
    if (due.length === 0) return;
    this.later = this.later.filter(({ dueMs }) => dueMs > now);
    for (const { run } of due) run();
  }

  private match(order: LiveOrder, fault: TradingFault | null): void {
    if (!this.sizeQuoteOrder(order) || !this.mayMatch(order)) return;
    const lots = this.preventSelfTrade(order);
    if (order.state !== 'open') return;
    const isCut = fault?.kind === 'partial-then-disconnect';
    const submitted = isCut && order.request.type === 'ioc' ? Math.max(1, Math.floor(lots / 2)) : lots;
    this.submit(order, submitted, fault);
    if (fault?.kind === 'lie-overfill') this.overfill(order);
    if (order.state === 'open' && order.engineOrderId === null)
      this.endAsCancelled(order, endReasonOf(order));
    if (isCut) this.parts.cutConnections();
  }

  /** A market order sized in quote becomes one in base at the prices of the book. */
  private sizeQuoteOrder(order: LiveOrder): boolean {
    const { market, side, quoteAmount } = order.request;
    if (quoteAmount === null) return true;
    const limits = {
      lots: Number.MAX_SAFE_INTEGER,
      budget: quoteAmount,
      skip: skippedBy(order, this.parts.account),
    };
    order.lots = sweep(market, side, limits).lots;
    if (order.lots === 0) this.endAsCancelled(order, 'ioc');
    return order.lots > 0;
  }

  private mayMatch(order: LiveOrder): boolean {
    const { market, side, type } = order.request;
    const reachable = type === 'fok' || type === 'post_only' ? lotsWithin(market, side, order.priceTicks) : 0;
    const isRefused = type === 'fok' ? reachable < order.lots : type === 'post_only' && reachable > 0;
    if (isRefused) this.endAsCancelled(order, type === 'fok' ? 'fok' : 'post_only');
    return !isRefused;
  }

  /** Lots that may go to the engine. Ends the order when none may. */
  private preventSelfTrade(order: LiveOrder): number {
    const { market, side, stp } = order.request;
    const taker = {
      market,
      account: this.parts.account,
      side,
      limitTicks: order.priceTicks,
      lots: order.lots,
    };
    const plan = planSelfTrade(taker, stp);
    const own = this.inEngine.get(market)!;
    for (const id of plan.cancelled) this.end(own.get(id)!, 'self_trade');
    for (const { engineOrderId, lots } of plan.reduced) this.shrink(own.get(engineOrderId)!, lots);
    order.preventedLots = plan.preventedLots;
    if (!plan.endsTaker && plan.preventedLots === 0) return plan.takerLots;
    const as = order.request.type === 'market' ? 'market' : 'ioc';
    if (plan.takerLots > 0) this.submit(order, plan.takerLots, null, as);
    if (order.state === 'open') this.endAsCancelled(order, 'self_trade');
    return 0;
  }

  private shrink(order: LiveOrder, lots: number): void {
    order.request.market.engine.reduce(order.engineOrderId!, lots, this.now());
    order.lots -= lots;
    order.preventedLots += lots;
    const needed = lockNeed(order, restOf(order), this.rules);
    this.account.unlock(spentAsset(order), order.locked - needed);
    order.locked = needed;
  }

  private submit(order: LiveOrder, lots: number, fault: TradingFault | null, as?: OrderType): void {
    const { market, side } = order.request;
    const staysOpen = fault?.kind === 'leave-ioc-open' && order.request.type === 'ioc';
    const type = as ?? (staysOpen ? 'limit' : engineType(order));
    const { account } = this.parts;
    const placed = market.engine.submit(
      { account, side, type, priceTicks: order.priceTicks, lots },
      this.now(),
    );
    const { tick } = marketUnits(market);
    const half = side === 'buy' ? -(tick / 2n) : tick / 2n;
    const offset = fault?.kind === 'lie-off-tick' ? half : 0n;
    for (const print of placed.trades) {
      const price = tick * BigInt(print.priceTicks) + offset;
      this.fill(order, { price, lots: print.lots, liquidity: 'taker' }, print);
    }
    if (placed.restingLots === 0 || order.state !== 'open') return;
    order.engineOrderId = placed.orderId;
    this.inEngine.get(market)!.set(placed.orderId, order);
  }

  /** F37: one tenth more than was asked for, at the last price, if the account can pay it. */
  private overfill(order: LiveOrder): void {
    const last = order.trades[order.trades.length - 1];
    if (last === undefined || order.engineOrderId !== null) return;
    const lots = Math.max(1, Math.floor(order.lots / 10));
    const extra: Fill = { price: last.price, lots: restOf(order) + lots, liquidity: 'taker' };
    this.fillWithoutEngine(order, extra);
  }

  /** A trade that no engine made. Does nothing when the account cannot pay it. */
  private fillWithoutEngine(order: LiveOrder, fill: Fill): void {
    const spent = spentOn(order, amountsOf(order, fill, this.rules), this.rules);
    const missing = spent > order.locked ? spent - order.locked : 0n;
    if (this.account.free(spentAsset(order)) < missing) return;
    this.account.lock(spentAsset(order), missing);
    order.locked += missing;
    this.fill(order, fill, null);
  }

  private onPrint(market: SimulatedMarket, print: EngineTrade): void {
    if (print.makerAccount !== this.parts.account) return;
    const order = this.inEngine.get(market)!.get(print.makerOrderId);
    invariant(order !== undefined, `an own order ${print.makerOrderId} that the desk does not know was hit`);
    const price = marketUnits(market).tick * BigInt(print.priceTicks);
    this.fill(order, { price, lots: print.lots, liquidity: 'maker' }, print);
  }

  private fill(order: LiveOrder, fill: Fill, print: EngineTrade | null): void {
    const amounts = amountsOf(order, fill, this.rules);
    const { market, side } = order.request;
    const timeMs = this.now();
    order.filledLots += fill.lots;
    order.filledQuote += amounts.quote;
    order.fee += amounts.fee;
    order.updatedAtMs = timeMs;
    book(order, amounts, this.account, this.rules);
    const trade: DeskTrade = {
      id: this.rules.tradeId(++this.tradeCount, market, print),
      orderNumber: order.number,
      exchangeOrderId: order.exchangeOrderId,
      clientOrderId: order.clientOrderId,
      symbol: market.listing.symbol,
      market,
      side,
      price: fill.price,
      ...amounts,
      feeAsset: order.feeAsset,
      liquidity: fill.liquidity,
      timeMs,
    };
    order.trades.push(trade);
    this.trades.push(trade);
    if (order.state === 'open' && order.filledLots >= order.lots) this.close(order, null);
    this.tell(order, 'trade', trade);
  }

  /** Takes an order out of the book and tells that it was cancelled. */
  end(order: LiveOrder, reason: EndReason): void {
    this.takeFromEngine(order);
    this.endAsCancelled(order, reason);
  }

  /** F17: a cancelled order may fill once more. What that costs stays bound until then. */
  private endAsCancelled(order: LiveOrder, reason: EndReason): void {
    const rest = restOf(order);
    const { symbol } = order.request.market.listing;
    const canFill = order.priceTicks > 0 && rest > 0;
    const fault = canFill ? this.parts.faults.takeOrder(symbol, ['fill-after-cancel']) : null;
    if (fault === null) {
      this.close(order, reason);
      return this.tell(order, 'end', null);
    }
    order.state = 'cancelled';
    order.endReason = reason;
    order.updatedAtMs = this.now();
    this.archive.ended(order);
    this.tell(order, 'end', null);
    this.after(delayOf(fault), () => {
      const price = marketUnits(order.request.market).tick * BigInt(order.priceTicks);
      this.fill(order, { price, lots: Math.max(1, Math.floor(rest / 2)), liquidity: 'maker' }, null);
      this.close(order, reason);
    });
  }

  /** Frees what is still bound; `reason` null = it is filled. */
  private close(order: LiveOrder, reason: EndReason | null): void {
    this.account.unlock(spentAsset(order), order.locked);
    order.locked = 0n;
    order.state = reason === null ? 'filled' : 'cancelled';
    order.endReason = reason;
    order.updatedAtMs = this.now();
    this.archive.ended(order);
    if (order.engineOrderId === null) return;
    this.inEngine.get(order.request.market)!.delete(order.engineOrderId);
    order.engineOrderId = null;
  }

  private takeFromEngine(order: LiveOrder): void {
    if (order.engineOrderId === null) return;
    order.request.market.engine.cancel(order.engineOrderId, this.now());
    this.inEngine.get(order.request.market)!.delete(order.engineOrderId);
    order.engineOrderId = null;
  }

  private tell(order: LiveOrder, cause: 'new' | 'trade' | 'end', trade: DeskTrade | null): void {
    const { base, quote } = order.request.market.listing;
    const holdings = [base, quote].map((asset) => this.told(this.account.view(asset)));
    this.parts.emit({ kind: 'order', cause, order: viewOf(order), trade, holdings, timeMs: this.now() });
  }

  /** F37: while that lie is on, everything held is told as owed. */
  told(view: HoldingView): HoldingView {
    if (this.parts.faults.state('lie-negative-balance') === null || view.free === 0n) return view;
    return { ...view, free: -view.free };
  }
}

const MATCH_FAULTS = ['lie-overfill', 'lie-off-tick', 'leave-ioc-open', 'partial-then-disconnect'] as const;

function engineType({ request: { type } }: LiveOrder): OrderType {
  if (type === 'fok') return 'ioc';
  return type;
}

function endReasonOf({ request: { type } }: LiveOrder): EndReason {
  return type === 'fok' ? 'fok' : 'ioc';
}

/** Whose resting orders a market order will not meet: self-trade prevention takes the own ones away first. */
export const skippedBy = ({ request: { stp } }: LiveOrder, account: string): string | null =>
  stp === 'none' ? null : account;
