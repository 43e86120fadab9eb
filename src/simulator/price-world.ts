import { invariant } from '../messages/errors.js';
import type { PairId } from '../messages/primitives.js';
import { MAX_TIED_STEP_BPS, TiedSpread, type PriceTie } from './price-ties.js';
import { CROSS_PAIRS, dollarPairsOf, pairModel, type PairModel, type SimulatedExchange } from './listings.js';
import { Prng } from './prng.js';
import { WonRate } from './won-rate.js';

/** Weight of the common factor in every return: returns of two pairs correlate by its square. */
const COMMON_WEIGHT = 0.8;
/** One step never moves a price further. */
const MAX_STEP_BPS = 1;
/** An exchange never stands further from the common price; two exchanges hence never differ by more than twice this. */
const MAX_DEVIATION_BPS = 1.5;
/** Pull back to the reference price per step; half of a deviation is gone after about ten minutes of 100 ms steps. */
const REVERSION = 0.0001;
/** Exchanges follow the common price with 0, 1 or 2 steps of lag, in the order in which they are listed. */
const MAX_LAG = 3;
const NOISE_MEMORY = 0.98;
const NOISE_STEP_BPS = 0.12;

/**
 * Without a plant, (best bid of one exchange − best ask of another) / ask stays below this, basis points: quotes stand on the
 * far side of a fair price that deviates by at most 1.5 bps, and a reader who is one step behind adds one step.
 */
export const NATURAL_GROSS_BOUND_BPS = 5;

interface PairState {
  readonly model: PairModel;
  /** Newest last; `MAX_LAG` entries. */
  readonly history: number[];
  readonly noiseBps: number[];
  /** What it follows in place of its own walk; null = nothing. */
  readonly tie: TiedSpread | null;
  held: boolean;
  driftBps: number;
}

const isCrossPair = (pair: PairId): boolean => CROSS_PAIRS.includes(pair);
const isWonPair = (pair: PairId): boolean => pair.endsWith('-KRW');

/** Correlated fair prices. Pure state machine: equal seed and equal calls give equal prices. */
export class PriceWorld {
  private readonly exchanges: readonly SimulatedExchange[];
  private readonly pairs = new Map<PairId, PairState>();
  private readonly prng: Prng;
  /** What won and cross prices follow: the dollar prices of this world, those of assets without a dollar pair here, and the rate. */
  private readonly dollars = new Map<PairId, PairState>();
  private readonly rate: WonRate;
  private readonly wonPrng: Prng;

  private readonly ties: readonly TiedSpread[];

  constructor(
    seed: number,
    exchanges: readonly SimulatedExchange[],
    pairs: readonly PairId[],
    { ties, stepMs }: { readonly ties: readonly PriceTie[]; readonly stepMs: number } = {
      ties: [],
      stepMs: 100,
    },
  ) {
    this.exchanges = exchanges;
    this.ties = ties.map((tie) => new TiedSpread(seed, tie, stepMs));
    this.prng = Prng.of(seed, 'prices');
    this.wonPrng = Prng.of(seed, 'prices/won');
    this.rate = new WonRate(seed);
    for (const pair of pairs) if (!isCrossPair(pair)) this.pairs.set(pair, this.newState(pair));
    for (const pair of pairs.filter(isWonPair)) {
      const dollar = pair.replace('-KRW', '-USDT');
      if (dollar !== 'USDT-USDT' && !this.pairs.has(dollar)) this.dollars.set(dollar, this.newState(dollar));
    }
    for (const dollar of pairs.filter(isCrossPair).flatMap(dollarPairsOf))
      if (!this.pairs.has(dollar) && !this.dollars.has(dollar))
        this.dollars.set(dollar, this.newState(dollar));
  }

  private newState(pair: PairId): PairState {
    const model = pairModel(pair);
    const history = Array.from({ length: MAX_LAG }, () => model.referencePrice);
    const tie = this.ties.find((one) => one.tie.y === pair) ?? null;
    return { model, history, tie, noiseBps: this.exchanges.map(() => 0), held: false, driftBps: 0 };
  }

  /**
   * One step of the world. The same number of draws whatever is held, so that a hold shifts nothing else; and won pairs draw
   * from a stream of their own, so that they shift no dollar price.
   */
  step(): void {
    const common = this.prng.normal();
    for (const tie of this.ties) tie.step();
    for (const [pair, state] of this.pairs) if (!isWonPair(pair)) this.stepPair(state, common, this.prng);
    for (const state of this.dollars.values()) this.stepPair(state, common, this.wonPrng);
    this.rate.step();
    for (const [pair, state] of this.pairs) if (isWonPair(pair)) this.stepWon(pair, state);
  }

