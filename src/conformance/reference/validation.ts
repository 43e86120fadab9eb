import { z } from 'zod';
import { Decimal } from '../../market/decimal.js';
import {
  deflatedSharpe,
  expectedMaxSharpe,
  minimumTrackRecord,
  probabilisticSharpe,
  sharpeZ,
} from '../../statistics/deflated-sharpe.js';
import { deviationOf, shapeOf, sharpePerPeriod } from '../../statistics/returns.js';
import {
  purgedFolds,
  walkForwardEfficiency,
  walkForwardWindows,
  type Fold,
} from '../../statistics/walk-forward.js';
import { Float64 } from './compare.js';
import { money } from './inputs.js';

/** Our answers about what a back test proves, in the shape of the reference. */

const float = money.transform((value) => value.toNumber());
const sample = {
  sr: float,
  n: z.number(),
  skew: float,
  kurtosis: float,
};
const orNull = (value: number | null): Float64 | null => (value === null ? null : new Float64(value));

function answerPsr(input: unknown): unknown {
  const { sr, n, benchmarkSr, ...shape } = z.object({ ...sample, benchmarkSr: float }).parse(input);
  const known = { sharpe: sr, count: n, ...shape };
  return {
    z: new Float64(sharpeZ(known, benchmarkSr)),
    psr: new Float64(probabilisticSharpe(known, benchmarkSr)),
    minTRL95: orNull(minimumTrackRecord(known, benchmarkSr)),
  };
}

function answerDsr(input: unknown): unknown {
  const terms = z.object({ ...sample, trialSrVariance: float, trials: z.number() }).parse(input);
  const { sr, n, trialSrVariance, trials, ...shape } = terms;
  return {
    expectedMaxSr: new Float64(expectedMaxSharpe(trialSrVariance, trials)),
    dsr: new Float64(deflatedSharpe({ sharpe: sr, count: n, ...shape }, trialSrVariance, trials)),
  };
}

function answerFromReturns(input: unknown): unknown {
  const { returns, trialSharpes } = z
    .object({ returns: z.array(money), trialSharpes: z.array(money) })
    .parse(input);
  const shape = shapeOf(returns);
  const [sharpe, skew, kurtosis] = [sharpePerPeriod(returns), shape.skew, shape.kurtosis].map(
    (value) => value?.toNumber() ?? NaN,
  ) as [number, number, number];
  const known = { sharpe, count: returns.length, skew, kurtosis };
  const variance = (deviationOf(trialSharpes)?.toNumber() ?? NaN) ** 2;
  return {
    sr: new Float64(sharpe),
    skew: new Float64(skew),
    kurtosis: new Float64(kurtosis),
    psr0: new Float64(probabilisticSharpe(known)),
    trialVar: new Float64(variance),
    expectedMaxSr: new Float64(expectedMaxSharpe(variance, trialSharpes.length)),
    dsr: new Float64(deflatedSharpe(known, variance, trialSharpes.length)),
  };
}

export const SHARPE_ANSWERS = new Map<string, (input: unknown) => unknown>([
  ['psr', answerPsr],
  ['dsr', answerDsr],
  ['dsr_from_returns', answerFromReturns],
]);

const windowTerms = z.object({
  train: z.number(),
  test: z.number(),
  step: z.number(),
  mode: z.enum(['rolling', 'anchored']),
  purge: z.number().default(0),
  keepPartial: z.boolean().default(false),
});

function windowsOf(bars: number, terms: z.output<typeof windowTerms>): Fold[] {
  const { keepPartial, ...plan } = terms;
  return walkForwardWindows({ ...plan, bars, keepsPartial: keepPartial });
}

function answerWindows(input: unknown): unknown {
  const { n, ...terms } = windowTerms.extend({ n: z.number() }).parse(input);
  return { windows: windowsOf(n, terms) };
}

function answerPurged(input: unknown): unknown {
  const { k, labelSpans, embargo } = z
    .object({ k: z.number(), labelSpans: z.array(z.tuple([z.number(), z.number()])), embargo: z.number() })
    .parse(input);
  return { folds: purgedFolds(labelSpans, k, embargo) };
}

const sumOf = (values: readonly Decimal[]): Decimal => Decimal.sum(0, ...values);

function answerEfficiency(input: unknown): unknown {
  const fold = z.object({ isPnl: money, isBars: z.number(), oosPnl: money, oosBars: z.number() });
  const { folds } = z.object({ folds: z.array(fold) }).parse(input);
  const whole = {
    isPnl: sumOf(folds.map((one) => one.isPnl)),
    isBars: folds.reduce((sum, one) => sum + one.isBars, 0),
    oosPnl: sumOf(folds.map((one) => one.oosPnl)),
    oosBars: folds.reduce((sum, one) => sum + one.oosBars, 0),
  };
  const profitable = folds.filter((one) => one.oosPnl.greaterThan(0)).length;
  return {
    perFold: folds.map(walkForwardEfficiency),
    aggregate: walkForwardEfficiency(whole),
    profitableFolds: new Decimal(profitable).div(folds.length),
    oosTotal: whole.oosPnl,
  };
}

function answerStitched(input: unknown): unknown {
  const { pnlPerBar, windows } = z
    .object({ pnlPerBar: z.record(z.string(), z.array(money)), windows: windowTerms })
    .parse(input);
  const names = Object.keys(pnlPerBar).sort();
  const folds = windowsOf(pnlPerBar[names[0] ?? '']?.length ?? 0, windows);
  const scoreOf = (name: string, [from, to]: readonly [number, number]) =>
    sumOf(pnlPerBar[name]!.slice(from, to));
  const chosen = folds.map(({ train }) =>
    names.reduce((best, name) => (scoreOf(name, train).greaterThan(scoreOf(best, train)) ? name : best)),
  );
  const inSample = sumOf(folds.map(({ train }, at) => scoreOf(chosen[at]!, train)));
  const barsOf = (part: 'train' | 'test') => folds.reduce((sum, one) => sum + one[part][1] - one[part][0], 0);
  const oosPnl = folds.flatMap(({ test: [from, to] }, at) => pnlPerBar[chosen[at]!]!.slice(from, to));
  const oosTotal = sumOf(oosPnl);
  const wfe = walkForwardEfficiency({
    ...{ isPnl: inSample, isBars: barsOf('train') },
    ...{ oosPnl: oosTotal, oosBars: barsOf('test') },
  });
  return { windows: folds, chosen, oosPnl, oosTotal, wfe };
}

export const WALK_FORWARD_ANSWERS = new Map<string, (input: unknown) => unknown>([
  ['windows', answerWindows],
  ['purged_kfold', answerPurged],
  ['wfe', answerEfficiency],
  ['walk_forward', answerStitched],
]);
