import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ArbotError } from '../messages/errors.js';
import { exchangeId } from '../messages/primitives.js';
import {
  actorPath,
  nodeName,
  type ActorRow,
  type ClusterActors,
  type NodeAction,
} from './cluster-answers.js';
import type { ClusterApi } from './cluster-source.js';
import type { EventStream } from './event-stream.js';
import { HttpProblem } from './problem.js';
import { actorsQuery, bodyOf, checked, limitOf, queryOf, reasonBody, type ActorsQuery } from './requests.js';
import type { InspectionActions } from './source.js';

/** All nodes over the HTTP of any one. */
export interface ClusterRoutes {
  readonly cluster: ClusterApi;
  readonly actions: InspectionActions;
  readonly stream: EventStream;
  readonly headers: Readonly<Record<string, string>>;
  /** Checks the token, writes the audit lines around the action, and answers what it answered. */
  readonly audited: <T>(
    request: FastifyRequest,
    action: string,
    detail: object,
    run: () => Promise<T>,
  ) => Promise<T>;
}

export function addClusterRoutes(app: FastifyInstance, routes: ClusterRoutes): void {
  const { source, audit } = routes.cluster;
  app.get('/api/cluster', async () => source.topology());
  app.get('/api/cluster/actors', async (request) => {
    const query = queryOf(actorsQuery, request);
    if (query.node !== undefined) knownNode(routes, query.node);
    return filtered(await source.actors(query.node ?? null), query);
  });
  app.get('/api/cluster/actors/:node/*', async (request) => {
    const { node, path } = targetOf(routes, request);
    const found = await source.actor(node, path).catch(silent);
    if (found === null) throw new HttpProblem(404, 'NO_SUCH_ACTOR', `no actor of ${node} has this path`);
    return found;
  });
  app.get('/api/cluster/dead-letters', async (request) => source.deadLetters(limitOf(request)));
  app.get('/api/cluster/events', async (request) => source.events.newest(limitOf(request)));
  app.get('/api/audit', async (request) => audit.newest(limitOf(request)));
  addStream(app, routes);
  addNodeActions(app, routes);
  addExchangeActions(app, routes);
}

function addStream(app: FastifyInstance, { stream, headers }: ClusterRoutes): void {
  app.get('/api/cluster/stream', async (request, reply) => {
    const last = request.headers['last-event-id'];
    reply.hijack();
    if (stream.add(reply.raw, headers, typeof last === 'string' ? last.slice(0, 64) : null)) return;
    reply.raw.writeHead(503, { 'content-type': 'application/json' });
    reply.raw.end(JSON.stringify({ code: 'TOO_MANY_READERS', message: 'too many readers of events' }));
  });
}

function addNodeActions(app: FastifyInstance, routes: ClusterRoutes): void {
  const { cluster, audited } = routes;
  const act = async (request: FastifyRequest, node: string, action: NodeAction): Promise<void> => {
    const name = 'path' in action ? `actor.${action.verb}` : `node.${action.verb}`;
    const detail = { node, ...('path' in action && { path: action.path }) };
    await audited(request, name, detail, () =>
      cluster.actions.act(node, action, `http:${request.ip}`).catch(silent),
    );
  };
  app.post('/api/cluster/actors/:node/*', async (request) => {
    const { node, path: whole } = targetOf(routes, request);
    const at = whole.lastIndexOf('/');
    const [path, verb] = [whole.slice(0, at), whole.slice(at + 1)];
    if (at < 1 || (verb !== 'restart' && verb !== 'stop'))
      throw new HttpProblem(404, 'NOT_FOUND', 'an actor can be asked to restart or to stop');
    await act(request, node, { verb, path });
    return { node, path, done: verb };
  });
  for (const verb of ['drain', 'resume'] as const)
    app.post(`/api/cluster/nodes/:node/${verb}`, async (request) => {
      const node = checked(nodeName, (request.params as { node: string }).node, 'node');
      knownNode(routes, node);
      await act(request, node, { verb });
      return { node, done: verb };
    });
}

/** The breaker of the exchange, wherever the gate is: it is kept over restarts and hand-overs. */
function addExchangeActions(app: FastifyInstance, { actions, audited }: ClusterRoutes): void {
  for (const verb of ['pause', 'resume'] as const)
    app.post(`/api/cluster/exchanges/:exchange/${verb}`, async (request) => {
      const exchange = checked(exchangeId, (request.params as { exchange: string }).exchange, 'exchange');
      const { reason } = bodyOf(reasonBody, request);
      const action = verb === 'pause' ? ('trip-breaker' as const) : ('reset-breaker' as const);
      const by = `http:${request.ip}`;
      await audited(request, `exchange.${verb}`, { exchange, reason }, () =>
        actions.controlRisk({ action, exchange, reason, by }),
      );
      return { exchange, done: verb };
    });
}

function targetOf(routes: ClusterRoutes, request: FastifyRequest): { node: string; path: string } {
  const { node, '*': path } = request.params as { node: string; '*': string };
  knownNode(routes, checked(nodeName, node, 'node'));
  return { node, path: checked(actorPath, path, 'path') };
}

function knownNode({ cluster }: ClusterRoutes, node: string): void {
  const names = cluster.source.names();
  if (!names.includes(node))
    throw new HttpProblem(404, 'NO_SUCH_NODE', `no node is named ${node}; there are ${names.join(', ')}`);
}

/** A node that does not answer is not a broken request. */
function silent(error: unknown): never {
  if (error instanceof ArbotError && (error.code === 'ARB_ASK_TIMEOUT' || error.code === 'ARB_NO_RESPONDER'))
    throw new HttpProblem(504, error.code, error.message);
  throw error;
}

function filtered({ atMs, nodes }: ClusterActors, query: ActorsQuery): ClusterActors {
  return {
    atMs,
    nodes: nodes.map((node) => ({ ...node, actors: node.actors.filter((row) => matches(row, query)) })),
  };
}

function matches(row: ActorRow, { kind, state, text }: ActorsQuery): boolean {
  if (kind !== undefined && row.kind !== kind) return false;
  if (state !== undefined && row.state !== state) return false;
  if (text === undefined) return true;
  const wanted = text.toLowerCase();
  return [row.path, row.kind, row.lastError?.message ?? ''].some((one) => one.toLowerCase().includes(wanted));
}
