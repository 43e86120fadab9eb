import { Decimal } from 'decimal.js';
import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { BalancesChanged, LedgerEntry } from '../../../src/messages/ledger.js';
import type { ArbitrageClosed, Fill } from '../../../src/messages/order.js';
import type { ExchangeOrder, ExchangeTrade } from '../accounts.js';
import type { Auditor, Execution, Scene } from './scene.js';

const Exact = Decimal.clone({ precision: 100 });
type Sums = Map<string, Decimal>;

function add(sums: Sums, key: string, amount: Decimal.Value): void {
  sums.set(key, (sums.get(key) ?? new Exact(0)).plus(amount));
}

interface Executed {
  readonly fill: Fill;
  readonly execution: Pick<Execution, 'atMs' | 'venue'>;
}

/** After this long an execution that its exchange still knows must be in the ledger. */
const BOOKED_WITHIN_MS = 45_000;

/** I1, I2, I4: what the rows of ledger and fills say of the money, against what the exchanges carried out. */
export class MoneyAuditor implements Auditor {
  private readonly scene: Scene;
  private entriesSeen = 0;
  private fillsSeen = 0;
  private readonly posted: Sums = new Map();
  private readonly expected: Sums = new Map();
  private readonly tradeIds = new Set<string>();
  private readonly filledByOrder: Sums = new Map();
  private readonly executions = new Map<string, Executed>();
  private readonly pending = new Map<string, Executed>();
  private toldBalances: BalancesChanged | null = null;
  /** Of accounts: trades that no row was seen of yet. */
  private readonly unwritten = new Map<string, Executed>();
  private readonly tradedByOrder: Sums = new Map();
  private readonly endedIds = new Set<string>();
  /** Arbitrages of which an order was filled after its end. */
  private readonly surprised = new Set<string>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** Postings on `exchange:*` per `<exchange> <asset>`, openings included. */
  get holdings(): ReadonlyMap<string, Decimal> {
    return this.posted;
  }

  /** An exchange has traded for it after its own word that the order had ended. */
  isSurprised(arbitrageId: string): boolean {
    return this.surprised.has(arbitrageId);
  }

  /** What trades that are in no row have moved at an exchange, by asset. */
  unbookedAt(exchange: string): ReadonlyMap<string, Decimal> {
    const sums: Sums = new Map();
    for (const [key, { fill }] of this.unwritten) {
      if (this.tradeIds.has(key)) this.unwritten.delete(key);
      else if (fill.exchange === exchange)
        for (const [asset, amount] of movedBy(fill)) add(sums, asset, amount);
    }
    return sums;
  }

  /** Fills that an exchange carried out, still knows, and that the rows do not hold. */
  unbooked(): Fill[] {
    for (const [key, { execution }] of this.pending)
      if (execution.venue.endedMs !== null || this.tradeIds.has(key)) this.pending.delete(key);
    return [...this.pending.values()].map(({ fill }) => fill);
  }

  executed(execution: Execution): void {
    for (const fill of execution.result.fills) {
      this.executions.set(`${fill.exchange} ${fill.tradeId}`, { fill, execution });
      this.pending.set(`${fill.exchange} ${fill.tradeId}`, { fill, execution });
    }
  }

  afterStep(): void {
    const { entries, fills } = this.scene.database;
    if (entries.length === this.entriesSeen && fills.length === this.fillsSeen) return;
    for (; this.entriesSeen < entries.length; this.entriesSeen++)
      this.entry(JSON.parse(entries[this.entriesSeen]!.body) as LedgerEntry);
    for (; this.fillsSeen < fills.length; this.fillsSeen++)
      this.fill(JSON.parse(fills[this.fillsSeen]!.body) as Fill);
    this.compare();
  }

  /** Of an account: the same as an execution, told by the exchange's own record. */
  traded(trade: ExchangeTrade): void {
    const { clientOrderId, exchange, name, timeMs } = trade;
    add(this.tradedByOrder, clientOrderId, trade.quantity);
    const leg = this.scene.journal.of(clientOrderId)?.leg;
    // That there is no row is told when the order is taken.
    if (leg === undefined) return;
    const { instrument, arbitrageId } = leg;
    const { side, price, quantity, fee, feeAsset, liquidity } = trade;
    const said = { exchange, instrument, tradeId: name, clientOrderId, arbitrageId, side, price, quantity };
    const fill: Fill = { ...said, fee, feeAsset, liquidity, exchangeTimeMs: timeMs };
    const execution = { leg, fills: [fill], atMs: this.scene.nowMs(), venue: { endedMs: null } };
    this.executions.set(`${exchange} ${name}`, { fill, execution });
    this.unwritten.set(`${exchange} ${name}`, { fill, execution });
    // After the end that the exchange has told nobody can count with it.
    if (this.endedIds.has(clientOrderId)) {
      this.surprised.add(arbitrageId);
      this.scene.reached('fill after the end');
    } else this.pending.set(`${exchange} ${name}`, { fill, execution });
  }

