import type { Connector } from '../../../src/connectors/base.js';
import type {
  OrderEntry,
  OrderReport,
  PrivateSink,
  TradeReport,
} from '../../../src/connectors/order-entry.js';
import type { RateLimiter } from '../../../src/connectors/rate-limiter.js';
import { ORDER_NOT_FOUND } from '../../../src/execution/inquiry.js';
import { Decimal } from '../../../src/market/decimal.js';
import type { LegResult, SubmitLeg } from '../../../src/messages/order.js';
import type { SimulatedOrderRecord } from '../../../src/simulator/trading/simulated-account.js';
import type { TradingFault } from '../../../src/simulator/trading/trading-faults.js';
import { SocketWorld, type Ask, type ProofExchange } from '../../proofs/socket-world.js';

/** One numbered promise of trading on every exchange. */
export interface TradingCheck {
  /** Stable: `T07`. */
  readonly id: string;
  readonly title: string;
  /** All exchanges when absent. */
  applies?(connector: Connector): boolean;
  run(kit: TradingKit): Promise<void>;
  /** What breaks this promise. */
  readonly broken: Breakage;
}

export interface Breakage {
  /** The exchange that it is tried on. */
  readonly on: ProofExchange;
  orders?(entry: OrderEntry): OrderEntry;
  limiterOf?(connector: Connector): RateLimiter;
}

const FACTOR = 8;
const MOST_TRIES = 20;
const POLICY = { pauseMs: 500, requestExpiryMs: 3_000, reconcileEveryMs: 5_000 };

/** One exchange with its gateway and ledger over real sockets, in time that runs faster. */
export function worldOf(exchange: ProofExchange, breakage?: Breakage): Promise<SocketWorld> {
  return SocketWorld.start({
    ...{ seed: 31, factor: FACTOR, exchanges: [exchange], policy: POLICY },
    ...(breakage?.limiterOf !== undefined && { limiterOf: breakage.limiterOf }),
    tamper: (connector) =>
      breakage?.orders === undefined
        ? connector
        : { ...connector, orders: breakage.orders(connector.orders!) },
  });
}

export interface Patience {
  readonly withinMs: number;
  readonly stopsAtOnce: boolean;
}

/** What a check works with. */
export class TradingKit {
  readonly world: SocketWorld;
  readonly exchange: ProofExchange;
  readonly isFenced: boolean;
  readonly complaints: string[] = [];
  private readonly withinMs: number;
  private readonly stopsAtOnce: boolean;

  /** `withinMs`, of the world's time: how long anything is waited for. `stopsAtOnce`: one complaint is enough. */
  constructor(world: SocketWorld, connector: Connector, { withinMs, stopsAtOnce }: Patience) {
    this.world = world;
    this.stopsAtOnce = stopsAtOnce;
    this.exchange = connector.exchange as ProofExchange;
    this.isFenced = connector.capabilities.orders.requestExpiry.kind !== 'none';
    this.withinMs = withinMs;
  }

  get account() {
    return this.world.account(this.exchange);
  }

  that(holds: boolean, what: string): void {
    if (!holds) this.complain(what);
  }

  private complain(what: string): void {
    this.complaints.push(what);
    if (this.stopsAtOnce) throw new Error(what);
  }

