import { Decimal } from '../../src/market/decimal.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../../src/messages/order.js';
import { Prng } from '../../src/simulator/prng.js';
import type { TradingFault } from '../../src/simulator/trading/trading-faults.js';
import { NodeWorld } from './node-world.js';

/**
 * Arbitrages of which a leg fails, on a whole node over real sockets: refused, filled in part, too late, without an answer, or at an
 * exchange that is away. One exchange at a time is bad, so that a hedge exists elsewhere and only its size can forbid it.
 */

export interface LegsOptions {
  readonly failures: number;
  readonly seed: number;
  readonly factor: number;
  /** Ends early after so long of the machine's time. */
  readonly budgetMs?: number;
  readonly heard?: (line: string) => void;
}

export const LEG_FAULTS = ['reject', 'partial', 'late', 'unknown', 'away'] as const;
export type LegFault = (typeof LEG_FAULTS)[number];

export interface LegFailure {
  readonly fault: LegFault;
  readonly outcome: ArbitrageClosed['outcome'];
  /** From the answer that made the imbalance known to the first order against it, ms; null = none was sent. */
  readonly hedgeMs: number | null;
  /** From that answer to the end, ms. */
  readonly closedMs: number;
  /** One of its orders was without a known outcome for a while. */
  readonly wasUnknown: boolean;
  /** Realised net over the notional, basis points. */
  readonly resultBps: number;
  /** What was left over could have been traded: above every minimum, in quote. */
  readonly leftOver: number;
}

export interface LegsReport {
  readonly failures: readonly LegFailure[];
  readonly arbitrages: number;
  readonly wrongBalances: readonly string[];
}

/** The rule's cap on a recovery, and the fees of the planned and the recovery orders. */
const CAP_BPS = 100 + 4 * 10;
/** No exchange takes less, in quote; with room for the price. */
const MINIMUM_NOTIONAL = 6;
const PERIOD_MS = 3_000;

const FAULTS: Readonly<Record<LegFault, readonly TradingFault[]>> = {
  reject: [{ kind: 'reject', probability: 0.9 }],
  partial: [{ kind: 'partial-then-disconnect', probability: 0.9 }],
  late: [{ kind: 'slow', delayMs: 900, probability: 0.9 }],
  unknown: [
    { kind: 'accept-then-timeout', probability: 0.4 },
    { kind: 'lose-request', probability: 0.5 },
    { kind: 'error-5xx-placed', probability: 0.8 },
  ],
  away: [{ kind: 'maintenance' }],
};

interface Course {
  readonly fault: LegFault | null;
  readonly results: Map<string, LegResult>;
  knownAtMs: number | null;
  wasUnknown: boolean;
}

class Watch {
  readonly failures: LegFailure[] = [];
  arbitrages = 0;
  fault: LegFault | null = null;
  private readonly courses = new Map<string, Course>();
  private readonly world: NodeWorld;

  constructor(world: NodeWorld) {
    this.world = world;
    world.node.bus.subscribe('order.result.*', 'legResult', ({ message }) => this.result(message));
    world.node.bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => this.closed(message));
  }

  private legsOf(arbitrageId: string): readonly { readonly leg: SubmitLeg; readonly atMs: number }[] {
    return this.world.journal.filter(({ leg }) => leg.arbitrageId === arbitrageId);
  }

  private result(result: LegResult): void {
    const { arbitrageId, clientOrderId } = result;
    const fresh: Course = { fault: this.fault, results: new Map(), knownAtMs: null, wasUnknown: false };
    const course = this.courses.get(arbitrageId) ?? fresh;
    this.courses.set(arbitrageId, course);
    course.results.set(clientOrderId, result);
    course.wasUnknown ||= result.status === 'unknown';
    if (course.knownAtMs !== null) return;
    const first = this.legsOf(arbitrageId).filter(({ leg }) => leg.attempt === 0);
    const known = first.map(({ leg }) => course.results.get(leg.clientOrderId));
    if (known.some((one) => one === undefined || one.status === 'unknown')) return;
    if (first.some(({ leg }) => isShort(leg, course.results))) course.knownAtMs = this.world.time.nowMs();
  }

  private closed(closed: ArbitrageClosed): void {
    this.arbitrages++;
    const course = this.courses.get(closed.arbitrageId);
    this.courses.delete(closed.arbitrageId);
    const legs = this.legsOf(closed.arbitrageId);
    const first = legs.filter(({ leg }) => leg.attempt === 0);
    const wanted = first[0]?.leg.quantity ?? '0';
    const isWhole = course === undefined || !first.some(({ leg }) => isShort(leg, course.results));
    if (course === undefined || (isWhole && !course.wasUnknown)) return;
    // Nothing was bought or sold: no leg is alone.
    if (closed.boughtQuantity === '0' && closed.soldQuantity === '0') return;
    const hedges = legs.filter(({ leg }) => leg.attempt > 0).map(({ atMs }) => atMs);
    const price = Number(first[0]?.leg.limitPrice ?? 0);
    const knownAtMs = course.knownAtMs ?? closed.openedAtMs;
    this.failures.push({
      ...{ fault: course.fault ?? 'late', outcome: closed.outcome, wasUnknown: course.wasUnknown },
      hedgeMs: hedges.length === 0 ? null : Math.max(0, Math.min(...hedges) - knownAtMs),
      closedMs: Math.max(0, closed.closedAtMs - knownAtMs),
      resultBps: (Number(closed.realisedNet) / (Number(wanted) * price)) * 10_000,
      leftOver: Math.abs(Number(closed.residualBase)) * price,
    });
  }
}

