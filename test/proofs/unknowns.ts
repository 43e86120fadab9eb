import { Decimal } from '../../src/market/decimal.js';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import { Prng } from '../../src/simulator/prng.js';
import type { TradingFault } from '../../src/simulator/trading/trading-faults.js';
import { SocketWorld, type ProofExchange } from './socket-world.js';

/**
 * Orders whose outcome nobody tells: half of them truly placed. Each is settled by asking, never sent again; the exchange's own
 * records say afterwards whether that was the truth.
 */

export interface UnknownsOptions {
  /** Over all exchanges. */
  readonly unknowns: number;
  readonly seed: number;
  readonly factor: number;
  readonly exchanges?: readonly ProofExchange[];
  readonly heard?: (line: string) => void;
}

export interface UnknownsReport {
  readonly byExchange: Readonly<Record<string, ExchangeReport>>;
  /** Accounts whose ledger is not what the exchange says. */
  readonly wrongBalances: readonly string[];
  readonly worldSeconds: number;
}

export interface ExchangeReport {
  submitted: number;
  /** Refused in so many words: kept back by the gateway for its budget, or refused by the exchange. */
  blocked: number;
  /** Came to the exchange with an answer that says nothing, or none. */
  unknown: number;
  /** Of those, what the exchange's record shows as placed. */
  placed: number;
  /** Second orders of one leg, and orders that nobody asked for. */
  duplicates: number;
  /** Settled as the exchange's record has it, without a person. */
  resolved: number;
  wrong: string[];
  /** From the answer "unknown" to the last word, ms of the world's time. */
  settleMs: number[];
}

/** One after the other as chance wants: together they hit every order, half of them placed. */
const FAULTS: readonly TradingFault[] = [
  { kind: 'accept-then-timeout', probability: 0.2 },
  { kind: 'error-5xx-placed', probability: 0.1875 },
  { kind: 'place-late', delayMs: 300, probability: 0.1538 },
  // On exchanges that obey an expiry this one comes too late, and is not placed.
  { kind: 'place-late', delayMs: 12_000, probability: 0.0909 },
  { kind: 'lose-request', probability: 0.5 },
  { kind: 'error-5xx-not-placed' },
];

/** Orders a second that leave room for the questions about them, within the budget of each exchange. */
const PACE_PER_SECOND: Readonly<Record<ProofExchange, number>> = {
  binance: 5,
  okx: 6,
  bybit: 5,
  upbit: 1.5,
  kucoin: 5,
  gate: 3,
  bithumb: 5,
  bitget: 4,
};
/** Of all: the slower an exchange lets one order, the fewer. */
const SHARE: Readonly<Record<ProofExchange, number>> = {
  binance: 0.28,
  okx: 0.29,
  bybit: 0.28,
  upbit: 0.15,
  kucoin: 0.28,
  gate: 0.2,
  bithumb: 0.28,
  bitget: 0.28,
};
const MOST_UNSETTLED = 400;
const SETTLED_WITHIN_MS = 240_000;
const MOST_QUESTIONS = 60;
/** An account that takes no more than a few orders for so long is stuck, and the report says so. */
const STUCK_AFTER_MS = 240_000;
const A_FEW = 20;

class Account {
  readonly legs: SubmitLeg[] = [];
  readonly answeredAtMs = new Map<string, number>();
  readonly settledAtMs = new Map<string, number>();
  readonly blocked = new Set<string>();
  readonly world: SocketWorld;
  readonly exchange: ProofExchange;

  constructor(world: SocketWorld, exchange: ProofExchange) {
    this.world = world;
    this.exchange = exchange;
    world.bus.subscribe(`order.result.${exchange}`, 'legResult', ({ message }) => {
      if (isSettled(message)) this.settledAtMs.set(message.clientOrderId, world.time.monotonicMs());
    });
  }

  /** Until so many have left; what the gateway keeps back for its budget is tried as another order. */
  async run(unknowns: number, prng: Prng): Promise<void> {
    const { world, exchange, legs, blocked } = this;
    const pauseMs = 1_000 / PACE_PER_SECOND[exchange];
    const endings = FAULTS.map((fault) => world.account(exchange).misbehave(fault));
    let [sent, sentAtMs] = [0, world.time.monotonicMs()];
    const isStuck = (): boolean => {
      const now = legs.length - blocked.size;
      if (now > sent + A_FEW) [sent, sentAtMs] = [now, world.time.monotonicMs()];
      return world.time.monotonicMs() - sentAtMs > STUCK_AFTER_MS;
    };
    while (legs.length - blocked.size < unknowns && !isStuck()) {
      const answers: Promise<void>[] = [];
      while (legs.length - blocked.size < unknowns && !isStuck()) {
        await world.sleep(pauseMs * prng.between(0.5, 1.5));
        if (Number(world.summary(exchange)['unsettled']) < MOST_UNSETTLED) answers.push(this.send(prng));
      }
      await Promise.all(answers);
    }
    for (const end of endings) end();
  }

  private async send(prng: Prng): Promise<void> {
    const { world, exchange } = this;
    const side = prng.pick(['buy', 'sell'] as const);
    const leg = world.approve({ exchange, side, throughBps: prng.pick([50, 50, -100]) });
    this.legs.push(leg);
    const { status } = await world.submit(leg).catch(() => this.ask(leg));
    if (status === 'rejected') this.blocked.add(leg.clientOrderId);
    this.answeredAtMs.set(leg.clientOrderId, world.time.monotonicMs());
  }