  ended({ clientOrderId }: ExchangeOrder): void {
    this.endedIds.add(clientOrderId);
  }

  /** I2: the ledger's actor reads its rows once in each life and then goes by what it books. */
  told(kind: MessageKind, body: unknown): void {
    if (kind === 'balancesChanged') this.toldBalances = body as BalancesChanged;
  }

  private checkTold(): void {
    for (const { exchange, asset, amount } of this.toldBalances?.holdings ?? []) {
      const posted = this.posted.get(`${exchange} ${asset}`) ?? new Exact(0);
      if (!posted.eq(amount))
        this.scene.violated(
          'told-balances-are-rows',
          `${exchange} ${asset}: ${amount} is told, the rows make ${posted.toFixed()}`,
        );
    }
  }

  audit(): void {
    this.checkResults();
    this.checkTold();
    const nowMs = this.scene.nowMs();
    for (const [key, { fill, execution }] of this.executions) {
      if (this.tradeIds.has(key) || nowMs - execution.atMs < BOOKED_WITHIN_MS) continue;
      const knownUntilMs = execution.venue.endedMs ?? nowMs;
      if (knownUntilMs - execution.atMs >= BOOKED_WITHIN_MS)
        this.scene.violated('every-fill-booked', `${key} of order ${fill.clientOrderId} is in no ledger row`);
    }
  }

  /** Of every arbitrage that ended: what was bought and sold, and what it made, is what its fills say. */
  private checkResults(): void {
    const { arbitrages, fills } = this.scene.database;
    const byArbitrage = new Map<string, Fill[]>();
    for (const { body } of fills) {
      const fill = JSON.parse(body) as Fill;
      byArbitrage.set(fill.arbitrageId, [...(byArbitrage.get(fill.arbitrageId) ?? []), fill]);
    }
    for (const body of arbitrages.values()) {
      const closed = JSON.parse(body) as ArbitrageClosed;
      const fault = resultFault(closed, byArbitrage.get(closed.arbitrageId) ?? []);
      // A flagged one is told to a person because what happened is not certain.
      if (fault !== null && closed.outcome !== 'flagged' && !this.surprised.has(closed.arbitrageId))
        this.scene.violated('result-is-its-fills', `${closed.arbitrageId}: ${fault}`);
    }
  }

  private entry(entry: LedgerEntry): void {
    const sums: Sums = new Map();
    for (const { account, asset, amount } of entry.postings) {
      add(sums, asset, amount);
      if (account.startsWith('exchange:')) add(this.posted, `${account.slice(9)} ${asset}`, amount);
      if (entry.kind === 'opening' && account.startsWith('exchange:'))
        add(this.expected, `${account.slice(9)} ${asset}`, this.openingOf(account.slice(9), asset));
      if (entry.kind === 'external' && account.startsWith('exchange:')) {
        add(this.expected, `${account.slice(9)} ${asset}`, amount);
        this.checkFlow(entry.entryId, `${account.slice(9)} ${asset}`, amount);
      }
    }
    for (const [asset, sum] of sums)
      if (!sum.isZero())
        this.scene.violated('entry-sums-to-zero', `${entry.entryId}: ${asset} sums to ${sum.toFixed()}`);
  }

  /** Each deposit and withdrawal that an exchange has made is booked once, and nothing else is. */
  private checkFlow(entryId: string, place: string, amount: string): void {
    const made = this.scene.books?.transfers ?? [];
    const at = made.findIndex(
      (one) => one.startsWith(`${place} `) && new Exact(one.slice(place.length + 1)).eq(amount),
    );
    if (at >= 0) made.splice(at, 1);
    else this.scene.violated('flow-was-made', `${entryId}: ${amount} of ${place}`);
    this.scene.reached('flow booked');
  }

  private openingOf(exchange: string, asset: string): string {
    return this.scene.trading.exchanges[exchange]?.opening[asset] ?? '0';
  }

  private fill(fill: Fill): void {
    const key = `${fill.exchange} ${fill.tradeId}`;
    if (this.tradeIds.has(key)) this.scene.violated('trade-booked-once', `${key} is in the rows twice`);
    this.tradeIds.add(key);
    this.compareWithExchange(key, fill);
    for (const [asset, amount] of movedBy(fill)) add(this.expected, `${fill.exchange} ${asset}`, amount);
    add(this.filledByOrder, fill.clientOrderId, fill.quantity);
    this.checkOverfill(fill);
  }

  private compareWithExchange(key: string, fill: Fill): void {
    // What the exchange has just done may not have been read yet.
    if (!this.executions.has(key)) this.scene.books?.lookAt(fill.exchange);
    const known = this.executions.get(key);
    if (known === undefined)
      return this.scene.violated('fill-was-executed', `${key} was booked and no exchange carried it out`);
    for (const field of ['clientOrderId', 'side', 'price', 'quantity', 'fee', 'feeAsset'] as const)
      if (!isSame(known.fill[field], fill[field]))
        this.scene.violated(
          'fill-was-executed',
          `${key}: ${field} ${fill[field]} booked, ${known.fill[field]} carried out`,
        );
  }

