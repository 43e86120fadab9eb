import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Prng } from '../../src/simulator/prng.js';
import type { All } from '../cluster/cluster-world.js';
import { percentile } from '../proofs/figures.js';
import { audit, type Audit } from './auditor.js';
import type { Delays } from './bystander.js';
import { drawSchedules, inflict, KINDS, type Kind, type Schedule } from './schedules.js';
import { EXCHANGES, NODES, Stage } from './stage.js';

/** Three nodes that trade, one fault after the other, and an audit after each (`npm run chaos -- cluster`). */

export interface ClusterChaosOptions {
  readonly schedules: number;
  readonly seed: number;
  readonly budgetMs?: number;
  readonly kinds?: readonly Kind[];
  readonly heard?: (line: string) => void;
}

type Recovery = Readonly<Record<'feeds' | 'lease' | 'gate', number | null>>;

export interface Trial {
  readonly kind: Kind;
  readonly aim: Schedule['aim'];
  /** From the fault until the others did all the work, ms. Null = not looked for, or not in time: the work stayed where it was. */
  readonly moved: Recovery | null;
  /** From the end of the fault until everything ran with one owner each, ms. */
  readonly healed: Recovery;
  /** Until the holder's own page said that it holds no more, ms. */
  readonly silentMs: number | null;
  /** Of its loss and its return, as other nodes told it. Null = not expected. */
  readonly isTold: boolean | null;
  /** Of a kill: what it cost the nodes that were not hit. */
  readonly bystanders: Bystanders | null;
  readonly load: number;
}

export interface Bystanders {
  /** For so long before the kill, and from it until the others did all the work. */
  readonly before: Delays | null;
  readonly after: Delays | null;
  /** Frames that their feeds missed, or connections that they made anew. */
  readonly mishaps: number;
}

export interface ClusterChaosReport {
  readonly trials: readonly Trial[];
  /** After the last fault; wrong lines of the audits before it are in it too. */
  readonly audit: Audit;
  readonly fences: number;
  readonly skipped: readonly Kind[];
}

/** Far beyond what is meant: a slow machine fails nothing, a cluster that hangs does. */
const RECOVERED_WITHIN_MS = 180_000;
const MOVED_WITHIN_MS = 60_000;
const TOLD_WITHIN_MS = 20_000;
/** What takes longer says every so often what it waits for. */
const SLOW_MS = 1_500;
/** How long the others are looked at before one is killed. */
const BEFORE_MS = 5_000;

const held = (all: All): number => [...all.values()].filter((one) => one.held).length;
const GOALS = {
  feeds: (all: All) =>
    [...all.values()]
      .flatMap(({ feeds }) => feeds)
      .sort()
      .join() === EXCHANGES.join(),
  lease: (all: All) => held(all) === 1,
  gate: (all: All) => [...all.values()].some(({ trades }) => trades) && held(all) === 1,
};
/** A moment of everything at once: nobody is still about to give something back. */
const whole = (all: All): boolean =>
  all.size === NODES.length && Object.values(GOALS).every((goal) => goal(all));

/** Every process that it starts has ended when it returns. */
export async function runClusterChaos(options: ClusterChaosOptions): Promise<ClusterChaosReport> {
  const { schedules, seed, budgetMs = Infinity, heard = () => undefined } = options;
  const stage = await Stage.open(seed);
  try {
    const skipped = KINDS.filter((kind) => kind.startsWith('Redis') && stage.servers.redis === null);
    const kinds = (options.kinds ?? KINDS).filter((kind) => !skipped.includes(kind));
    const prng = Prng.of(seed, 'chaos');
    const startedMs = performance.now();
    const trials: Trial[] = [];
    const wrong = {
      fences: new Set<string>(),
      late: new Set<string>(),
      strangers: new Set<string>(),
      ledger: new Set<string>(),
    };
    await untilWhole(stage, 'the start');
    let last: Audit | null = null;
    for (const schedule of drawSchedules(prng, schedules, kinds)) {
      if (trials.length > 0 && performance.now() - startedMs > budgetMs) break;
      const trial = await tryOne(stage, schedule, heard);
      last = await audit(stage.servers.postgres.url, stage.accounts, stage.watch);
      for (const line of last.fences) wrong.fences.add(line);
      for (const line of last.late) wrong.late.add(line);
      for (const line of last.strangers) wrong.strangers.add(line);
      for (const line of last.ledger)
        wrong.ledger.add(`after ${trials.length + 1} (${schedule.kind}): ${line}`);
      trials.push(trial);
      heard(
        `${trials.length} ${lineOf(trial)}; ${last.orders} orders, ${last.ledger.length + last.late.length + last.fences.length} wrong`,
      );
    }
    const lists = Object.fromEntries(Object.entries(wrong).map(([name, lines]) => [name, [...lines]]));
    return { trials, skipped, fences: stage.watch.terms.length, audit: { ...last!, ...lists } };
  } finally {
    await stage.close();
  }
}

async function untilWhole(
  stage: Stage,
  after: string,
  heard: (line: string) => void = () => undefined,
): Promise<Recovery> {
  const slow = new AbortController();
  const why = tellHolds(stage, slow.signal, heard);
  const { whole: atMs, ...reached } = await stage.reached(
    { ...GOALS, whole },
    { withinMs: RECOVERED_WITHIN_MS },
  );
  slow.abort();
  await why;
  if (atMs === null)
    throw new Error(
      `not whole ${RECOVERED_WITHIN_MS} ms after ${after}; gates are held by ${await stage.holds()}; ${await stage.story()}`,
    );
  return reached;
}