/** Less was filled than the leg asked for, or nobody knows. */
const isShort = ({ clientOrderId, quantity }: SubmitLeg, results: ReadonlyMap<string, LegResult>): boolean =>
  new Decimal(results.get(clientOrderId)?.filledQuantity ?? 0).lt(quantity);

/** A flagged end although what was left could have been traded at an exchange that was well. */
export const isWronglyFlagged = ({ outcome, leftOver, wasUnknown }: LegFailure): boolean =>
  outcome === 'flagged' && leftOver >= MINIMUM_NOTIONAL && !wasUnknown;

export const isBeyondCap = ({ resultBps }: LegFailure): boolean => resultBps < -CAP_BPS;

/** Trades until so many legs have failed; the node has stopped when it returns. */
export async function runLegs(options: LegsOptions): Promise<LegsReport> {
  const { failures, seed, factor, budgetMs = Infinity, heard = () => undefined } = options;
  const world = await NodeWorld.start({ seed, factor });
  try {
    const watch = new Watch(world);
    const prng = Prng.of(seed, 'legs');
    const startedMs = performance.now();
    for (
      let period = 0;
      watch.failures.length < failures && performance.now() - startedMs < budgetMs;
      period++
    ) {
      const account = prng.pick(world.accounts);
      const fault = prng.pick(LEG_FAULTS);
      const endings = FAULTS[fault].map((one) => account.misbehave(one));
      watch.fault = fault;
      await world.sleep(fault === 'away' ? PERIOD_MS / 2 : PERIOD_MS);
      for (const end of endings) end();
      await world.sleep(PERIOD_MS / 6);
      if (period % 10 === 9)
        heard(
          `${watch.arbitrages} arbitrages, ${watch.failures.length} with a failed leg; gate ${JSON.stringify(world.summary('gate')['holds'])}`,
        );
    }
    await settle(world);
    return {
      failures: watch.failures,
      arbitrages: watch.arbitrages,
      wrongBalances: await wrongBalances(world),
    };
  } finally {
    await world.close();
  }
}

async function settle(world: NodeWorld): Promise<void> {
  const isQuiet = () =>
    world.accounts.every(({ exchange }) => Number(world.summary(`gateway-${exchange}`)['unsettled']) === 0);
  // New edges keep coming: a moment in which nothing is under way is enough.
  for (let tries = 0; tries < 2_000; tries++) {
    if (
      isQuiet() &&
      Number(world.summary('saga')['running']) === 0 &&
      (await wrongBalances(world)).length === 0
    )
      return;
    await world.sleep(25);
  }
}

async function wrongBalances(world: NodeWorld): Promise<string[]> {
  const holdings = await world.stores.ledger.holdings();
  return world.accounts.flatMap((account) =>
    account.balances().flatMap(({ asset, free, locked }) => {
      const told =
        holdings.find((one) => one.exchange === account.exchange && one.asset === asset)?.amount ?? '0';
      const real = new Decimal(free).plus(locked);
      return real.eq(told)
        ? []
        : [`${account.exchange} ${asset}: exchange ${real.toFixed()}, ledger ${told}`];
    }),
  );
}
