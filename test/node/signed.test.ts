import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../src/config/index.js';
import { restLimiterOf } from '../../src/connectors/limit-answers.js';
import { orderRoomOf } from '../../src/modes/gateways.js';
import { Decimal } from '../../src/market/decimal.js';
import type { GatewayStatus } from '../../src/messages/gateway.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import { startNode, type StartedNode } from '../../src/modes/start.js';
import { ArbotProcess, getJson, until } from './node-process.js';

/** Signed orders over real sockets: a node in this process whose simulated accounts can be read, and processes that are killed. */

t.setTimeout(600_000);

async function folderOf(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-signed-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function nodeIn(t: Test, folder: string): Promise<StartedNode> {
  const config = await loadConfig({ folder: process.cwd(), environment: {}, flags: [] });
  const cluster = {
    ...config.cluster,
    stores: { ...config.cluster.stores, trades: { kind: 'memory' as const } },
  };
  const started = await startNode({
    market: 'simulated',
    speed: 3,
    minutes: null,
    seed: 'signed',
    dataFolder: folder,
    port: 0,
    replayFolder: null,
    recordFolder: null,
    exchanges: null,
    clusterConfig: cluster,
    tradingConfig: config.trading,
    node: config.node,
    quiet: true,
    log: { to: 'file', level: 'info' },
  });
  t.teardown(() => started.stop());
  return started;
}

const statusOf = (node: StartedNode) => () => Promise.resolve(node.node.inspection.accounts());

t.test('signed orders trade on the simulated exchanges, and the books equal their records', async (t) => {
  const folder = await folderOf(t);
  const started = await nodeIn(t, folder);
  const { market, node, report } = started;
  const accounts = Object.entries(market.simulated!.accounts);
  t.ok(accounts.length > 0);
  await until(
    statusOf(started),
    (all) => all.length === accounts.length && all.every(({ phase }) => phase === 'ready'),
    60_000,
  );
  t.ok(
    (await statusOf(started)()).every(({ orderRoom }) => orderRoom > 0),
    'it is told how many orders the budgets take',
  );
  const limiters = new Map(market.connectors.map((one) => [one.exchange, restLimiterOf(one)]));
  const room = orderRoomOf({ market, limiterOf: (exchange) => limiters.get(exchange) });
  const [first] = accounts[0]!;
  t.equal(room(first), 16, 'as the check before an arbitrage asks for it');
  limiters.get(first)!.pause(60_000, market.time.monotonicMs());
  t.same(
    [room(first), room('nowhere')],
    [0, null],
    'none while the exchange wants silence; nobody knows of others',
  );
  const signed = () => accounts.reduce((sum, [, account]) => sum + account.orders().length, 0);
  await until(
    async () => signed(),
    (orders) => orders >= 20,
    180_000,
  );

  // A file stops it: nothing is placed after what was on its way.
  await writeFile(join(folder, 'simulated/KILL'), 'flatten looking into a fill\n');
  await until(
    async () => node.halts.current.engaged,
    (engaged) => engaged,
    5_000,
  );
  await until(
    statusOf(started),
    (all) =>
      all.every(
        ({ phase, counts, emptyAtMs }) => phase === 'halted' && counts.unsettled === 0 && emptyAtMs !== null,
      ),
    60_000,
  );
  const stopped = signed();
  t.match(node.halts.current, { policy: 'flatten', reason: /looking into a fill/, by: 'file KILL' });
  await until(
    async () => node.system.inspect('node/trade/saga')?.summary['running'],
    (running) => running === 0,
    60_000,
  );
  // Flattened means: by the exchanges' own word nothing is open, and all that they hold is in the ledger.
  await until(
    async () => node.inspection.haltReport(),
    ({ isProven }) => isProven,
    60_000,
  );
  const { accounts: proofs, arbitrages, policy } = node.inspection.haltReport();
  t.match({ policy, running: arbitrages.running }, { policy: 'flatten', running: 0 });
  t.same(proofs.map(({ exchange }) => exchange).sort(), accounts.map(([exchange]) => exchange).sort());
  t.ok(proofs.every(({ unexplained, unsettled }) => unexplained.length === 0 && unsettled === 0));

  for (const [exchange, account] of accounts) {
    const orders = account.orders();
    t.equal(
      new Set(orders.map(({ clientOrderId }) => clientOrderId)).size,
      orders.length,
      `${exchange}: no id twice`,
    );
    t.same(
      orders.filter(({ state }) => state === 'open'),
      [],
      `${exchange}: nothing is open`,
    );
    const placed = node.inspection.accounts().find((one) => one.exchange === exchange)?.counts.placed;
    t.equal(account.placeRequests, placed, `${exchange}: what was sent came once`);
  }
  const view = await node.inspection.portfolio();
  const wrong = accounts.flatMap(([exchange, account]) =>
    account.balances().filter(({ asset, free, locked }) => {
      const held = view.latest?.holdings.find((one) => one.exchange === exchange && one.asset === asset);
      return !new Decimal(free).plus(locked).eq(held?.amount ?? 0);
    }),
  );
  t.same(wrong, [], 'the ledger holds what the exchanges hold');
  const verdict = report!.judge();
  t.equal(signed(), stopped, 'and nothing left after the switch');
  // Which of them were planted is judged where a governor keeps time to the machine (simulated.test.ts): here a machine that
  // lags lets approvals expire between two legs, and that is no fault of the books.
  t.comment(
    `${stopped} signed orders, ${verdict.matched.length} planted opportunities traded, ${verdict.wrong.length} others`,
  );

  const before = node.inspection.accounts().map(({ counts }) => counts.reconciliations);
  const response = await fetch(`${started.url}api/kill-switch`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(await readFile(join(folder, 'http-token'), 'utf8')).trim()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ engaged: false, reason: 'looked into' }),
  });
  t.equal(response.status, 200);
  await t.rejects(stat(join(folder, 'simulated/KILL')), 'a person released it, and the file is gone');
  await until(
    statusOf(started),
    (all) => all.every(({ phase, counts }, n) => phase === 'ready' && counts.reconciliations > before[n]!),
    30_000,
  );
  t.same(
    node.inspection.accounts().flatMap(({ unexplained }) => unexplained),
    [],
    'compared with the exchanges before anything new',
  );
});