/** What keeps a gate closed that takes its time, so that nobody has to guess afterwards. */
async function tellHolds(stage: Stage, ended: AbortSignal, heard: (line: string) => void): Promise<void> {
  let last = '';
  for (let atMs = SLOW_MS; ; atMs += SLOW_MS) {
    await sleep(SLOW_MS, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return;
    const holds = await stage.holds();
    if (holds !== last) heard(`  not whole after ${atMs} ms: ${holds}`);
    last = holds;
  }
}

async function tryOne(stage: Stage, schedule: Schedule, heard: (line: string) => void): Promise<Trial> {
  const before = await stage.all();
  const holder = [...before].find(([, one]) => one.held)?.[0] ?? NODES[0]!;
  const others = NODES.filter((name) => name !== holder);
  const node = schedule.aim === 'holder' ? holder : others[schedule.holdMs % others.length]!;
  const heardBefore = stage.heard.length;
  const among = NODES.filter((name) => name !== node);
  const look = schedule.kind === 'kill -9 of a node' ? await lookAt(stage, before, among) : null;
  const fault = await inflict(stage, schedule, node);
  const isHolder = fault.node === holder;
  const [moved, silentMs] = await Promise.all([
    fault.moves && schedule.kind !== 'cut from PostgreSQL'
      ? stage.reached(GOALS, { among, withinMs: withinOf(schedule) })
      : null,
    isHolder && schedule.kind.startsWith('cut') && schedule.kind !== 'cut from NATS'
      ? stage
          .reached(
            { silent: (all) => all.size === 1 && held(all) === 0 },
            { among: [holder], withinMs: schedule.holdMs },
          )
          .then(({ silent }) => silent)
      : null,
    fault.hold(),
  ]);
  const bystanders = look === null ? null : await look();
  await fault.heal();
  const healed = await untilWhole(stage, schedule.kind, heard);
  const isTold =
    fault.moves && fault.node !== null && schedule.kind.endsWith('of a node')
      ? await told(stage, node, heardBefore)
      : null;
  return { ...schedule, moved, healed, silentMs, isTold, bystanders, load: loadavg()[0]! };
}

/** Looks at the nodes that will not be hit, and resolves with what looks again from the same moment on. */
async function lookAt(
  stage: Stage,
  before: All,
  names: readonly string[],
): Promise<() => Promise<Bystanders>> {
  const exchanges = names.flatMap((name) => before.get(name)?.feeds ?? []);
  const mishapsBefore = await stage.mishaps(names);
  const watched = async (): Promise<() => Delays | null> => {
    stage.bystander.mark();
    const fromMs = performance.now();
    return () => stage.bystander.since(fromMs, exchanges);
  };
  const calm = await watched();
  await sleep(BEFORE_MS);
  const delaysBefore = calm();
  const hit = await watched();
  return async () => {
    const after = hit();
    return { before: delaysBefore, after, mishaps: (await stage.mishaps(names)) - mishapsBefore };
  };
}

/** A killed node is away until the others have its work; what heals by itself is looked at as long as it lasts. */
const withinOf = ({ kind, holdMs }: Schedule): number =>
  kind === 'kill -9 of a node' ? MOVED_WITHIN_MS : holdMs;

async function told(stage: Stage, node: string, since: number): Promise<boolean> {
  const deadline = performance.now() + TOLD_WITHIN_MS;
  for (;;) {
    const kinds = stage.heard
      .slice(since)
      .flatMap((one) => (one.node === node && one.observer !== node ? [one.kind] : []));
    if (kinds.includes('lost') && (kinds.includes('joined') || kinds.includes('restarted'))) return true;
    if (performance.now() > deadline) return false;
    await new Promise((done) => setTimeout(done, 200));
  }
}

const recovery = (one: Recovery | null): string =>
  one === null
    ? '–'
    : Object.entries(one)
        .map(([what, ms]) => `${what} ${ms ?? 'no'}`)
        .join(' ');

/** By how much more the changes of the others' books were late at p99; null = they were not looked at. */
export function gainMs({ bystanders }: Pick<Trial, 'bystanders'>): number | null {
  const { before = null, after = null } = bystanders ?? {};
  return before === null || after === null ? null : Math.round(after.p99Ms - before.p99Ms);
}

/** All kills as one: a stretch of some seconds has too few books for a 99th percentile of its own. Null = nothing was looked at. */
export function pooledP99Ms(
  trials: readonly Pick<Trial, 'bystanders'>[],
): { readonly beforeMs: number; readonly afterMs: number; readonly books: number } | null {
  const of = (when: 'before' | 'after') =>
    trials.flatMap(({ bystanders }) => bystanders?.[when]?.delaysMs ?? []);
  const [before, after] = [of('before'), of('after')];
  if (before.length === 0 || after.length === 0) return null;
  return {
    beforeMs: percentile(before, 0.99),
    afterMs: percentile(after, 0.99),
    books: before.length + after.length,
  };
}

const delaysText = (one: Delays | null): string =>
  one === null ? 'no books' : `${one.p99Ms.toFixed(0)} ms (p50 ${one.p50Ms.toFixed(0)}, ${one.books} books)`;

const bystandersText = (one: Bystanders | null): string =>
  one === null
    ? ''
    : `; others p99 ${delaysText(one.before)}, then ${delaysText(one.after)}, harness ${one.before?.loopP99Ms.toFixed(0)} and ` +
      `${one.after?.loopP99Ms.toFixed(0)} ms, ${one.mishaps} mishaps, ${one.after?.lostBatches} batches lost`;

const lineOf = ({ kind, aim, moved, healed, silentMs, isTold, bystanders, load }: Trial): string =>
  `${kind} (${aim}): moved ${recovery(moved)}; healed ${recovery(healed)}; silent ${silentMs ?? '–'}; ` +
  `told ${isTold ?? '–'}; load ${load.toFixed(0)}${bystandersText(bystanders)}`;
