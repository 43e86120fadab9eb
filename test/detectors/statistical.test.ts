import fc from 'fast-check';
import t from 'tap';
import { discoverPairs, type FoundPair } from '../../src/detectors/statistical/pair-discovery.js';
import { PAIR_TERMS, PairTrader, type PairAction } from '../../src/detectors/statistical/pair-trader.js';
import { autoregressive, randomWalk } from '../statistics/random-series.js';

const POINTS = 300;

/** Independent walks of one per cent a step. */
const universe = (count: number, seed: number) =>
  Array.from({ length: count }, (_, at) => ({
    name: `s${at}`,
    logPrices: randomWalk(POINTS, seed * 1_000 + at + 1, 0).map((value) => 0.01 * value),
  }));

t.test('universes of independent walks yield a pair in at most 10 of 100', async (t) => {
  let withPair = 0;
  for (let seed = 0; seed < 100; seed++)
    if (discoverPairs(universe(8, seed)).some(({ found }) => found !== null)) withPair++;
  t.ok(withPair <= 10, `${withPair} of 100`);
});

t.test('at least 80 % of planted pairs are found, with their hedge and half-life', async (t) => {
  const planted = 50;
  let found = 0;
  for (let seed = 0; seed < planted; seed++) {
    const series = universe(8, seed + 500);
    const noise = autoregressive(POINTS, seed + 9_999, 0.85, 0.004);
    const [x, y] = [series[0]!, series[1]!];
    y.logPrices = x.logPrices.map((value, at) => 0.8 * value + noise[at]!);
    const verdict = discoverPairs(series).find(({ a, b }) => a === 's0' && b === 's1')!;
    if (verdict.found === null) continue;
    found++;
    const { beta, halfLife } = verdict.found;
    const hedge = verdict.found.y === 's1' ? beta : 1 / beta;
    t.ok(Math.abs(hedge - 0.8) < 0.2, `hedge ${hedge}`);
    t.ok(halfLife > 1 && halfLife < 15, `half-life ${halfLife}, planted 4.3`);
  }
  t.ok(found >= 0.8 * planted, `${found} of ${planted}`);
});

t.test('what is no pair is refused by name', async (t) => {
  const [x, z] = universe(2, 77) as [
    { name: string; logPrices: Float64Array },
    { name: string; logPrices: Float64Array },
  ];
  const noise = autoregressive(POINTS, 3, 0.5, 0.004);
  const of = (logPrices: Float64Array) => ({ name: 'y', logPrices });
  const reasonOf = (logPrices: Float64Array) => discoverPairs([x, of(logPrices)])[0]!.reason;
  t.equal(reasonOf(x.logPrices.slice()), 'collinear');
  t.equal(reasonOf(new Float64Array(POINTS).fill(4)), 'degenerate_constant');
  t.equal(reasonOf(x.logPrices.map((value, at) => (at === 9 ? NaN : value))), 'not_finite');
  t.equal(reasonOf(noise), 'stationary_input');
  t.equal(reasonOf(x.logPrices.slice(0, 3)), 'insufficient_data');
  t.equal(reasonOf(z.logPrices), 'not_significant');
  t.equal(reasonOf(x.logPrices.map((value, at) => -value + noise[at]!)), 'negative_hedge');
  const slow = { falseDiscoveryRate: 0.05, minHalfLife: 3, maxHalfLife: 200, stationaryP: 0.01 };
  const quick = x.logPrices.map((value, at) => value + autoregressive(POINTS, 8, 0.2, 0.004)[at]!);
  t.equal(discoverPairs([x, of(quick)], slow)[0]!.reason, 'half_life');
  t.strictSame(discoverPairs([x]), []);
});

const PAIR: FoundPair = {
  ...{ y: 'Y', x: 'X', intercept: 0, beta: 1, spreadDeviation: 0.01, halfLife: 5, pValue: 1e-4 },
};

/** Observations of a spread around a walk, and what came of them. */
function run(trader: PairTrader, spreads: readonly number[], seed = 1): PairAction[] {
  const x = randomWalk(spreads.length, seed, 0);
  return spreads.map((spread, at) => trader.observe(0.01 * x[at]! + spread, 0.01 * x[at]!));
}

