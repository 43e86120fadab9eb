import type { ActorRow, ClusterActors } from '../http/cluster-answers.js';
import { askActors, cellsOf, type ActorFilter } from './actors.js';
import { PLAIN_SIZE, showLive, type LiveScreen, type ScreenSize } from './live-screen.js';
import type { NodeApi } from './node-api.js';
import { table, type Terminal } from './output.js';

/** `arbot top`: the actors of all nodes, the busiest first, anew each second. */

export const SORT_KEYS = ['rate', 'mailbox', 'p99', 'restarts', 'name'] as const;
export type SortKey = (typeof SORT_KEYS)[number];
const KEY_OF: Readonly<Record<string, SortKey>> = {
  r: 'rate',
  m: 'mailbox',
  p: 'p99',
  e: 'restarts',
  n: 'name',
};
const KEYS = 'r rate  m mailbox  p p99  e restarts  n name  q quit';

type Line = ActorRow & { readonly node: string };

const VALUE: Readonly<Record<Exclude<SortKey, 'name'>, (row: Line) => number>> = {
  rate: (row) => row.handledPerSecond,
  mailbox: (row) => (row.mailboxCapacity === 0 ? 0 : row.mailboxDepth / row.mailboxCapacity),
  p99: (row) => row.handlingP99Ms,
  restarts: (row) => row.restarts,
};

/** The screen as lines, none wider than its columns. */
export function topLines(
  all: ClusterActors,
  sort: SortKey,
  { rows, columns }: ScreenSize = PLAIN_SIZE,
): string[] {
  const lines = all.nodes
    .flatMap(({ node, actors }) => actors.map((row): Line => ({ ...row, node })))
    .filter(({ kind }) => kind !== 'supervisor')
    .sort((a, b) => order(a, b, sort));
  const head = ['node', 'actor', 'state', 'mailbox', 'msg/s', 'p50', 'p99', 'restarts', 'last error'];
  const body = table([head, ...lines.map((row) => [row.node, row.path, ...cellsOf(row)])]);
  return [...summaryLines(all, lines, sort), '', ...body]
    .slice(0, Math.max(6, rows - 1))
    .map((line) => line.slice(0, columns));
}

function order(a: Line, b: Line, sort: SortKey): number {
  const byValue = sort === 'name' ? 0 : VALUE[sort](b) - VALUE[sort](a);
  return byValue || textOrder(a.node, b.node) || textOrder(a.path, b.path);
}

const textOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function summaryLines({ atMs, nodes }: ClusterActors, lines: readonly Line[], sort: SortKey): string[] {
  const silent = nodes.filter(({ state }) => state === 'silent');
  const holder = nodes.find(({ fence }) => typeof fence === 'number');
  const resting = lines.filter(({ state }) => state !== 'running').length;
  const rate = lines.reduce((sum, row) => sum + row.handledPerSecond, 0);
  return [
    `${new Date(atMs).toISOString().slice(11, 19)} UTC  ${nodes.length - silent.length} of ${nodes.length} nodes  ${lines.length} actors, ${resting} not running  ${rate.toFixed(0)} msg/s  lease ${holder === undefined ? 'held by nobody' : `${holder.node} (fence ${holder.fence})`}  by ${sort}`,
    ...nodes
      .filter(({ draining }) => draining === true)
      .map(({ node }) => `${node} is drained: it is given no work`),
    ...silent.map(({ node, detail }) => `${node} is silent: ${detail}`),
  ];
}

export interface TopOptions {
  readonly filter: ActorFilter;
  readonly sort: SortKey;
  readonly once: boolean;
}

/** Prints once, or anew each second until `q` or Ctrl-C. */
export function showTop(
  api: NodeApi,
  terminal: Terminal,
  loop: LiveScreen<SortKey>['loop'],
  { filter, sort, once }: TopOptions,
): Promise<void> {
  return showLive({
    ...{ api, terminal, loop, once, sort, keyOf: KEY_OF, keys: KEYS },
    lines: async (by, size) => topLines(await askActors(api, loop.http, filter), by, size),
  });
}
