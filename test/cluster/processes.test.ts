import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ClusterActors, Topology } from '../../src/http/cluster-answers.js';
import { feedTask, ownerOf } from '../../src/cluster/placement.js';
import type { NodeRole } from '../../src/messages/cluster.js';
import type { FeedView } from '../../src/http/source.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import type { NodeServices } from '../../src/ports/node-services.js';
import { getJson } from '../node/node-process.js';
import * as nats from '../servers/nats.js';
import * as postgres from '../servers/postgres.js';
import { ClusterWorld, type All, type Figures } from './cluster-world.js';

/** Three nodes that a user would start on three machines: one is killed, one is stopped in order. */

t.setTimeout(900_000);

const EXCHANGES = ['binance', 'bybit', 'okx'];
const ASSETS = 5;
const REGIONS = ['tokyo', 'singapore', 'seoul'];
const ALL_ROLES: readonly NodeRole[] = ['feeds', 'detectors', 'trade', 'recorder'];
const ownersOf = (names: readonly string[]) =>
  EXCHANGES.map((exchange) =>
    ownerOf(
      { id: feedTask(exchange), role: 'feeds', regions: null },
      names.map((node) => ({ node, region: 'any', roles: ALL_ROLES, capacity: 1 })),
    ),
  );
/** Names that give each node one feed, so that whichever is killed had something to lose. */
const NODES = Array.from({ length: 50 }, (_, n) => REGIONS.map((region) => `${region}-${n + 1}`)).find(
  (names) => new Set(ownersOf(names)).size === names.length,
)!;
/** Far beyond what is meant, so that a slow machine fails nothing: the figures are told. */
const WITHIN_MS = 120_000;

const holderOf = (all: All): string | null => [...all].find(([, { held }]) => held)?.[0] ?? null;
const feedsOf = (all: All): string[] => [...all.values()].flatMap(({ feeds }) => feeds).sort();
const some = (duty: 'watches' | 'trades') => (all: All) => [...all.values()].some((duties) => duties[duty]);
const MOVED = {
  lease: (all: All) => holderOf(all) !== null,
  'gate open': some('trades'),
  feeds: (all: All) => feedsOf(all).join() === EXCHANGES.join(),
  detectors: (all: All) => new Set([...all.values()].flatMap(({ assets }) => assets)).size === ASSETS,
  recorders: some('watches'),
};
const told = (figures: Figures): string =>
  Object.entries(figures)
    .map(([what, ms]) => `${what} ${ms} ms`)
    .join(', ');
const tradesOf = (world: ClusterWorld, name: string): Promise<ArbitrageClosed[]> =>
  getJson<ArbitrageClosed[]>(`${world.urls.get(name)}api/trades?limit=500`);

