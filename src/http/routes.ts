import { z } from 'zod';
import { entityId, exchangeId } from '../messages/primitives.js';
import * as answers from './answers.js';
import * as cluster from './cluster-answers.js';
import * as requests from './requests.js';

/** Every route with the schemas that check what is asked and describe what is answered. A test compares them with the server's. */
export interface Route {
  /** As the server knows it: method and pattern. */
  readonly route: string;
  /** As people and tools write it. */
  readonly path: string;
  readonly summary: string;
  readonly parameters?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A schema, or the type of what is no JSON. */
  readonly answer: z.ZodType | string;
  /** 503 with the same body is an answer too, not a failure. */
  readonly unwell?: true;
}

const path = cluster.actorPath;
const node = cluster.nodeName;
const done = (...more: string[]) =>
  z.object({ ...Object.fromEntries(more.map((name) => [name, z.string()])), done: z.string() });

const read = (route: string, summary: string, answer: z.ZodType | string, more: Partial<Route> = {}) => ({
  route: `GET ${route}`,
  path: route,
  ...{ summary, answer },
  ...more,
});
const limited = { query: requests.limitQuery };

const READS: readonly Route[] = [
  read('/healthz', 'Whether the process itself works.', answers.health, { unwell: true }),
  read('/readyz', 'Whether the node can do its job.', answers.health, { unwell: true }),
  read('/metrics', 'Prometheus metrics.', 'text/plain'),
  read('/openapi.json', 'This document.', z.looseObject({ openapi: z.string() })),
  read('/api/status', 'Mode, node, version, readiness, kill switch, lease, stores.', answers.status),
  read('/api/actors', 'The supervision tree of this node, nested.', answers.actorTree),
  read('/api/actors/*', 'One actor of this node.', answers.inspection, {
    path: '/api/actors/{path}',
    parameters: { path },
  }),
  read('/api/feeds', 'Market data by exchange and book.', answers.feeds),
  read('/api/opportunities', 'Opportunities, newest first.', answers.opportunities, limited),
  read('/api/signals', 'Signals with their verdicts, newest first.', answers.signals, limited),
  read('/api/trades', 'Arbitrages that ended, newest first.', answers.trades, limited),
  read('/api/arbitrages/:id', 'One arbitrage in full.', answers.explanation, {
    path: '/api/arbitrages/{id}',
    parameters: { id: entityId },
  }),
  read('/api/pnl', 'Sums by pair and outcome.', answers.profitAndLossReport, { query: requests.periodQuery }),
  read('/api/portfolio', 'Equity, realised net, balances.', answers.portfolio),
  read('/api/premium', 'Coins in local money against the same in dollars.', answers.premiums),
  read('/api/risk', 'Every rule of the risk gate and where it stands.', answers.risk),
  read('/api/risk/changes', 'Changes of limits, newest first.', answers.changesOfLimits, limited),
  read('/api/accounts', 'How each signed account stands with its exchange.', answers.accounts),
  read('/api/kill-switch', 'What the kill switch has come to.', answers.haltReport),
  read('/api/events', 'Supervision events, newest first.', answers.events, limited),
  read('/api/dead-letters', 'Messages of this node that nobody handled.', answers.deadLetters),
  read('/api/stream', 'Everything the page shows, as server-sent events.', 'text/event-stream'),
  read('/api/audit', 'What people did on this node, newest first.', z.array(cluster.auditEntry), limited),
  read('/api/cluster', 'Nodes, roles, placement, lease, buses.', cluster.topology),
  read('/api/cluster/actors', 'The supervision trees of all nodes, as lines.', cluster.clusterActors, {
    query: requests.actorsQuery,
  }),
  read('/api/cluster/actors/:node/*', 'One actor of any node.', cluster.actorDetail, {
    path: '/api/cluster/actors/{node}/{path}',
    parameters: { node, path },
  }),
  read(
    '/api/cluster/dead-letters',
    'Messages that nobody handled, by node.',
    cluster.clusterDeadLetters,
    limited,
  ),
  read(
    '/api/cluster/events',
    'Supervision and membership of all nodes, newest first.',
    z.array(cluster.clusterEvent),
    limited,
  ),
  read(
    '/api/cluster/stream',
    'The same as server-sent events, resumed by the header Last-Event-ID.',
    'text/event-stream',
  ),
];

const action = (
  route: string,
  summary: string,
  more: Omit<Route, 'route' | 'summary' | 'path'> & { readonly path?: string },
) => ({
  route: `POST ${route}`,
  path: route,
  summary,
  ...more,
});

const ACTIONS: readonly Route[] = [
  action('/api/actors/*', 'Ordered stop and start of an actor of this node.', {
    path: '/api/actors/{path}/restart',
    parameters: { path },
    answer: done('path'),
  }),
  action('/api/actors/*', 'Crashes an actor of this node on purpose; refused in LIVE.', {
    path: '/api/actors/{path}/crash',
    parameters: { path },
    answer: done('path'),
  }),
  action('/api/risk/limits', 'Changes limits of the risk gate.', {
    body: requests.limitsBody,
    answer: answers.limitsChanged,
  }),
  action('/api/risk/control', 'Breakers and losses of the risk gate.', {
    body: requests.controlBody,
    answer: done(),
  }),
  action('/api/kill-switch', 'Engages or releases the kill switch.', {
    body: requests.killSwitchBody,
    answer: answers.killSwitch,
  }),
  action('/api/ledger/adopt', 'Books what nothing explains of a balance.', {
    body: requests.adoptBody,
    answer: z.object({ exchange: z.string(), asset: z.string(), adopted: z.boolean() }),
  }),
  ...(['restart', 'stop'] as const).map((verb) =>
    action(
      '/api/cluster/actors/:node/*',
      `${verb === 'stop' ? 'Ordered stop; the actor stays stopped until it is restarted' : 'Ordered stop and start'}.`,
      {
        path: `/api/cluster/actors/{node}/{path}/${verb}`,
        parameters: { node, path },
        answer: done('node', 'path'),
      },
    ),
  ),
  action(
    '/api/cluster/nodes/:node/drain',
    'The node gives its work and the lease to others, and goes on without.',
    {
      path: '/api/cluster/nodes/{node}/drain',
      parameters: { node },
      answer: done('node'),
    },
  ),
  action('/api/cluster/nodes/:node/resume', 'A drained node may be given work again.', {
    path: '/api/cluster/nodes/{node}/resume',
    parameters: { node },
    answer: done('node'),
  }),
  ...(['pause', 'resume'] as const).map((verb) =>
    action(
      `/api/cluster/exchanges/:exchange/${verb}`,
      verb === 'pause' ? 'No new arbitrage touches the exchange.' : 'Takes a pause back.',
      {
        path: `/api/cluster/exchanges/{exchange}/${verb}`,
        parameters: { exchange: exchangeId },
        body: requests.reasonBody,
        answer: done('exchange'),
      },
    ),
  ),
];

export const ROUTES: readonly Route[] = [...READS, ...ACTIONS];
