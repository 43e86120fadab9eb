import { Decimal } from '../../src/market/decimal.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../../src/messages/order.js';
import { takersOf, type Taker } from './hedge-oracle.js';
import { LegFaults, type LegFault } from './leg-faults.js';
import { NodeWorld } from './node-world.js';

export { LEG_FAULTS, type LegFault } from './leg-faults.js';

/**
 * Arbitrages of which a leg fails, on whole nodes over real sockets: refused, filled in part, too late, without an answer, or at an
 * exchange that is away. Each end is compared with what the exchanges' real books would have allowed.
 */

export interface LegsOptions {
  readonly failures: number;
  readonly seed: number;
  readonly factor: number;
  /** Nodes beside each other, each with exchanges of its own; absent = 1. */
  readonly worlds?: number;
  /** Ends early after so long of the machine's time. */
  readonly budgetMs?: number;
  readonly heard?: (line: string) => void;
}

export interface LegFailure {
  readonly arbitrageId: string;
  readonly fault: LegFault;
  readonly outcome: ArbitrageClosed['outcome'];
  /** From the answer that made the imbalance known to the first order against it, ms; null = none was sent. */
  readonly hedgeMs: number | null;
  /** From that answer to the end, ms. */
  readonly closedMs: number;
  /** From the first order to the end, ms. */
  readonly tookMs: number;
  /** One of its orders was without a known outcome for a while. */
  readonly wasUnknown: boolean;
  /** One still was at the end. */
  readonly isUnknown: boolean;
  /** Realised net over the notional, basis points. */
  readonly resultBps: number;
  /** What was left over, in quote. */
  readonly leftOver: number;
  /** Exchanges that were well and would have taken what was left over within the cap. */
  readonly takers: readonly Taker[];
  /** Why it was flagged, by the saga's own words. */
  readonly said: string;
  /** Each order: where, how much at which price, and what became of it. */
  readonly orders: readonly string[];
}

export interface LegsReport {
  readonly failures: readonly LegFailure[];
  readonly arbitrages: number;
  readonly wrongBalances: readonly string[];
}

/** The rule's cap on a recovery, and the fees of the planned and the recovery orders. */
const CAP_BPS = 100 + 4 * 10;

interface Course {
  readonly results: Map<string, LegResult>;
  knownAtMs: number | null;
  wasUnknown: boolean;
}

class Watch {
  readonly failures: LegFailure[] = [];
  arbitrages = 0;
  readonly faults: LegFaults;
  private readonly courses = new Map<string, Course>();
  private readonly world: NodeWorld;

  constructor(world: NodeWorld, seed: number) {
    this.world = world;
    this.faults = new LegFaults(world, seed);
    world.node.bus.subscribe('order.result.*', 'legResult', ({ message }) => this.result(message));
    world.node.bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => this.closed(message));
  }

  private legsOf(arbitrageId: string): readonly { readonly leg: SubmitLeg; readonly atMs: number }[] {
    return this.world.journal.filter(({ leg }) => leg.arbitrageId === arbitrageId);
  }

  private result(result: LegResult): void {
    const { arbitrageId, clientOrderId } = result;
    const course = this.courses.get(arbitrageId) ?? {
      results: new Map<string, LegResult>(),
      knownAtMs: null,
      wasUnknown: false,
    };
    this.courses.set(arbitrageId, course);
    course.results.set(clientOrderId, result);
    course.wasUnknown ||= result.status === 'unknown' && result.reason !== 'ORDER_SENT';
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
    const away = this.faults.closedExchanges;
    const fault = this.faults.ended(closed.arbitrageId) ?? 'away';
    const legs = this.legsOf(closed.arbitrageId);
    const first = legs.filter(({ leg }) => leg.attempt === 0);
    const isWhole = course === undefined || !first.some(({ leg }) => isShort(leg, course.results));
    if (course === undefined || (isWhole && !course.wasUnknown)) return;
    // Nothing was bought or sold: no leg is alone.
    if (closed.boughtQuantity === '0' && closed.soldQuantity === '0') return;
    const hedges = legs.filter(({ leg }) => leg.attempt > 0).map(({ atMs }) => atMs);
    const price = Number(first[0]?.leg.limitPrice ?? 0);
    const base = Number(closed.residualBase);
    const knownAtMs = course.knownAtMs ?? closed.openedAtMs;
    const own = Number(first.find(({ leg }) => (leg.side === 'buy') === base > 0)?.leg.limitPrice ?? price);
    const isUnknown = legs.some(({ leg }) => course.results.get(leg.clientOrderId)?.status === 'unknown');
    const isOpen = closed.outcome === 'flagged' && base !== 0;
    this.failures.push({
      ...{ arbitrageId: closed.arbitrageId, fault, outcome: closed.outcome, isUnknown },
      wasUnknown: course.wasUnknown,
      hedgeMs: hedges.length === 0 ? null : Math.max(0, Math.min(...hedges) - knownAtMs),
      closedMs: Math.max(0, closed.closedAtMs - knownAtMs),
      tookMs: closed.closedAtMs - closed.openedAtMs,
      resultBps: (Number(closed.realisedNet) / (Number(first[0]?.leg.quantity ?? 1) * price)) * 10_000,
      leftOver: Math.abs(base) * price,
      takers: isOpen
        ? takersOf(this.world.simulated, { pair: closed.pair, base, own }).filter(
            ({ exchange }) => !away.includes(exchange),
          )
        : [],
      orders: legs.map(({ leg, atMs }) => orderText(leg, atMs - knownAtMs, course.results)),
      said: closed.outcome === 'flagged' ? this.saidOf(closed.arbitrageId) : '',
    });
  }

  private saidOf(arbitrageId: string): string {
    return this.world.log.lines
      .filter(({ fields, message }) => message === 'arbitrage alert' && fields['arbitrageId'] === arbitrageId)
      .map(({ fields }) => `${String(fields['code'])} ${String(fields['detail'])}`)
      .join('; ');
  }
}

