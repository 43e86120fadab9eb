import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { HealthReport } from '../../src/http/source.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import type { ActorInspection } from '../../src/runtime/actor.js';
import type { Db } from '../../src/storage/sql/db.js';
import { openPostgresDb } from '../../src/storage/sql/postgres-db.js';
import { wrongRows } from '../chaos/stores.js';
import { available, skipOrFail, startPostgres } from '../servers/postgres.js';
import type { ServerControl } from '../servers/server-process.js';
import { testPorts } from '../storage/ports.js';
import { ArbotProcess, getJson, until } from './node-process.js';

/** A node on a real PostgreSQL that stands still, and that dies, while it trades. */

const repository = resolve(import.meta.dirname, '../..');
const EXCHANGES = ['binance', 'bybit', 'okx'];
const PATIENCE_MS = 180_000;
/** How long the server is away: longer than the lease lives. */
const AWAY_MS = 9_000;

t.setTimeout(1_200_000);

const CLUSTER = `export default {
  nodes: [{ name: 'local', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] }],
  stores: { trades: { kind: 'postgres', urlEnv: 'ARBOT_TEST_STORE' } },
};`;

class Node {
  readonly process: ArbotProcess;
  private base = '';

  constructor(configFolder: string, dataFolder: string, storeUrl: string) {
    const args = ['start', '--port', '0', '--seed', 'friday', '--config', configFolder, '--data', dataFolder];
    this.process = new ArbotProcess(args, { ARBOT_TEST_STORE: storeUrl });
  }

  async open(): Promise<void> {
    this.base = await this.process.url(PATIENCE_MS);
  }

  async summaryOf(path: string): Promise<Readonly<Record<string, unknown>>> {
    return (await getJson<ActorInspection>(`${this.base}api/actors/node/trade/${path}`)).summary;
  }

  trades(): Promise<ArbitrageClosed[]> {
    return getJson<ArbitrageClosed[]>(`${this.base}api/trades?limit=500`);
  }

  /** Of /readyz, whatever its status. */
  async checks(): Promise<ReadonlyMap<string, boolean>> {
    const report = (await (await fetch(`${this.base}readyz`)).json()) as HealthReport;
    return new Map(report.checks.map(({ name, ok }) => [name, ok]));
  }

  untilReady(): Promise<unknown> {
    return until(
      () => this.checks(),
      (checks) =>
        checks.get('lease') === true && checks.get('stores') === true && checks.get('feeds') === true,
      PATIENCE_MS,
    );
  }

  untilTrades(more: number): Promise<unknown> {
    return until(
      () => this.trades(),
      (trades) => trades.length >= more,
      PATIENCE_MS,
    );
  }

  async approved(): Promise<number> {
    return Number((await this.summaryOf('gate'))['approved']);
  }
}

async function outage(
  t: Test,
  node: Node,
  away: () => void | Promise<void>,
  back: () => void | Promise<void>,
) {
  const fenceBefore = Number((await node.summaryOf('lease'))['fence']);
  await away();
  const lease = await until(
    () => node.summaryOf('lease'),
    // Expired by the clock first; why is said at its next look.
    (summary) => summary['held'] === false && summary['reason'] !== '',
    PATIENCE_MS,
  );
  t.match(lease['reason'], /not renewed in time|cannot be asked for/, 'the actor says why');
  const gate = await until(
    () => node.summaryOf('gate'),
    ({ holds }) => Array.isArray(holds) && holds.includes('lease'),
    PATIENCE_MS,
  );
  const checks = await node.checks();
  t.strictSame([checks.get('lease'), checks.get('stores')], [false, false], '/readyz says so too');
  await sleep(AWAY_MS);
  t.equal(await node.approved(), gate['approved'], 'nothing was approved meanwhile');
  const wanted = Number((await node.summaryOf('gate'))['refused']);
  t.ok(wanted >= Number(gate['refused']), 'what was wanted was refused');
  await back();
  const backAtMs = performance.now();
  await until(
    () => node.summaryOf('gate'),
    ({ holds }) => Array.isArray(holds) && holds.length === 0,
    PATIENCE_MS,
  );
  const recoveredMs = performance.now() - backAtMs;
  await node.untilReady();
  const fence = Number((await node.summaryOf('lease'))['fence']);
  t.ok(fence > fenceBefore, `under a larger fence: ${fenceBefore}, then ${fence}`);
  return recoveredMs;
}

