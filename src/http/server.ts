import fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LOOPBACK_HOSTS } from '../config/cluster.js';
import { ArbotError, errorText } from '../messages/errors.js';
import { entityId } from '../messages/primitives.js';
import type { Logger } from '../ports/log.js';
import type { Clock, Timers } from '../ports/time.js';
import { audited } from '../runtime/audit.js';
import { AccessControl, isOwnHost, isOwnOrigin } from './access.js';
import { addClusterRoutes } from './cluster-routes.js';
import type { ClusterApi } from './cluster-source.js';
import { EventStream } from './event-stream.js';
import { createMetrics } from './metrics.js';
import type { Metrics } from './metrics.js';
import { openApiOf } from './openapi.js';
import { loadPage } from './page.js';
import type { PageFile } from './page.js';
import { HttpProblem } from './problem.js';
import { adoptBody, bodyOf, killSwitchBody, limitOf, periodQuery } from './requests.js';
import { addRiskRoutes } from './risk-routes.js';
import type { HealthReport, InspectionActions, InspectionSource } from './source.js';
import { PictureStream, statusOf } from './stream.js';

export interface HttpOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly token: string;
  readonly source: InspectionSource;
  readonly actions: InspectionActions;
  /** All nodes, through this one; absent = the routes about them are not there. */
  readonly cluster?: ClusterApi;
  readonly log: Logger;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Further `Host` names that are accepted, for a proxy. */
  readonly allowedHosts?: readonly string[];
}

export interface RunningHttp {
  readonly url: string;
  readonly port: number;
  /** Method and pattern of everything it answers. */
  readonly routes: readonly string[];
  close(): Promise<void>;
}

/** No script but our own, no frame, no other origin: the page needs nothing else. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Starts the inspection API and the page. Reading is open on loopback; anything that changes state needs the bearer token, as does
 * reading on any other address. Rejects with ARB_CLI_USAGE naming the port when it is taken.
 */
