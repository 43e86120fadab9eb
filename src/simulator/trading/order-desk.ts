import { invariant } from '../../messages/errors.js';
import type { SimulatedMarket } from '../market.js';
import type { EngineTrade, OrderType } from '../matching-engine.js';
import type { Prng } from '../prng.js';
import { AccountBook, type HoldingView } from './account-book.js';
import type { Atoms } from './atoms.js';
import { lotsWithin, planSelfTrade, sweep } from './book-walk.js';
import type { DeskRules } from './desk-rules.js';
import type {
  DeskEvent,
  DeskTrade,
  DeskTransfer,
  EndReason,
  OrderRequest,
  OrderView,
  PlaceOutcome,
  Refusal,
} from './desk-types.js';
import { liveOrder, spentAsset, viewOf, type LiveOrder } from './live-order.js';
import { OrderArchive, type OrderName } from './order-archive.js';
import { checkFilters, marketUnits, type SteppedOrder } from './order-checks.js';
import { amountsOf, book, feeAssetOf, lockNeed, restOf, spentOn, withFee, type Fill } from './settlement.js';
import { delayOf, type TradingFault, type TradingFaultBoard } from './trading-faults.js';

export interface OrderDeskParts {
  /** The account's name in the matching engines. */
  readonly account: string;
  readonly markets: readonly SimulatedMarket[];
  readonly rules: DeskRules;
  readonly faults: TradingFaultBoard;
  readonly prng: Prng;
  /** Unix ms. */
  readonly nowMs: () => number;
  readonly isHalted: (symbol: string) => boolean;
  readonly emit: (event: DeskEvent) => void;
  /** Private connections break now. */
  readonly cutConnections: () => void;
}

/**
 * The desk in front of the matching engines of one exchange: checks, binds and settles the orders of one account, exactly. The
 * orders that rest are hit by the simulated flow; the desk hears of it from the markets.
 */
export class OrderDesk {
  readonly rules: DeskRules;
  readonly account = new AccountBook();
  private readonly parts: OrderDeskParts;
  private readonly archive: OrderArchive;
  private readonly inEngine = new Map<SimulatedMarket, Map<number, LiveOrder>>();
  private readonly allTrades: DeskTrade[] = [];
  private readonly allTransfers: DeskTransfer[] = [];
  private later: { readonly dueMs: number; readonly run: () => void }[] = [];
  private orderCount = 0;
  private tradeCount = 0;

  constructor(parts: OrderDeskParts) {
    this.parts = parts;
    this.rules = parts.rules;
    this.archive = new OrderArchive(parts.rules);
    for (const market of parts.markets) {
      this.inEngine.set(market, new Map());
      market.onTrade((print) => this.onPrint(market, print));
    }
  }

  /** Places an order: taken, whatever becomes of it, or refused. */
  place(request: OrderRequest): PlaceOutcome {
    const { faults } = this.parts;
    const { symbol } = request.market.listing;
    const reject = faults.takeOrder(symbol, ['reject']);
    if (reject !== null) return this.refuse(request, reject.refusal ?? 'insufficient_funds');
    const stepped = this.check(request);
    if (typeof stepped === 'string') return this.refuse(request, stepped);
    const order = this.make(request, stepped);
    const refused = this.bind(order);
    if (refused !== null) return this.refuse(request, refused);
    if (faults.takeOrder(symbol, ['lie-missing']) !== null) return this.pretend(order);
    this.archive.add(order);
    this.tell(order, 'new', null);
    this.match(order, faults.takeOrder(symbol, MATCH_FAULTS));
    return { kind: 'placed', order: viewOf(order) };
  }

  /** The filters and rules alone, for calls that only test an order. Null = it would be taken. */
  wouldRefuse(request: OrderRequest): Refusal | null {
    const stepped = this.check(request);
    return typeof stepped === 'string' ? stepped : null;
  }

  /** A request with this client id came and failed: where that uses the id up, it is used up. */
  burn(clientOrderId: string | null): void {
    this.archive.burn(clientOrderId);
  }

  /** Cancels an open order; null = it is not open. */
  cancel(name: OrderName): OrderView | null {
    const order = this.archive.find(name);
    if (order === null || order.state !== 'open') return null;
    this.end(order, 'user');
    return viewOf(order);
  }

  /** Cancels what is open, of one market or of all; oldest first. */
  cancelAll(symbol: string | null): OrderView[] {
    const wanted = this.archive.open().filter(({ request }) => isOf(request.market, symbol));
    return wanted.map((order) => {
      this.end(order, 'user');
      return viewOf(order);
    });
  }

  /** The newest order of that name; null when the exchange does not know it, or not any more. */
  find(name: OrderName): OrderView | null {
    const order = this.archive.find(name);
    return order === null || this.isForgotten(order) ? null : viewOf(order);
  }

  /** True for an order that was there and is not found any more. */
  wasForgotten(name: OrderName): boolean {
    const order = this.archive.find(name);
    return order !== null && this.isForgotten(order);
  }

  openOrders(symbol: string | null): OrderView[] {
    return this.archive
      .open()
      .filter(({ request }) => isOf(request.market, symbol))
      .map(viewOf);
  }

  /** Ended orders that are still found, oldest first. */
  endedOrders(symbol: string | null): OrderView[] {
    return this.archive
      .all()
      .filter((order) => order.state !== 'open' && isOf(order.request.market, symbol))
      .filter((order) => !this.isForgotten(order))
      .map(viewOf);
  }

