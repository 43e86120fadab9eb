import { readFile } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { runCommand } from '../../src/cli/main.js';
import type {
  ActorDetail,
  ClusterActors,
  ClusterDeadLetters,
  ClusterEvent,
  Topology,
} from '../../src/http/cluster-answers.js';
import * as nats from '../servers/nats.js';
import { startInspectNode, TOKEN, type InspectNode } from './inspect-world.js';

/** Any node shows all nodes, and does on any what a person asks. */

t.setTimeout(300_000);
const NAMES = ['tokyo-1', 'seoul-1', 'singapore-1'];

async function cluster(t: Test, names: readonly string[]): Promise<InspectNode[]> {
  const server = await nats.startNats();
  t.teardown(() => server.stop());
  const nodes: InspectNode[] = [];
  for (const name of names) nodes.push(await startInspectNode(t, server.url, name));
  await until(() => nodes.every(({ view }) => view.state.members.size === names.length - 1));
  return nodes;
}

async function until(isSo: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`it did not happen: ${isSo.toString()}`);
    await sleep(30);
  }
}

async function get<T>({ http }: InspectNode, path: string): Promise<T> {
  const response = await fetch(new URL(path, http.url));
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function post({ http }: InspectNode, path: string, body?: object, token: string | null = TOKEN) {
  const response = await fetch(new URL(path, http.url), {
    method: 'POST',
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, ...((await response.json()) as { code?: string; message?: string }) };
}

const detailOf = (node: InspectNode, path: string) => get<ActorDetail>(node, `/api/cluster/actors/${path}`);

const why = nats.available();

t.test('any node shows the trees of all, and one that falls silent as silent', async (t) => {
  if (why !== null) {
    nats.skipOrFail(t, why);
    return;
  }
  const nodes = await cluster(t, NAMES);
  const [tokyo, seoul, singapore] = nodes as [InspectNode, InspectNode, InspectNode];
  for (const node of nodes) {
    const { nodes: shown } = await get<ClusterActors>(node, '/api/cluster/actors');
    t.equal(shown[0]?.node, node.name, 'itself first');
    t.strictSame(shown.map((one) => one.node).sort(), [...NAMES].sort());
    for (const one of shown) {
      t.match(one, { state: 'up', detail: '', isSelf: one.node === node.name, version: '0.1.0' });
      t.strictSame(
        one.actors.map(({ path, depth }) => `${depth} ${path}`),
        [
          ...['0 node', '1 node/trade', '2 node/trade/lease', '2 node/trade/gate'],
          ...['1 node/feeds', '2 node/feeds/okx', '1 node/cluster', '2 node/cluster/membership'],
        ],
        'a child follows its parent',
      );
    }
    t.equal(shown.find(({ fence }) => fence !== null)?.node, 'tokyo-1', 'who may trade');
  }

  const filtered = async (query: string) => {
    const all = await get<ClusterActors>(seoul, `/api/cluster/actors?${query}`);
    return all.nodes.flatMap(({ node, actors }) => actors.map(({ path }) => `${node} ${path}`)).sort();
  };
  t.strictSame(await filtered('kind=gate&node=tokyo-1'), ['tokyo-1 node/trade/gate']);
  t.equal((await filtered('kind=supervisor')).length, 12);
  t.strictSame(await filtered('state=quarantined'), []);
  t.equal((await filtered('text=OKX')).length, 3);
  for (const [query, message] of [
    ['state=well', /state/],
    ['color=red', /color/],
    ['node=Tokyo', /node/],
  ] as const)
    await t.rejects(get(seoul, `/api/cluster/actors?${query}`), { message });
  await t.rejects(get(seoul, '/api/cluster/actors?node=osaka-1'), {
    message: /404.*no node is named osaka-1/,
  });

  singapore.system.address<string>('node/feeds/okx').tell('crash');
  singapore.system.address('node/nobody').tell('x');
  await until(() => singapore.system.inspect('node/feeds/okx')?.restarts === 1);
  const detail = await detailOf(tokyo, 'singapore-1/node/feeds/okx');
  t.match(detail, {
    ...{ node: 'singapore-1', kind: 'feed', state: 'running', incarnation: 2, restarts: 1, crashes: 1 },
    ...{ mailboxCapacity: 8, summary: { books: 5 }, restart: 'permanent', fence: null },
    lastError: { message: 'planted', stack: /inspect-world/ },
  });
  t.equal((await detailOf(seoul, 'tokyo-1/node/trade/gate')).fence, 7, 'with the fence that it spends under');
  await t.rejects(detailOf(tokyo, 'seoul-1/node/nobody'), { message: /404.*NO_SUCH_ACTOR/ });
  await t.rejects(detailOf(tokyo, 'seoul-1/node/..%2f'), { message: /400/ });
  const letters = await get<ClusterDeadLetters>(tokyo, '/api/cluster/dead-letters');
  t.match(
    letters.nodes.find(({ node }) => node === 'singapore-1'),
    { recent: [{ path: 'node/nobody', reason: 'no_actor' }], byReason: { no_actor: 1 } },
  );

  const topology = await get<Topology>(seoul, '/api/cluster');
  t.match(topology, {
    ...{ cluster: 'test', self: 'seoul-1', lease: { holder: 'tokyo-1', fence: 7 } },
    placement: { feeds: Object },
  });
  t.match(
    topology.nodes.find(({ node }) => node === 'tokyo-1'),
    {
      member: { region: 'here', roles: ['feeds', 'trade'], sameBuild: true, feeds: [{ exchange: 'okx' }] },
      facts: {
        ...{ bus: { state: 'connected' }, ready: true, lease: { held: true, fence: 7 }, draining: false },
        holds: [{ source: 'membership', reason: 'programs differ' }],
      },
    },
  );
  t.strictSame(topology.nodes.find(({ node }) => node === 'seoul-1')?.facts?.unready, ['lease: stands by']);

  singapore.fallSilent();
  const began = performance.now();
  const after = await get<ClusterActors>(tokyo, '/api/cluster/actors');
  t.comment(
    `with a silent node asked in ${Math.round(performance.now() - began)} ms, at most 600 are waited`,
  );
  t.match(
    after.nodes.find(({ node }) => node === 'singapore-1'),
    { state: 'silent', detail: /no answer in time/, actors: { length: 0 } },
  );
  t.equal(after.nodes.filter(({ state }) => state === 'up').length, 2, 'the others are shown');
  await t.rejects(detailOf(tokyo, 'singapore-1/node/trade/gate'), { message: /504.*ARB_ASK_TIMEOUT/ });
  await singapore.stop();
  const gone = await get<Topology>(tokyo, '/api/cluster');
  t.match(
    gone.nodes.find(({ node }) => node === 'singapore-1'),
    { state: 'silent', detail: /nobody answers/, facts: null },
  );
  t.match(await commands(tokyo), {
    actors: /^singapore-1 +silent +singapore-1|^singapore-1 +silent .*nobody answers/m,
    top: /2 of 3 nodes .* lease tokyo-1 \(fence 7\) {2}by rate\nsingapore-1 is silent: .*\n\nnode /,
  });
});

async function command(node: InspectNode, line: string): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    ...{ environment: {}, workingFolder: process.cwd() },
    print: (text: string) => void out.push(text),
    complain: (text: string) => void err.push(text),
    onSignal: () => () => undefined,
  };
  const importStartNode = () => Promise.reject(new Error('nothing is started'));
  const code = await runCommand([...line.split(' '), '--url', node.http.url], { terminal, importStartNode });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const commands = async (node: InspectNode) => ({
  actors: (await command(node, 'actors')).out,
  top: (await command(node, 'top --once')).out,
});

t.test('arbot actors and arbot top show all nodes from any', async (t) => {
  if (why !== null) {
    nats.skipOrFail(t, why);
    return;
  }
  const [tokyo, seoul] = (await cluster(t, NAMES.slice(0, 2))) as [InspectNode, InspectNode];
  const table = (await command(seoul, 'actors')).out;
  t.match(table, /^node +actor +state +mailbox +msg\/s +p50 +p99 +restarts +last error$/m);
  t.match(table, /^tokyo-1 {8}trade +running/m, 'indented as the tree is');
  t.match(table, /^seoul-1 +gate +running +0\/8 +0\.0 +0\.00 ms +0\.00 ms +0$/m);
  t.match(table, /^singapore-1 +silent +.*nobody answers$/m);
  const some = (await command(seoul, 'actors --node tokyo-1 --kind feed --state running')).out.split('\n');
  t.equal(some.length, 2);
  t.match(some[1], /^tokyo-1 +okx +running/);
  t.match(await command(seoul, 'actors --state well'), { code: 1, err: /ARB_HTTP_FAILED: .*400: state/ });

  const both = (await command(seoul, 'actors node/trade/gate')).out;
  t.match(both, /^node {9}seoul-1$[\s\S]*^node {9}tokyo-1$/m, 'of each node that has it');
  const one = (await command(seoul, 'actors node/trade/gate --node tokyo-1')).out;
  t.match(one, /^fence {8}7$/m);
  t.match(one, /^mailbox {6}0 of 8$/m);
  t.match(one, /^last error {3}none$/m);
  const nobody = await command(seoul, 'actors node/nobody');
  t.match(nobody, { code: 1, err: /ARB_ACTOR_UNKNOWN: node\/nobody: .*silent: singapore-1/ });

  for (let n = 0; n < 20; n++) tokyo.system.address<string>('node/feeds/okx').tell('x');
  seoul.system.address<string>('node/feeds/okx').tell('crash');
  await until(() => seoul.system.inspect('node/feeds/okx')?.restarts === 1);
  const top = (await command(tokyo, 'top --once --sort restarts')).out.split('\n');
  t.match(top[0], /^\d\d:\d\d:\d\d UTC {2}2 of 3 nodes {2}8 actors, 0 not running {2}\d+ msg\/s/);
  t.match(top[4], /^seoul-1 +node\/feeds\/okx +running +.* 1 +planted$/, 'what restarted is first');
  t.notOk(
    top.some((line) => / node\/feeds +/.test(line)),
    'supervisors handle nothing',
  );
  const named = (await command(tokyo, 'top --once --sort name')).out.split('\n');
  t.match(named[4], /^seoul-1 +node\/cluster\/membership/);
  t.match(await command(tokyo, 'top --sort colour'), { code: 2, err: /--sort: must be rate/ });
});

t.test(
  'actions reach any node, need the token, are checked, and are written where asked and where done',
  async (t) => {
    if (why !== null) {
      nats.skipOrFail(t, why);
      return;
    }
    const [tokyo, seoul] = (await cluster(t, NAMES.slice(0, 2))) as [InspectNode, InspectNode];
    const okx = '/api/cluster/actors/seoul-1/node/feeds/okx';
    for (const path of [
      `${okx}/restart`,
      `${okx}/stop`,
      '/api/cluster/nodes/seoul-1/drain',
      '/api/cluster/exchanges/okx/pause',
    ])
      t.match(await post(tokyo, path, undefined, null), { status: 401 }, path);
    t.match(await post(tokyo, `${okx}/stop`, undefined, `${TOKEN}x`), { status: 401 });
    t.strictSame(tokyo.audit.newest(10), [], 'nothing was begun');
    const state = () => seoul.system.inspect('node/feeds/okx');

    t.match(await post(tokyo, `${okx}/restart`), { status: 200, done: 'restart', node: 'seoul-1' });
    t.equal(state()?.incarnation, 2);
    t.match(await post(tokyo, `${okx}/stop`), { status: 200, done: 'stop' });
    t.equal(state()?.state, 'stopped');
    t.match(await detailOf(tokyo, 'seoul-1/node/feeds/okx'), { state: 'stopped', heldByOperator: true });
    t.match(await post(tokyo, `${okx}/restart`), { status: 200 });
    t.equal(state()?.state, 'running');
    t.match(await post(tokyo, '/api/cluster/actors/tokyo-1/node/feeds/okx/restart'), { status: 200 });
    t.equal(tokyo.system.inspect('node/feeds/okx')?.incarnation, 2, 'and its own');

    t.match(await post(tokyo, '/api/cluster/nodes/seoul-1/drain'), { status: 200, done: 'drain' });
    t.match(await post(tokyo, '/api/cluster/nodes/seoul-1/resume'), { status: 200 });
    t.strictSame(seoul.drains, ['drain', 'resume']);
    t.match(await post(tokyo, '/api/cluster/exchanges/okx/pause', { reason: 'maintenance' }), {
      status: 200,
    });
    t.match(await post(tokyo, '/api/cluster/exchanges/okx/resume', { reason: 'over' }), { status: 200 });
    t.match(tokyo.controls, [
      { action: 'trip-breaker', exchange: 'okx', reason: 'maintenance', by: /^http:/ },
      { action: 'reset-breaker', exchange: 'okx', reason: 'over' },
    ]);

    for (const [path, body, expected] of [
      [`${okx}/sell`, undefined, { status: 404, code: 'NOT_FOUND' }],
      ['/api/cluster/actors/osaka-1/node/gate/stop', undefined, { status: 404, code: 'NO_SUCH_NODE' }],
      ['/api/cluster/actors/seoul-1/node/nobody/stop', undefined, { status: 409, code: 'ARB_ACTOR_UNKNOWN' }],
      [
        '/api/cluster/actors/seoul-1/node/trade/lease/stop',
        undefined,
        { status: 409, code: 'ARB_ACTION_REFUSED' },
      ],
      ['/api/cluster/actors/seoul-1/node/a%20b/stop', undefined, { status: 400, message: /^path: / }],
      ['/api/cluster/nodes/osaka-1/drain', undefined, { status: 404, code: 'NO_SUCH_NODE' }],
      ['/api/cluster/nodes/singapore-1/drain', undefined, { status: 504, code: 'ARB_NO_RESPONDER' }],
      ['/api/cluster/exchanges/OKX/pause', { reason: 'x' }, { status: 400, message: /^exchange: / }],
      ['/api/cluster/exchanges/okx/pause', {}, { status: 400, message: /^reason: / }],
      ['/api/cluster/exchanges/okx/pause', { reason: 'x', forMs: 1 }, { status: 400, message: /forMs/ }],
    ] as const)
      t.match(await post(tokyo, path, body), expected, path);

    // Another program of the cluster asks badly, or late.
    const visitor = (question: unknown) => askedDirectly(seoul, tokyo, question);
    const stop = { verb: 'stop', path: 'node/feeds/okx' };
    const now = Date.now();
    for (const question of [
      { action: { verb: 'sell' }, by: 'x', askedAtMs: now },
      { action: { ...stop, path: '../x' }, by: 'x', askedAtMs: now },
      { action: { ...stop, more: 1 }, by: 'x', askedAtMs: now },
      { action: stop, by: '', askedAtMs: now },
      null,
    ])
      t.match(await visitor(question), { ok: false, code: 'ARB_MESSAGE_INVALID', message: /^act\b/ });
    t.match(await visitor({ action: stop, by: 'x', askedAtMs: now - 60_000 }), {
      ...{ ok: false, code: 'ARB_ACTION_REFUSED' },
      message: /ago: nothing was done/,
    });
    t.equal(state()?.state, 'running');

    const lines = (node: InspectNode) =>
      node.audit.newest(100).map(({ action, outcome, by }) => `${action} ${outcome} ${by}`);
    t.strictSame(lines(seoul).reverse().slice(0, 2), [
      'remote.restart accepted http:127.0.0.1 on tokyo-1',
      'remote.restart done http:127.0.0.1 on tokyo-1',
    ]);
    t.ok(lines(seoul).some((line) => line.startsWith('remote.stop failed')));
    t.strictSame(lines(tokyo).reverse().slice(0, 4), [
      ...['actor.restart accepted 127.0.0.1', 'actor.restart done 127.0.0.1'],
      ...['actor.stop accepted 127.0.0.1', 'actor.stop done 127.0.0.1'],
    ]);
    const shown = await get<object[]>(tokyo, '/api/audit?limit=500');
    t.match(shown.at(-1), { action: 'actor.restart', outcome: 'accepted', detail: { node: 'seoul-1' } });
    await tokyo.audit.close();
    const written = (await readFile(tokyo.auditPath, 'utf8')).trim().split('\n');
    t.equal(written.length, shown.length, 'each is on the disk');
    t.notOk(written.join('').includes(TOKEN));
  },
);

async function askedDirectly(of: InspectNode, from: InspectNode, question: unknown): Promise<unknown> {
  return from.services.ask(of.name, 'act', question, 5_000);
}

interface Heard {
  readonly events: { readonly id: string; readonly kind: string; readonly data: unknown }[];
  close(): void;
}

function listen({ http }: InspectNode, lastId?: string): Promise<Heard> {
  const url = new URL('/api/cluster/stream', http.url);
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { headers }, (response: IncomingMessage) => {
      const events: Heard['events'] = [];
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) {
          const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
          if (!fields.has('data')) continue;
          const data: unknown = JSON.parse(fields.get('data')!);
          events.push({ id: fields.get('id') ?? '', kind: fields.get('event') ?? '', data });
        }
      });
      resolve({ events, close: () => response.destroy() });
    });
    request.on('error', reject);
  });
}

