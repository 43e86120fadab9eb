import t from 'tap';
import { IncomingMessage, request as httpRequest, ServerResponse } from 'node:http';
import { connect, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessControl, isOwnHost, isOwnOrigin } from '../../src/http/access.js';
import { startHttp } from '../../src/http/server.js';
import type { RunningHttp } from '../../src/http/server.js';
import { PictureStream } from '../../src/http/stream.js';
import { openToken } from '../../src/http/token.js';
import type { ActorNode, InspectionActions, InspectionSource, RiskReport } from '../../src/http/source.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { LimitsChanged } from '../../src/messages/risk-control.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { CryptoRandom } from '../../src/runtime/platform/random.js';
import type { ActorInspection } from '../../src/runtime/actor.js';
import type { Logger } from '../../src/ports/log.js';
import type { ModeName } from '../../src/messages/primitives.js';
import { HaltRecord } from '../../src/modes/halt-report.js';
import { SAMPLES } from '../messages/samples.js';
import { ManualTime } from '../runtime/manual-time.js';

const TOKEN = 'a-token-of-the-test-0123456789';
const clock = new SystemClock();

function inspection(path: string): ActorInspection {
  return {
    path,
    node: 'local',
    kind: 'feed',
    state: 'running',
    summary: { books: 5 },
    incarnation: 2,
    mailboxDepth: 3,
    mailboxCapacity: 100,
    sent: 10,
    handled: 7,
    dead: 0,
    dropped: 0,
    conflated: 0,
    handledPerSecond: 1.5,
    handlingP50Ms: 0.1,
    handlingP99Ms: 2,
    crashes: 1,
    restarts: 1,
    lastError: { message: '<b>bad</b>', stack: 'at x', atMs: 5 },
    startedAtMs: 1,
    watchers: [],
  };
}
const worker = (path: string): ActorNode => ({
  id: path.split('/').at(-1) ?? path,
  path,
  kind: 'worker',
  restart: 'permanent',
  strategy: null,
  state: 'running',
  inspection: inspection(path),
  children: [],
});
const TREE: ActorNode = {
  ...worker('node'),
  kind: 'supervisor',
  strategy: 'one_for_one',
  children: [worker('node/feeds/binance'), worker('node/gate')],
};

const CHANGE: LimitsChanged = {
  version: 3,
  overrides: { orderNotional: '4000' },
  changes: [{ key: 'orderNotional', from: '5000', to: '4000' }],
  reason: 'thin books',
  by: 'http:127.0.0.1',
  atMs: 5,
};
const RISK: RiskReport = {
  atMs: 5,
  currency: 'USDT',
  rules: [],
  breakers: [],
  health: [],
  alarms: [],
  holds: [],
  exposure: { gross: '0', net: '0', byAsset: {}, unpriced: [] },
  inFlight: 0,
  limits: { version: 2, overrides: {}, inForce: { orderNotional: '5000' } },
};

interface World {
  mode: ModeName;
  ready: boolean;
  fail: boolean;
  engaged: boolean;
  readonly calls: string[];
  readonly audit: Record<string, unknown>[];
}