const why = nats.available() ?? postgres.available();
t.test('a killed node loses its work to the others, and one that stops hands it over', async (t) => {
  if (why !== null) {
    nats.skipOrFail(t, why);
    return;
  }
  const world = await ClusterWorld.open(
    t,
    NODES.map((name, index) => ({ name, region: REGIONS[index]!, roles: ALL_ROLES })),
  );
  const allWork = () => ({
    'all work': (all: All) =>
      all.size === world.urls.size &&
      Object.values(MOVED).every((isReached) => isReached(all)) &&
      EXCHANGES.every((one, n) => all.get(ownersOf([...all.keys()])[n]!)?.feeds.includes(one) === true),
  });
  await Promise.all(NODES.map((name) => world.start(name)));
  await world.until(allWork(), WITHIN_MS);
  const before = await world.all();
  t.equal([...before.values()].filter(({ held }) => held).length, 1, 'one holds the lease');
  t.equal([...before.values()].filter(({ hasGate }) => hasGate).length, 1, 'and only there is a gate');
  for (const [name, { feeds }] of before) t.comment(`${name} feeds ${feeds.join(', ') || 'nothing'}`);
  const holder = holderOf(before)!;
  const survivors = NODES.filter((name) => name !== holder);
  await asked(t, await world.services(t), holder);
  const traded = await tradesBeyond(world, holder, 0);
  const quiet = await faultsOf(world, survivors);

  world.kill(holder, 'SIGKILL');
  t.comment(`kill -9 of ${holder}: ${told(await world.until(MOVED, WITHIN_MS))}`);
  const after = await world.all();
  const next = holderOf(after)!;
  t.not(next, holder);
  t.ok(after.get(next)!.fence! > before.get(holder)!.fence!, 'under a larger fence');
  const now = await faultsOf(world, survivors);
  for (const [feed, count] of quiet) t.equal(now.get(feed), count, `${feed} missed nothing`);
  await tradesBeyond(world, next, traded);

  await world.start(holder);
  await world.until(allWork(), WITHIN_MS);
  t.equal(holderOf(await world.all()), next, 'who has the lease keeps it');

  const stopping = world.nodes.get(next)!;
  world.kill(next, 'SIGTERM');
  t.comment(`ordered stop of ${next}: ${told(await world.until(MOVED, WITHIN_MS))}`);
  t.equal(await stopping.exit(), 0, 'it ends in order');
  const last = await world.all();
  t.ok(last.get(holderOf(last)!)!.fence! > after.get(next)!.fence!, 'and gave the lease back');
  await drained(t, world, next);
});