  equal(actual: unknown, expected: unknown, what: string): void {
    const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== wanted) this.complain(`${what}: ${is} is not ${wanted}`);
  }

  /** False, and a complaint, when it never holds. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<boolean> {
    try {
      await this.world.until(what, holds, this.withinMs);
      return true;
    } catch (error) {
      this.complain(`${what}: ${String(error).slice(0, 300)}`);
      return false;
    }
  }

  ready(): Promise<boolean> {
    return this.until('the account is ready', () => this.summary()['phase'] === 'ready');
  }

  summary(): Record<string, unknown> {
    return this.world.summary(this.exchange);
  }

  leg(ask: Omit<Ask, 'exchange'> = {}): SubmitLeg {
    return this.world.approve({ ...ask, exchange: this.exchange });
  }

  /** Sends a leg under faults once the account is ready, and waits until its end is known. */
  async trade(faults: readonly TradingFault[] = [], ask: Omit<Ask, 'exchange'> = {}): Promise<SubmitLeg> {
    await this.ready();
    const ends = faults.map((fault) => this.account.misbehave(fault));
    const leg = await this.submitted(ask);
    for (const end of ends) end();
    await this.settled(leg);
    return leg;
  }

  /** What the gateway keeps back, since it rests or compares, never left: another one is sent. */
  private async submitted(ask: Omit<Ask, 'exchange'>): Promise<SubmitLeg> {
    for (let tries = 0; ; tries++) {
      const before = this.account.placeRequests;
      const leg = this.leg(ask);
      const { status } = await this.world.submit(leg);
      if (status !== 'rejected' || this.account.placeRequests > before || tries === MOST_TRIES) return leg;
      await this.world.sleep(1_000);
      await this.ready();
    }
  }

  settled(...legs: readonly SubmitLeg[]): Promise<boolean> {
    return this.until('every order is settled', () => legs.every((leg) => isSettled(this.last(leg))));
  }

  last({ clientOrderId }: SubmitLeg): LegResult | undefined {
    return this.world.results.get(clientOrderId);
  }

  /** How the exchange remembers it. */
  record({ clientOrderId }: SubmitLeg): SimulatedOrderRecord | undefined {
    return this.account.orders().find((one) => one.clientOrderId === clientOrderId);
  }

  /** Placed at most once, told as it is there, and the books equal. */
  async isTrue(...legs: readonly SubmitLeg[]): Promise<void> {
    for (const leg of legs) {
      const own = this.account.orders().filter((one) => one.clientOrderId === leg.clientOrderId);
      this.that(own.length <= 1, 'sent once');
      const [there, told] = [own[0]?.filledQuantity ?? '0', this.last(leg)?.filledQuantity ?? 'nothing'];
      this.that(told !== 'nothing' && new Decimal(there).eq(told), `filled ${there}, told ${told}`);
    }
    await this.until('the books are equal', async () => (await this.world.wrong()).length === 0);
  }
}

const isSettled = (result: LegResult | undefined): boolean =>
  result !== undefined && (result.status !== 'unknown' || result.reason === ORDER_NOT_FOUND);

/** The complaints of one check; what it throws is one too. */
export async function judge(check: TradingCheck, kit: TradingKit): Promise<readonly string[]> {
  try {
    await check.run(kit);
  } catch (error) {
    kit.complaints.push(`it threw ${String(error).slice(0, 300)}`);
  }
  return kit.complaints;
}

/** A stream whose orders and trades are changed, or dropped by null, on their way. */
export function streamWith(
  entry: OrderEntry,
  change: {
    readonly order?: (report: OrderReport) => OrderReport | null;
    readonly trade?: (report: TradeReport) => TradeReport | null;
    readonly subscribed?: () => boolean;
  },
): OrderEntry {
  const { order = (one) => one, trade = (one) => one, subscribed = () => true } = change;
  const through = (sink: PrivateSink): PrivateSink => ({
    authorised: () => sink.authorised(),
    subscribed: () => (subscribed() ? sink.subscribed() : undefined),
    refused: (code, message) => sink.refused(code, message),
    order: (report) => passed(order(report), (one) => sink.order(one)),
    trade: (report) => passed(trade(report), (one) => sink.trade(one)),
    balance: (report, timeMs) => sink.balance(report, timeMs),
    transferred: (ticker, timeMs) => sink.transferred(ticker, timeMs),
    pong: () => sink.pong(),
    closing: (reason) => sink.closing(reason),
  });
  const { stream } = entry;
  return { ...entry, stream: { ...stream, decode: (data, sink) => stream.decode(data, through(sink)) } };
}

function passed<Report>(report: Report | null, tell: (report: Report) => void): void {
  if (report !== null) tell(report);
}

/** Every report of an order, however it is told, changed. */
export function reportsWith(entry: OrderEntry, change: (report: OrderReport) => OrderReport): OrderEntry {
  return streamWith(
    {
      ...entry,
      parsePlace: (answer, ticket) => {
        const placed = entry.parsePlace(answer, ticket);
        if (placed.kind !== 'accepted' || placed.report === null) return placed;
        return { ...placed, report: change(placed.report) };
      },
      parseLookup: (answer, reference, position) => {
        const looked = entry.parseLookup(answer, reference, position);
        return looked.kind === 'found' ? { ...looked, order: change(looked.order) } : looked;
      },
    },
    { order: change },
  );
}

/** Every trade, however it is told, changed. */
export function tradesWith(entry: OrderEntry, change: (trade: TradeReport) => TradeReport): OrderEntry {
  const trades = reportsWith(entry, (report) => ({ ...report, trades: report.trades.map(change) }));
  return streamWith(
    {
      ...trades,
      parseFills: (answer, query, call) => {
        const fills = entry.parseFills(answer, query, call);
        return fills.kind === 'rows' ? { ...fills, rows: fills.rows.map(change) } : fills;
      },
    },
    { trade: change },
  );
}