function sourceOf(world: World): InspectionSource {
  const report = (ok: boolean) => ({ ok, checks: [{ name: 'feeds', ok, detail: ok ? '' : 'none is live' }] });
  return {
    get mode() {
      return world.mode;
    },
    node: 'local',
    version: '0.1.0',
    startedAtMs: 1,
    nowMs: () => 1_652_459_225_000,
    health: () => report(true),
    ready: () => report(world.ready),
    actors: () => TREE,
    actor: (path) => (TREE.children.some((one) => one.path === path) ? inspection(path) : null),
    deadLetters: () => ({ total: 2, byReason: { full: 2 }, recent: [] }),
    feeds: () => [
      {
        exchange: 'binance',
        state: 'live',
        reason: '',
        ageMs: 12,
        messages: 9,
        messagesPerSecond: 3,
        gaps: 1,
        reconnects: 0,
        invalidFrames: 0,
        fallbackFrames: { 'depth@100ms': 2 },
        latencyMs: 40,
        latencyP99Ms: 80,
        resyncs: 0,
        rateLimited: 0,
        connections: [{ phase: 'open', symbols: 1, ageMs: 1000, rollovers: 0 }],
        books: [
          {
            instrument: 'binance:BTC-USDT',
            trusted: true,
            ageMs: 12,
            bid: 1,
            ask: 2,
            state: 'live',
            market: 'trading',
            messagesPerSecond: 3,
            gaps: 1,
            resyncs: 0,
            latencyMs: 40,
            latencyP99Ms: 80,
          },
        ],
      },
    ],
    opportunities: () => [],
    signals: () => [],
    arbitrages: () => [],
    profitAndLoss: (fromMs, toMs) => ({ fromMs, toMs, rows: [], residues: [] }),
    explain: (arbitrageId) =>
      arbitrageId === 'arb-known'
        ? {
            arbitrageId,
            closed: null,
            signal: null,
            verdict: null,
            orders: [],
            fills: [],
            money: [],
            residualBase: '0',
          }
        : null,
    events: (limit) => {
      if (world.fail) throw new Error('secret detail of the store');
      return Array.from({ length: Math.min(limit, 3) }, (_, n) => ({
        eventId: `e${n}`,
        node: 'local',
        path: 'node/gate',
        incarnation: 1,
        kind: 'crashed' as const,
        reason: 'x',
        delayMs: null,
        restarts: 0,
        atMs: 1,
      }));
    },
    premiums: () => ({
      ...{ atMs: 1_652_459_225_000, dollar: 'USDT', rows: [] },
      fx: [{ currency: 'KRW', rate: '1378.5', source: 'config', atMs: null, error: null }],
    }),
    portfolio: () => ({
      latest: { atMs: 1, currency: 'USDT', equity: '300000.5', realisedNet: '1.25', holdings: [] },
      realisedToday: '1.25',
      arbitragesToday: 1,
    }),
    stores: () => [],
    accounts: () => [SAMPLES.gatewayStatus],
    killSwitch: () => ({ engaged: world.engaged, reason: '', by: '', atMs: null }),
    haltReport: () =>
      new HaltRecord(SAMPLES.haltChanged).report([SAMPLES.gatewayStatus], 2, SAMPLES.gatewayStatus.atMs),
    lease: () => ({ held: true, fence: 7, detail: '' }),
    risk: () => (world.ready ? RISK : null),
    holds: () => Promise.resolve(null),
    limitChanges: (limit) => [CHANGE].slice(0, limit),
    counters: () => ({
      prices: {
        connected: false,
        reconnects: 3,
        foreignValues: 1,
        waiting: 7,
        books: { written: 90, outdated: 2, failed: 5 },
        events: { written: 40, dropped: 6, failed: 4 },
      },
      bus: {
        state: 'connected',
        published: 5,
        delivered: 4,
        droppedStale: 1,
        droppedInvalid: 0,
        droppedFull: 0,
        handlerErrors: 0,
      },
      ticks: {
        tables: [
          {
            table: 'tick_trades',
            received: 90,
            carried: 10,
            stored: 60,
            inSpool: 20,
            inRing: 5,
            dropped: { ring: 12, refused: 1, damaged: 2, stop: 0 },
          },
        ],
        store: { isUp: false, inserts: 3, failures: 4, lastError: 'away' },
        spool: {
          damaged: { tick_trades: 2, spread_history: 0, orderbook_snapshots: 0 },
          ...{ cuts: 1, cutBytes: 9, bytes: 900, maxBytes: 1_000, segments: 1, setAside: 0 },
          ...{ appends: 5, failures: 0, timesFull: 0, replayed: 0 },
        },
        repeatedTrades: 0,
      },
      opportunities: [{ phase: 'refused', reason: 'NET_EDGE', count: 3 }],
      arbitrages: [{ outcome: 'completed', count: 2 }],
    }),
  };
}