t.test('a killed node finds its orders at exchanges that outlived it', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'exchanges.json');
  const exchanges = new ArbotProcess(['exchanges', '--port-file', file, '--seed', 'outlive']);
  t.teardown(() => exchanges.kill());
  await exchanges.seen(/^described/m, 60_000);
  t.equal((await stat(file)).mode & 0o077, 0, 'its keys are for its owner');
  const args = ['start', '--exchanges-at', file, '--port', '0', '--data', join(folder, 'data')];
  let traded = 0;
  for (let life = 0; life < 3; life++) {
    const node = new ArbotProcess(args);
    t.teardown(() => node.kill());
    const url = await node.url();
    const all = await until(
      () => getJson<GatewayStatus[]>(`${url}api/accounts`),
      (states) => states.length > 0 && states.every(({ phase }) => phase === 'ready'),
      60_000,
    );
    t.same(
      all.flatMap(({ unexplained }) => unexplained),
      [],
      `life ${life}: the exchanges hold what the ledger says`,
    );
    const wanted = traded + 1;
    const trades = await until(
      () => getJson<ArbitrageClosed[]>(`${url}api/trades?limit=500`),
      (list) => list.length >= wanted,
      180_000,
    );
    traded = trades.length;
    // At once, whatever is under way.
    node.kill('SIGKILL');
    await node.exit();
  }

  // The signal stops it, a kill forgets nothing, and no order leaves after either.
  const stopped = new ArbotProcess(args);
  t.teardown(() => stopped.kill());
  await stopped.url();
  stopped.kill('SIGUSR2');
  await until(
    () =>
      stat(join(folder, 'data/simulated/KILL')).then(
        () => true,
        () => false,
      ),
    (isThere) => isThere,
    10_000,
  );
  stopped.kill('SIGKILL');
  await stopped.exit();
  const after = new ArbotProcess(args);
  t.teardown(() => after.kill());
  const url = await after.url();
  const halted = await until(
    () => getJson<GatewayStatus[]>(`${url}api/accounts`),
    (states) => states.length > 0 && states.every(({ emptyAtMs }) => emptyAtMs !== null),
    60_000,
  );
  t.ok(
    halted.every(({ phase }) => phase === 'halted'),
    'a restart finds the switch in its file',
  );
  t.ok(halted.every(({ reasons }) => reasons[0]?.startsWith('kill switch') === true));
  after.kill('SIGKILL');
  await after.exit();

  exchanges.kill('SIGTERM');
  t.equal(await exchanges.exit(), 0);
  await t.rejects(stat(file), 'the file goes with the exchanges');
});
