import type { ActorRow, ClusterActors } from '../http/cluster-answers.js';
import { ArbotError } from '../messages/errors.js';
import { askActors, cellsOf, type ActorFilter } from './actors.js';
import type { ApiLoop, NodeApi } from './node-api.js';
import { CLEAR, table, type Terminal } from './output.js';

/** `arbot top`: the actors of all nodes, the busiest first, anew each second. */

const REFRESH_MS = 1_000;
/** What a pipe gets. */
const PLAIN = { rows: 44, columns: 1_000 };

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
  { rows, columns }: { readonly rows: number; readonly columns: number } = PLAIN,
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

/** Prints once, or anew each second until `q` or Ctrl-C. A node that does not answer is said and asked again. */
export async function showTop(
  api: NodeApi,
  terminal: Terminal,
  loop: ApiLoop & { readonly stop: () => void; readonly wake: () => void },
  options: TopOptions,
): Promise<void> {
  const { screen } = terminal;
  if (options.once || screen === null || screen === undefined) {
    const all = await askActors(api, loop.http, options.filter);
    terminal.print(topLines(all, options.sort).join('\n'));
    return;
  }
  let { sort } = options;
  const forget = screen.onKey((key) => {
    if (key === 'q') loop.stop();
    sort = KEY_OF[key] ?? sort;
    loop.wake();
  });
  try {
    while (!loop.isOver()) {
      const size = screen.size();
      const lines = await askActors(api, loop.http, options.filter).then(
        (all) => topLines(all, sort, { ...size, rows: size.rows - 1 }),
        (error: unknown) => {
          if (!(error instanceof ArbotError)) throw error;
          return [`${api.url} does not answer: ${error.message}`.slice(0, size.columns)];
        },
      );
      if (loop.isOver()) return;
      terminal.print(`${CLEAR}${[...lines, KEYS.slice(0, size.columns)].join('\n')}`);
      await loop.pause(REFRESH_MS);
    }
  } finally {
    forget();
  }
}