async function start(
  t: { teardown(end: () => unknown): void },
  more: Partial<World> = {},
): Promise<{ http: RunningHttp; world: World }> {
  const world: World = {
    mode: 'PAPER',
    ready: true,
    fail: false,
    engaged: false,
    calls: [],
    audit: [],
    ...more,
  };
  const log: Logger = {
    debug: () => undefined,
    info: (fields) => void world.audit.push(fields),
    warn: (fields) => void world.audit.push(fields),
    error: (fields) => void world.audit.push(fields),
    child: () => log,
  };
  const actions = {
    restartActor: async (path: string) => void world.calls.push(`restart ${path}`),
    crashActor: async (path: string) => void world.calls.push(`crash ${path}`),
    setKillSwitch: async (engaged: boolean, reason: string) => {
      world.engaged = engaged;
      world.calls.push(`kill-switch ${engaged} ${reason}`);
    },
    changeLimits: async ({ changes, version, by }: Parameters<InspectionActions['changeLimits']>[0]) => {
      if (version !== 2)
        throw new ArbotError('ARB_STORE_CONFLICT', 'the limits are at version 2: look again');
      if (changes['orderNotional'] === 'all')
        throw new ArbotError('ARB_CONFIG_INVALID', 'limits.orderNotional: not a plain decimal');
      world.calls.push(`limits ${JSON.stringify(changes)} ${by}`);
      return CHANGE;
    },
    controlRisk: async ({ action, exchange }: Parameters<InspectionActions['controlRisk']>[0]) =>
      void world.calls.push(`control ${action} ${exchange ?? 'all'}`),
    adoptBalance: async (exchange: string, asset: string) => {
      world.calls.push(`adopt ${exchange} ${asset}`);
      return asset === 'XRP';
    },
  };
  const http = await startHttp({
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    source: sourceOf(world),
    actions,
    log,
    clock,
    timers: new SystemTimers(),
  });
  t.teardown(() => http.close());
  return { http, world };
}

