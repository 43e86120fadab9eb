import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { readSeriesFolder } from '../../src/conformance/reference/series.js';
import { compareSeries } from '../../src/conformance/reference/statistics.js';
import {
  adf,
  discoveries,
  engleGranger,
  erfc,
  EwmaZ,
  fullZ,
  halfLifeOf,
  hurst,
  johansen,
  KalmanHedge,
  kpss,
  mackinnonCritical,
  mackinnonP,
  minimumTrackRecord,
  normalCdf,
  normalQuantile,
  ols,
  olsMany,
  purgedFolds,
  rollingZ,
  spreadOf,
  totalLeastSquares,
  walkForwardWindows,
} from '../../src/statistics/index.js';
import { LeastSquares } from '../../src/statistics/least-squares.js';
import { leftSingular } from '../../src/statistics/small-svd.js';
import { referenceFolder } from '../shared-data.js';
import { autoregressive, normals, randomWalk } from './random-series.js';

const PLAIN = { maxLag: null, autolag: 'AIC' as const };

function ok<T extends { status: string }>(outcome: T): Extract<T, { status: 'ok' }> {
  if (outcome.status !== 'ok') throw new Error(`status ${outcome.status}`);
  return outcome as Extract<T, { status: 'ok' }>;
}

const close = (actual: number, expected: number, relative = 1e-9) =>
  Math.abs(actual - expected) <= relative * Math.max(1, Math.abs(expected));

const folder = referenceFolder();
const skip = folder === null ? 'the reference numbers are not on this machine' : false;

t.test(
  'every number of every reference series is met, and one that is off is noticed',
  { skip },
  async (t) => {
    const cases = [
      ...(await readSeriesFolder(join(folder ?? '', 'stats'))),
      ...(await readSeriesFolder(join(folder ?? '', 'stats', 'real'))),
    ];
    let compared = 0;
    for (const one of cases) {
      const report = compareSeries(one);
      compared += report.compared;
      t.strictSame(report.found, [], one.id);
    }
    t.ok(compared > 39_000, `${compared} numbers`);
    const basic = cases.find(({ id }) => id === 'coint_basic')!;
    const shifted = JSON.parse(JSON.stringify(basic.expected), (key, value: unknown) =>
      typeof value === 'number' && !['index', 'maxlag', 'nlags', 'det_order', 'k_ar_diff'].includes(key)
        ? value * 1.0001 + 1e-5
        : value,
    ) as Record<string, unknown>;
    // Questions and positions stay as they are; every answer is a little off.
    const parameters = JSON.parse(JSON.stringify(basic.expected)) as {
      kalman: object;
      zscore_spread: object;
    };
    const spoilt = { ...shifted, kalman: parameters.kalman, zscore_spread: parameters.zscore_spread };
    const wrong = compareSeries({ ...basic, expected: spoilt });
    t.ok(wrong.found.length > 700, `${wrong.found.length} of ${wrong.compared} are noticed`);
  },
);

