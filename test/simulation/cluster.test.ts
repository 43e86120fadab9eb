import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { CLUSTER_BUGS } from './cluster/bugs.js';

/** Worlds of three nodes. Every run is in processes of its own: a simulation replaces that process's globals of time and chance. */
const run = promisify(execFile);

interface Ran {
  readonly code: number;
  readonly text: string;
}

async function script(file: string, words: readonly string[]): Promise<Ran> {
  const given = ['--import', 'tsx', resolve(import.meta.dirname, 'cluster', file), ...words];
  const cwd = resolve(import.meta.dirname, '../..');
  return run(process.execPath, given, { cwd, timeout: 1_200_000, maxBuffer: 1 << 26 }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
      return { code: code ?? 1, text: `${stdout ?? ''}\n${stderr ?? ''}` };
    },
  );
}

const simulate = (...words: string[]): Promise<Ran> => script('main.ts', words);
const hashesOf = ({ text }: Ran): string[] => text.match(/^seed \d+ steps \d+ hash [0-9a-f]{16}/gm) ?? [];
const failuresOf = ({ text }: Ran): string => (text.match(/^violated .*$|^Error.*$/gm) ?? []).join('\n');

const HALF = 4;

t.test(`faults between three nodes over ${2 * HALF} seeds violate no invariant`, async (t) => {
  const [first, second] = await Promise.all([
    simulate('--from', '1', '--seeds', String(HALF)),
    simulate('--from', String(HALF + 1), '--seeds', String(HALF)),
  ]);
  for (const ran of [first, second]) {
    t.equal(ran.code, 0, failuresOf(ran));
    t.equal(hashesOf(ran).length, HALF);
  }
  t.equal(new Set([...hashesOf(first), ...hashesOf(second)]).size, 2 * HALF, 'hashes tell seeds apart');
  const both = `${first.text}\n${second.text}`;
  for (const point of ['lease taken over', 'order taken', 'message lost between nodes', 'process restarted'])
    t.match(both, new RegExp(`reached: .*\\b${point} [1-9]`), `${point} was reached`);
  const again = await simulate('--from', String(HALF), '--seeds', '2');
  t.same(hashesOf(again), [hashesOf(first).at(-1), hashesOf(second)[0]], 'and repeat exactly');
});

t.test('every bug planted in the cluster is caught by its recorded seed', async (t) => {
  const names = CLUSTER_BUGS.map(({ name }) => name);
  t.ok(names.length >= 6);
  const half = Math.ceil(names.length / 2);
  const parts = [names.slice(0, half), names.slice(half)];
  const both = await Promise.all(parts.map((part) => script('catch-bugs.ts', ['--only', part.join(',')])));
  const text = both.map((one) => one.text).join('\n');
  for (const name of names) t.match(text, new RegExp(`^${name} seed \\d+ caught by `, 'm'));
});

t.test('what cannot be understood is refused by name', async (t) => {
  const { code, text } = await simulate('--faults', 'earthquake');
  t.equal(code, 2);
  t.match(text, /earthquake.*not one of/);
});