t.test('with PostgreSQL standing still or dead no risk is added, and all comes back by itself', async (t) => {
  if (skipOrFail(t, available())) return;
  const server = await startPostgres({ durable: true });
  t.teardown(() => server.stop());
  if (server.external) return t.plan(0, 'the server of PG_URL is not ours to stop');
  const trading = JSON.stringify(resolve(repository, 'trading.config.ts'));
  const config = t.testdir({
    'cluster.config.ts': CLUSTER,
    'trading.config.ts': `import trading from ${trading};\nexport default trading;\n`,
  });
  const data = await mkdtemp(join(tmpdir(), 'arbot-away-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));
  const node = new Node(config, data, server.url);
  t.teardown(() => node.process.kill());
  await node.open();
  await node.untilReady();
  await node.untilTrades(1);

  await t.test('a server that stands still (SIGSTOP)', async (t) => {
    const recoveredMs = await outage(
      t,
      node,
      () => server.pause(),
      () => server.resume(),
    );
    t.comment(`no hold is left ${Math.round(recoveredMs)} ms after it goes on`);
  });
  await node.untilTrades((await node.trades()).length + 1);
  t.pass('it trades again');

  await t.test('a server that is killed', async (t) => {
    const recoveredMs = await outage(
      t,
      node,
      () => server.kill(),
      () => server.restart(),
    );
    t.comment(`no hold is left ${Math.round(recoveredMs)} ms after it answers again`);
  });
  await node.untilTrades((await node.trades()).length + 1);
  t.pass('it trades again');

  const told = await node.trades();
  const fills = await fillsCarriedOut(node);
  node.process.kill('SIGINT');
  t.equal(await node.process.exit(), 130, 'it stops in order');
  await t.test('nothing is lost', (t) => checkRows(t, server, told, fills));
  const log = await readFile(join(data, 'simulated/arbot.log'), 'utf8');
  t.match(log, /no new risk: the lease of who may trade is not held/, 'the log says it');
  t.equal(log.split('this node may trade').length - 1, 3, 'and each time that it is over');
});

/** What the paper exchanges themselves carried out, once nothing is under way. */
async function fillsCarriedOut(node: Node): Promise<number> {
  let fills = -1;
  await until(
    async () => {
      const summaries = await Promise.all(EXCHANGES.map((name) => node.summaryOf(`gateway-${name}`)));
      const now = summaries.reduce((sum, { fills: one }) => sum + Number(one), 0);
      const isSame = now === fills;
      fills = now;
      return isSame && Number((await node.summaryOf('saga'))['running']) === 0;
    },
    (isQuiet) => isQuiet,
    PATIENCE_MS,
  );
  return fills;
}

async function checkRows(t: Test, server: ServerControl, told: readonly ArbitrageClosed[], fills: number) {
  const db: Db = await openPostgresDb(server.url, testPorts().log, (ms) => sleep(ms));
  t.teardown(() => db.close());
  const count = async (sql: string): Promise<number> => Number((await db.query(sql))[0]?.['n']);
  t.strictSame(await wrongRows(db), []);
  t.ok((await count('select count(*)::text as n from fills')) >= fills, `all ${fills} fills are booked`);
  t.equal(await count('select count(*)::text as n from open_legs'), 0, 'no order is left without an end');
  const stored = await db.query('select arbitrage_id as id from arbitrages');
  const ids = new Set(stored.map((row) => row['id']));
  t.strictSame(
    told.filter(({ arbitrageId }) => !ids.has(arbitrageId)),
    [],
    `all ${told.length} arbitrages that the page showed are stored`,
  );
  const older = `
    select count(*)::text as n from order_legs l
    where exists (select 1 from order_legs e where e.position < l.position and e.fence > l.fence)`;
  t.equal(await count(older), 0, 'no row came under a fence older than one before it');
  t.ok((await count('select max(fence)::text as n from order_legs')) >= 3, 'rows of three fences or more');
  t.equal(await count('select count(*)::text as n from exchanges where active'), 3);
}