t.test(
  'the normal distribution keeps its precision far into the tails, and its quantile undoes it',
  async (t) => {
    // Known to many digits: Abramowitz & Stegun, table 26.1 and 26.2.
    t.ok(close(normalCdf(1), 0.8413447460685429, 1e-15));
    t.ok(Math.abs(normalCdf(-10) / 7.619853024160527e-24 - 1) < 1e-12);
    t.ok(Math.abs(normalCdf(-37) / 5.725571222524577e-300 - 1) < 1e-10);
    t.ok(close(erfc(0.5), 0.4795001221869535, 1e-15));
    t.equal(normalCdf(0), 0.5);
    t.ok(Number.isNaN(normalCdf(NaN)));
    t.ok(close(normalQuantile(0.95), 1.6448536269514722, 1e-14));
    t.strictSame([normalQuantile(0), normalQuantile(1), normalQuantile(0.5)], [-Infinity, Infinity, 0]);
    t.ok(Number.isNaN(normalQuantile(1.1)) && Number.isNaN(normalQuantile(NaN)));
    fc.assert(
      fc.property(fc.double({ min: -36, max: 8, noNaN: true }), (x) => {
        const p = normalCdf(x);
        // Right of the middle a probability near 1 has no digits left to tell x by.
        return x > 6 || Math.abs(normalQuantile(p) - x) <= 1e-9 * Math.max(1, Math.abs(x));
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (x) =>
        close(normalCdf(x) + normalCdf(-x), 1, 1e-14),
      ),
    );
  },
);

t.test('least squares solves what it is given, and tells a column that depends on others', async (t) => {
  const matrix = fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 8, maxLength: 8 }), {
    minLength: 3,
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      matrix,
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 }),
      (rows, weights) => {
        const columns = rows.map((row, at) =>
          Float64Array.from(row, (value, i) => value + (i === at ? 400 : 0)),
        );
        const y = Float64Array.from({ length: 8 }, (_, i) =>
          columns.reduce((sum, column, at) => sum + weights[at]! * column[i]!, 0),
        );
        const fit = new LeastSquares(
          columns.map((column) => column.slice()),
          y.slice(),
        );
        return (
          weights.every((weight, at) => close(fit.coefficients()[at]!, weight, 1e-9)) &&
          fit.rss() < 1e-12 * 1e6
        );
      },
    ),
  );
  const [one, x] = [new Float64Array(20).fill(1), randomWalk(20, 1)];
  const dependent = new LeastSquares([one.slice(), x.slice(), x.map((value) => 3 * value - 2)], x.slice());
  t.equal(dependent.dependentColumn(), 2);
  t.equal(new LeastSquares([one.slice(), x.slice()], x.slice()).dependentColumn(), null);
  const nested = new LeastSquares(
    [one.slice(), x.slice(), autoregressive(20, 2, 0)],
    autoregressive(20, 3, 0),
  );
  const alone = new LeastSquares([one.slice(), x.slice()], autoregressive(20, 3, 0));
  t.ok(close(nested.rss(2), alone.rss()), 'one factorisation answers every smaller design');
  t.ok(
    close(nested.lastT(2), alone.coefficients()[1]! / alone.standardErrors()[1]!),
    'and its last t statistic',
  );
});

t.test('regressions by hand: four points', async (t) => {
  const [x, y] = [Float64Array.of(1, 2, 3, 4), Float64Array.of(2, 3, 5, 6)];
  const fit = ok(ols(y, x));
  t.ok(close(fit.beta, 1.4) && close(fit.intercept, 0.5) && close(fit.ssr, 0.2) && close(fit.r2, 0.98));
  t.ok(close(fit.betaError, Math.sqrt(0.1 / 5)));
  t.ok(close(ok(ols(y, x, false)).beta, 47 / 30));
  t.ok(close(ok(totalLeastSquares(y, x)).beta, (10 - 5 + Math.hypot(5, 14)) / 14));
  t.strictSame(
    [...spreadOf(y, x, { intercept: 0.5, beta: 1.4 })].map((one) => Number(one.toFixed(12))),
    [0.1, -0.3, 0.3, -0.1],
  );
  t.equal(ols(y, Float64Array.of(1, 1, 1, 1)).status, 'degenerate_constant');
  t.equal(
    ols(
      x.map((one) => 2 * one + 1),
      x,
    ).status,
    'collinear',
  );
  t.equal(ols(Float64Array.of(1, 2), Float64Array.of(2, 3)).status, 'insufficient_data');
  t.equal(ols(Float64Array.of(1, NaN, 3, 4), x).status, 'not_finite');
  t.equal(ols(Float64Array.of(1, 2, 3), x).status, 'insufficient_data', 'different lengths');
  t.equal(olsMany(y, [x, x.slice()]).status, 'collinear');
});

t.test('orthogonal regression is the same line from either side', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), (seed) => {
      const x = randomWalk(40, seed);
      const y = Float64Array.from(x, (value, at) => 2 * value + autoregressive(40, seed + 1, 0)[at]!);
      return close(ok(totalLeastSquares(y, x)).beta, 1 / ok(totalLeastSquares(x, y)).beta, 1e-9);
    }),
    { numRuns: 20 },
  );
});

