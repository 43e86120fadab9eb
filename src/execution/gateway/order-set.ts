import type { InstrumentId } from '../../messages/primitives.js';
import { RecentIds } from '../../risk/recent-ids.js';
import { isSettled, type AccountOrder } from './account-order.js';
import type { TradeWord } from './words.js';

/** Settled orders that are kept for fills that come late. */
const MAX_SETTLED = 4_096;
const MAX_STRAYS = 1_024;
const REMEMBERED_TRADES = 65_536;

type Named = Pick<TradeWord, 'clientOrderId' | 'exchangeOrderId' | 'instrument'>;

interface Stray {
  readonly word: TradeWord;
  readonly atMs: number;
}

/** The orders of one account by the names that exchanges use, bounded. */
export class OrderSet {
  private readonly byClientId = new Map<string, AccountOrder>();
  private readonly clientIdOf = new Map<string, string>();
  private readonly open = new Set<string>();
  /** The values of `open`, until one of them changes: every event looks at all of them several times. */
  private openOrders: readonly AccountOrder[] | null = null;
  /** Trades of orders that nobody knows here yet: some exchanges tell them before the order. */
  private readonly strays = new Map<string, Stray>();
  /** Trades of somebody else, so that each is told once. */
  private readonly foreignTrades = new RecentIds(REMEMBERED_TRADES);

  get(clientOrderId: string): AccountOrder | undefined {
    return this.byClientId.get(clientOrderId);
  }

  /** By the client's id where it is told, else by the exchange's own, which may count per market. */
  find({ clientOrderId, exchangeOrderId, instrument }: Named): AccountOrder | undefined {
    const named = clientOrderId === null ? undefined : this.byClientId.get(clientOrderId);
    if (named !== undefined || instrument === null) return named;
    const known = this.clientIdOf.get(keyOf(instrument, exchangeOrderId));
    return known === undefined ? undefined : this.byClientId.get(known);
  }

  set(order: AccountOrder): void {
    const { clientOrderId, instrument } = order.name;
    this.openOrders = null;
    this.byClientId.set(clientOrderId, order);
    if (order.exchangeOrderId !== null)
      this.clientIdOf.set(keyOf(instrument, order.exchangeOrderId), clientOrderId);
    if (isSettled(order)) this.open.delete(clientOrderId);
    else this.open.add(clientOrderId);
    this.forgetOldest();
  }

  /** In the order in which they came. */
  unsettled(): readonly AccountOrder[] {
    return (this.openOrders ??= [...this.open].map((id) => this.byClientId.get(id)!));
  }

  get unsettledCount(): number {
    return this.open.size;
  }

  keepStray(word: TradeWord, nowMs: number): void {
    if (this.strays.has(word.tradeId) || this.foreignTrades.has(word.tradeId)) return;
    this.strays.set(word.tradeId, { word, atMs: nowMs });
    if (this.strays.size > MAX_STRAYS) this.strays.delete(this.strays.keys().next().value!);
  }

  /** Those that belong to this order, taken out. */
  takeStraysOf(order: AccountOrder): TradeWord[] {
    const found: TradeWord[] = [];
    for (const [tradeId, { word }] of this.strays) {
      const { clientOrderId, instrument } = order.name;
      const isNamed = word.exchangeOrderId === order.exchangeOrderId && word.instrument === instrument;
      if (word.clientOrderId !== clientOrderId && !isNamed) continue;
      found.push(word);
      this.strays.delete(tradeId);
    }
    return found;
  }

  /** Those that found no order in time, taken out; each is told once for ever. */
  takeForeign(beforeMs: number): TradeWord[] {
    const found: TradeWord[] = [];
    for (const [tradeId, { word, atMs }] of this.strays) {
      if (atMs > beforeMs) continue;
      found.push(word);
      this.strays.delete(tradeId);
      this.foreignTrades.add(tradeId);
    }
    return found;
  }

  get oldestStrayMs(): number | null {
    const first = this.strays.values().next();
    return first.done === true ? null : first.value.atMs;
  }

  private forgetOldest(): void {
    if (this.byClientId.size - this.open.size <= MAX_SETTLED) return;
    for (const [id, order] of this.byClientId) {
      if (this.open.has(id)) continue;
      this.byClientId.delete(id);
      if (order.exchangeOrderId !== null)
        this.clientIdOf.delete(keyOf(order.name.instrument, order.exchangeOrderId));
      return;
    }
  }
}

const keyOf = (instrument: InstrumentId, exchangeOrderId: string): string =>
  `${instrument} ${exchangeOrderId}`;
