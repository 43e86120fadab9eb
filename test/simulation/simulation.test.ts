import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { BUGS } from './bugs/index.js';
import { RECORDED } from './bugs/recorded.js';

/** Every run is a process of its own: a simulation replaces that process's globals of time and chance. */
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

t.test('the same seed gives the same trace in two processes, on either engine', async (t) => {
  for (const [seed, engine] of [
    ['3', 'nact'],
    ['9', 'nact'],
    ['10', 'plain'],
  ] as const) {
    const words = ['--seed', seed, '--engine', engine, '--hash-only'];
    const [first, second] = await Promise.all([simulate(...words), simulate(...words)]);
    const line = first.lines.find((text) => SEED_LINE.test(text));
    t.ok(line, first.lines.slice(-5).join('\n'));
    t.equal(
      second.lines.find((text) => SEED_LINE.test(text)),
      line,
    );
  }
  const other = await simulate('--seed', '4', '--hash-only');
  const third = await simulate('--seed', '3', '--engine', 'nact', '--hash-only');
  t.not(other.lines[0]?.split(' hash ')[1], third.lines[0]?.split(' hash ')[1], 'the hash tells seeds apart');
});

/** Two processes, one for each core of the smallest machine. */
const SEEDS_PER_PROCESS = 26;

t.test('five virtual minutes of faults violate no invariant, over fifty-two seeds', async (t) => {
  const runs = await Promise.all(
    [1, 1 + SEEDS_PER_PROCESS].map((from) =>
      simulate('--from', String(from), '--seeds', String(SEEDS_PER_PROCESS)),
    ),
  );
  for (const { code, lines } of runs) {
    t.equal(code, 0, lines.filter((line) => /^(violated|repeat|seed)/.test(line)).join('\n'));
    t.ok(lines.some((line) => / 0 with violations$/.test(line)));
    t.ok(
      lines.some((line) => /^reached: .*order filled \d+/.test(line)),
      'orders were filled, so that something was at stake',
    );
  }
});

t.test('seeds that once found a defect stay green', async (t) => {
  // 16 and 33: a recovery order asked for more than its leg was approved for.
  for (const seed of ['33']) t.equal((await simulate('--seed', seed, '--hash-only')).code, 0, `seed ${seed}`);
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
  const [before = '0', after = '0'] = line?.match(/\d+/g) ?? [];
  t.ok(Number(after) >= 1 && Number(after) < Number(before), line ?? 'no such line');
});

t.test('what cannot be understood is refused by name', async (t) => {
  const { code, lines } = await simulate('--faults', 'earthquake');
  t.equal(code, 2);
  t.match(lines.join('\n'), /earthquake.*not one of/);
});