const get = (http: RunningHttp, path: string, init: RequestInit = {}) => fetch(new URL(path, http.url), init);
const post = (http: RunningHttp, path: string, body: unknown, token: string | null = TOKEN) =>
  get(http, path, {
    method: 'POST',
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
/** A request with a Host header of one's choice, which fetch does not allow. */
async function withHeaders(
  http: RunningHttp,
  path: string,
  headers: Record<string, string>,
): Promise<number> {
  const request = httpRequest({ host: '127.0.0.1', port: http.port, path, headers });
  request.end();
  const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

t.test('the risk gate is read by everybody here, and changed with the token alone', async (t) => {
  const { http, world } = await start(t);
  t.match(await (await get(http, '/api/risk')).json(), { limits: { version: 2 }, currency: 'USDT' });
  t.same(await (await get(http, '/api/risk/changes?limit=5')).json(), [CHANGE]);
  t.equal((await get(http, '/api/risk/changes?limit=0')).status, 400);
  const change = { changes: { orderNotional: '4000', drawdown: null }, version: 2, reason: 'thin books' };
  t.equal((await post(http, '/api/risk/limits', change, null)).status, 401);
  t.same(world.calls, []);
  const done = await post(http, '/api/risk/limits', change);
  t.equal(done.status, 200);
  t.same(await done.json(), CHANGE);
  t.same(world.calls, ['limits {"orderNotional":"4000","drawdown":null} http:127.0.0.1']);
  t.match(world.audit.at(-1), { audit: true, action: 'risk.limits', outcome: 'done', reason: 'thin books' });

  const refused: [object, number, RegExp][] = [
    [{ ...change, version: 1 }, 409, /look again/],
    [{ ...change, changes: { orderNotional: 'all' } }, 400, /not a plain decimal/],
    [{ ...change, changes: {} }, 400, /changes: names no limit/],
    [{ ...change, changes: { 'Not a key': '1' } }, 400, /changes/],
    [{ ...change, reason: ' ' }, 400, /reason/],
    [{ ...change, token: 'x' }, 400, /token/],
  ];
  for (const [body, status, message] of refused) {
    const answer = await post(http, '/api/risk/limits', body);
    t.equal(answer.status, status, JSON.stringify(body));
    t.match(await answer.json(), { message });
  }
  t.equal(
    (await post(http, '/api/risk/control', { action: 'trip-breaker', exchange: 'okx', reason: 'r' })).status,
    200,
  );
  t.equal(
    (await post(http, '/api/risk/control', { action: 'reset-losses', exchange: 'okx', reason: 'r' })).status,
    400,
  );
  t.equal((await post(http, '/api/risk/control', { action: 'sell', reason: 'r' })).status, 400);
  t.equal((await post(http, '/api/risk/control', { action: 'reset-losses', reason: 'r' }, null)).status, 401);
  t.same(world.calls.slice(1), ['control trip-breaker okx']);
  world.ready = false;
  t.equal((await get(http, '/api/risk')).status, 404, 'while recording there is none');
});

t.test('every read answers with JSON, and the tree is nested with all introspection fields', async (t) => {
  const { http } = await start(t);
  for (const path of [
    '/healthz',
    '/readyz',
    '/api/status',
    '/api/actors',
    '/api/feeds',
    '/api/opportunities',
    '/api/signals',
    '/api/trades',
    '/api/pnl',
    '/api/arbitrages/arb-known',
    '/api/events',
    '/api/portfolio',
    '/api/dead-letters',
  ]) {
    const response = await get(http, path);
    t.equal(response.status, 200, path);
    t.match(response.headers.get('content-type'), /application\/json/, path);
    t.ok(await response.json(), path);
  }
  const tree = (await (await get(http, '/api/actors')).json()) as ActorNode;
  t.same(tree, TREE);
  t.same(await (await get(http, '/api/actors/node/feeds/binance')).json(), inspection('node/feeds/binance'));
  t.equal(((await (await get(http, '/api/events?limit=2')).json()) as unknown[]).length, 2);
});

t.test(
  'what is wrong with a request is said as {code, message}, and what is wrong inside is not',
  async (t) => {
    const { http, world } = await start(t);
    const problem = async (path: string) => {
      const response = await get(http, path);
      return { status: response.status, ...((await response.json()) as object) };
    };
    t.match(await problem('/nothing'), { status: 404, code: 'NOT_FOUND' });
    t.match(await problem('/api/actors/node/nobody'), { status: 404, code: 'NO_SUCH_ACTOR' });
    t.match(await problem('/api/arbitrages/arb-none'), { status: 404, code: 'NO_SUCH_ARBITRAGE' });
    t.match(await problem('/api/arbitrages/%20'), { status: 404, code: 'NO_SUCH_ARBITRAGE' });
    t.match(await problem('/api/pnl?from=yesterday'), { status: 400, message: /from and to/ });
    t.match(await problem(`/api/actors/${'a'.repeat(301)}`), { status: 400, message: /path/ });
    for (const limit of ['0', '501', 'x', '1.5', '-1'])
      t.match(await problem(`/api/events?limit=${limit}`), { status: 400, message: /limit/ });
    t.match(await problem('/api/events?limt=5'), { status: 400 });
    t.match(await problem('/../package.json'), { status: 404 });
    world.fail = true;
    t.same(await problem('/api/events'), {
      status: 500,
      code: 'INTERNAL',
      message: 'the request failed, see the log',
    });
    world.ready = false;
    t.match(await problem('/readyz'), { status: 503, ok: false, checks: [{ detail: 'none is live' }] });
  },
);

t.test('nothing changes without the token, and each action leaves an audit line', async (t) => {
  const { http, world } = await start(t);
  const actions = ['/api/kill-switch', '/api/actors/node/gate/restart', '/api/actors/node/gate/crash'];
  for (const path of actions) {
    t.equal((await post(http, path, { engaged: true, reason: 'x' }, null)).status, 401, path);
  }
  t.equal((await post(http, actions[0] ?? '', { engaged: true, reason: 'x' }, `${TOKEN}x`)).status, 401);
  t.same(world.calls, []);
  t.equal((await post(http, '/api/actors/node/gate/restart', null)).status, 200);
  t.equal((await post(http, '/api/actors/node/feeds/binance/crash', null)).status, 200);
  t.equal((await post(http, '/api/kill-switch', { engaged: true, reason: 'a person said so' })).status, 200);
  t.same(world.calls, ['restart node/gate', 'crash node/feeds/binance', 'kill-switch true a person said so']);
  const adoption = { exchange: 'binance', asset: 'XRP' };
  t.equal((await post(http, '/api/ledger/adopt', adoption, null)).status, 401);
  t.match(await (await post(http, '/api/ledger/adopt', adoption)).json(), { ...adoption, adopted: true });
  t.equal(
    (await post(http, '/api/ledger/adopt', { ...adoption, asset: 'BTC' })).status,
    409,
    'nothing there',
  );
  for (const body of [{}, { exchange: 'Binance', asset: 'XRP' }, { ...adoption, amount: '5' }])
    t.equal((await post(http, '/api/ledger/adopt', body)).status, 400, JSON.stringify(body));
  t.same(world.calls.splice(3), ['adopt binance XRP', 'adopt binance BTC']);
  const lines = world.audit.filter((one) => one['audit'] === true);
  t.match(
    lines.map((one) => `${String(one['action'])} ${String(one['outcome'])}`),
    [
      'actor.restart accepted',
      'actor.restart done',
      'actor.crash accepted',
      'actor.crash done',
      'kill-switch accepted',
      'kill-switch done',
      'ledger.adopt accepted',
      'ledger.adopt done',
    ],
  );
  t.notOk(JSON.stringify(world.audit).includes(TOKEN));
  for (const body of [
    {},
    { engaged: 'yes', reason: 'x' },
    { engaged: true, reason: '' },
    { engaged: true, reason: 'x', more: 1 },
    { engaged: true, reason: 'x', policy: 'sell everything' },
    [],
  ])
    t.equal((await post(http, '/api/kill-switch', body)).status, 400, JSON.stringify(body));
  t.match(await (await post(http, '/api/kill-switch', { engaged: true })).json(), {
    code: 'BAD_REQUEST',
    message: /^reason: /,
  });
  t.equal((await post(http, '/api/kill-switch', '{"__proto__":{"engaged":true}}')).status, 400);
  t.equal((await post(http, '/api/actors/node/gate/stop', null)).status, 404);
  t.equal((await post(http, '/api/actors/node/nobody/restart', null)).status, 404);
  t.equal(world.calls.length, 3);
});

t.test('actors are not crashed on purpose in LIVE', async (t) => {
  const { http, world } = await start(t, { mode: 'LIVE' });
  const response = await post(http, '/api/actors/node/gate/crash', null);
  t.equal(response.status, 403);
  t.match(await response.json(), { code: 'REFUSED_IN_LIVE' });
  t.equal((await post(http, '/api/actors/node/gate/restart', null)).status, 200);
  t.same(world.calls, ['restart node/gate']);
});

t.test('five wrong tokens lock the address out, even with the right one; reading goes on', async (t) => {
  const { http, world } = await start(t);
  const kill = { engaged: true, reason: 'x' };
  for (let n = 0; n < 5; n++) t.equal((await post(http, '/api/kill-switch', kill, `wrong-${n}`)).status, 401);
  const locked = await post(http, '/api/kill-switch', kill);
  t.equal(locked.status, 429);
  t.match(await locked.json(), { code: 'LOCKED_OUT' });
  t.equal((await get(http, '/api/feeds')).status, 200);
  t.same(world.calls, []);
});

t.test('foreign host names and origins are refused, and no other site is invited', async (t) => {
  const { http, world } = await start(t);
  t.equal(await withHeaders(http, '/api/status', { host: 'evil.example' }), 403);
  t.equal(await withHeaders(http, '/', { host: `127.0.0.1.evil.example:${http.port}` }), 403);
  t.equal(await withHeaders(http, '/api/status', { host: `localhost:${http.port}` }), 200);
  const foreign = await get(http, '/api/kill-switch', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      origin: 'https://evil.example',
    },
    body: '{"engaged":true,"reason":"x"}',
  });
  t.equal(foreign.status, 403);
  t.equal(
    (
      await get(http, '/api/kill-switch', {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'text/plain' },
        body: '{}',
      })
    ).status,
    415,
  );
  t.same(world.calls, []);
  const page = await get(http, '/');
  t.equal(page.headers.get('access-control-allow-origin'), null);
  t.match(page.headers.get('content-security-policy'), /default-src 'none'/);
  t.equal(page.headers.get('x-content-type-options'), 'nosniff');
  t.equal(page.headers.get('set-cookie'), null);
});