t.test('the events of all nodes are one stream, which is resumed where it broke off', async (t) => {
  if (why !== null) {
    nats.skipOrFail(t, why);
    return;
  }
  const [tokyo, seoul] = (await cluster(t, NAMES.slice(0, 2))) as [InspectNode, InspectNode];
  const crash = (node: InspectNode, restarts: number) => {
    node.system.address<string>('node/feeds/okx').tell('crash');
    return until(() => node.system.inspect('node/feeds/okx')?.restarts === restarts);
  };
  const first = await listen(tokyo);
  await crash(seoul, 1);
  await until(() => first.events.some(({ data }) => (data as { kind: string }).kind === 'restarted'));
  first.close();
  const seen = first.events.at(-1)!;
  t.match(first.events[0], {
    kind: 'supervision',
    data: { node: 'seoul-1', kind: 'crashed', reason: /planted/ },
  });
  t.match(seen.id, /^[0-9a-f]{32}-\d+$/);

  await crash(seoul, 2);
  await crash(tokyo, 1);
  await until(async () => {
    const kept = await get<ClusterEvent[]>(tokyo, '/api/cluster/events?limit=3');
    return kept.some(
      ({ event, kind }) => kind === 'supervision' && event.node === 'tokyo-1' && event.kind === 'restarted',
    );
  });
  const again = await listen(tokyo, seen.id);
  const nodesOf = (heard: Heard) => heard.events.map(({ data }) => (data as { node: string }).node);
  await until(() => nodesOf(again).filter((node) => node === 'tokyo-1').length >= 3);
  again.close();
  t.strictSame(nodesOf(again).slice(0, 3), ['seoul-1', 'seoul-1', 'seoul-1'], 'what it missed, in order');
  const numbers = again.events.map(({ id }) => Number(id.split('-')[1]));
  t.equal(numbers[0], Number(seen.id.split('-')[1]) + 1, 'and nothing twice');

  const other = await listen(seoul, seen.id);
  await until(() => other.events.length > 1);
  other.close();
  t.match(other.events[0], { kind: 'gap', data: { reason: /another process/ } });
  const members = await get<ClusterEvent[]>(seoul, '/api/cluster/events?limit=500');
  t.ok(
    members.some(({ kind, event }) => kind === 'member' && event.kind === 'joined'),
    'members too',
  );
  t.strictSame(
    await get<ClusterEvent[]>(seoul, '/api/cluster/events?limit=1'),
    members.slice(0, 1),
    'newest first',
  );
});
