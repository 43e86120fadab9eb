import {
  actorDetail,
  clusterActors,
  type ActorDetail,
  type ActorRow,
  type ClusterActors,
} from '../http/cluster-answers.js';
import { ArbotError } from '../messages/errors.js';
import type { HttpClient } from '../ports/network.js';
import { askApi, type NodeApi } from './node-api.js';
import { table } from './output.js';

/** `arbot actors`: the supervision trees of all nodes as a table, or one actor in full. */

export interface ActorFilter {
  readonly node?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: string | undefined;
  readonly text?: string | undefined;
}

/** Rejects as `askApi` does; a filter that the node refuses is told with its field. */
export function askActors(api: NodeApi, http: HttpClient, filter: ActorFilter): Promise<ClusterActors> {
  const query = new URLSearchParams(
    Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();
  const path = `api/cluster/actors${query === '' ? '' : `?${query}`}`;
  return askApi(api, http, { path, schema: clusterActors, what: 'actors' });
}

const HEAD = ['node', 'actor', 'state', 'mailbox', 'msg/s', 'p50', 'p99', 'restarts', 'last error'];

/** One line per actor, indented by its place in the tree; a node that is silent has one line that says so. */
export function actorLines({ nodes }: ClusterActors): string[] {
  const rows = nodes.flatMap((node) => {
    if (node.state === 'silent') return [[node.node, '', 'silent', '', '', '', '', '', node.detail]];
    return node.actors.map((row) => [node.node, `${'  '.repeat(row.depth)}${row.id}`, ...cellsOf(row)]);
  });
  return table([HEAD, ...rows]);
}

/** From the state on. */
export const cellsOf = (row: ActorRow): string[] => [
  row.heldByOperator ? `${row.state} (held)` : row.state,
  row.mailboxCapacity === 0 ? '' : `${row.mailboxDepth}/${row.mailboxCapacity}`,
  row.mailboxCapacity === 0 ? '' : row.handledPerSecond.toFixed(1),
  row.mailboxCapacity === 0 ? '' : ms(row.handlingP50Ms),
  row.mailboxCapacity === 0 ? '' : ms(row.handlingP99Ms),
  String(row.restarts),
  (row.lastError?.message ?? '').replaceAll(/\s+/g, ' ').slice(0, 80),
];

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

/** Every node that has the path, or the one that is named. */
export async function askDetails(
  api: NodeApi,
  http: HttpClient,
  { path, node }: { readonly path: string; readonly node: string | undefined },
): Promise<ActorDetail[]> {
  const all = await askActors(api, http, { node });
  const where = all.nodes.filter(({ actors }) => actors.some((row) => row.path === path));
  if (where.length === 0) throw new ArbotError('ARB_ACTOR_UNKNOWN', `${path}: ${absence(all)}`);
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return Promise.all(
    where.map((one) =>
      askApi(api, http, {
        path: `api/cluster/actors/${one.node}/${encoded}`,
        schema: actorDetail,
        what: 'actor',
      }),
    ),
  );
}

function absence({ nodes }: ClusterActors): string {
  const silent = nodes.flatMap(({ node, state }) => (state === 'silent' ? [node] : []));
  return silent.length === 0
    ? 'no actor has this path'
    : `no actor of the nodes that answer has this path; silent: ${silent.join(', ')}`;
}

/** Everything there is about one actor. */
export function detailLines(actor: ActorDetail): string[] {
  const { lastError } = actor;
  const rows = [
    ['path', actor.path],
    ['node', actor.node],
    ['kind', actor.strategy === null ? actor.kind : `${actor.kind} (${actor.strategy})`],
    ['state', actor.heldByOperator ? `${actor.state}, stopped by a person` : actor.state],
    ['restart', actor.restart],
    ['incarnation', String(actor.incarnation)],
    ['started', actor.startedAtMs === null ? '-' : new Date(actor.startedAtMs).toISOString()],
    ...(actor.nextStartInMs === null ? [] : [['next start', `in ${ms(actor.nextStartInMs)}`]]),
    ['mailbox', `${actor.mailboxDepth} of ${actor.mailboxCapacity}`],
    [
      'messages',
      `${actor.sent} sent, ${actor.handled} handled, ${actor.dropped} dropped, ${actor.dead} dead, ${actor.conflated} conflated`,
    ],
    ['rate', `${actor.handledPerSecond.toFixed(1)}/s`],
    ['handling', `p50 ${ms(actor.handlingP50Ms)}, p99 ${ms(actor.handlingP99Ms)}`],
    ['crashes', `${actor.crashes}, restarts ${actor.restarts}`],
    ...(actor.fence === null ? [] : [['fence', String(actor.fence)]]),
    ['watched by', actor.watchers.join(', ') || 'nobody'],
    [
      'last error',
      lastError === null ? 'none' : `${lastError.message} at ${new Date(lastError.atMs).toISOString()}`,
    ],
    ...Object.entries(actor.summary).map(([name, value]) => [name, textOf(value)]),
  ];
  return [...table(rows), ...(lastError === null ? [] : ['', ...lastError.stack.split('\n')])];
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '').slice(0, 500);
