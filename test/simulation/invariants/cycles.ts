import type { Decimal } from 'decimal.js';
import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { PlannedLeg, Signal } from '../../../src/messages/signal.js';
import { BOARD_DEPTH, type QuoteBoard } from '../../../src/market/quote-board.js';
import type { SimulatedExchange } from '../../../src/simulator/listings.js';
import {
  earnedForward,
  Exact,
  fillForward,
  floatLeg,
  stepOf,
  type CycleLeg,
  type Step,
} from '../cycle-fill.js';
import type { Moment } from './book-history.js';
import type { Auditor, Scene } from './scene.js';

/** Quotes of three markets of one exchange may be of neighbouring steps of the world, bps. */
const NEIGHBOURING_BPS = 4;
/** Beyond the age that limits allow: latency, clock error and a step. */
const AGE_SLACK_MS = 1_500;
/** What messages round away, and a division in the search, in quote. */
const ROUNDING = 1e-6;
/** So many sizes are tried at most: all there are, or evenly spread ones and the neighbours of what was chosen. */
const SIZES = 4_000;
const NEIGHBOURS = 500;

/**
 * The detector of cycles: a signal's money is what its orders give on its books, no other size earns more, and none is invented: its edge stood in the
 * matching engines at one moment.
 */
export class CycleAuditor implements Auditor {
  private readonly scene: Scene;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  told(kind: MessageKind, body: unknown): void {
    if (kind !== 'signal') return;
    const signal = body as Signal;
    if (signal.strategy !== 'triangular') return;
    this.checkEdge(signal);
    this.checkMoney(signal);
  }

  /** At one moment within the allowed age the engines themselves showed an edge around these markets. */
  private checkEdge(signal: Signal): void {
    const oldestMs = this.scene.nowMs() - this.scene.trading.limits.bookAgeMaxMs - AGE_SLACK_MS;
    const books = signal.legs.map(({ instrument }) => this.scene.history.inForceSince(instrument, oldestMs));
    const times = books.flat().map(({ fromMs }) => Math.max(fromMs, oldestMs));
    const best = Math.max(...times.map((ms) => rateAt(signal.legs, books, ms, this.scene)));
    const least = 1 + (this.scene.trading.edge.minNetEdgeBps - NEIGHBOURING_BPS) / 1e4;
    if (!(best > least))
      this.scene.violated(
        'signal-has-an-edge',
        `${signal.signalId}: the engines gave ${((best - 1) * 1e4).toFixed(2)} bps at best around ${wayOf(signal)}`,
      );
  }

  private checkMoney(signal: Signal): void {
    const board = this.scene.process()?.node?.board;
    if (board === undefined) return;
    const legs = signal.legs.map((leg) => this.cycleLeg(leg, board));
    const steps = signal.legs.flatMap((leg, at) => stepOf(legs[at]!, new Exact(leg.quantity)) ?? []);
    if (steps.length < legs.length)
      return this.scene.violated(
        'signal-on-real-books',
        `${signal.signalId}: a book is thinner than its order`,
      );
    const fault = this.faultOf(signal, steps);
    if (fault !== null) this.scene.violated('signal-adds-up', `${signal.signalId}: ${fault}`);
    this.checkSize(signal, legs, steps);
  }

  /** The books of this very turn: it has just been told. */
  private cycleLeg({ instrument, exchange, side, feeMode }: PlannedLeg, board: QuoteBoard): CycleLeg {
    const at = board.slotOf(instrument) * BOARD_DEPTH;
    const [prices, sizes, count] =
      side === 'buy'
        ? [board.askPrices, board.askSizes, board.askLevels[board.slotOf(instrument)]!]
        : [board.bidPrices, board.bidSizes, board.bidLevels[board.slotOf(instrument)]!];
    const levels = Array.from(
      { length: count },
      (_, i) => [new Exact(prices[at + i]!), new Exact(sizes[at + i]!)] as const,
    );
    const { listing } = this.scene.world.market(
      exchange as SimulatedExchange,
      instrument.slice(exchange.length + 1),
    );
    const fee = new Exact(this.scene.trading.exchanges[exchange]!.takerFeeBps ?? 0).div(10_000);
    return { side, fee, isFeeOfBase: feeMode === 'received', levels, listing };
  }

