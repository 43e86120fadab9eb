import { Decimal } from 'decimal.js';
import type { SubmitLeg } from '../../../src/messages/order.js';
import type { RiskHold } from '../../../src/messages/risk.js';
import { permitText } from '../../../src/risk/recovery-permit.js';
import { listingOf, type SimulatedExchange } from '../../../src/simulator/listings.js';
import type { FaceHttpResponse } from '../../../src/simulator/face-protocol.js';
import type { ExchangeOrder, ExchangeTrade } from '../accounts.js';
import type { WireCall } from '../order-wire.js';
import { SEAL, type SimulatedProcess } from '../process.js';
import { WORLD_START_MS } from '../virtual-time.js';
import type { MoneyAuditor } from './money.js';
import type { Auditor, Scene } from './scene.js';

/** The longest that an order may say it is valid for (TRADING §4). */
const LONGEST_EXPIRY_MS = 1_000;
/** Two clocks that were compared, and the way to the exchange of what was stamped before. */
const CLOCK_SLACK_MS = 600;
/** Wrong clocks of exchanges are measured anew within this. */
const MEASURED_MS = 90_000;

const BANNED = new Set([403, 418, 429]);

interface Written {
  readonly atMs: number;
  readonly validForMs: number;
}

/**
 * Signed orders and the accounts they go to (I1–I6, I9, I13, I19, reconciliation): what leaves is judged from the bytes at the port, and
 * what came of it from the exchanges' own records, never from what a gateway says.
 */
