import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { runCommand } from '../../src/cli/main.js';
import type { Terminal } from '../../src/cli/output.js';
import { fillEntry } from '../../src/execution/ledger.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import { explainArbitrage, profitAndLossOf } from '../../src/modes/reports.js';
import type { Stores } from '../../src/ports/stores.js';
import { openStores } from '../../src/storage/open-stores.js';
import { testPorts } from '../storage/ports.js';
import { tradeFence } from '../storage/lease-contract.js';
import * as s from '../storage/samples.js';

/** What people ask of a running node: over its own HTTP, from the same readers that a command uses on the stores. */

const repository = new URL('../../', import.meta.url).pathname;
const PARTS = { priceMove: '-0.5', fees: '0.1', slippage: '0', latency: '-0.02', legFailure: '0.4' };
const DAY_MS = 86_400_000;
const NEW_YEAR_IN_SEOUL_MS = Date.UTC(2025, 11, 31, 15);

async function run(line: string) {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    environment: {},
    workingFolder: repository,
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    onSignal: () => () => undefined,
  };
  const importStartNode = () => Promise.reject(new Error('starts nothing'));
  const code = await runCommand([...line.split(' '), '--config', repository], { terminal, importStartNode });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** The routes of the inspection API that reports ask, over stores. */
async function serve(t: Tap, stores: Stores): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://node');
    const answer = async (): Promise<unknown> => {
      if (url.pathname === '/api/trades')
        return stores.trades.recentArbitrages(Number(url.searchParams.get('limit')));
      if (url.pathname === '/api/pnl')
        return profitAndLossOf(
          stores,
          Number(url.searchParams.get('from')),
          Number(url.searchParams.get('to')),
        );
      return explainArbitrage(stores, url.pathname.split('/').at(-1)!);
    };
    void answer().then((body) => {
      response.statusCode = body === null ? 404 : 200;
      response.end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Tap {
  teardown(end: () => unknown): void;
}

/** One that went half wrong: two planned orders, a recovery, and a fill that came after the end. */
async function filled(t: Tap): Promise<Stores> {
  const stores = await openStores({ kind: 'memory', mode: 'SIMULATED' }, testPorts());
  t.teardown(() => stores.close());
  const signal = s.sampleSignal('why');
  const verdict = s.approved(signal);
  await stores.signals.saveSignal(signal, verdict);
  const legs = [
    s.sampleLeg('why', {
      verdictId: verdict.verdictId,
      side: 'buy',
      instrument: 'binance:BTC-USDT',
      exchange: 'binance',
    }),
    s.sampleLeg('why', { verdictId: verdict.verdictId, legIndex: 1 }),
    s.sampleLeg('why', { verdictId: verdict.verdictId, legIndex: 1, attempt: 1 }),
  ];
  await stores.trades.journalLegs(legs, await tradeFence(stores));
  await stores.trades.saveLegResult(s.sampleResult(legs[0]!));
  await stores.trades.saveLegResult(
    s.sampleResult(legs[1]!, { status: 'expired', filledQuantity: '0', reason: 'THIN' }),
  );
  const fill = s.sampleFill('why', { quantity: '0.001', price: '60000' });
  await stores.ledger.bookFill(fill, fillEntry(fill, 1));
  const at = (closedAtMs: number, change: Partial<ArbitrageClosed> = {}) => ({
    attribution: PARTS,
    closedAtMs,
    ...change,
  });
  await stores.trades.closeArbitrage(s.sampleClosed('why', at(NEW_YEAR_IN_SEOUL_MS, { residualBase: '0' })));
  await stores.trades.closeArbitrage(
    s.sampleClosed('old', at(NEW_YEAR_IN_SEOUL_MS - 1, { pair: 'ETH-USDT' })),
  );
  await stores.trades.closeArbitrage(
    s.sampleClosed('untold', { closedAtMs: NEW_YEAR_IN_SEOUL_MS + DAY_MS - 1, outcome: 'flagged' }),
  );
  return stores;
}

t.test('trades are listed with the parts of their difference, filtered, as text and as JSON', async (t) => {
  const url = await serve(t, await filled(t));
  const all = await run(`trades --url ${url}`);
  t.equal(all.code, 0, all.err);
  t.match(all.out.split('\n'), [
    /^closed +strategy +pair +buy > sell +outcome .*price move +fees +slippage +latency +leg failure +arbitrage$/,
    /flagged .* - +- +- +- +- +arb-untold$/,
    /ETH-USDT .*-0\.5 +0\.1 +0 +-0\.02 +0\.4 +arb-old$/,
    /arb-why$/,
  ]);
  t.match((await run(`trades --url ${url} --outcome flagged`)).out.split('\n').length, 2);
  const json = JSON.parse((await run(`trades --url ${url} --pair ETH-USDT --json`)).out) as ArbitrageClosed[];
  t.match(json, [{ arbitrageId: 'arb-old', attribution: PARTS }]);
  t.equal((await run(`trades --url ${url} --limit 1`)).out.split('\n').length, 2);
});

t.test('profit and loss is summed by the days of a zone, and what nobody can tell is said', async (t) => {
  const url = await serve(t, await filled(t));
  const day = await run(`pnl --url ${url} --tz Asia/Seoul --from 2026-01-01 --to 2026-01-01`);
  t.equal(day.code, 0, day.err);
  t.match(day.out, /BTC-USDT +spatial +completed +1 +0\.5 +0\.48 +-0\.5 +0\.1 +0 +-0\.02 +0\.4 +0 +0\.12/);
  t.match(
    day.out,
    /BTC-USDT +spatial +flagged +1 +0\.5 +0\.48 +0 +0 +0 +0 +0 +-0\.02 +0\.12/,
    'without its parts',
  );
  t.match(day.out, /all in USDT +2 +1 +0\.96/);
  t.match(day.out, /BTC +0\.001 +2 +1/, 'what is left over');
  t.notMatch(day.out, /ETH-USDT/);
  const before = await run(`pnl --url ${url} --tz Asia/Seoul --to 2025-12-31`);
  t.match(before.out, /ETH-USDT +spatial +completed/);
  t.notMatch(before.out, /BTC-USDT/);
});

t.test('what trades of several pairs came to is told asset by asset, and what a position made', async (t) => {
  const stores = await filled(t);
  const ends = { ...{ closedAtMs: NEW_YEAR_IN_SEOUL_MS, attribution: PARTS, quote: 'USDT' } };
  const cycle = { arbitrageId: 'arb-cycle', strategy: 'triangular' as const, shape: 'cycle' as const };
  const left = { residues: [{ asset: 'ETH', quantity: '0.01', worth: '1' }] };
  await stores.trades.closeArbitrage(
    s.sampleClosed('cycle', { ...ends, ...cycle, ...left, pair: 'USDT-KRW' }),
  );
  const position = { positionId: 'a:BTC-USDT~a:ETH-USDT', action: 'exit' as const, carried: [], net: '7.5' };
  const pair = { strategy: 'statistical' as const, shape: 'pair' as const, position };
  await stores.trades.closeArbitrage(s.sampleClosed('pair', { ...ends, ...pair }));
  const url = await serve(t, stores);
  t.match((await run(`trades --url ${url}`)).out, /statistical +BTC-USDT/);
  const sums = (await run(`pnl --url ${url} --tz Asia/Seoul`)).out;
  t.match(sums, /USDT-KRW +triangular +completed/);
  t.match(sums, /all in USDT +\d/);
  t.notMatch(sums, /all in KRW/, 'its money is counted in USDT');
  t.match((await run(`explain arb-cycle --url ${url}`)).out, /left over 0\.01 ETH \(1 USDT\)/);
  t.match((await run(`explain arb-pair --url ${url}`)).out, /exit: closed; the round trip made 7\.5 USDT/);
});

t.test('an arbitrage is explained: end, books, rules, orders, fills, money', async (t) => {
  const url = await serve(t, await filled(t));
  const told = await run(`explain arb-why --url ${url}`);
  t.equal(told.code, 0, told.err);
  for (const words of [
    /arb-why: completed, BTC-USDT, bought on binance, sold on okx/,
    /expected +0\.5\n +price move +-0\.5\n +fees +0\.1\n +slippage +0\n +latency +-0\.02\n +leg failure +0\.4\n +realised +0\.480/,
    /Fills came after the end: 0\.001 is left over by now, 0 was then/,
    /0\.5 at 60000/,
    /gross .* = /,
    /every rule passed/,
    /1\.0 +planned +okx:BTC-USDT +sell .*expired .*THIN/,
    /1\.1 +recovery +okx:BTC-USDT .*open/,
    /binance:BTC-USDT +buy +0\.001 +60000 +0\.0600001 USDT +trade-why/,
    /binance +USDT +-60\.0600001/,
  ])
    t.match(told.out, words);
  const json = JSON.parse((await run(`explain arb-why --url ${url} --json`)).out) as object;
  t.match(json, { arbitrageId: 'arb-why', residualBase: '0.001', orders: { length: 3 } });
  t.match(await run(`explain arb-none --url ${url}`), { code: 2, err: /nothing is stored of arb-none/ });
});

t.test('what does not fit is refused by name', async (t) => {
  for (const [line, words] of [
    ['trades --limit 501', /--limit/],
    ['trades --pair BTC', /--pair/],
    ['trades --outcome lucky', /--outcome/],
    ['trades --url ftp://x', /--url/],
    ['pnl --from 2026-02-30', /--from/],
    ['pnl --from 2026-02-02 --to 2026-02-01', /--from: must not be after/],
    ['pnl --tz Mars/Base', /--tz/],
    ['explain', /missing required argument/],
    ['explain ../etc', /no arbitrage id/],
  ] as const)
    t.match(await run(line), { code: 2, err: words }, line);
});