  /** Each leg is paid for by the one before, what is left over is told, and net is what comes back less what is expected to be lost. */
  private faultOf({ edge, notional, legs, residues = [] }: Signal, steps: readonly Step[]): string | null {
    const earned = steps.at(-1)!.received.minus(steps[0]!.used);
    const told = new Exact(edge.net).minus(edge.marked ?? 0).plus(edge.latencyDecay);
    if (isOff(told, earned))
      return `it is told to earn ${told.toFixed()}, its orders earn ${earned.toFixed()}`;
    if (isOff(new Exact(notional), steps[0]!.used))
      return `it spends ${steps[0]!.used.toFixed()}, not ${notional}`;
    for (let at = 1; at < steps.length; at++) {
      const left = steps[at - 1]!.received.minus(steps[at]!.used);
      if (left.lt(0)) return `leg ${at} needs ${left.negated().toFixed()} more than the one before brings`;
      const [base, quote] = legs[at]!.instrument.slice(legs[at]!.exchange.length + 1).split('-');
      const asset = legs[at]!.side === 'buy' ? quote : base;
      const residue = residues.find((one) => one.asset === asset)?.quantity ?? '0';
      if (isOff(new Exact(residue), left)) return `${left.toFixed()} ${asset} are left over, not ${residue}`;
    }
    const fees = new Exact(edge.feeBuy).plus(edge.feeSell);
    const expected = legs.reduce((sum, { feeRate }) => sum.plus(feeRate), new Exact(0)).times(notional);
    return fees.minus(expected).abs().gt(expected.times('0.1')) ? `fees of ${fees.toFixed()}` : null;
  }

  private checkSize(signal: Signal, legs: readonly CycleLeg[], steps: readonly Step[]): void {
    const { edge, sizes } = this.scene.trading;
    const costRate = new Exact(edge.latencyDecayBps).div(10_000);
    const valueOf = (filled: readonly Step[]): Decimal =>
      filled.at(-1)!.received.minus(filled[0]!.used.times(costRate.plus(1)));
    const lots = steps[0]!.quantity.div(legs[0]!.listing.lot.text).toNumber();
    const better = bestLots(legs, lots, { costRate: costRate.toNumber(), most: Number(sizes.maxNotional) });
    const filled = better === lots ? null : fillForward(legs, better);
    if (filled === null) return;
    const [own, other] = [valueOf(steps), valueOf(filled)];
    const isWithin = filled[0]!.used.lte(sizes.maxNotional);
    // A whole that earns too little on average is cut to units that each earn enough.
    const isWorth = other.div(filled[0]!.used).gte(edge.minNetEdgeBps / 1e4);
    if (isWithin && isWorth && other.minus(own).gt(ROUNDING))
      this.scene.violated(
        'signal-sized-right',
        `${signal.signalId}: ${lots} lots earn ${own.toFixed(8)}, ${better} lots earn ${other.toFixed(8)}`,
      );
  }
}

const isOff = (a: Decimal, b: Decimal): boolean => a.minus(b).abs().gt(1e-15);

const wayOf = ({ legs }: Signal): string =>
  legs.map(({ side, instrument }) => `${side} ${instrument}`).join(', ');

/** What the best quotes of a moment return, fees paid; 0 where a side is empty. */
function rateAt(
  legs: readonly PlannedLeg[],
  books: readonly (readonly Moment[])[],
  ms: number,
  { world }: Scene,
): number {
  return legs.reduce((rate, { instrument, exchange, side, feeRate }, at) => {
    const ladder = books[at]!.findLast(({ fromMs }) => fromMs <= ms)?.ladder;
    const ticks = (side === 'buy' ? ladder?.asks : ladder?.bids)?.prices[0];
    if (ticks === undefined) return 0;
    const pair = instrument.slice(exchange.length + 1);
    const price = ticks * world.market(exchange as SimulatedExchange, pair).listing.tick.value;
    return rate * (side === 'buy' ? 1 / price : price) * (1 - Number(feeRate));
  }, 1);
}

/** Lots of the first order that earn most, among all there are or as many as are tried. */
function bestLots(
  legs: readonly CycleLeg[],
  own: number,
  { costRate, most }: { readonly costRate: number; readonly most: number },
): number {
  const floats = legs.map(floatLeg);
  const [first] = floats;
  const price = first!.levels[0]![0];
  const largest = Math.floor(most / (first!.isBuy ? price * first!.lot : first!.lot));
  const stride = Math.max(1, Math.ceil(largest / SIZES));
  let [best, value] = [own, earnedForward(floats, own, costRate)];
  const tries = (lots: number): void => {
    const earned = lots > 0 && lots <= largest ? earnedForward(floats, lots, costRate) : -Infinity;
    if (earned > value) [best, value] = [lots, earned];
  };
  for (let lots = stride; lots <= largest; lots += stride) tries(lots);
  for (let lots = own - NEIGHBOURS; lots <= own + NEIGHBOURS; lots++) tries(lots);
  return best;
}
