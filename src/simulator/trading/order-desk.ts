import type { SimulatedMarket } from '../market.js';
import type { Prng } from '../prng.js';
import { AccountBook, type HoldingView } from './account-book.js';
import type { Atoms } from './atoms.js';
import { lotsWithin, sweep } from './book-walk.js';
import type { DeskRules, FeeRates } from './desk-rules.js';
import type {
  DeskTrade,
  DeskTransfer,
  OrderRequest,
  OrderView,
  PlaceOutcome,
  Refusal,
} from './desk-types.js';
import { liveOrder, spentAsset, viewOf, type LiveOrder } from './live-order.js';
import { OrderArchive, type OrderName } from './order-archive.js';
import { checkFilters, type SteppedOrder } from './order-checks.js';
import { OrderExecution, skippedBy, type OrderExecutionParts } from './order-execution.js';
import { feeAssetOf, lockNeed, withFee } from './settlement.js';

export interface OrderDeskParts extends OrderExecutionParts {
  readonly prng: Prng;
  readonly isHalted: (symbol: string) => boolean;
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
  private readonly execution: OrderExecution;
  private readonly allTransfers: DeskTransfer[] = [];
  private orderCount = 0;

  constructor(parts: OrderDeskParts) {
    this.parts = parts;
    this.rules = parts.rules;
    this.archive = new OrderArchive(parts.rules);
    this.execution = new OrderExecution(parts, this.account, this.archive);
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
    this.execution.run(order);
    return { kind: 'placed', order: viewOf(order) };
  }

  /** The filters and rules alone, for calls that only test an order. Null = it would be taken. */
  wouldRefuse(request: OrderRequest): Refusal | null {
    const stepped = this.check(request);
    return typeof stepped === 'string' ? stepped : null;
  }

  /** What an order of this market would pay now. */
  ratesOf(market: SimulatedMarket): FeeRates {
    return this.rules.ratesOf?.(market, this.execution.now()) ?? this.rules;
  }

  /** A request with this client id came and failed: where that uses the id up, it is used up. */
  burn(clientOrderId: string | null): void {
    this.archive.burn(clientOrderId);
  }

  /** Cancels an open order; null = it is not open. */
  cancel(name: OrderName): OrderView | null {
    const order = this.archive.find(name);
    if (order === null || order.state !== 'open') return null;
    this.execution.end(order, 'user');
    return viewOf(order);
  }

  /** Cancels what is open, of one market or of all; oldest first. */
  cancelAll(symbol: string | null): OrderView[] {
    const wanted = this.archive.open().filter(({ request }) => isOf(request.market, symbol));
    return wanted.map((order) => {
      this.execution.end(order, 'user');
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

  /** The same, newest first and made one by one: who wants a page, or what is not older than a time, does not pay for the rest. */
  *endedNewestFirst(symbol: string | null, createdSinceMs = -Infinity): Generator<OrderView> {
    const all = this.archive.all();
    for (let at = all.length - 1; at >= 0; at--) {
      const order = all[at]!;
      if (order.createdAtMs < createdSinceMs) return;
      const isListed = order.state !== 'open' && isOf(order.request.market, symbol);
      if (isListed && !this.isForgotten(order)) yield viewOf(order);
    }
  }

  /** Everything that was ever taken, for oracles. */
  allOrders(): OrderView[] {
    return this.archive.all().map(viewOf);
  }

  /** Oldest first. */
  trades(symbol: string | null): DeskTrade[] {
    const { trades } = this.execution;
    return symbol === null ? [...trades] : trades.filter((trade) => trade.symbol === symbol);
  }

  transfers(): readonly DeskTransfer[] {
    return this.allTransfers;
  }

  /** What the account is told it holds. */
  holdings(): HoldingView[] {
    return this.account.views().map((view) => this.execution.told(view));
  }

  /** Sets what is held. Open orders end without a word. */
  open(balances: readonly { readonly asset: string; readonly amount: Atoms }[]): void {
    this.execution.drop(this.archive.open());
    this.account.reset(balances);
  }

  /** Something comes in (above 0) or goes out. Throws ARB_INVARIANT when more goes out than is free. */
  transfer(asset: string, amount: Atoms): DeskTransfer {
    if (amount >= 0n) this.account.credit(asset, amount);
    else this.account.debit(asset, -amount);
    const timeMs = this.execution.now();
    const transfer = { id: this.parts.prng.hex(32), asset, amount, timeMs };
    this.allTransfers.push(transfer);
    const holdings = [this.execution.told(this.account.view(asset))];
    this.parts.emit({ kind: 'transfer', transfer, holdings, timeMs });
    return transfer;
  }

  /** Runs `action` once `delayMs` have passed, at a step of the world. */
  after(delayMs: number, action: () => void): void {
    this.execution.after(delayMs, action);
  }

  /** Time has passed. */
  onStep(): void {
    this.execution.onStep();
  }

  private isForgotten(order: LiveOrder): boolean {
    return this.archive.isForgotten(order, this.execution.now());
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
      feeRates: this.ratesOf(request.market),
      nowMs: this.execution.now(),
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
    const { quote } = sweep(market, side, {
      lots: order.lots,
      budget: null,
      skip: skippedBy(order, this.parts.account),
    });
    return withFee(quoteAmount ?? quote, this.rules, order.feeRates);
  }

  /** F37: told as taken, and never there. */
  private pretend(order: LiveOrder): PlaceOutcome {
    this.account.unlock(spentAsset(order), order.locked);
    order.locked = 0n;
    return { kind: 'placed', order: viewOf(order) };
  }
}

const isOf = (market: SimulatedMarket, symbol: string | null): boolean =>
  symbol === null || market.listing.symbol === symbol;
