import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { BUGS } from './bugs/index.js';
import { RECORDED } from './bugs/recorded.js';
import { FIRST_STRATEGY_SEED } from './strategy-worlds.js';

/** Every run is in processes of its own: a simulation replaces that process's globals of time and chance. */
const folder = import.meta.dirname;
const run = promisify(execFile);

interface Ran {
  readonly code: number;
  readonly lines: readonly string[];
}

async function script(file: string, words: readonly string[]): Promise<Ran> {
  const given = ['--import', 'tsx', resolve(folder, file), ...words];
  const options = { cwd: resolve(folder, '../..'), timeout: 1_200_000, maxBuffer: 1 << 26 };
  const ended = await run(process.execPath, given, options).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
      return { code: code ?? 1, stdout: `${stdout ?? ''}\n${stderr ?? ''}` };
    },
  );
  return { code: ended.code, lines: ended.stdout.split('\n') };
}

const simulate = (...words: string[]): Promise<Ran> => script('main.ts', words);
const SEED_LINE = /^seed \d+ steps \d+ hash [0-9a-f]{16} violations \d+$/;

/**
 * As many as two quiet cores run within five minutes, with room for a slower machine. Seeds that found defects are among
 * them: 12, 14, 16, 27, 32 and 33; what they found has tests of its own by now.
 */
const SEEDS = 120;
/** Come about in one of some hundred seeds only: that a run of this size misses one of them says nothing. */
const RARE = new Set([
  'order rejected',
  'outcome unwound',
  'recovery impossible',
  'recovery reverse',
  'supervision abandoned',
  'process gave up',
  'asset kept for a person',
  'half-done unwound',
  'order left open',
  'fill after the end',
]);
/** These run once more in other processes, after other seeds. */
const SEEDS_TWICE = 20;

const hashesOf = ({ lines }: Ran): Map<string, string> =>
  new Map(lines.filter((line) => SEED_LINE.test(line)).map((line) => [line.split(' ')[1]!, line] as const));

t.test(`faults over ${SEEDS} seeds of five minutes violate no invariant, and repeat exactly`, async (t) => {
  const all = await simulate('--seeds', String(SEEDS), '--hash-only');
  t.equal(all.code, 0, all.lines.filter((line) => / violations [1-9]|^violated/.test(line)).join('\n'));
  t.ok(all.lines.some((line) => line.endsWith(`of 5 minutes: 0 with violations`)));
  const missed = /^never reached: (.*)$/m.exec(all.lines.join('\n'))?.[1]?.split(', ') ?? ['no such line'];
  t.same(
    missed.filter((point) => point !== 'nothing' && !RARE.has(point)),
    [],
    'every point but rare ones was reached',
  );
  const first = hashesOf(all);
  t.equal(first.size, SEEDS, 'each seed closes with its line');
  t.equal(
    new Set([...first.values()].map((line) => line.split(' hash ')[1])).size,
    SEEDS,
    'hashes tell seeds apart',
  );
  const again = hashesOf(await simulate('--seeds', String(SEEDS_TWICE), '--hash-only'));
  t.equal(again.size, SEEDS_TWICE);
  for (const [seed, line] of again) t.equal(line, first.get(seed));
});

/** Four kinds of world with all three detectors, twice: cycles or pairs, in quiet or in trouble. */
const STRATEGY_SEEDS = 8;
/** What such worlds must come across, or they prove nothing. */
const STRATEGY_POINTS = [
  ...['cycles', 'pairs'].map((kind) => `strategies ${kind}`),
  ...['spatial', 'triangular', 'statistical'].map((name) => `signal ${name}`),
  ...[
    'cycle found',
    'difference found',
    'pair entered',
    'pair left',
    'order filled',
    'outcome completed',
    'process restarted',
  ],
];

t.test('three detectors find what is planted, size it right and invent nothing', async (t) => {
  const from = ['--from', String(FIRST_STRATEGY_SEED), '--hash-only'];
  const all = await simulate('--seeds', String(STRATEGY_SEEDS), ...from);
  t.equal(all.code, 0, all.lines.filter((line) => / violations [1-9]|^violated/.test(line)).join('\n'));
  const reached = /^reached: (.*)$/m.exec(all.lines.join('\n'))?.[1]?.split(', ') ?? [];
  for (const point of STRATEGY_POINTS)
    t.ok(
      reached.some((text) => text.startsWith(`${point} `)),
      point,
    );
  const first = hashesOf(all);
  t.equal(first.size, STRATEGY_SEEDS);
  const again = hashesOf(await simulate('--seeds', '2', ...from));
  t.equal(again.size, 2);
  for (const [seed, line] of again) t.equal(line, first.get(seed));
});

t.test('every planted bug is caught', async (t) => {
  const { lines } = await script('catch-bugs.ts', []);
  for (const { name } of BUGS) {
    const line = lines.find((text) => text.startsWith(`${name} `));
    t.match(line, / caught by /, `${name}, seed ${RECORDED[name]}`);
  }
});

t.test('a schedule shrinks to the faults that a violation needs', async (t) => {
  const { code, lines } = await simulate('--seed', '1', '--bug', 'left-over-uncounted', '--minimise');
  t.equal(code, 1);
  const line = lines.find((text) => / are needed: npm run simulate -- --seed 1 /.test(text));
  const [before = '0', after = '99'] = line?.match(/\d+/g) ?? [];
  t.ok(Number(after) < Number(before), line ?? 'no such line');
});

t.test('what cannot be understood is refused by name', async (t) => {
  const { code, lines } = await simulate('--faults', 'earthquake');
  t.equal(code, 2);
  t.match(lines.join('\n'), /earthquake.*not one of/);
});