/** Of two living nodes, the one that trades is drained through the other, and given work again. */
async function drained(t: Test, world: ClusterWorld, stopped: string): Promise<void> {
  const before = await world.all();
  const holder = holderOf(before)!;
  const other = [...before.keys()].find((name) => name !== holder)!;
  const url = world.urls.get(other)!;
  const shown = await getJson<Topology>(`${url}api/cluster`);
  t.match(shown, { self: other, lease: { holder, fence: before.get(holder)!.fence } });
  t.match(
    new Map(shown.nodes.map(({ node, state }) => [node, state])),
    new Map([...before.keys()].map((node) => [node, 'up'])).set(stopped, 'silent'),
  );
  const { nodes } = await getJson<ClusterActors>(`${url}api/cluster/actors?kind=gate`);
  t.match(nodes.find(({ node }) => node === holder)?.actors, [{ path: 'node/trade/gate' }]);

  const token = (await readFile(join(world.folder, other, 'http-token'), 'utf8')).trim();
  const act = async (verb: 'drain' | 'resume') => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${url}api/cluster/nodes/${holder}/${verb}`, { method: 'POST', headers });
    t.match(await answer.json(), { node: holder, done: verb });
  };
  await act('drain');
  const moved = await world.until(
    {
      lease: (all) => holderOf(all) === other,
      'gate open': (all) => all.get(other)?.trades === true,
      feeds: (all) =>
        all.get(holder)?.feeds.length === 0 && all.get(other)?.feeds.length === EXCHANGES.length,
      recorders: (all) => all.get(other)?.watches === true,
    },
    WITHIN_MS,
  );
  t.comment(`drain of ${holder}: ${told(moved)}`);
  const after = await getJson<Topology>(`${url}api/cluster`);
  t.match(after.nodes.find(({ node }) => node === holder)?.facts, { draining: true, lease: { held: false } });
  // What a person took away stays away, also from a process that starts anew.
  world.kill(holder, 'SIGKILL');
  await world.nodes.get(holder)!.exit();
  await world.start(holder);
  await world.until({ listens: (all) => all.has(holder) }, WITHIN_MS);
  const risen = await getJson<Topology>(`${world.urls.get(holder)!}api/cluster`);
  t.match(
    risen.nodes.find(({ isSelf }) => isSelf),
    { node: holder, facts: { draining: true } },
  );
  t.match((await world.all()).get(holder), { held: false, feeds: [], hasGate: false, watches: false });
  await act('resume');
  await world.until({ work: (all) => (all.get(holder)?.feeds.length ?? 0) > 0 }, WITHIN_MS);
  t.equal(holderOf(await world.all()), other, 'who has the lease keeps it');
  const audit = await readFile(join(world.folder, holder, 'simulated/audit.jsonl'), 'utf8');
  t.match(audit, `on ${other}`, 'written where it was done');
}

t.test('nodes with one role each trade together', async (t) => {
  if (why !== null) {
    nats.skipOrFail(t, why);
    return;
  }
  const roles = { ears: ['feeds'], eyes: ['detectors', 'recorder'], hands: ['trade'] };
  const world = await ClusterWorld.open(
    t,
    Object.entries(roles).map(([name, own]) => ({ name, region: 'here', roles: own })),
  );
  await Promise.all(Object.keys(roles).map((name) => world.start(name)));
  t.comment(told(await world.until(MOVED, WITHIN_MS)));
  const all = await world.all();
  t.match(all.get('ears'), { held: false, hasGate: false, watches: false, assets: [], feeds: { length: 3 } });
  t.match(all.get('eyes'), {
    held: false,
    hasGate: false,
    watches: true,
    feeds: [],
    assets: { length: ASSETS },
  });
  t.match(all.get('hands'), { held: true, trades: true, watches: false, feeds: [], assets: [] });
  t.ok((await tradesBeyond(world, 'ears', 0)) > 0, 'as any page shows');
});

/** Found and asked by name, as any node may do it. */
async function asked(t: Test, services: NodeServices, holder: string): Promise<void> {
  const found = await services.discover(2_000);
  t.strictSame(
    found.map(({ node }) => node),
    [...NODES].sort(),
    'every node is discovered',
  );
  t.equal(new Set(found.map(({ facts }) => facts['build'])).size, 1, 'with one build');
  t.match(await services.ask(holder, 'inspect', null, 10_000), {
    node: holder,
    mode: 'SIMULATED',
    lease: { held: true },
    feeds: Array,
    members: { length: 3 },
    placement: { 'feed:okx': String },
  });
  t.match(await services.ask(holder, 'tree', null, 10_000), { path: 'node', children: Array });
  t.match(await services.ask(holder, 'actor', 'node/trade/gate', 10_000), { kind: 'gate', state: 'running' });
  await t.rejects(services.ask(holder, 'actor', 7, 10_000), { code: 'ARB_RESPONDER_FAILED' });
  await t.rejects(services.ask('nobody', 'inspect', null, 10_000), { code: 'ARB_NO_RESPONDER' });
  const inspect = (await services.discover(2_000)).find(({ node }) => node === holder)?.endpoints;
  t.match(
    inspect?.find(({ endpoint }) => endpoint === 'inspect'),
    { requests: 1, errors: 0 },
    'and statistics',
  );
}

/** Gaps, reconnects and refused frames of the feeds that run on these nodes. */
async function faultsOf(world: ClusterWorld, names: readonly string[]): Promise<Map<string, number>> {
  const all = await world.all();
  const counts = new Map<string, number>();
  for (const name of names) {
    const views = await getJson<FeedView[]>(`${world.urls.get(name)}api/feeds`);
    for (const { exchange, gaps, reconnects, invalidFrames } of views)
      if (all.get(name)?.feeds.includes(exchange) === true)
        counts.set(`${exchange} on ${name}`, gaps + reconnects + invalidFrames);
  }
  return counts;
}

/** Waits for one more; resolves with how many there are. */
async function tradesBeyond(world: ClusterWorld, name: string, known: number): Promise<number> {
  const deadline = performance.now() + WITHIN_MS * 2;
  for (;;) {
    const { length } = await tradesOf(world, name);
    if (length > known) return length;
    if (performance.now() > deadline) throw new Error(`no trade beyond ${known}`);
    await new Promise((done) => setTimeout(done, 500));
  }
}