t.test('a unit-root test does not see the unit of its series', async (t) => {
  const regressions = ['c', 'ct', 'ctt'] as const;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.constantFrom(...regressions),
      fc.constantFrom('AIC' as const, 'BIC' as const, 't-stat' as const, null),
      (seed, regression, autolag) => {
        const series = autoregressive(120, seed, 0.8);
        const question = { regression, autolag, maxLag: autolag === null ? 2 : null };
        const [a, b] = [
          adf(series, question),
          adf(
            series.map((value) => 1e-5 * value + 3),
            question,
          ),
        ];
        return ok(a).usedLag === ok(b).usedLag && close(ok(a).statistic, ok(b).statistic, 1e-6);
      },
    ),
    { numRuns: 40 },
  );
  t.equal(adf(new Float64Array(50).fill(3), { regression: 'c', ...PLAIN }).status, 'degenerate_constant');
  t.equal(adf(randomWalk(9, 1), { regression: 'c', maxLag: 5, autolag: null }).status, 'insufficient_data');
  t.equal(adf(randomWalk(3, 1), { regression: 'n', ...PLAIN }).status, 'insufficient_data');
  const line = Float64Array.from({ length: 40 }, (_, at) => at);
  t.equal(adf(line, { regression: 'ct', ...PLAIN }).status, 'collinear', 'a straight line leaves nothing');
});

t.test('walks are taken for walks, what reverts for what reverts, by both tests', async (t) => {
  let [walksRefused, revertersFound, stationaryRefused] = [0, 0, 0];
  for (let seed = 1; seed <= 200; seed++) {
    const walk = adf(randomWalk(250, seed), { regression: 'c', ...PLAIN });
    if (ok(walk).pValue < 0.05) walksRefused++;
    const reverter = autoregressive(250, seed, 0.8);
    if (ok(adf(reverter, { regression: 'c', ...PLAIN })).pValue < 0.05) revertersFound++;
    if (ok(kpss(autoregressive(250, seed, 0.3), 'c')).pValue < 0.05) stationaryRefused++;
  }
  // The nominal 5 % of 200 is 10; three deviations are 9 more.
  t.ok(walksRefused <= 19, `${walksRefused} walks refused`);
  t.ok(revertersFound >= 190, `${revertersFound} found`);
  t.ok(stationaryRefused <= 25, `${stationaryRefused} refused`);
  t.equal(ok(kpss(randomWalk(500, 3), 'c')).pValue, 0.01);
  t.equal(kpss(new Float64Array(30).fill(1), 'c').status, 'degenerate_constant');
});

t.test('p-values fall with the statistic and critical values stand at their levels', async (t) => {
  for (const trend of ['n', 'c', 'ct', 'ctt'] as const)
    for (let series = 1; series <= 6; series++) {
      let last = 0;
      for (let statistic = -8; statistic < 0; statistic += 0.05) {
        const p = mackinnonP(statistic, trend, series);
        // The two polynomials meet within the accuracy they were fitted to.
        if (p < last - 2e-3) t.fail(`${trend} ${series} at ${statistic}`);
        last = p;
      }
      const critical = mackinnonCritical(trend, 1e9, series);
      if (critical !== null) t.ok(Math.abs(mackinnonP(critical.p05, trend, series) - 0.05) < 4e-3);
    }
  t.ok(Number.isNaN(mackinnonP(-3, 'c', 7)) && Number.isNaN(mackinnonP(NaN, 'c')));
  t.equal(mackinnonP(-100, 'c'), 0);
  t.equal(mackinnonP(100, 'c'), 1);
});

t.test('a planted pair is cointegrated, twice the same coin is not a trade', async (t) => {
  const x = randomWalk(400, 7);
  const y = Float64Array.from(autoregressive(400, 8, 0.7), (noise, at) => 5 + 2 * x[at]! + noise);
  const found = ok(engleGranger(y, [x], { trend: 'c', ...PLAIN }));
  t.ok(found.pValue < 1e-4 && found.statistic < found.critical!.p01);
  t.equal(engleGranger(x, [x.slice()], { trend: 'c', ...PLAIN }).status, 'collinear');
  const quoted = Float64Array.from(
    normals(9)() === 0 ? [] : x,
    (value, at) => value + 1e-4 * Math.sin(at * 17),
  );
  t.equal(engleGranger(quoted, [x], { trend: 'c', ...PLAIN }).status, 'collinear', 'two exchanges, one coin');
  t.equal(engleGranger(x, [], { trend: 'c', ...PLAIN }).status, 'insufficient_data');
  t.equal(
    engleGranger(x, [new Float64Array(400).fill(1.5)], { trend: 'c', ...PLAIN }).status,
    'degenerate_constant',
  );
  t.equal(ok(engleGranger(y, [x], { trend: 'n', ...PLAIN })).critical, null);
});