const WARM = PAIR_TERMS.warmUpMemories * PAIR_TERMS.memoryHalfLives * PAIR.halfLife;
const calm = (length = WARM + 50, seed = 5) => [...autoregressive(length, seed, 0.3, 0.005)];
const acted = (actions: readonly PairAction[]) => actions.filter(({ kind }) => kind !== 'none');

t.test('a spread that is far and returns is entered, held and left at its target', async (t) => {
  const trader = new PairTrader(PAIR);
  const quiet = acted(
    run(
      trader,
      calm().map((value) => value / 4),
    ),
  );
  t.strictSame(
    quiet.filter(({ kind }) => kind === 'enter').length,
    quiet.filter(({ kind }) => kind === 'leave').length,
  );
  const deviation = 0.005 / 4 / Math.sqrt(1 - 0.09);
  const [entered] = acted(run(trader, [-3 * deviation, -2.5 * deviation, -2 * deviation]));
  t.match(entered, { kind: 'enter', side: 'long' });
  t.equal(trader.phase, 'long');
  t.match(acted(run(trader, [-deviation, 0]))[0], { kind: 'leave', reason: 'target' });
  t.equal(trader.phase, 'flat');
});

t.test('a spread that goes on is stopped, and the pair is not traded again', async (t) => {
  const trader = new PairTrader(PAIR);
  run(trader, calm());
  const actions = acted(run(trader, [0.018, 0.06, 0.2, 0.5, 1, 2, 2, 2]));
  t.match(actions[0], { kind: 'enter', side: 'short' });
  t.match(actions[1], { kind: 'leave', reason: 'stop' });
  t.equal(actions.length, 2);
  t.equal(trader.phase, 'broken');
  t.equal(acted(run(trader, calm())).length, 0);
});

t.test(
  'a spread that stands still is left in time, a broken regime at once, and a gap decides nothing',
  async (t) => {
    const held = new PairTrader(PAIR);
    run(held, calm());
    const still = acted(run(held, new Array<number>(40).fill(-0.016)));
    t.match(still[0], { kind: 'enter', side: 'long' });
    t.ok(still[1]?.kind === 'leave' && ['time', 'target'].includes(still[1].reason));
    const broken = new PairTrader(PAIR);
    run(broken, calm());
    run(broken, [-0.016]);
    t.equal(broken.phase, 'long');
    broken.breakRegime('retest');
    t.equal(broken.observe(NaN, 1).kind, 'none');
    t.match(acted(run(broken, [-0.016]))[0], { kind: 'leave', reason: 'regime' });
    t.match(broken.summary(), { phase: 'broken', broken: 'retest' });
    const refused = new PairTrader(PAIR);
    run(refused, calm());
    run(refused, [0.016]);
    refused.entryFailed();
    t.equal(refused.phase, 'flat');
  },
);

t.test('nothing is decided before enough was seen, nor by what comes later', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: WARM, max: WARM + 100 }),
      (seed, cut) => {
        const spreads = [...autoregressive(WARM + 120, seed, 0.7, 0.005)];
        const whole = run(new PairTrader(PAIR), spreads);
        const part = run(new PairTrader(PAIR), [
          ...spreads.slice(0, cut),
          ...spreads.slice(cut).map(() => 0.3),
        ]);
        const early = whole.slice(0, WARM - 1).every(({ kind }) => kind === 'none');
        return early && JSON.stringify(whole.slice(0, cut)) === JSON.stringify(part.slice(0, cut));
      },
    ),
    { numRuns: 50 },
  );
});

t.test('entries and exits alternate, whatever the market does', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: 20, maxLength: 80 }),
      (wild) => {
        const trader = new PairTrader(PAIR);
        const kinds = acted(run(trader, [...calm(), ...wild])).map(({ kind }) => kind);
        return kinds.every((kind, at) => kind === (at % 2 === 0 ? 'enter' : 'leave'));
      },
    ),
    { numRuns: 50 },
  );
});
