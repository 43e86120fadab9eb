import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { differences, Float64 } from '../../src/conformance/reference/compare.js';
import { REFERENCE_KINDS, runReferenceFile } from '../../src/conformance/reference/run.js';
import { Decimal } from '../../src/market/decimal.js';
import { referenceFolder } from '../shared-data.js';

const folder = referenceFolder();
const FILES: readonly [file: string, cases: number][] = [
  ['finance/spread.json', 14],
  ['finance/depth.json', 15],
  ['finance/optimal_size.json', 21],
  ['fillsim/taker.json', 25],
  ['fillsim/two_leg.json', 3],
  ['fillsim/queue_latency.json', 6],
  ['finance/returns_metrics.json', 13],
  ['finance/trade_metrics.json', 9],
];

interface File {
  kind: string;
  cases: { id: string; input: object; expected: Record<string, unknown> }[];
}

const read = (file: string): File => JSON.parse(readFileSync(join(folder ?? '', file), 'utf8')) as File;

for (const [file, cases] of FILES) {
  const skip = folder === null ? 'the reference numbers are not on this machine' : false;
  t.test(`every case of ${file} is answered exactly`, { skip }, async (t) => {
    const json = read(file);
    t.ok(REFERENCE_KINDS.includes(json.kind));
    const report = runReferenceFile(json.kind, json);
    t.strictSame(report.failed, []);
    t.ok(report.passed >= cases, `${report.passed} passed`);
    t.equal(report.passed, json.cases.length);
  });

  t.test(`a wrong answer in any case of ${file} is noticed`, { skip }, async (t) => {
    const json = read(file);
    const spoilt = JSON.parse(JSON.stringify(json), (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'dec' in value
        ? {
            ...value,
            dec: new Decimal(String(value.dec)).times('1.000000000000000000000001').plus('1e-30').toFixed(),
          }
        : value,
    ) as File;
    // Of answers that are plain numbers, each is off by one.
    if (!JSON.stringify(json).includes('"dec"'))
      for (const one of spoilt.cases)
        one.expected = JSON.parse(JSON.stringify(one.expected), (_, value: unknown) =>
          typeof value === 'number' ? value + 1 : value,
        ) as File['cases'][number]['expected'];
    const report = runReferenceFile(spoilt.kind, spoilt);
    t.equal(report.failedCases, json.cases.length, 'every case fails');
    t.ok(report.failed.every(({ id, field }) => id !== '' && field !== ''));
  });
}

const RISK_FILES = [
  ['finance/risk_rules.json', 23],
  ['finance/exposure.json', 5],
  ['finance/psr_dsr.json', 8],
  ['finance/walk_forward.json', 13],
  ['finance/amortisation.json', 8],
  ['finance/krw_usdt.json', 9],
  ['finance/triangular.json', 12],
  ['finance/triangular_depth.json', 7],
  ['triangular/graphs.json', 10],
] as const;

for (const [file, cases] of RISK_FILES) {
  const skip = folder === null ? 'the reference numbers are not on this machine' : false;
  t.test(`every case of ${file} is answered, and a wrong answer noticed`, { skip }, async (t) => {
    const json = read(file);
    const report = runReferenceFile(json.kind, json);
    t.strictSame(report.failed, []);
    t.equal(report.passed, json.cases.length);
    t.ok(report.passed >= cases, `${report.passed} passed`);
    // Detectors answer in float64, as the reference allows; a millionth is noticed, and so is every flag.
    const spoilt = json.cases.map((one) => ({ ...one, expected: spoil(one.expected) }));
    const wrong = runReferenceFile(json.kind, { ...json, cases: spoilt });
    // An answer of nothing at all, such as no window, has nothing in it to spoil.
    const changed = spoilt.filter(({ expected }, at) => text(expected) !== text(json.cases[at]!.expected));
    t.ok(changed.length >= json.cases.length - 1);
    t.equal(wrong.failedCases, changed.length, 'every case fails');
  });
}

const text = (value: unknown): string => JSON.stringify(value);

function spoil(value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value * 1.000001 + 1e-6;
  if (Array.isArray(value)) return value.map(spoil);
  if (typeof value !== 'object' || value === null) return value;
  if ('dec' in value && 'num' in value) {
    const dec = new Decimal(String(value.dec)).times('1.000001').plus('1e-6');
    return { ...value, dec: dec.toFixed(), num: dec.toNumber() };
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, spoil(one)]));
}

