import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { z } from 'zod';
import { runCommand } from '../../src/cli/main.js';
import { clusterSchema } from '../../src/config/cluster.js';
import { loadConfig } from '../../src/config/index.js';
import { loadPage } from '../../src/http/page.js';
import { ROUTES } from '../../src/http/routes.js';
import { startHttp } from '../../src/http/server.js';
import { startNode } from '../../src/modes/start.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { KeptLog } from '../runtime/harness.js';

/** A whole node alone, without NATS: every route is in its document, and every answer is as the document says. */

t.setTimeout(400_000);
const TOKEN = 'a-token-of-the-test-0123456789';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Content>> }>>;
}
interface Content {
  readonly schema: Parameters<typeof z.fromJSONSchema>[0];
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

t.test(
  'every answer of a node is as its OpenAPI document says, and one node alone is a cluster of one',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'arbot-openapi-'));
    process.env['ARBOT_HTTP_TOKEN'] = TOKEN;
    t.teardown(async () => {
      delete process.env['ARBOT_HTTP_TOKEN'];
      await rm(folder, { recursive: true, force: true });
    });
    const config = await loadConfig({ folder: process.cwd(), environment: {}, flags: [] });
    const { nodes, name } = config.cluster;
    const stores = { trades: { kind: 'memory' as const }, ticks: { kind: 'none' as const } };
    const cluster = clusterSchema.parse({ name, nodes, stores });
    const started = await startNode({
      ...{ market: 'simulated', speed: 3, minutes: null, seed: 'openapi', dataFolder: folder, port: 0 },
      ...{ replayFolder: null, recordFolder: null, exchanges: null, quiet: true },
      ...{ clusterConfig: cluster, tradingConfig: config.trading, node: cluster.nodes[0]! },
      log: { to: 'file', level: 'info' },
    });
    t.teardown(() => started.stop());
    const { node, url } = started;
    // Ten questions a second are answered.
    const ask = async (path: string, init: RequestInit = {}) => {
      await sleep(110);
      const response = await fetch(new URL(path, url), init);
      return { status: response.status, body: await response.json() };
    };
    const post = (path: string, body?: object, token = TOKEN) =>
      ask(path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    const get = async <T>(path: string) => (await ask(path)).body as T;
    const deadline = performance.now() + 120_000;
    let trades: { arbitrageId: string }[] = [];
    while (trades.length === 0 && performance.now() < deadline) trades = await get('/api/trades');
    t.ok(trades.length > 0, 'it has traded');

    const document = await get<Document>('/openapi.json');
    t.equal(document.openapi, '3.1.0');
    const http = await startHttp({
      ...{ host: '127.0.0.1', port: 0, token: TOKEN, source: node.inspection },
      actions: {} as never,
      cluster: { source: node.cluster, actions: node.cluster, audit: { newest: () => [] } },
      ...{ log: new KeptLog(), clock: new SystemClock(), timers: new SystemTimers() },
    });
    await http.close();
    const page = new Set([...loadPage().keys()].map((path) => `GET ${path}`));
    t.strictSame(
      http.routes.filter((route) => !page.has(route)).sort(),
      [...new Set(ROUTES.map(({ route }) => route))].sort(),
      'each route is described, and no other',
    );
    for (const { path, route } of ROUTES)
      t.ok(document.paths[path]?.[route.split(' ')[0]!.toLowerCase()], `${route} is in the document`);

    const self = cluster.nodes[0]!.name;
    const schemaOf = (path: string, method: string, status = '200') => {
      const operation = document.paths[path]?.[method];
      const content = operation?.responses[status]?.content['application/json'];
      return content === undefined ? null : z.fromJSONSchema(content.schema);
    };
    const matches = (path: string, method: string, body: unknown): string => {
      const parsed = schemaOf(path, method)!.safeParse(body);
      return parsed.success ? '' : JSON.stringify(parsed.error.issues.slice(0, 3));
    };
    for (const path of Object.keys(document.paths)) {
      if (document.paths[path]!['get'] === undefined || schemaOf(path, 'get') === null) continue;
      const asked = path
        .replace('{id}', trades[0]!.arbitrageId)
        .replace('{node}', self)
        .replace('{path}', 'node/trade/gate');
      const { status, body } = await ask(asked);
      t.ok(status === 200 || status === 503, `${asked}: ${status}`);
      t.equal(matches(path, 'get', body), '', asked);
    }
    t.notOk(
      schemaOf('/api/feeds', 'get')!.safeParse([{ exchange: 'okx' }]).success,
      'a wrong answer would be seen',
    );

    t.match(await get('/api/cluster'), {
      ...{ self, lease: { holder: self, fence: Number } },
      nodes: [{ node: self, state: 'up', facts: { mode: 'SIMULATED', bus: { state: 'connected' } } }],
      placement: { feeds: { okx: self }, detectors: { BTC: self }, watch: self },
    });
    t.match(await get(`/api/cluster/actors/${self}/node/trade/gate`), {
      kind: 'gate',
      fence: Number,
      node: self,
    });

    const did = async (path: string, document: string, body?: object) => {
      const answer = await post(path, body);
      t.equal(answer.status, 200, path);
      t.equal(matches(document, 'post', answer.body), '', path);
    };
    const actors = `/api/cluster/actors/${self}/node/feeds/okx`;
    await did(`${actors}/stop`, '/api/cluster/actors/{node}/{path}/stop');
    t.equal(node.system.inspect('node/feeds/okx')?.state, 'stopped');
    await did(`${actors}/restart`, '/api/cluster/actors/{node}/{path}/restart');
    t.equal(node.system.inspect('node/feeds/okx')?.state, 'running');
    const exchange = '/api/cluster/exchanges/okx';
    const breaker = async () =>
      (await node.inspection.risk())?.breakers.find(({ subject }) => subject === 'okx')?.state;
    await did(`${exchange}/pause`, '/api/cluster/exchanges/{exchange}/pause', { reason: 'maintenance' });
    t.equal(await breaker(), 'OPEN');
    await did(`${exchange}/resume`, '/api/cluster/exchanges/{exchange}/resume', { reason: 'over' });
    t.equal(await breaker(), 'CLOSED');
    await did('/api/kill-switch', '/api/kill-switch', { engaged: true, reason: 'a test' });
    t.match(await post(`/api/cluster/nodes/${self}/drain`), {
      status: 409,
      body: { code: 'ARB_ACTION_REFUSED' },
    });
    t.match(await post(`/api/cluster/actors/${self}/node/trade/stop`), { status: 409 });
    t.match(await post(`${actors}/stop`, undefined, 'wrong'), { status: 401 });
    const events = await get<{ kind: string; event: { path: string } }[]>('/api/cluster/events');
    t.ok(events.some(({ event }) => event.path === 'node/feeds/okx'));

    const shown: string[] = [];
    const code = await runCommand(['actors', '--kind', 'gateway', '--url', url], {
      terminal: {
        ...{ environment: {}, workingFolder: process.cwd(), onSignal: () => () => undefined },
        print: (line: string) => void shown.push(line),
        complain: (line: string) => void shown.push(line),
      },
      importStartNode: () => Promise.reject(new Error('nothing is started')),
    });
    t.equal(code, 0);
    t.equal(shown.filter((line) => / gateway-\w+ +running/.test(line)).length, 3);

    const audit = await get<{ action: string; outcome: string }[]>('/api/audit');
    t.strictSame(
      audit.slice(0, 4).map(({ action, outcome }) => `${action} ${outcome}`),
      ['actor.stop failed', 'actor.stop accepted', 'node.drain failed', 'node.drain accepted'],
    );
    await started.stop();
    const journal = await readFile(join(folder, 'simulated/audit.jsonl'), 'utf8');
    t.equal(journal.trim().split('\n').length, audit.length, 'kept beyond the process');
  },
);