  /** Everything that was ever taken, for oracles. */
  allOrders(): OrderView[] {
    return this.archive.all().map(viewOf);
  }

  /** Oldest first. */
  trades(symbol: string | null): DeskTrade[] {
    return symbol === null ? [...this.allTrades] : this.allTrades.filter((trade) => trade.symbol === symbol);
  }

  transfers(): readonly DeskTransfer[] {
    return this.allTransfers;
  }

  /** What the account is told it holds. */
  holdings(): HoldingView[] {
    return this.account.views().map((view) => this.told(view));
  }

  /** Sets what is held. Open orders end without a word. */
  open(balances: readonly { readonly asset: string; readonly amount: Atoms }[]): void {
    for (const order of this.archive.open()) {
      this.takeFromEngine(order);
      this.close(order, 'exchange');
    }
    this.later = [];
    this.account.reset(balances);
  }

  /** Something comes in (above 0) or goes out. Throws ARB_INVARIANT when more goes out than is free. */
  transfer(asset: string, amount: Atoms): DeskTransfer {
    if (amount >= 0n) this.account.credit(asset, amount);
    else this.account.debit(asset, -amount);
    const timeMs = this.now();
    const transfer = { id: this.parts.prng.hex(32), asset, amount, timeMs };
    this.allTransfers.push(transfer);
    const holdings = [this.told(this.account.view(asset))];
    this.parts.emit({ kind: 'transfer', transfer, holdings, timeMs });
    return transfer;
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

  private now(): number {
    return Math.floor(this.parts.nowMs());
  }

  private isForgotten(order: LiveOrder): boolean {
    return this.archive.isForgotten(order, this.now());
  }

  private refuse(request: OrderRequest, reason: Refusal): PlaceOutcome {
    this.archive.burn(request.clientOrderId);
    return { kind: 'refused', reason };
  }

  /** Everything that can be said without binding money. */
  private check(request: OrderRequest): SteppedOrder | Refusal {
    const { market, side, type } = request;
    if (this.parts.isHalted(market.listing.symbol)) return 'market_halted';
    const stepped = checkFilters(request, this.rules);
    if (typeof stepped === 'string') return stepped;
    if (this.archive.isTaken(request.clientOrderId)) return 'duplicate_client_id';
    if (this.archive.openCount >= this.rules.maxOpenOrders) return 'too_many_orders';
    const refusesTaking = type === 'post_only' && this.rules.postOnly === 'refused';
    if (refusesTaking && lotsWithin(market, side, stepped.priceTicks) > 0) return 'would_take';
    if (type === 'market' && lotsWithin(market, side, 0) === 0) return 'no_liquidity';
    return stepped;
  }

  private make(request: OrderRequest, stepped: SteppedOrder): LiveOrder {
    const { base, quote } = request.market.listing;
    const number = ++this.orderCount;
    return liveOrder({
      number,
      exchangeOrderId: this.rules.orderId(number, () => this.parts.prng.uuid()),
      request,
      stepped,
      feeAsset: feeAssetOf(this.rules, request.side, base, quote),
      nowMs: this.now(),
    });
  }

  /** Binds what the order can cost at most. */
  private bind(order: LiveOrder): Refusal | null {
    const need = this.needOf(order);
    if (this.account.free(spentAsset(order)) < need) return 'insufficient_funds';
    this.account.lock(spentAsset(order), need);
    order.locked = need;
    return null;
  }

  private needOf(order: LiveOrder): Atoms {
    const { market, side, type, quoteAmount } = order.request;
    if (type !== 'market' || side === 'sell') return lockNeed(order, order.lots, this.rules);
    const { quote } = sweep(market, side, { lots: order.lots, budget: null, skip: this.skipped(order) });
    return withFee(quoteAmount ?? quote, this.rules);
  }

  /** Whose resting orders a market order will not meet: self-trade prevention takes the own ones away first. */
  private skipped({ request: { stp } }: LiveOrder): string | null {
    return stp === 'none' ? null : this.parts.account;
  }

  /** F37: told as taken, and never there. */
  private pretend(order: LiveOrder): PlaceOutcome {
    this.account.unlock(spentAsset(order), order.locked);
    order.locked = 0n;
    return { kind: 'placed', order: viewOf(order) };
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
    const limits = { lots: Number.MAX_SAFE_INTEGER, budget: quoteAmount, skip: this.skipped(order) };
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
    this.allTrades.push(trade);
    if (order.state === 'open' && order.filledLots >= order.lots) this.close(order, null);
    this.tell(order, 'trade', trade);
  }

  /** Takes an order out of the book and tells that it was cancelled. */
  private end(order: LiveOrder, reason: EndReason): void {
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
  private told(view: HoldingView): HoldingView {
    if (this.parts.faults.state('lie-negative-balance') === null || view.free === 0n) return view;
    return { ...view, free: -view.free };
  }
}

const MATCH_FAULTS = ['lie-overfill', 'lie-off-tick', 'leave-ioc-open', 'partial-then-disconnect'] as const;

const isOf = (market: SimulatedMarket, symbol: string | null): boolean =>
  symbol === null || market.listing.symbol === symbol;

function engineType({ request: { type } }: LiveOrder): OrderType {
  if (type === 'fok') return 'ioc';
  return type;
}

function endReasonOf({ request: { type } }: LiveOrder): EndReason {
  return type === 'fok' ? 'fok' : 'ioc';
}
