import { z } from 'zod';
import { actorDetail, clusterActors } from '../http/cluster-answers.js';
import { ArbotError } from '../messages/errors.js';
import { opportunityEvent, type OpportunityEvent } from '../messages/signal.js';
import type { HttpClient } from '../ports/network.js';
import { PLAIN_SIZE, showLive, type LiveScreen, type ScreenSize } from './live-screen.js';
import { askApi, type NodeApi } from './node-api.js';
import { table } from './output.js';

/** `arbot scan`: the best opportunities that the detectors of all nodes see now, anew each second. */

const KINDS = ['detector', 'triangular-detector', 'statistical-detector'] as const;

export const SCAN_KEYS = ['net', 'gross', 'profit', 'age'] as const;
export type ScanKey = (typeof SCAN_KEYS)[number];
const KEY_OF: Readonly<Record<string, ScanKey>> = { n: 'net', g: 'gross', p: 'profit', a: 'age' };
const KEYS = 'n net  g gross  p profit  a age  q quit';

export interface ScanOptions {
  readonly node?: string | undefined;
  readonly strategy?: string | undefined;
  readonly sort: ScanKey;
  readonly once: boolean;
}

/** What all detectors see, and how many there are. */
export interface Scan {
  readonly atMs: number;
  readonly detectors: number;
  /** Each detector's own word on how far it is. */
  readonly warming: readonly string[];
  readonly best: readonly OpportunityEvent[];
}

/** What a detector's figures say of it; the rest is not asked for. */
const figures = z.looseObject({
  best: z.array(opportunityEvent).max(1_000).default([]),
  state: z.string().max(200).optional(),
});

/** Rejects as `askApi` does. A detector that ends between two questions is left out. */
export async function askScan(api: NodeApi, http: HttpClient, options: ScanOptions): Promise<Scan> {
  const { node, strategy } = options;
  const query = node === undefined ? '' : `?node=${encodeURIComponent(node)}`;
  const all = await askApi(api, http, {
    path: `api/cluster/actors${query}`,
    schema: clusterActors,
    what: 'actors',
  });
  const places = all.nodes.flatMap((one) =>
    one.actors
      .filter(({ kind }) => KINDS.some((known) => known === kind))
      .map(({ path }) => ({ node: one.node, path })),
  );
  const seen = await Promise.all(places.map((place) => askFigures(api, http, place)));
  const known = seen.filter((one) => one !== null);
  const best = known.flatMap((one) => one.best);
  return {
    atMs: all.atMs,
    detectors: known.length,
    warming: known.flatMap(({ path, state }) => (state === undefined ? [] : [`${path}: ${state}`])),
    best: strategy === undefined ? best : best.filter((one) => one.strategy === strategy),
  };
}

async function askFigures(
  api: NodeApi,
  http: HttpClient,
  { node, path }: { readonly node: string; readonly path: string },
) {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const what = { path: `api/cluster/actors/${node}/${encoded}`, schema: actorDetail, what: 'actor' };
  const detail = await askApi(api, http, what).catch((error: unknown) => {
    if (error instanceof ArbotError) return null;
    throw error;
  });
  const read = figures.safeParse(detail?.summary);
  return read.success ? { path, ...read.data } : null;
}

const VALUE: Readonly<Record<ScanKey, (one: OpportunityEvent) => number>> = {
  net: ({ netBps }) => netBps,
  gross: ({ grossBps }) => grossBps,
  profit: ({ netProfit }) => Number(netProfit),
  age: ({ openedAtMs }) => -openedAtMs,
};

const HEAD = ['strategy', 'route', 'gross bps', 'net bps', 'size', 'net profit', 'age', 'why not traded'];

/** The screen as lines, none wider than its columns. */
export function scanLines(
  { atMs, detectors, warming, best }: Scan,
  sort: ScanKey,
  { rows, columns }: ScreenSize = PLAIN_SIZE,
): string[] {
  const sorted = [...best].sort((a, b) => VALUE[sort](b) - VALUE[sort](a));
  const body = table([HEAD, ...sorted.map((one) => cellsOf(one, atMs))]);
  return [
    `${new Date(atMs).toISOString().slice(11, 19)} UTC  ${best.length} opportunities of ${detectors} detectors  by ${sort}`,
    ...warming,
    '',
    ...(best.length === 0 ? ['no edge above the floor (edge.reportFloorBps)'] : body),
  ]
    .slice(0, Math.max(6, rows - 1))
    .map((line) => line.slice(0, columns));
}

function cellsOf(one: OpportunityEvent, atMs: number): string[] {
  const [base, quote] = one.pair.split('-');
  const isSized = /[1-9]/.test(one.quantity);
  return [
    one.strategy,
    one.route ?? `${one.pair}  ${one.buyExchange} > ${one.sellExchange}`,
    one.grossBps.toFixed(1),
    isSized ? one.netBps.toFixed(1) : '',
    isSized ? `${one.quantity} ${base}` : '',
    isSized ? `${one.netProfit} ${quote}` : '',
    ageText(atMs - one.openedAtMs),
    whyNot(one),
  ];
}

/** The rule with its figures; what is traded says so. */
function whyNot({ phase, reason, detail }: OpportunityEvent): string {
  if (phase === 'executed') return 'traded';
  if (reason === 'OFFERED') return 'offered to the gate';
  if (reason === 'EDGE_OPENED') return 'not judged yet';
  return detail === '' ? reason : `${reason} ${detail}`;
}

function ageText(ms: number): string {
  if (ms < 60_000) return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 3_600_000)} h`;
}

/** Prints once, or anew each second. */
export function showScan(
  { api, terminal, loop }: Pick<LiveScreen<ScanKey>, 'api' | 'terminal' | 'loop'>,
  options: ScanOptions,
): Promise<void> {
  const { sort, once } = options;
  return showLive({
    ...{ api, terminal, loop, once, sort, keyOf: KEY_OF, keys: KEYS },
    lines: async (by, size) => scanLines(await askScan(api, loop.http, options), by, size),
  });
}