export async function startHttp(options: HttpOptions): Promise<RunningHttp> {
  const app = fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // Node looks for late clients only every 30 s unless told otherwise.
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16 * 1024 },
  });
  const metrics = createMetrics(options.source);
  const access = new AccessControl(options.clock, options.token);
  const stream = new PictureStream(options);
  const { cluster } = options;
  const events = cluster === undefined ? null : new EventStream(cluster.source.events, options.timers);
  const routes: string[] = [];
  app.addHook('onRoute', ({ method, url }) => void routes.push(`${String(method)} ${url}`));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  const page = loadPage();
  const guards = { access, metrics, openRoutes: new Set([...page.keys(), '/healthz']) };
  addGuards(app, options, guards);
  addPage(app, page);
  addReads(app, options.source, metrics);
  addStream(app, stream);
  addActions(app, { options, access, events });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw error;
    throw new ArbotError('ARB_CLI_USAGE', `port ${options.port} is taken: choose another with --port`);
  }
  const port = (app.addresses()[0] as { port: number }).port;
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${name}:${port}/`,
    port,
    routes,
    close: async () => {
      stream.close();
      events?.close();
      await app.close();
    },
  };
}

interface Guards {
  readonly access: AccessControl;
  readonly metrics: Metrics;
  /** What anybody may read wherever the server listens; every other route is data. */
  readonly openRoutes: ReadonlySet<string>;
}

function addGuards(app: FastifyInstance, options: HttpOptions, guards: Guards): void {
  const { access, metrics, openRoutes } = guards;
  const names = [...LOOPBACK_HOSTS, options.host, ...(options.allowedHosts ?? [])].map((one) =>
    one.toLowerCase(),
  );
  const readsAreOpen = LOOPBACK_HOSTS.includes(options.host);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS).header('cache-control', 'no-store');
    if (!isOwnHost(request.headers.host, names))
      throw new HttpProblem(403, 'HOST_REFUSED', 'this server does not answer under that host name');
    // The route that was found, not the text of the URL: the router also decodes `/%61pi/status`.
    const route = request.routeOptions.url;
    if (route === '/healthz') return;
    if (!access.admit(request.ip))
      throw new HttpProblem(429, 'RATE_LIMITED', 'more than 10 requests a second');
    const isData = route !== undefined && !openRoutes.has(route);
    if (isData && (request.method !== 'GET' || !readsAreOpen)) requireToken(request, access);
  });
  app.addHook('onResponse', async (request, reply) => {
    metrics.countRequest(request.routeOptions.url ?? 'unknown', reply.statusCode);
  });
  app.setNotFoundHandler(() => {
    throw new HttpProblem(404, 'NOT_FOUND', 'there is nothing at this address');
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.log));
}

function requireToken(request: FastifyRequest, access: AccessControl): void {
  if (!isOwnOrigin(request.headers.origin, request.headers.host))
    throw new HttpProblem(403, 'ORIGIN_REFUSED', 'another site may not use this API');
  const result = access.authorise(request.ip, request.headers.authorization);
  if (result === 'locked') throw new HttpProblem(429, 'LOCKED_OUT', 'too many wrong tokens, wait 60 seconds');
  if (result !== 'ok') throw new HttpProblem(401, 'UNAUTHORISED', 'a bearer token is needed');
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  const { status, code, message } = problemOf(error);
  if (status >= 500) log.error({ url: request.url, error: errorText(error) }, 'a request failed');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  void reply.status(status).send({ code, message });
}

function problemOf(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof HttpProblem) return { status: error.status, code: error.code, message: error.message };
  if (error instanceof ArbotError)
    return { status: error.retryable ? 503 : 409, code: error.code, message: error.message };
  const status = (error as { statusCode?: unknown }).statusCode;
  if (status === 413) return { status, code: 'BODY_TOO_LARGE', message: 'the body is larger than 64 KiB' };
  if (status === 415) return { status, code: 'MEDIA_TYPE', message: 'the body must be application/json' };
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { status, code: 'BAD_REQUEST', message: 'the request is malformed' };
  // What went wrong inside is for the log, not for whoever asked.
  return { status: 500, code: 'INTERNAL', message: 'the request failed, see the log' };
}

function addPage(app: FastifyInstance, page: ReadonlyMap<string, PageFile>): void {
  for (const [path, file] of page)
    app.get(path, async (_request, reply) => reply.type(file.type).send(file.body));
}

function periodOf(request: FastifyRequest): { readonly from: number; readonly to: number } {
  const parsed = periodQuery.safeParse(request.query);
  if (parsed.success) return parsed.data;
  throw new HttpProblem(400, 'BAD_REQUEST', 'from and to: must be Unix milliseconds');
}

function addReads(app: FastifyInstance, source: InspectionSource, metrics: Metrics): void {
  const report = (reply: FastifyReply, found: HealthReport): HealthReport => {
    reply.status(found.ok ? 200 : 503);
    return found;
  };
  app.get('/healthz', async (_request, reply) => report(reply, await source.health()));
  app.get('/readyz', async (_request, reply) => report(reply, await source.ready()));
  const document = openApiOf(source.version);
  app.get('/openapi.json', async () => document);
  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.scrape();
    return reply.type(metrics.contentType).send(text);
  });
  app.get('/api/status', async () => statusOf(source, (await source.ready()).ok, await source.stores()));
  app.get('/api/actors', async () => source.actors());
  app.get('/api/actors/*', async (request) => {
    const found = source.actor(pathOf(request));
    if (found === null) throw new HttpProblem(404, 'NO_SUCH_ACTOR', 'no actor has this path');
    return found;
  });
  app.get('/api/feeds', async () => source.feeds());
  app.get('/api/opportunities', async (request) => source.opportunities(limitOf(request)));
  app.get('/api/signals', async (request) => source.signals(limitOf(request)));
  app.get('/api/trades', async (request) => source.arbitrages(limitOf(request)));
  app.get('/api/arbitrages/:id', async (request) => {
    const id = entityId.safeParse((request.params as { id: string }).id);
    const found = id.success ? await source.explain(id.data) : null;
    if (found === null)
      throw new HttpProblem(404, 'NO_SUCH_ARBITRAGE', 'nothing is stored of this arbitrage');
    return found;
  });
  app.get('/api/pnl', async (request) => {
    const { from, to } = periodOf(request);
    return source.profitAndLoss(from, to);
  });
  app.get('/api/events', async (request) => source.events(limitOf(request)));
  app.get('/api/accounts', async () => source.accounts());
  app.get('/api/kill-switch', async () => source.haltReport());
  app.get('/api/portfolio', async () => source.portfolio());
  app.get('/api/premium', async () => source.premiums());
  app.get('/api/dead-letters', async () => source.deadLetters());
}

function addStream(app: FastifyInstance, stream: PictureStream): void {
  app.get('/api/stream', async (_request, reply) => {
    reply.hijack();
    if (stream.add(reply.raw, SECURITY_HEADERS)) return;
    reply.raw.writeHead(503, { 'content-type': 'application/json' });
    reply.raw.end(JSON.stringify({ code: 'TOO_MANY_READERS', message: 'too many pages are open' }));
  });
}

/** The part of the URL after `/api/actors/`, decoded by the router. */
function pathOf(request: FastifyRequest): string {
  const path = (request.params as { '*': string })['*'];
  if (path.length > 300) throw new HttpProblem(400, 'BAD_REQUEST', 'path: longer than 300 characters');
  return path;
}

interface ActionParts {
  readonly options: HttpOptions;
  readonly access: AccessControl;
  readonly events: EventStream | null;
}

function addActions(app: FastifyInstance, { options, access, events }: ActionParts): void {
  const { source, actions, log, cluster } = options;
  const auditedAction = async <T>(
    request: FastifyRequest,
    action: string,
    detail: object,
    run: () => Promise<T>,
  ): Promise<T> => {
    // Checked where it matters too: a route that forgets its guard must not act.
    requireToken(request, access);
    return audited(log, { action, by: request.ip, ...detail }, run);
  };
  addRiskRoutes(app, { source, actions, audited: auditedAction });
  if (cluster !== undefined && events !== null)
    addClusterRoutes(app, {
      ...{ cluster, actions, stream: events },
      headers: SECURITY_HEADERS,
      audited: auditedAction,
    });

  app.post('/api/actors/*', async (request) => {
    const whole = pathOf(request);
    const at = whole.lastIndexOf('/');
    const [path, verb] = [whole.slice(0, at), whole.slice(at + 1)];
    if (at < 1 || (verb !== 'restart' && verb !== 'crash'))
      throw new HttpProblem(404, 'NOT_FOUND', 'an actor can be asked to restart or to crash');
    if (verb === 'crash' && source.mode === 'LIVE')
      throw new HttpProblem(403, 'REFUSED_IN_LIVE', 'actors are not crashed on purpose in LIVE');
    if (source.actor(path) === null) throw new HttpProblem(404, 'NO_SUCH_ACTOR', 'no actor has this path');
    await auditedAction(request, `actor.${verb}`, { path }, () =>
      verb === 'restart' ? actions.restartActor(path) : actions.crashActor(path, 'asked for over HTTP'),
    );
    return { path, done: verb };
  });

  app.post('/api/kill-switch', async (request) => {
    const { engaged, reason, policy } = bodyOf(killSwitchBody, request);
    const by = `http:${request.ip}`;
    await auditedAction(
      request,
      'kill-switch',
      { engaged, reason, ...(policy !== undefined && { policy }) },
      () => actions.setKillSwitch(engaged, reason, by, policy),
    );
    return source.killSwitch();
  });

  app.post('/api/ledger/adopt', async (request) => {
    const { exchange, asset } = bodyOf(adoptBody, request);
    let adopted = false;
    await auditedAction(request, 'ledger.adopt', { exchange, asset }, async () => {
      adopted = await actions.adoptBalance(exchange, asset, `http:${request.ip}`);
    });
    if (!adopted)
      throw new HttpProblem(409, 'NOTHING_TO_ADOPT', `the ledger explains all ${asset} on ${exchange}`);
    return { exchange, asset, adopted };
  });
}