t.test(
  "Johansen's eigenvalues do not change with the coordinates, and the weights are those that were planted",
  async (t) => {
    const [a, b] = [randomWalk(600, 11), randomWalk(600, 12)];
    const c = Float64Array.from(autoregressive(600, 13, 0.5), (noise, at) => a[at]! - 2 * b[at]! + noise);
    const plain = ok(johansen([a, b, c], 0, 1));
    t.equal(plain.rankByTrace, 1);
    const [first] = plain.vectors;
    const weights = [...first!].map((weight) => weight / first![2]!);
    t.ok(close(weights[0]!, -1, 0.1) && close(weights[1]!, 2, 0.1), String(weights));
    const mixed = ok(
      johansen(
        [a.map((v, at) => v + b[at]!), b.map((v, at) => 3 * v - c[at]!), c.map((v) => 0.01 * v)],
        0,
        1,
      ),
    );
    plain.eigenvalues.forEach((value, at) => t.ok(close(mixed.eigenvalues[at]!, value, 1e-8)));
    t.equal(johansen([a, b, a.map((v, at) => v + b[at]!)], 0, 1).status, 'collinear');
    t.equal(johansen([a], 0, 1).status, 'insufficient_data');
    t.equal(johansen([a, b], 0, 0).status, 'insufficient_data');
    t.equal(johansen([a.slice(0, 9), b.slice(0, 9)], 1, 2).status, 'insufficient_data');
    t.equal(johansen([a, new Float64Array(600).fill(2)], 0, 1).status, 'degenerate_constant');
  },
);

t.test('singular values of a small matrix: orthogonal vectors, product of values = determinant', async () => {
  const entry = fc.integer({ min: -20, max: 20 });
  fc.assert(
    fc.property(fc.tuple(entry, entry, entry, entry), ([a, b, c, d]) => {
      const { values, vectors } = leftSingular([Float64Array.of(a, b), Float64Array.of(c, d)]);
      const [u, v] = vectors as [Float64Array, Float64Array];
      return (
        close(values[0]! * values[1]!, Math.abs(a * d - b * c), 1e-9) &&
        Math.abs(u[0]! * v[0]! + u[1]! * v[1]!) < 1e-12 &&
        values[0]! >= values[1]!
      );
    }),
  );
});

t.test('the speed of return is that of the process, and none where it does not return', async (t) => {
  const found = ok(halfLifeOf(autoregressive(20_000, 21, 0.9, 2)));
  t.ok(close(found.halfLifeAr1!, Math.LN2 / -Math.log(0.9), 0.1), String(found.halfLifeAr1));
  t.ok(close(found.process!.sigmaEquilibrium, 2 / Math.sqrt(1 - 0.81), 0.1));
  const explosive = halfLifeOf(Float64Array.from({ length: 60 }, (_, at) => 1.05 ** at + Math.sin(at)));
  t.strictSame(
    [ok(explosive).halfLife, ok(explosive).halfLifeAr1, ok(explosive).process],
    [null, null, null],
  );
  const swinging = ok(halfLifeOf(autoregressive(500, 22, -0.5)));
  t.equal(swinging.halfLifeAr1, null);
  t.type(swinging.halfLife, 'number', "Chan's form still answers, and should not be used");
  t.equal(halfLifeOf(new Float64Array(30).fill(2)).status, 'degenerate_constant');
  t.ok(Math.abs(hurst(randomWalk(5_000, 23), 2, 50)! - 0.5) < 0.1);
  t.ok(hurst(autoregressive(5_000, 24, 0), 2, 50)! < 0.1);
  t.equal(hurst(randomWalk(10, 1), 2, 19), null);
});