t.test('a case that cannot be answered fails by name instead of stopping the run', async (t) => {
  const spread = {
    askBuy: '100',
    bidSell: '101',
    feeBuy: '0.001',
    feeSell: '0.001',
    feeModeBuy: 'quote',
    feeModeSell: 'quote',
    thirdCoinDiscount: '0',
  };
  const expected = { netPerUnit: { dec: '0.799', num: 0.799, exact: true }, profitable: true };
  const report = runReferenceFile('spread', {
    kind: 'spread',
    cases: [
      { id: 'broken', input: { ...spread, askBuy: '1e400' }, expected },
      { id: 'good', input: spread, expected },
      { id: 'wrong', input: spread, expected: { ...expected, profitable: false } },
    ],
  });
  t.equal(report.passed, 1);
  t.equal(report.failedCases, 2);
  t.match(report.failed[0], { id: 'broken', field: 'error', actual: /askBuy/ });
  t.strictSame(report.failed[1], { id: 'wrong', field: 'profitable', expected: 'false', actual: 'true' });
  t.throws(() => runReferenceFile('horoscope', {}), { code: 'ARB_CLI_USAGE', message: /horoscope/ });
  t.throws(() => runReferenceFile('spread', { cases: 'none' }), { name: 'ZodError' });
});

t.test(
  'numbers compare exactly when the reference is exact, and on its forty digits when it is not',
  async (t) => {
    const third = new Decimal(1).div(3);
    const forty = '0.3333333333333333333333333333333333333333';
    const fields = (expected: unknown, actual: unknown, closed?: ReadonlySet<string>) =>
      differences(expected, actual, '', closed).map(({ field }) => field);
    t.strictSame(fields({ x: { dec: forty, num: 1 / 3, exact: false } }, { x: third }), []);
    t.strictSame(fields({ x: { dec: forty, num: 1 / 3, exact: true } }, { x: third }), ['x']);
    t.strictSame(fields({ x: 1 / 3 }, { x: third }), [], 'a statistic is a float64 in the reference');
    t.strictSame(fields({ x: 1 / 3 }, { x: third.times('1.000000002') }), ['x']);
    t.strictSame(fields({ x: 0 }, { x: new Decimal('1e-30') }), ['x'], 'nothing is exactly nothing');
    t.strictSame(
      fields({ x: { dec: '2', num: 2, exact: true } }, { x: 2 }),
      ['x'],
      'a float is not a decimal',
    );
    t.strictSame(fields({ x: { dec: '2', num: 2, exact: true } }, { x: new Float64(2 + 1e-9) }), []);
    t.strictSame(fields({ x: { dec: '2', num: 2, exact: true } }, { x: new Float64(2 + 1e-8) }), ['x']);
    t.strictSame(fields({ x: '2.0' }, { x: new Decimal(2) }), []);
    t.strictSame(fields({ x: [['1', '2']] }, { x: [[new Decimal(1), new Decimal(3)]] }), ['x[0][1]']);
    t.strictSame(fields({ x: ['1'] }, { x: [] }), ['x']);
    t.strictSame(fields({ x: null }, { x: undefined }), ['x']);
    t.strictSame(fields({ x: null }, { x: null, y: 1 }), [], 'more than asked is no fault');
    t.strictSame(fields({ fees: {} }, { fees: { BNB: third } }, new Set(['fees'])), ['fees.BNB']);
  },
);
