import { invariant } from '../messages/errors.js';
import type { PairId } from '../messages/primitives.js';
import { pairModel, type PairModel, type SimulatedExchange } from './listings.js';
import { Prng } from './prng.js';

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
  held: boolean;
  driftBps: number;
}

/** Correlated fair prices. Pure state machine: equal seed and equal calls give equal prices. */
export class PriceWorld {
  private readonly exchanges: readonly SimulatedExchange[];
  private readonly pairs = new Map<PairId, PairState>();
  private readonly prng: Prng;

  constructor(seed: number, exchanges: readonly SimulatedExchange[], pairs: readonly PairId[]) {
    this.exchanges = exchanges;
    this.prng = Prng.of(seed, 'prices');
    for (const pair of pairs) {
      const model = pairModel(pair);
      const history = Array.from({ length: MAX_LAG }, () => model.referencePrice);
      this.pairs.set(pair, { model, history, noiseBps: exchanges.map(() => 0), held: false, driftBps: 0 });
    }
  }

  /** One step of the world. The same number of draws whatever is held, so that a hold shifts nothing else. */
  step(): void {
    const common = this.prng.normal();
    for (const state of this.pairs.values()) this.stepPair(state, common);
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
    const state = this.state(pair);
    const index = this.exchanges.indexOf(exchange);
    invariant(index >= 0, `exchange ${exchange} is not part of this world`);
    const now = state.history[MAX_LAG - 1]!;
    const lagged = state.history[MAX_LAG - 1 - (index % MAX_LAG)]!;
    const deviation = (lagged / now - 1) * 10_000 + state.noiseBps[index]!;
    return now * (1 + clamp(deviation, MAX_DEVIATION_BPS) / 10_000);
  }

  private stepPair(state: PairState, common: number): void {
    const own = this.prng.normal();
    const noise = this.exchanges.map(() => this.prng.normal());
    if (state.held) return;
    const now = state.history[MAX_LAG - 1]!;
    const shock = COMMON_WEIGHT * common + Math.sqrt(1 - COMMON_WEIGHT * COMMON_WEIGHT) * own;
    const pull = (state.model.referencePrice / now - 1) * REVERSION * 10_000;
    const walk = clamp(shock * state.model.volatilityBps + pull, MAX_STEP_BPS);
    const move = state.driftBps === 0 ? walk : state.driftBps;
    state.history.push(now * (1 + move / 10_000));
    state.history.shift();
    for (const [i, draw] of noise.entries()) {
      state.noiseBps[i] = clamp(state.noiseBps[i]! * NOISE_MEMORY + draw * NOISE_STEP_BPS, MAX_DEVIATION_BPS);
    }
  }

  private state(pair: PairId): PairState {
    const state = this.pairs.get(pair);
    invariant(state !== undefined, `pair ${pair} is not part of this world`);
    return state;
  }
}

function clamp(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}
