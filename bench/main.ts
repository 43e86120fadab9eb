import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { busSeries } from './bus.js';
import { CLUSTER_SIZES, clusterReport } from './cluster.js';
import { detectorSeries } from './detector.js';
import { EFFORTS, measure, type Effort, type Series } from './harness.js';
import { hotpathSeries, hotpathSets, mixedSeries } from './hotpath.js';
import type { FrameSet } from './frame-sets.js';
import type { PeerOrReason } from './peers/peer.js';
import { journalReport } from './journal.js';
import { benchRecording, RECORDING_SIZES } from './recording.js';
import { machineLine, reportOf } from './report.js';
import { runtimeSeries } from './runtime.js';

/** `npm run bench [-- group] [--frames <folder>] [--full]`: prints tables; exit 1 when an output was wrong. */

const GROUPS = [
  'hotpath',
  'runtime',
  'detectors',
  'bus',
  'journal',
  'recording',
  'order-path',
  'cluster',
] as const;
/** Calls per row of the journal's tables. */
const JOURNAL_CALLS = { full: 2_000, quick: 500, tiny: 20 } as const;

interface Options {
  readonly frames?: string;
  readonly effort: keyof typeof EFFORTS;
  readonly full?: boolean;
  /** Only this series of a group, by number, or `mixed`: how the parent calls its children. */
  readonly part?: string;
}

async function main(): Promise<void> {
  const program = new Command('bench')
    .argument('[group]', GROUPS.join(', '))
    .option('--frames <folder>', 'recorded frames, `<exchange>/*.jsonl`; otherwise simulated ones')
    .option('--full', 'more and longer rounds, for a quiet machine')
    .addOption(new Option('--effort <name>').choices(Object.keys(EFFORTS)).default('quick').hideHelp())
    .addOption(new Option('--part <name>').hideHelp())
    .parse();
  const [group] = program.args;
  const options = program.opts<Options>();
  if (group !== undefined && !GROUPS.some((known) => known === group)) {
    program.error(`unknown group '${group}', there are ${GROUPS.join(', ')}`);
  }
  if (options.frames !== undefined && !existsSync(options.frames)) {
    program.error(`--frames: no folder ${options.frames}`);
  }
  const effort = options.full === true ? 'full' : options.effort;
  if (group !== undefined && options.part !== undefined) {
    if (group === 'journal') console.log(await journalReport({ calls: JOURNAL_CALLS[effort], writers: 8 }));
    if (group === 'order-path') await orderPath(effort);
    else if (group === 'cluster') console.log(await clusterReport(CLUSTER_SIZES[effort]));
    else if (group === 'recording')
      await benchRecording(RECORDING_SIZES[effort], (line) => console.log(line));
    else await runPart(group, options.part, options.frames ?? null, EFFORTS[effort]);
    return;
  }
  console.log(`${machineLine()}\n`);
  for (const name of group === undefined ? GROUPS : [group]) {
    for (const part of await partsOf(name, options.frames ?? null)) {
      await inChild(name, part, options.frames, effort);
    }
  }
}

/** Arbitrages of the chain, and for how long a node runs at each round trip. */
const ORDER_PATH = {
  full: { arbitrages: 4_000, warmUp: 1_000, nodeMs: 120_000 },
  quick: { arbitrages: 1_500, warmUp: 500, nodeMs: 30_000 },
  tiny: { arbitrages: 10, warmUp: 2, nodeMs: 6_000 },
} as const;

async function orderPath(effort: keyof typeof EFFORTS): Promise<void> {
  const { arbitrages, warmUp, nodeMs } = ORDER_PATH[effort];
  const [{ chainReport }, { nodeReport }] = await Promise.all([
    import('./order-path.js'),
    import('./order-node.js'),
  ]);
  console.log(await chainReport(arbitrages, warmUp));
  console.log(await journalReport({ calls: JOURNAL_CALLS[effort], writers: 8 }));
  console.log(await nodeReport(nodeMs));
}

/** One exchange per process, so that the types one feed shows the compiler do not slow or speed another. */
async function partsOf(group: string, frames: string | null): Promise<string[]> {
  if (group !== 'hotpath') return ['all'];
  const sets = await hotpathSets({ frames, fixtureSeconds: 2 });
  return [...sets.keys()].map(String).concat('mixed');
}

async function inChild(
  group: string,
  part: string,
  frames: string | undefined,
  effort: string,
): Promise<void> {
  const script = process.argv[1];
  if (script === undefined) throw new Error('started without a script');
  const folder = frames === undefined ? [] : ['--frames', frames];
  const flags = process.execArgv.filter((flag) => flag !== '--expose-gc');
  const child = spawn(
    process.execPath,
    [...flags, '--expose-gc', script, group, '--part', part, '--effort', effort, ...folder],
    { stdio: 'inherit' },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}

async function runPart(group: string, part: string, frames: string | null, effort: Effort): Promise<void> {
  for await (const series of seriesOf(group, part, frames)) {
    try {
      console.log(reportOf(await measure(series, effort)));
    } finally {
      await series.close?.();
    }
  }
}

async function* seriesOf(group: string, part: string, frames: string | null): AsyncGenerator<Series> {
  if (group === 'runtime') yield* runtimeSeries();
  if (group === 'detectors') yield* detectorSeries();
  if (group === 'bus') yield* busSeries();
  if (group !== 'hotpath') return;
  const sets = await hotpathSets({ frames });
  if (part === 'mixed') yield mixedSeries(sets);
  else {
    const set = sets[Number(part)];
    if (set === undefined) throw new Error(`there is no part ${part}`);
    yield hotpathSeries(set, frames === null ? [] : await peersOf(set));
  }
}

/** Only for recordings: frames of simulated exchanges have markets that the peers need not know. Loaded late, for they are large. */
async function peersOf(set: FrameSet): Promise<readonly PeerOrReason[]> {
  if (set.title.includes('best quotes')) return ['the peers keep best quotes apart from books'];
  const [{ tardisPeer }, { ccxtPeer }] = await Promise.all([
    import('./peers/tardis.js'),
    import('./peers/ccxt.js'),
  ]);
  return [tardisPeer(set), ccxtPeer(set)];
}

await main();