  /** Won for one USDT, premium included. */
  get wonPerUsdt(): number {
    return this.rate.wonPerUsdt;
  }

  /** Where the spread of a tied pair wants to be, basis points; null = it is tied to nothing. */
  spreadBps(pair: PairId): number | null {
    return this.ties.find(({ tie }) => tie.y === pair)?.spreadBps ?? null;
  }

  /** Stops a pair: its fair prices stay exactly as they are until `release`. */
  hold(pair: PairId): void {
    this.state(pair).held = true;
  }

  release(pair: PairId): void {
    const state = this.state(pair);
    state.held = false;
    state.driftBps = 0;
  }

  /** Moves a pair by a fixed amount per step in place of its random walk, until `release`. */
  drift(pair: PairId, bpsPerStep: number): void {
    const state = this.state(pair);
    state.held = false;
    state.driftBps = bpsPerStep;
  }

  /** The fair price of a pair on an exchange, quote units. */
  fair(exchange: SimulatedExchange, pair: PairId): number {
    if (isCrossPair(pair)) {
      const [base, quote] = dollarPairsOf(pair).map((dollar) => this.fair(exchange, dollar));
      return base! / quote!;
    }
    const state = this.dollars.get(pair) ?? this.state(pair);
    const index = this.exchanges.indexOf(exchange);
    invariant(index >= 0, `exchange ${exchange} is not part of this world`);
    const now = state.history[MAX_LAG - 1]!;
    const lagged = state.history[MAX_LAG - 1 - (index % MAX_LAG)]!;
    const deviation = (lagged / now - 1) * 10_000 + state.noiseBps[index]!;
    return now * (1 + clamp(deviation, MAX_DEVIATION_BPS) / 10_000);
  }

  private stepPair(state: PairState, common: number, prng: Prng): void {
    const own = prng.normal();
    const noise = this.exchanges.map(() => prng.normal());
    if (state.held) return;
    const now = state.history[MAX_LAG - 1]!;
    const shock = COMMON_WEIGHT * common + Math.sqrt(1 - COMMON_WEIGHT * COMMON_WEIGHT) * own;
    const lead = this.ties.find(({ tie }) => tie.x === state.model.pair);
    const reference = state.model.referencePrice * (lead?.wandered ?? 1);
    const pull = (reference / now - 1) * REVERSION * 10_000;
    const walk = clamp(shock * state.model.volatilityBps + pull, MAX_STEP_BPS);
    const led = lead === undefined ? walk : clamp(walk + lead.wanderStepBps, MAX_TIED_STEP_BPS);
    move(state, state.tie === null ? led : this.tiedWalk(state.tie, now), noise);
  }

  /** Towards what the other pair says, never too fast: after a hold it catches up. */
  private tiedWalk(tie: TiedSpread, now: number): number {
    const other = this.state(tie.tie.x).history[MAX_LAG - 1]!;
    return clamp((tie.target(other) / now - 1) * 10_000, MAX_TIED_STEP_BPS);
  }

  /** Towards its asset's dollar price times the rate, never faster than a dollar price moves: after a hold it catches up. */
  private stepWon(pair: PairId, state: PairState): void {
    const noise = this.exchanges.map(() => this.wonPrng.normal());
    if (state.held) return;
    const dollar = pair.replace('-KRW', '-USDT');
    const price = (this.pairs.get(dollar) ?? this.dollars.get(dollar))?.history[MAX_LAG - 1] ?? 1;
    const gap = (price * this.rate.wonPerUsdt) / state.history[MAX_LAG - 1]! - 1;
    move(state, clamp(gap * 10_000, MAX_STEP_BPS), noise);
  }

  private state(pair: PairId): PairState {
    const state = this.pairs.get(pair);
    invariant(state !== undefined, `pair ${pair} is not part of this world`);
    return state;
  }
}

/** `walkBps`, unless the pair drifts; and the exchanges' noise goes on. */
function move(state: PairState, walkBps: number, noise: readonly number[]): void {
  const bps = state.driftBps === 0 ? walkBps : state.driftBps;
  state.history.push(state.history[MAX_LAG - 1]! * (1 + bps / 10_000));
  state.history.shift();
  for (const [i, draw] of noise.entries()) {
    state.noiseBps[i] = clamp(state.noiseBps[i]! * NOISE_MEMORY + draw * NOISE_STEP_BPS, MAX_DEVIATION_BPS);
  }
}
function clamp(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}
