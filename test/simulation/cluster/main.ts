import { parseArgs } from 'node:util';
import type { WorldResult } from '../world.js';
import { CLUSTER_FAULT_KINDS, planClusterFaults, type ClusterFaultKind } from './plan.js';
import { runCluster } from './run.js';

/** `npm run simulate:cluster`: seeds of cluster worlds, one after the other in this process. */

const USAGE = `npm run simulate:cluster -- [--seed S | --seeds N [--from S]] [--faults kind,kind | none] [--keep id,id]
  [--bug name] [--trace lines]`;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    faults: { type: 'string' },
    keep: { type: 'string' },
    bug: { type: 'string' },
    trace: { type: 'string', default: '0' },
  },
});

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name}: '${text}' is not a whole number\n${USAGE}`);
  return Number(text);
}

function kindsOf(text: string | undefined): ClusterFaultKind[] | null {
  if (text === undefined) return null;
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    const kind = CLUSTER_FAULT_KINDS.find((known) => known === name);
    if (kind === undefined)
      throw new Error(`--faults: '${name}' is not one of ${CLUSTER_FAULT_KINDS.join(', ')}`);
    return kind;
  });
}

function explain({ seed, violations }: WorldResult, faults: readonly ClusterFaultKind[] | null): void {
  print(`\nthe trace before the first violation of seed ${seed}:`);
  for (const line of violations[0]!.trace) print(`  ${line}`);
  for (const { name, detail, atMs, step } of violations)
    print(`violated ${name} at ${atMs.toFixed(3)} ms, step ${step}: ${detail}`);
  const planned = planClusterFaults(seed, faults).map(({ id, kind, node }) => `${id} ${kind} ${node}`);
  print(`faults of this seed, for --keep: ${planned.join(', ')}`);
}

async function runAll(): Promise<number> {
  const first = whole('seed', values.seed ?? values.from);
  const count = values.seed === undefined ? whole('seeds', values.seeds) : 1;
  const faults = kindsOf(values.faults);
  const keep = values.keep?.split(',').map((id) => whole('keep', id)) ?? null;
  const points = new Map<string, number>();
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const ran = await runCluster({ seed, faults, keep, bug: values.bug ?? null });
    if (ran.violations.length > 0) explain(ran, faults);
    const lines = whole('trace', values.trace);
    if (lines > 0) print(ran.world.trace.newest(lines, 2_000).join('\n'));
    print(`seed ${seed} steps ${ran.steps} hash ${ran.hash} violations ${ran.violations.length}`);
    print(
      `  ${(ran.virtualMs / 1_000).toFixed(1)} s of virtual time, ${(ran.cpuMs / 1_000).toFixed(1)} s of a core`,
    );
    for (const [point, times] of ran.reached) points.set(point, (points.get(point) ?? 0) + times);
    if (ran.violations.length > 0) failed++;
  }
  const reached = [...points].sort(([a], [b]) => (a < b ? -1 : 1));
  print(`reached: ${reached.map((entry) => entry.join(' ')).join(', ')}`);
  return failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await runAll();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
}
