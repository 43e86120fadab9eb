import { CycleBooks } from '../../../src/detectors/triangular/cycle-books.js';
import type { CycleRoute } from '../../../src/detectors/triangular/cycle-route.js';
import { FastCycle } from '../../../src/detectors/triangular/fast-cycle.js';
import { TriangularDetector } from '../../../src/detectors/triangular/triangular.js';
import { PairDesk, type Entry } from '../../../src/detectors/statistical/pair-desk.js';
import { PairTrader } from '../../../src/detectors/statistical/pair-trader.js';
import { StatisticalDetector } from '../../../src/detectors/statistical/statistical.js';
import type { DetectorEffect } from '../../../src/detectors/detector.js';
import { Decimal } from '../../../src/market/decimal.js';
import type { Signal } from '../../../src/messages/signal.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

/** What a detector of cycles does not show to others. */
interface Inside {
  effects: DetectorEffect[];
  offer(...given: unknown[]): void;
  look(watch: { readonly route: CycleRoute }, nowMs: number, monotonicMs: number): void;
}

/** Changes each signal of a cycle as the detector makes it. */
const changingCycles = (change: () => (signal: Signal) => Signal) => (): (() => void) =>
  replaceMethod(TriangularDetector.prototype as unknown as Inside, 'offer', (real) => {
    const changed = change();
    return function (this: Inside, ...given) {
      real.apply(this, given);
      const last = this.effects.at(-1);
      if (last?.kind === 'signal')
        this.effects[this.effects.length - 1] = { kind: 'signal', signal: changed(last.signal) };
    };
  });

/** In its second life and later a cycle is offered with the orders of its first. */
function keepingOrders(): (signal: Signal) => Signal {
  const first = new Map<string, Signal>();
  return (signal) => {
    const way = signal.legs.map(({ instrument }) => instrument).join();
    const { legs, quantity, notional, edge, residues } = first.get(way) ?? signal;
    if (!first.has(way)) first.set(way, signal);
    return { ...signal, legs, quantity, notional, edge, ...(residues !== undefined && { residues }) };
  };
}

function withoutResidues({ residues: _, edge, ...signal }: Signal): Signal {
  const { marked = '0', ...parts } = edge;
  return { ...signal, edge: { ...parts, net: new Decimal(edge.net).minus(marked).toFixed() } };
}

function withoutFeesOfPurchases(signal: Signal): Signal {
  const { gross, feeBuy } = signal.edge;
  const edge = { ...signal.edge, feeBuy: '0', gross: new Decimal(gross).minus(feeBuy).toFixed() };
  return { ...signal, edge };
}

export const DETECTOR_BUGS: readonly PlantedBug[] = [
  {
    name: 'cycle-books-unjudged',
    what: 'a cycle is offered whatever its books are worth',
    plant: () => replaceMethod(CycleBooks.prototype, 'problemOf', () => () => null),
  },
  {
    name: 'cycle-halved',
    what: 'of the best size of a cycle one half is tried',
    plant: () =>
      replaceMethod(FastCycle.prototype, 'candidates', (real) => {
        return function (this: FastCycle, ...given) {
          const { pivot, lots } = real.apply(this, given);
          return { pivot, lots: lots.map((count) => Math.ceil(count / 2)) };
        };
      }),
  },
  {
    name: 'cycle-one-way',
    what: 'a cycle that buys on its second market is not looked at',
    plant: () =>
      replaceMethod(TriangularDetector.prototype as unknown as Inside, 'look', (real) => {
        return function (this: Inside, watch, nowMs, monotonicMs) {
          if (watch.route.legs[1]?.side === 'sell') real.call(this, watch, nowMs, monotonicMs);
        };
      }),
  },
  {
    name: 'cycle-orders-kept',
    what: 'a cycle that comes back is offered with the orders of its first life',
    plant: changingCycles(keepingOrders),
  },
  {
    name: 'cycle-residues-untold',
    what: 'what rounding leaves over on the way is not told',
    plant: changingCycles(() => withoutResidues),
  },
  {
    name: 'cycle-fees-hidden',
    what: 'the fees of purchases are told as a smaller edge and not as fees',
    plant: changingCycles(() => withoutFeesOfPurchases),
  },
  {
    name: 'pair-upside-down',
    what: 'what is dear is bought, and what is cheap is sold',
    plant: () =>
      replaceMethod(
        PairTrader.prototype as unknown as { learn(y: number, x: number): number | null },
        'learn',
        (real) => {
          return function (this: PairTrader, y, x) {
            const z = real.call(this as never, y, x);
            return z === null ? null : -z;
          };
        },
      ),
  },
  {
    name: 'pair-hedged-by-half',
    what: 'a pair is sized with half of its hedge ratio',
    plant: () =>
      replaceMethod(
        PairDesk.prototype as unknown as { entryPlan(watch: unknown, entry: Entry, now: unknown): unknown },
        'entryPlan',
        (real) => {
          return function (this: PairDesk, watch, entry, now) {
            return real.call(this as never, watch, { ...entry, beta: entry.beta / 2 }, now);
          };
        },
      ),
  },
  {
    name: 'pair-never-left',
    what: 'a position is kept whatever its spread does',
    plant: () =>
      replaceMethod(
        StatisticalDetector.prototype as unknown as { want(): void },
        'want',
        () => () => undefined,
      ),
  },
  {
    name: 'pair-untested',
    what: 'what a test has found reaches nobody',
    plant: () => replaceMethod(StatisticalDetector.prototype, 'tested', () => () => undefined),
  },
].map((bug): PlantedBug => ({ ...bug, area: 'detector', isOfStrategies: true }));