t.test('large bodies, many requests and slow headers are refused', async (t) => {
  const { http } = await start(t);
  const large = await post(http, '/api/kill-switch', { engaged: true, reason: 'x'.repeat(70_000) });
  t.equal(large.status, 413);
  const statuses = await Promise.all(
    Array.from({ length: 80 }, async () => (await get(http, '/api/feeds')).status),
  );
  t.ok(statuses.includes(429), 'a burst beyond 40 is refused');
  t.ok(statuses.includes(200));
  t.equal((await get(http, '/healthz')).status, 200, 'health is always answered');
  const socket = connect(http.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n');
  socket.resume();
  await once(socket, 'close');
  t.pass('a client that never finishes its headers is dropped');
});

t.test(
  'on an address that is not loopback reading needs the token too, but for health and the page',
  async (t) => {
    const world: World = { mode: 'PAPER', ready: true, fail: false, engaged: false, calls: [], audit: [] };
    const log: Logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
      child: () => log,
    };
    const actions = {
      restartActor: async () => undefined,
      crashActor: async () => undefined,
      setKillSwitch: async () => undefined,
      changeLimits: async () => CHANGE,
      controlRisk: async () => undefined,
      adoptBalance: async () => false,
    };
    const http = await startHttp({
      host: '0.0.0.0',
      port: 0,
      token: TOKEN,
      source: sourceOf(world),
      actions,
      log,
      clock,
      timers: new SystemTimers(),
      allowedHosts: ['arbot.example'],
    });
    t.teardown(() => http.close());
    t.equal(await withHeaders(http, '/api/feeds', { host: 'arbot.example' }), 401);
    t.equal(await withHeaders(http, '/metrics', { host: 'arbot.example' }), 401);
    t.equal(
      await withHeaders(http, '/api/feeds', { host: 'arbot.example', authorization: `Bearer ${TOKEN}` }),
      200,
    );
    for (const path of [
      '/%61pi/feeds',
      '/api%2ffeeds',
      '/readyz?x=1',
      '/%6detrics',
      '/api/actors/node%2fgate',
    ])
      t.not(await withHeaders(http, path, { host: 'arbot.example' }), 200, `${path} is not open`);
    t.equal(await withHeaders(http, '/healthz', { host: 'arbot.example' }), 200);
    t.equal(await withHeaders(http, '/', { host: 'arbot.example' }), 200);
  },
);