  /** Whoever hears nothing asks, as the saga does. */
  private async ask(leg: SubmitLeg): Promise<Pick<LegResult, 'status'>> {
    const { world } = this;
    for (let tries = 0; tries < MOST_QUESTIONS && !isKnown(world.results.get(leg.clientOrderId)); tries++) {
      await world.sleep(2_000);
      await world.query(leg).catch(() => null);
    }
    return { status: 'unknown' };
  }

  isQuiet(): boolean {
    return Number(this.world.summary(this.exchange)['unsettled']) === 0;
  }

  report(): ExchangeReport {
    const { world, exchange, legs, blocked } = this;
    const records = new Map<string, { filled: string; count: number }>();
    for (const { clientOrderId, filledQuantity } of world.account(exchange).orders()) {
      const count = (records.get(clientOrderId)?.count ?? 0) + 1;
      records.set(clientOrderId, { filled: filledQuantity, count });
    }
    const report: ExchangeReport = {
      ...{ submitted: legs.length, blocked: blocked.size, unknown: 0, placed: 0, duplicates: 0, resolved: 0 },
      ...{ wrong: [], settleMs: [] },
    };
    for (const { clientOrderId } of legs) {
      const record = records.get(clientOrderId);
      records.delete(clientOrderId);
      report.duplicates += Math.max(0, (record?.count ?? 0) - 1);
      if (blocked.has(clientOrderId)) continue;
      report.unknown++;
      if (record !== undefined) report.placed++;
      const last = world.results.get(clientOrderId);
      const isTrue = record === undefined ? isMissing(last) : isEnded(last) && sameFill(last, record.filled);
      if (isTrue) report.resolved++;
      else
        report.wrong.push(
          `${clientOrderId}: exchange ${record?.filled ?? 'has none'}, told ${JSON.stringify(last)}`,
        );
      const answered = this.answeredAtMs.get(clientOrderId);
      const settled = this.settledAtMs.get(clientOrderId);
      if (answered !== undefined && settled !== undefined)
        report.settleMs.push(Math.max(0, settled - answered));
    }
    // What is left in the records was never asked for.
    report.duplicates += records.size;
    return report;
  }
}

const isMissing = (result: LegResult | undefined): boolean =>
  result?.reason === ORDER_NOT_FOUND || (result?.status === 'rejected' && result.filledQuantity === '0');
const isEnded = (result: LegResult | undefined): boolean =>
  result !== undefined && result.status !== 'unknown';
const isKnown = (result: LegResult | undefined): boolean => result !== undefined && isSettled(result);
const isSettled = (result: LegResult): boolean => isEnded(result) || isMissing(result);
const sameFill = (result: LegResult | undefined, filled: string): boolean =>
  new Decimal(filled).eq(result?.filledQuantity ?? -1);

/** Sends them and waits until everything is settled; all sockets are closed when it returns. */
export async function runUnknowns(options: UnknownsOptions): Promise<UnknownsReport> {
  const { unknowns, seed, factor, heard = () => undefined } = options;
  const world = await SocketWorld.start({
    ...{ seed, factor, connections: 256 },
    // A request crosses the machine in real time, which an accelerated clock makes long.
    policy: { requestExpiryMs: 5_000 },
    ...(options.exchanges !== undefined && { exchanges: options.exchanges }),
  });
  try {
    await world.ready();
    const startedMs = world.time.monotonicMs();
    const shares = world.exchanges.reduce((sum, one) => sum + SHARE[one], 0);
    const ofExchange = (one: ProofExchange) => Math.ceil((unknowns * SHARE[one]) / shares);
    const accounts = world.exchanges.map((exchange) => new Account(world, exchange));
    const isOver = { now: false };
    const told = tellNowAndThen(accounts, heard, isOver);
    await Promise.all(
      accounts.map((one) => one.run(ofExchange(one.exchange), Prng.of(seed, `unknowns ${one.exchange}`))),
    );
    await world
      .until('every order is settled', () => accounts.every((one) => one.isQuiet()), SETTLED_WITHIN_MS)
      .catch((error: unknown) => heard(String(error)));
    await world
      .until('the books are equal', async () => (await world.wrong()).length === 0, 10_000)
      .catch(() => null);
    isOver.now = true;
    await told;
    return {
      byExchange: Object.fromEntries(accounts.map((one) => [one.exchange, one.report()])),
      wrongBalances: await world.wrong(),
      worldSeconds: (world.time.monotonicMs() - startedMs) / 1_000,
    };
  } finally {
    await world.close();
  }
}

async function tellNowAndThen(
  accounts: readonly Account[],
  heard: (line: string) => void,
  isOver: { now: boolean },
) {
  while (!isOver.now) {
    const parts = accounts.map((one) => {
      const { unsettled, phase, reasons, lastRefusal } = one.world.summary(one.exchange);
      const why = phase === 'ready' ? '' : ` (${String(reasons)}; last refusal ${String(lastRefusal)})`;
      return `${one.exchange} ${one.legs.length - one.blocked.size} sent, ${one.blocked.size} kept back, ${String(unsettled)} open, ${String(phase)}${why}`;
    });
    const world = accounts[0]!.world;
    heard(`${world.pace().factor.toFixed(1)} times as fast: ${parts.join(' · ')}`);
    for (let n = 0; n < 20 && !isOver.now; n++) await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