function orderText(leg: SubmitLeg, afterMs: number, results: ReadonlyMap<string, LegResult>): string {
  const { exchange, side, quantity, limitPrice, attempt } = leg;
  const result = results.get(leg.clientOrderId);
  const end = `${result?.status ?? 'no word'} ${result?.filledQuantity ?? ''} ${result?.reason ?? ''}`;
  return `${Math.round(afterMs)} ms ${exchange} ${attempt} ${side} ${quantity} at ${limitPrice}: ${end}`.trim();
}

/** Less was filled than the leg asked for, or nobody knows. */
const isShort = ({ clientOrderId, quantity }: SubmitLeg, results: ReadonlyMap<string, LegResult>): boolean =>
  new Decimal(results.get(clientOrderId)?.filledQuantity ?? 0).lt(quantity);

/** A flagged end although what was left over was known, and an exchange that was well would have taken it within the cap. */
export const isWronglyFlagged = ({ outcome, takers, isUnknown }: LegFailure): boolean =>
  outcome === 'flagged' && takers.length > 0 && !isUnknown;

export const isBeyondCap = ({ resultBps }: LegFailure): boolean => resultBps < -CAP_BPS;

/** Trades until so many legs have failed; the nodes have stopped when it returns. */
export async function runLegs(options: LegsOptions): Promise<LegsReport> {
  const { failures, seed, factor, worlds = 1, budgetMs = Infinity, heard = () => undefined } = options;
  const startedMs = performance.now();
  const done: Watch[] = [];
  const total = (of: (watch: Watch) => number) => done.reduce((sum, watch) => sum + of(watch), 0);
  const isOver = () =>
    total((watch) => watch.failures.length) >= failures || performance.now() - startedMs >= budgetMs;
  const runs = Array.from({ length: worlds }, (_, index) =>
    runWorld({ seed: seed + index, factor }, done, isOver),
  );
  const told = setInterval(
    () =>
      heard(
        `${total((watch) => watch.arbitrages)} arbitrages, ${total((watch) => watch.failures.length)} with a failed leg, ` +
          `${total((watch) => watch.failures.filter(isWronglyFlagged).length)} wrongly flagged`,
      ),
    30_000,
  );
  try {
    const wrong = await Promise.all(runs);
    return {
      failures: done.flatMap((watch) => watch.failures),
      arbitrages: total((watch) => watch.arbitrages),
      wrongBalances: wrong.flat(),
    };
  } finally {
    clearInterval(told);
  }
}

async function runWorld(
  { seed, factor }: { readonly seed: number; readonly factor: number },
  done: Watch[],
  isOver: () => boolean,
): Promise<string[]> {
  const world = await NodeWorld.start({ seed, factor });
  try {
    const watch = new Watch(world, seed);
    done.push(watch);
    while (!isOver()) await world.sleep(250);
    watch.faults.endAll();
    await settle(world);
    return await wrongBalances(world);
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