t.test('z-scores: by hand, without a look at what comes later', async (t) => {
  const spread = Float64Array.of(1, 2, 3, 4, 10);
  t.ok(close(fullZ(Float64Array.of(1, 2, 3))[2]!, 1));
  t.strictSame(
    rollingZ(spread, 3).map((z) => (z === null ? null : Number(z.toFixed(6)))),
    [null, null, 1, 1, Number((13 / Math.sqrt(129)).toFixed(6))],
  );
  t.strictSame(rollingZ(Float64Array.of(2, 2, 2), 2), [null, null, null], 'what does not vary has no z');
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 8, maxLength: 30 }),
      (values) => {
        const series = Float64Array.from(values);
        const past = rollingZ(series.slice(0, 6), 4);
        return past.every((z, at) => z === rollingZ(series, 4)[at]);
      },
    ),
  );
  const weighted = new EwmaZ(1);
  t.equal(weighted.alpha, 0.5);
  t.strictSame([weighted.observe(0), weighted.observe(2), weighted.observe(NaN)], [null, null, null]);
  t.equal(weighted.mean, 1);
  t.ok(close(weighted.observe(2)!, 1), 'v was 0.5 (0 + 0.5 · 4) = 1');
});

t.test('the filter follows a drifting ratio, predicts over gaps, and cannot see the future', async (t) => {
  const start = { delta: 1e-4, observationVariance: 0.01, initialVariance: 1, alpha: 0, beta: 0 };
  const filter = new KalmanHedge(start);
  const [x, noise] = [randomWalk(1_000, 31), normals(32)];
  x.forEach((value, at) => filter.observe((1 + at / 1_000) * value + 0.1 * noise(), value));
  t.ok(close(filter.beta, 2, 0.02), String(filter.beta));
  const before = filter.covariance.p11;
  t.equal(filter.observe(NaN, 1), null);
  t.ok(filter.covariance.p11 > before, 'less is known after a gap');
  t.equal(filter.updates, 1_000);
  const [a, b] = [new KalmanHedge(start), new KalmanHedge(start)];
  t.strictSame(a.observe(3, 1), b.observe(3, 1));
  t.ok(a.observe(3, 1)!.variance > 0);
});

t.test('chance finds among many are bounded', async (t) => {
  t.strictSame(discoveries([0.01, 0.04, 0.03, 0.9], 0.05), [true, false, false, false]);
  t.strictSame(
    discoveries([0.01, 0.02, 0.03, 0.9], 0.05),
    [true, true, true, false],
    'by the largest that fits',
  );
  t.strictSame(discoveries([0.01, 0.02, 0.03, 0.9], 0.05, true), [false, false, false, false]);
  t.strictSame(discoveries([NaN, 0.001], 0.05), [false, true]);
  t.strictSame(discoveries([], 0.05), []);
  const next = normals(41);
  let universes = 0;
  for (let universe = 0; universe < 300; universe++) {
    const pValues = Array.from({ length: 50 }, () => normalCdf(next()));
    if (discoveries(pValues, 0.05).some(Boolean)) universes++;
  }
  t.ok(universes <= 30, `${universes} of 300 universes of nothing yield something (15 expected)`);
});

t.test('windows never train on what they test', async (t) => {
  const length = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(
      fc.record({
        bars: fc.integer({ min: 0, max: 200 }),
        train: length,
        test: length,
        step: length,
        purge: fc.integer({ min: 0, max: 3 }),
      }),
      fc.constantFrom('rolling' as const, 'anchored' as const),
      (plan, mode) =>
        walkForwardWindows({ ...plan, mode }).every(
          ({ train, test }) =>
            train[1] + plan.purge === test[0] && test[1] <= plan.bars && test[1] - test[0] === plan.test,
        ),
    ),
  );
  const spans = Array.from({ length: 12 }, (_, at) => [at, at + 2] as const);
  for (const { test, train } of purgedFolds(spans, 3, 1))
    t.ok(train.every((at) => spans[at]![1] < test[0] || spans[at]![0] > spans[test[1] - 1]![1]));
  t.equal(minimumTrackRecord({ sharpe: 0.1, count: 100, skew: 0, kurtosis: 3 }, 0.2), null);
});