export class AccountAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly money: MoneyAuditor;
  private readonly forged: ReadonlySet<string>;
  private readonly written = new Map<string, Written>();
  private readonly taken = new Set<string>();
  /** Process, exchange and question → answered well since the process began. */
  private readonly compared = new Set<string>();
  private readonly supersededMs = new Map<number, number>();
  private fence = 0;
  private readonly trades: ExchangeTrade[] = [];
  /** Exchanges that have told everybody to be silent, and were not called since. */
  private readonly silenced = new Set<string>();
  /** `<exchange> <asset>` that the gateways keep for a person at the moment. */
  private readonly forPerson = new Map<string, string>();

  constructor(scene: Scene, money: MoneyAuditor, forged: ReadonlySet<string>) {
    this.scene = scene;
    this.money = money;
    this.forged = forged;
  }

  held({ held, exchange, asset, reason }: RiskHold): void {
    if (exchange === undefined || asset === undefined) return;
    if (held) this.forPerson.set(`${exchange} ${asset}`, reason);
    else this.forPerson.delete(`${exchange} ${asset}`);
  }

  processEnded(): void {
    this.forPerson.clear();
  }

  /** A fence is over for whoever held it as soon as there is another. */
  afterStep(): void {
    const fence = this.scene.database.leases.get('trade')?.fence ?? 0;
    if (fence === this.fence) return;
    this.supersededMs.set(this.fence, this.scene.nowMs());
    this.fence = fence;
  }

  /** A signed call is handed to the network, in the turn of the process that signed it. */
  called(process: SimulatedProcess, exchange: string, wire: WireCall): void {
    this.silenced.delete(exchange);
    if (wire.kind !== 'place') return;
    const { clientOrderId, validForMs } = wire;
    this.checkExpiry(exchange, wire);
    const before = this.written.get(clientOrderId);
    if (before !== undefined)
      this.scene.violated('order-written-once', `${clientOrderId} is written to ${exchange} again`);
    this.written.set(clientOrderId, { atMs: this.scene.nowMs(), validForMs: validForMs ?? 0 });
    const leg = this.legOf(clientOrderId);
    if (leg === null)
      return this.scene.violated('order-journalled', `${clientOrderId} is written before its journal row`);
    this.checkFence(process, leg);
    if (process === this.scene.process()) this.checkHalt(process, leg);
    this.checkCompared(process, leg);
  }

  answered(process: SimulatedProcess, exchange: string, wire: WireCall, answer: FaceHttpResponse): void {
    if (BANNED.has(answer.status)) this.silenced.add(exchange);
    if (answer.status !== 200 || (wire.kind !== 'balances' && wire.kind !== 'open-orders')) return;
    this.compared.add(`${process.owner.name} ${exchange} ${wire.kind}`);
  }

  placed(order: ExchangeOrder): void {
    const { exchange, clientOrderId } = order;
    const name = `${exchange} ${clientOrderId}`;
    if (this.taken.has(name)) this.scene.violated('client-id-once', `${name} was taken twice`);
    this.taken.add(name);
    const leg = this.legOf(clientOrderId);
    if (leg === null)
      return this.scene.violated('order-journalled', `${name} was taken and is in no journal row`);
    if (this.forged.has(leg.verdictId))
      this.scene.violated('no-order-without-seal', `${name}: no gate has approved ${leg.verdictId}`);
    this.checkPermit(name, leg);
    const fault = this.faultOf(order, leg);
    if (fault !== null) this.scene.violated('order-is-its-leg', `${name}: ${fault}`);
    this.checkLateness(order);
    this.scene.reached('order taken');
  }

  /** What leaves under a permit leaves under one that the gate has sealed for exactly this order. */
  private checkPermit(name: string, leg: SubmitLeg): void {
    const { permit } = leg;
    if (permit === undefined) return;
    this.scene.reached('recovery permitted');
    if (SEAL.sign(permitText(leg, permit)) !== permit.seal)
      this.scene.violated('no-order-without-seal', `${name}: no gate has given permit ${permit.permitId}`);
  }

  ended({ state, filledQuantity }: ExchangeOrder): void {
    this.scene.reached(
      `order ${state === 'filled' ? 'filled' : Number(filledQuantity) > 0 ? 'partially_filled' : 'expired'}`,
    );
  }

  /** I13: what one of our orders gave another of ours took. */
  traded(trade: ExchangeTrade): void {
    const own = this.trades.find(
      (one) =>
        one.exchange === trade.exchange &&
        one.symbol === trade.symbol &&
        one.timeMs === trade.timeMs &&
        one.side !== trade.side &&
        one.price === trade.price &&
        one.liquidity !== trade.liquidity,
    );
    if (own !== undefined)
      this.scene.violated(
        'no-self-trade',
        `${trade.exchange} ${trade.symbol}: ${own.name} and ${trade.name}`,
      );
    this.trades.push(trade);
    if (this.trades.length > 64) this.trades.shift();
  }

  /**
   * I1 at every look: an exchange holds what the ledger has, what it has traded and nobody has booked yet, and transfers of which the
   * same is true. While it lies about its balances nothing of this changes: the lie is on the wire.
   */
  looked(): void {
    const { books } = this.scene;
    if (books === null || this.money.holdings.size === 0) return;
    for (const [exchange, account] of books.accounts) {
      const unbooked = this.money.unbookedAt(exchange);
      for (const { asset, free, locked } of account.balances()) {
        const booked = this.money.holdings.get(`${exchange} ${asset}`);
        if (booked === undefined) continue;
        const wanted = booked.plus(unbooked.get(asset) ?? 0).plus(books.underWay(exchange, asset));
        const held = new Decimal(free).plus(locked);
        if (!wanted.eq(held.toFixed()))
          this.scene.violated(
            'balance-is-ledger-and-flight',
            `${exchange} holds ${held.toFixed()} ${asset}, booked and under way are ${wanted.toFixed()}`,
          );
      }
    }
  }

  audit(): void {
    const { books } = this.scene;
    if (books === null) return;
    for (const [exchange, account] of books.accounts) {
      // Bybit wants ten minutes of silence, in which nothing can be found out.
      if (this.silenced.has(exchange)) {
        this.scene.reached('silent to the end');
        continue;
      }
      const open = account.orders().filter(({ state }) => state === 'open');
      if (open.length > 0)
        this.scene.violated(
          'nothing-left-open',
          `${exchange}: ${open.map((one) => one.clientOrderId).join(', ')}`,
        );
      const held = new Map(
        account.balances().map(({ asset, free, locked }) => [asset, new Decimal(free).plus(locked)]),
      );
      const booked = [...this.money.holdings.keys()].flatMap((key) =>
        key.startsWith(`${exchange} `) ? [key.slice(exchange.length + 1)] : [],
      );
      for (const asset of new Set([...held.keys(), ...booked]))
        this.compare(exchange, asset, held.get(asset));
    }
    this.scene.reached('balances compared');
  }

  private compare(exchange: string, asset: string, held = new Decimal(0)): void {
    const booked = this.money.holdings.get(`${exchange} ${asset}`)?.toFixed() ?? '0';
    const isForPerson = this.forPerson.has(`${exchange} ${asset}`);
    if (isForPerson) this.scene.reached('asset kept for a person');
    if (!held.eq(booked) && !isForPerson)
      this.scene.violated(
        'balance-is-ledger',
        `${exchange} holds ${held.toFixed()} ${asset}, booked are ${booked}`,
      );
  }

  private legOf(clientOrderId: string): SubmitLeg | null {
    return this.scene.journal.of(clientOrderId)?.leg ?? null;
  }

  private checkExpiry(exchange: string, { clientOrderId, validForMs }: WireCall): void {
    if (validForMs === null || !(validForMs > 0 && validForMs <= LONGEST_EXPIRY_MS))
      this.scene.violated(
        'order-signed-with-expiry',
        `${exchange} ${clientOrderId} is valid for ${validForMs} ms`,
      );
  }

  /** Whoever writes holds the lease at this moment, by the store's own row. */
  private checkFence(process: SimulatedProcess, { clientOrderId }: SubmitLeg): void {
    const lease = this.scene.database.leases.get('trade');
    const fence = this.scene.journal.of(clientOrderId)?.fence;
    const nowMs = process.time.nowMs();
    const isOver = lease === undefined || lease.nonce === null || lease.expiresAtMs <= nowMs;
    if (isOver || lease.fence !== fence)
      this.scene.violated(
        'order-under-fence',
        `${clientOrderId} of fence ${fence} is written, the lease is at ${lease?.fence}${isOver ? ' and over' : ''}`,
      );
  }

  /** The switch is of this process and known in this turn: no hop excuses an order. */
  private checkHalt(process: SimulatedProcess, { clientOrderId, attempt }: SubmitLeg): void {
    const halt = process.node?.halts.current;
    if (halt?.engaged !== true || (attempt > 0 && halt.policy === 'flatten')) return;
    this.scene.violated('kill-switch-obeyed', `${clientOrderId} is written while the switch is engaged`);
  }

  /** Nothing new is risked before this process has seen what the account holds and has open (RECON). */
  private checkCompared(process: SimulatedProcess, { clientOrderId, exchange, attempt }: SubmitLeg): void {
    if (attempt > 0) return;
    for (const question of ['balances', 'open-orders'])
      if (!this.compared.has(`${process.owner.name} ${exchange} ${question}`))
        this.scene.violated(
          'compared-before-trading',
          `${clientOrderId}: ${exchange} was never asked for ${question}`,
        );
  }

  private faultOf(order: ExchangeOrder, leg: SubmitLeg): string | null {
    const listing = listingOf(
      order.exchange as SimulatedExchange,
      leg.instrument.slice(leg.exchange.length + 1),
    );
    if (order.type !== 'ioc') return `it is of type ${order.type}`;
    if (order.exchange !== leg.exchange || order.symbol !== listing.symbol) return `it is of ${order.symbol}`;
    if (order.side !== leg.side) return `it is to ${order.side}`;
    if (!new Decimal(order.quantity).eq(leg.quantity))
      return `it is of ${order.quantity}, not ${leg.quantity}`;
    return new Decimal(order.price).eq(leg.limitPrice)
      ? null
      : `it is at ${order.price}, not ${leg.limitPrice}`;
  }

  /** What was signed with an expiry is not taken after it, and nothing of a fence that was over that long ago. */
  private checkLateness(order: ExchangeOrder): void {
    const { exchange, clientOrderId } = order;
    const atMs = order.createdAtMs - WORLD_START_MS;
    const slackMs = CLOCK_SLACK_MS + this.scene.clocks.mostWrongMs(exchange, atMs - MEASURED_MS);
    const written = this.written.get(clientOrderId);
    if (written !== undefined && atMs - written.atMs > written.validForMs + slackMs)
      this.scene.violated(
        'no-late-order',
        `${exchange} took ${clientOrderId} ${(atMs - written.atMs).toFixed(0)} ms after it was written for ${written.validForMs} ms`,
      );
    const fence = this.scene.journal.of(clientOrderId)?.fence;
    const overMs = fence === undefined ? undefined : this.supersededMs.get(fence);
    if (overMs !== undefined && atMs - overMs > LONGEST_EXPIRY_MS + slackMs)
      this.scene.violated(
        'no-late-order',
        `${exchange} took ${clientOrderId} of fence ${fence}, over since ${overMs} ms`,
      );
  }
}
