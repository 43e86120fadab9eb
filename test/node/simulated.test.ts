import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import type { OpportunityEvent } from '../../src/messages/signal.js';
import type { ActorNode, FeedView, PortfolioView } from '../../src/http/source.js';
import type { Stores } from '../../src/ports/stores.js';
import { openStores } from '../../src/storage/open-stores.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';
import { ArbotProcess, getJson, until } from './node-process.js';

/** The main job as a user runs it: processes of their own, on simulated exchanges and the embedded database. */

const EXCHANGES = ['binance', 'bybit', 'okx'];
const ACCELERATED = ['start', '--port', '0', '--speed', '10', '--minutes', '10', '--seed', 'friday'];

// Ten minutes of market time; on a machine that lags, time slows down rather than judging the lag.
t.setTimeout(1_200_000);

t.test('ten accelerated minutes trade exactly what the oracle planted, and the books add up', async (t) => {
  t.setTimeout(1_150_000);
  const folder = await mkdtemp(join(tmpdir(), 'arbot-node-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const first = new ArbotProcess([...ACCELERATED, '--data', folder]);
  t.teardown(() => first.kill());

  const startedMs = performance.now();
  const url = await first.url();
  const feeds = await until(
    () => getJson<FeedView[]>(`${url}api/feeds`),
    (views) => views.length === 3 && views.every(({ state }) => state === 'live'),
    60_000,
  );
  t.same(feeds.map(({ exchange }) => exchange).sort(), EXCHANGES, 'three feeds are live');
  t.comment(
    `three feeds live ${Math.round(performance.now() - startedMs)} ms after the start of the process`,
  );
  await until(
    () => getJson<OpportunityEvent[]>(`${url}api/opportunities?limit=500`),
    (events) =>
      events.some(({ phase }) => phase === 'executed') &&
      events.some(({ phase, reason }) => phase === 'refused' && reason !== ''),
    120_000,
  );
  t.pass('the API shows opportunities executed, and refused with a reason');

  const second = new ArbotProcess(['start', '--port', '0', '--data', folder]);
  t.equal(await second.exit(), 1, 'a second process on the same folder is refused');
  t.match(second.stderr, /ARB_FOLDER_LOCKED/, 'by name');
  t.ok(second.stderr.includes(folder), 'and the folder is named');

  t.equal(await first.exit(), 0, first.stderr.slice(-2_000));
  const oracle = /planted opportunities traded (\d+), missed (\d+), wrongly traded (\d+)/.exec(first.stdout);
  t.ok(oracle !== null, 'the run ends with the oracle’s verdict');
  t.ok(Number(oracle?.[1]) >= 30, `enough was planted and traded: ${oracle?.[0]}`);
  t.equal(oracle?.[2], '0', `nothing planted was missed: ${oracle?.[0]}`);
  t.equal(oracle?.[3], '0', `nothing else was traded: ${oracle?.[0]}`);

  t.notMatch(first.stdout + first.stderr, /^\{/m, 'the console is for people');
  const logPath = join(folder, 'simulated/arbot.log');
  t.match(first.stdout, new RegExp(`^log {5}${logPath}$`, 'm'), 'the log is elsewhere, and named');
  const [line = ''] = (await readFile(logPath, 'utf8')).split('\n');
  t.match(JSON.parse(line), { level: 'info', mode: 'SIMULATED' }, 'as JSON lines');

  const before = await withStores(folder, (stores) => checkLedger(t, stores));
  const accounts = [...first.stdout.matchAll(/^account (\w+) (\d+) orders, (\d+) trades, (.*)$/gm)];
  t.ok(accounts.length > 0, 'signed orders went to simulated accounts');
  for (const [line, exchange, orders, , verdict] of accounts) {
    t.ok(Number(orders) > 0, line);
    // An order whose fills the end of the run cut off is the next start's.
    const isCut = before.openLegs.some((leg) => leg.exchange === exchange);
    t.ok(isCut || verdict === 'ledger equals exchange', `the exchange's own records: ${line}`);
  }

  const again = new ArbotProcess(['start', '--port', '0', '--data', folder, '--seed', 'saturday']);
  t.teardown(() => again.kill());
  const nextUrl = await again.url();
  const trades = await getJson<ArbitrageClosed[]>(`${nextUrl}api/trades?limit=500`);
  t.ok(trades.length >= before.arbitrages, 'a second start has the history of the first');
  const around = trades.filter(({ strategy }) => strategy === 'triangular');
  t.ok(around.length > 3, `${around.length} of ${trades.length} trades went around a cycle`);
  const portfolio = await until(
    () => getJson<PortfolioView>(`${nextUrl}api/portfolio`),
    ({ latest }) => latest !== null && latest.holdings.length > 0,
    30_000,
  );
  t.ok(new Decimal(portfolio.latest?.realisedNet ?? 0).gte(before.realised), 'and goes on from its result');
  await checkPage(t, nextUrl);
  const stopMs = performance.now();
  again.kill('SIGINT');
  t.equal(await again.exit(), 130, 'Ctrl-C ends it');
  t.ok(performance.now() - stopMs < 20_000, 'in bounded time');
  t.comment(`stopped ${Math.round(performance.now() - stopMs)} ms after SIGINT`);
  t.match(again.stdout, /^oracle /m, 'in order: the summary is printed');
  const after = await withStores(folder, (stores) => checkLedger(t, stores));
  t.ok(after.fills >= before.fills, 'no fill was lost');
  const isLeft = ({ arbitrageId }: { arbitrageId: string }) =>
    before.openLegs.some((leg) => leg.arbitrageId === arbitrageId);
  t.same(
    after.openLegs.filter(isLeft),
    [],
    `what was under way at the first end (${before.openLegs.length} legs) was settled by the second start`,
  );
});

async function withStores<T>(folder: string, use: (stores: Stores) => Promise<T>): Promise<T> {
  const time = new RealTime();
  const choice = { kind: 'pglite', folder: join(folder, 'simulated/pglite'), mode: 'SIMULATED' } as const;
  const stores = await openStores(choice, { log: new KeptLog(), timers: time, clock: time });
  try {
    return await use(stores);
  } finally {
    await stores.close();
  }
}

/** Recomputed from rows alone: entries sum to zero per asset, holdings are openings plus fills, to the last decimal. */
async function checkLedger(t: Test, stores: Stores) {
  const entries = await stores.ledger.entries(0, 10_000);
  const sums = entries.flatMap(({ entry }) => {
    const perAsset = new Map<string, Decimal>();
    for (const { asset, amount } of entry.postings)
      perAsset.set(asset, (perAsset.get(asset) ?? new Decimal(0)).plus(amount));
    return [...perAsset.values()];
  });
  t.ok(entries.length > 0 && sums.every((sum) => sum.isZero()), 'each entry sums to zero for each asset');

  const expected = new Map<string, Decimal>();
  const add = (exchange: string, asset: string, amount: Decimal) => {
    const key = `${exchange} ${asset}`;
    expected.set(key, (expected.get(key) ?? new Decimal(0)).plus(amount));
  };
  for (const { entry } of entries)
    if (entry.kind === 'opening')
      for (const { account, asset, amount } of entry.postings)
        if (account.startsWith('exchange:')) add(account.slice(9), asset, new Decimal(amount));
  const fills = await stores.ledger.fills(0, 10_000);
  for (const { fill } of fills) {
    const [base = '', quote = ''] = fill.instrument.slice(fill.exchange.length + 1).split('-');
    const sign = fill.side === 'buy' ? 1 : -1;
    add(fill.exchange, base, new Decimal(fill.quantity).times(sign));
    add(fill.exchange, quote, new Decimal(fill.quantity).times(fill.price).times(-sign));
    add(fill.exchange, fill.feeAsset, new Decimal(fill.fee).neg());
  }
  const holdings = await stores.ledger.holdings();
  const wrong = holdings.filter(
    ({ exchange, asset, amount }) => !(expected.get(`${exchange} ${asset}`) ?? new Decimal(0)).eq(amount),
  );
  t.same(wrong, [], 'the ledger equals the openings plus the sum of the fills');
  t.equal(holdings.length, expected.size, 'and holds nothing else');
  const arbitrages = await stores.trades.recentArbitrages(10_000);
  const realised = arbitrages.reduce((sum, { realisedNet }) => sum.plus(realisedNet), new Decimal(0));
  const openLegs = await stores.trades.openLegs();
  return { arbitrages: arbitrages.length, fills: fills.length, realised, openLegs };
}

async function checkPage(t: Test, url: string): Promise<void> {
  const page = await (await fetch(url)).text();
  t.match(page, /<html/i, 'the page is served');
  t.equal((await fetch(`${url}healthz`)).status, 200, 'healthz');
  t.match(await (await fetch(`${url}metrics`)).text(), /^arbot_/m, 'metrics');
  const tree = await getJson<ActorNode>(`${url}api/actors`);
  const paths = (node: ActorNode): string[] => [node.path, ...node.children.flatMap(paths)];
  t.ok(paths(tree).includes('node/feeds/okx'), 'the tree has the feeds');
  const unauthorised = await fetch(`${url}api/kill-switch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ engaged: true, reason: 'test' }),
  });
  t.equal(unauthorised.status, 401, 'whatever changes state needs the token');
}