  private checkOverfill(fill: Fill): void {
    const leg = this.scene.journal.of(fill.clientOrderId)?.leg;
    if (leg === undefined)
      return this.scene.violated('order-journalled', `${fill.clientOrderId} filled and is in no journal row`);
    const { quantity } = leg;
    // An exchange that fills more than was asked for has done so.
    const done = Exact.max(quantity, this.tradedByOrder.get(fill.clientOrderId) ?? 0);
    if (this.filledByOrder.get(fill.clientOrderId)!.gt(done))
      this.scene.violated('no-overfill', `${fill.clientOrderId} filled beyond ${quantity}`);
  }

  /** Rows of ledger and fills are written in one transaction, so they agree whenever nothing is being written. */
  private compare(): void {
    for (const key of new Set([...this.posted.keys(), ...this.expected.keys()])) {
      const posted = this.posted.get(key) ?? new Exact(0);
      const expected = this.expected.get(key) ?? new Exact(0);
      if (!posted.eq(expected))
        this.scene.violated(
          'holdings-are-openings-and-fills',
          `${key}: the ledger holds ${posted.toFixed()}, openings and fills make ${expected.toFixed()}`,
        );
      if (posted.isNegative()) this.scene.violated('holdings-not-negative', `${key}: ${posted.toFixed()}`);
    }
  }
}

/** What a fill moves at its exchange: both coins and the fee. */
function movedBy(fill: Fill): readonly (readonly [asset: string, amount: Decimal])[] {
  const [base = '', quote = ''] = fill.instrument.slice(fill.exchange.length + 1).split('-');
  const sign = fill.side === 'buy' ? 1 : -1;
  const quantity = new Exact(fill.quantity);
  return [
    [base, quantity.times(sign)],
    [quote, quantity.times(fill.price).times(-sign)],
    [fill.feeAsset, new Exact(fill.fee).negated()],
  ];
}

const AMOUNT = /^-?\d+(\.\d+)?$/;

const isSame = (left: string, right: string): boolean =>
  left === right || (AMOUNT.test(left) && AMOUNT.test(right) && new Exact(left).eq(right));

function resultFault(closed: ArbitrageClosed, fills: readonly Fill[]): string | null {
  if (closed.shape === 'cycle') return cycleFault(closed, fills);
  // What a pair has bought and sold stays as its position, and is compared with the holdings.
  if (closed.shape === 'pair') return null;
  const sum = (side: Fill['side'], of: (fill: Fill) => Decimal): Decimal =>
    fills.reduce((total, fill) => (fill.side === side ? total.plus(of(fill)) : total), new Exact(0));
  const quantity = (fill: Fill): Decimal => new Exact(fill.quantity);
  const worth = (fill: Fill): Decimal => new Exact(fill.quantity).times(fill.price);
  const [bought, sold] = [sum('buy', quantity), sum('sell', quantity)];
  if (!bought.eq(closed.boughtQuantity)) return `bought ${closed.boughtQuantity}, fills ${bought.toFixed()}`;
  if (!sold.eq(closed.soldQuantity)) return `sold ${closed.soldQuantity}, fills ${sold.toFixed()}`;
  const [base, quote] = closed.pair.split('-');
  const feesIn = (asset: string | undefined): Decimal =>
    fills.reduce((total, { feeAsset, fee }) => (feeAsset === asset ? total.plus(fee) : total), new Exact(0));
  const residue = bought.minus(sold).minus(feesIn(base));
  const cash = sum('sell', worth).minus(sum('buy', worth)).minus(feesIn(quote));
  const [amount, value] = residue.isNegative() ? [sold, sum('sell', worth)] : [bought, sum('buy', worth)];
  const net = amount.isZero() ? cash : cash.plus(residue.times(value).div(amount));
  return net.minus(closed.realisedNet).abs().gt(1e-9)
    ? `realised net ${closed.realisedNet}, fills make ${net.toFixed()}`
    : null;
}

/** Every asset on the way that did not come out even is told, and the rest is what came back. */
function cycleFault(
  { quote, residues = [], realisedNet }: ArbitrageClosed,
  fills: readonly Fill[],
): string | null {
  const moved = new Map<string, Decimal>();
  for (const fill of fills) for (const [asset, amount] of movedBy(fill)) add(moved, asset, amount);
  const told = new Map(residues.map(({ asset, quantity }) => [asset, quantity]));
  for (const [asset, amount] of moved) {
    const residue = told.get(asset) ?? '0';
    if (asset !== quote && amount.minus(residue).abs().gt(1e-15))
      return `${amount.toFixed()} ${asset} are left over, told are ${residue}`;
  }
  const worth = residues.reduce((sum, one) => sum.plus(one.worth), new Exact(0));
  const net = worth.plus(moved.get(quote ?? '') ?? 0);
  return net.minus(realisedNet).abs().gt(1e-9)
    ? `realised net ${realisedNet}, fills and what is left make ${net.toFixed()}`
    : null;
}