t.test('a page that has stopped reading gives its place up, one that reads keeps it', async (t) => {
  const time = new ManualTime();
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const world: World = { mode: 'PAPER', ready: true, fail: false, engaged: false, calls: [], audit: [] };
  const source = { ...sourceOf(world), mode: 'PAPER' as const, version: 'x'.repeat(200_000) };
  const stream = new PictureStream({ source, clock: time, timers: time, log });
  t.teardown(() => stream.close());
  const stuck = new ServerResponse(new IncomingMessage(new Socket()));
  const reading = new ServerResponse(new IncomingMessage(new Socket()));
  const sink = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  reading.assignSocket(sink as Socket);
  t.ok(stream.add(stuck, {}) && stream.add(reading, {}));
  await time.advance(25_000);
  t.notOk(stuck.destroyed, 'a slow page is waited for');
  await time.advance(20_000);
  t.ok(stuck.destroyed);
  t.notOk(reading.destroyed);
  t.ok(stuck.writableLength < 4_000_000, 'what it did not read stayed bounded');
});

t.test('metrics name actors, feeds, opportunities, money and the bus', async (t) => {
  const { http } = await start(t);
  await get(http, '/metrics');
  const text = await (await get(http, '/metrics')).text();
  for (const line of [
    /^arbot_actor_restarts_total\{path="node\/feeds\/binance",kind="feed",node="local",mode="PAPER"\} 1$/m,
    /^arbot_actor_mailbox_depth\{.*\} 3$/m,
    /^arbot_feed_age_seconds\{exchange="binance".*\} 0\.012$/m,
    /^arbot_feed_fallback_frames_total\{exchange="binance",channel="depth@100ms".*\} 2$/m,
    /^arbot_feed_gaps_total\{exchange="binance".*\} 1$/m,
    /^arbot_opportunities_total\{phase="refused",reason="NET_EDGE".*\} 3$/m,
    /^arbot_arbitrages_total\{outcome="completed".*\} 2$/m,
    /^arbot_equity\{currency="USDT".*\} 300000\.5$/m,
    /^arbot_bus_messages_total\{result="droppedStale".*\} 1$/m,
    /^arbot_ticks_dropped_total\{table="tick_trades",reason="ring".*\} 12$/m,
    /^arbot_ticks_spool_rows\{table="tick_trades".*\} 20$/m,
    /^arbot_tick_store_inserts_total\{result="failed".*\} 4$/m,
    /^arbot_dead_letters_total\{reason="full".*\} 2$/m,
    /^arbot_prices_published_total\{what="books",result="outdated".*\} 2$/m,
    /^arbot_prices_published_total\{what="events",result="dropped".*\} 6$/m,
    /^arbot_prices_connected\{.*\} 0$/m,
    /^arbot_nodejs_eventloop_lag_p99_seconds\{/m,
    /^arbot_http_requests_total\{route="\/metrics",status="2xx".*\} 1$/m,
  ])
    t.match(text, line);
});

t.test(
  'the stream sends whole pictures, numbered, at most four a second, and survives a failing source',
  async (t) => {
    const { http, world } = await start(t);
    const response = await get(http, '/api/stream');
    t.match(response.headers.get('content-type'), /text\/event-stream/);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (reader === undefined) throw new Error('no body');
    let text = '';
    const until = async (done: () => boolean) => {
      while (!done()) text += (await reader.read()).value ?? '';
    };
    const beganMs = clock.monotonicMs();
    await until(() => text.split('event: picture').length > 3);
    t.ok(clock.monotonicMs() - beganMs >= 450, 'three pictures take at least two pauses');
    const pictures = [...text.matchAll(/^data: (\{"sequence".*\})$/gm)].map(
      (one) => JSON.parse(one[1] ?? '') as Record<string, unknown>,
    );
    t.match(pictures[0], {
      sequence: 1,
      atMs: 1_652_459_225_000,
      status: { mode: 'PAPER', ready: true, killSwitch: { engaged: false } },
      actors: { id: 'node' },
      portfolio: { realisedToday: '1.25' },
    });
    t.equal(pictures[1]?.['sequence'], 2);
    world.fail = true;
    await until(() => text.includes('event: problem'));
    world.fail = false;
    const before = text.split('event: picture').length;
    await until(() => text.split('event: picture').length > before);
    await reader.cancel();
  },
);

t.test(
  'the page is whole: every file it names is served, nothing comes from elsewhere, data never becomes markup',
  async (t) => {
    const { http } = await start(t);
    const page = await (await get(http, '/')).text();
    const named = [...page.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map((one) => one[1] ?? '');
    t.ok(named.length >= 3);
    t.notMatch(page, /(?:href|src)="https?:|<script>|<style|style="|onclick=/);
    const scripts = ['/app.js', '/connection.js', '/format.js', '/panels.js', '/tree.js'];
    for (const path of [...named, ...scripts]) t.equal((await get(http, path)).status, 200, path);
    const code = scripts
      .map((path) => readFileSync(new URL(`../../dashboard${path}`, import.meta.url), 'utf8'))
      .join('\n');
    t.notMatch(code, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
    for (const id of new Set([...code.matchAll(/byId\('([a-z-]+)'\)/g)].map((one) => one[1])))
      t.match(page, `id="${id}"`);
  },
);

t.test('the token comes from the environment or from a file that only its owner may read', async (t) => {
  const dataFolder = t.testdir({});
  const options = {
    variable: 'ARBOT_HTTP_TOKEN',
    dataFolder,
    files: new LocalFiles(),
    random: new CryptoRandom(),
  };
  t.same(await openToken({ ...options, environment: { ARBOT_HTTP_TOKEN: TOKEN } }), {
    token: TOKEN,
    source: 'ARBOT_HTTP_TOKEN',
  });
  await t.rejects(openToken({ ...options, environment: { ARBOT_HTTP_TOKEN: 'admin' } }), {
    code: 'ARB_CONFIG_INVALID',
  });
  const made = await openToken({ ...options, environment: {} });
  const path = join(dataFolder, 'http-token');
  t.equal(made.source, path);
  t.match(made.token, /^[A-Za-z0-9_-]{43}$/);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(await openToken({ ...options, environment: {} }), made, 'the same at the next start');
  chmodSync(path, 0o644);
  await t.rejects(openToken({ ...options, environment: {} }), { message: /0600/ });
  writeFileSync(path, 'short');
  chmodSync(path, 0o600);
  await t.rejects(openToken({ ...options, environment: {} }), { code: 'ARB_CONFIG_INVALID' });
});

t.test(
  'access rules: buckets refill, locks end, memory is bounded, names and origins are compared whole',
  (t) => {
    let now = 0;
    const access = new AccessControl({ nowMs: () => now, monotonicMs: () => now }, TOKEN);
    for (let n = 0; n < 40; n++) t.ok(access.admit('a'));
    t.notOk(access.admit('a'));
    now += 100;
    t.ok(access.admit('a'), 'one more after a tenth of a second');
    t.notOk(access.admit('a'));
    for (let n = 0; n < 5; n++) t.equal(access.authorise('b', 'Bearer wrong'), 'wrong');
    t.equal(access.authorise('b', `Bearer ${TOKEN}`), 'locked');
    t.equal(access.authorise('c', `Bearer ${TOKEN}`), 'ok', 'another address is not locked');
    for (let n = 0; n < 3_000; n++) access.admit(`10.0.${n >> 8}.${n & 255}`);
    t.equal(access.authorise('b', `Bearer ${TOKEN}`), 'locked', 'a flood of addresses does not unlock');
    now += 60_001;
    t.equal(access.authorise('b', `Bearer ${TOKEN}`), 'ok');
    for (const header of [
      '',
      'Bearer',
      `bearer ${TOKEN}`,
      `Bearer  ${TOKEN}`,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}\n`,
    ])
      t.equal(access.authorise('d', header) === 'ok', false, JSON.stringify(header));
    const names = ['127.0.0.1', 'localhost', '::1'];
    for (const good of ['localhost', 'LOCALHOST:80', '127.0.0.1:8787', '[::1]:8787', '[::1]'])
      t.ok(isOwnHost(good, names), good);
    for (const bad of [
      undefined,
      '',
      'evil.example',
      'localhost.evil.example',
      'localhost@evil.example',
      '127.0.0.1:8787:1',
      'localhost/evil',
    ])
      t.notOk(isOwnHost(bad, names), String(bad));
    t.ok(isOwnOrigin(undefined, 'localhost:1'));
    t.ok(isOwnOrigin('http://localhost:1', 'localhost:1'));
    for (const bad of ['http://localhost:2', 'null', 'https://evil.example'])
      t.notOk(isOwnOrigin(bad, 'localhost:1'), bad);
    t.end();
  },
);
