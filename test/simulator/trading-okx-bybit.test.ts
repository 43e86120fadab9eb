import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import WebSocket from 'ws';
import type { Logger } from '../../src/ports/log.js';
import type { Clock, Timers } from '../../src/ports/time.js';
import { plainText } from '../../src/simulator/exact-units.js';
import type { FaceHttpRequest } from '../../src/simulator/face-protocol.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges } from '../../src/simulator/server.js';
import { atomsOf, atomsText } from '../../src/simulator/trading/atoms.js';
import { bybitRequestRefusal } from '../../src/simulator/trading/bybit-signature.js';
import { okxRequestRefusal } from '../../src/simulator/trading/okx-signature.js';
import { TRADING_FAULT_KINDS, type TradingFaultKind } from '../../src/simulator/trading/trading-faults.js';
import { wireFolder } from '../shared-data.js';
import { open } from './memory-client.js';
import {
  BybitTrader,
  bybitCode,
  FUNDS,
  OkxTrader,
  okxCode,
  type Trader,
  type Wanted,
} from './okx-bybit-traders.js';
import {
  bybitAuth,
  bybitRequest,
  framesOf,
  okxLogin,
  okxRequest,
  okxSign,
  pushesOf,
  type Params,
  type Row,
} from './signed-clients.js';

const sum = (texts: readonly string[]) => atomsText(texts.reduce((total, text) => total + atomsOf(text), 0n));
const product = (a: string, b: string) => atomsText((atomsOf(a) * atomsOf(b)) / 10n ** 18n);

for (const [name, make] of [
  ['OKX', (seed?: number) => new OkxTrader(seed)],
  ['Bybit', (seed?: number) => new BybitTrader(seed)],
] as const) {
  t.test(
    `${name} fills an IOC order across two levels, and every way of asking tells the same`,
    async (t) => {
      const trader = make();
      const socket = trader.socket();
      const [first, second] = [trader.level('sell'), trader.level('sell', 1)];
      const lots = first.lots + Math.floor(second.lots / 2);
      t.equal(trader.place({ id: 'a1', ticks: second.ticks, lots }), 0);
      const frames = framesOf(socket);
      const pushed = trader.pushedFills(frames);
      const seen = trader.find('a1')!;
      t.equal(seen.state, trader.words[2]);
      t.equal(seen.filled, trader.size(lots));
      t.same(
        pushed,
        trader.fills().slice(0, pushed.length).reverse(),
        'socket and list tell the same trades',
      );
      t.equal(sum(pushed.map(({ quantity }) => quantity)), trader.size(lots));
      t.ok(new Set(pushed.map(({ price }) => price)).size === 2, 'two prices');
      for (const { quantity, fee, feeAsset } of pushed) {
        t.equal(fee, product(quantity, '0.001'), 'the taker fee of what was bought');
        t.equal(feeAsset, 'BTC');
      }
      t.equal(trader.pushedStates(frames)[0], trader.words[0], 'first it is open');
      t.equal(trader.pushedStates(frames).at(-1), trader.words[2]);
      const spent = sum(pushed.map(({ price, quantity }) => product(price, quantity)));
      const bought = sum(pushed.map(({ quantity, fee }) => atomsText(atomsOf(quantity) - atomsOf(fee))));
      t.equal(trader.free('USDT'), atomsText(atomsOf('100000') - atomsOf(spent)));
      t.equal(trader.free('BTC'), atomsText(atomsOf('2') + atomsOf(bought)));
      t.same(
        trader.account.trades().map(({ tradeId }) => tradeId),
        pushed.map(({ tradeId }) => tradeId),
      );
    },
  );

  t.test(`${name} takes the fee of a sale in quote, and drops the rest of an IOC order`, async (t) => {
    const trader = make();
    const best = trader.level('buy');
    t.equal(trader.place({ id: 'a1', side: 'sell', ticks: best.ticks, lots: best.lots + 5_000 }), 0);
    const seen = trader.find('a1')!;
    t.equal(seen.state, trader.words[4], 'partly filled and over');
    t.equal(seen.filled, trader.size(best.lots), 'only the filled amount tells it');
    for (const { feeAsset, fee, price, quantity } of trader.fills()) {
      t.equal(feeAsset, 'USDT');
      t.equal(fee, product(product(price, quantity), '0.001'));
    }
    t.equal(trader.place({ id: 'a2', ticks: trader.level('buy').ticks - 50, lots: 5_000 }), 0);
    t.same([trader.find('a2')!.state, trader.find('a2')!.filled], [trader.words[3], '0']);
    t.same(trader.openOrders(), []);
    t.equal(trader.account.balances().find(({ asset }) => asset === 'BTC')!.locked, '0');
  });

  t.test(
    `${name} keeps a limit order, binds its money, fills it as maker and cancels what is left`,
    async (t) => {
      const trader = make();
      const socket = trader.socket();
      const ticks = trader.level('buy').ticks + 1;
      t.equal(trader.place({ id: 'r1', ticks, lots: 50_000, type: 'limit' }), 0);
      const bound = product(trader.price(ticks), trader.size(50_000));
      t.equal(trader.free('USDT'), atomsText(atomsOf('100000') - atomsOf(bound)));
      trader.hit('buy', 20_000);
      trader.run(100);
      const [fill] = trader.pushedFills(framesOf(socket));
      t.equal(fill!.quantity, trader.size(20_000));
      const makerRate = name === 'OKX' ? '0.0008' : '0.001';
      t.equal(fill!.fee, product(fill!.quantity, makerRate));
      t.equal(trader.find('r1')?.state, trader.words[1]);
      t.equal(trader.openOrders().length, 1);
      t.equal(trader.cancel('r1'), 0);
      t.same([trader.find('r1')?.state, trader.find('r1')?.filled], [trader.words[4], trader.size(20_000)]);
      t.same(trader.openOrders(), []);
      t.not(trader.cancel('r1'), 0, 'a second cancel is refused');
      t.not(trader.cancel('nobody'), 0);
      const { account } = trader;
      t.equal(account.balances().find(({ asset }) => asset === 'USDT')!.locked, '0');
    },
  );

  t.test(
    `${name} ends post-only orders that would take, and FOK orders that cannot be filled whole`,
    async (t) => {
      const trader = make();
      const best = trader.level('sell');
      t.equal(trader.place({ id: 'p1', ticks: best.ticks, lots: 1_000, type: 'post_only' }), 0, 'taken');
      t.equal(trader.find('p1')!.state, trader.words[3]);
      const all = trader.level('sell').lots;
      t.equal(trader.place({ id: 'f1', ticks: trader.level('sell').ticks, lots: all + 1, type: 'fok' }), 0);
      t.same([trader.find('f1')!.state, trader.find('f1')!.filled], [trader.words[3], '0']);
      t.equal(trader.place({ id: 'f2', ticks: trader.level('sell').ticks, lots: 1_000, type: 'fok' }), 0);
      t.equal(trader.find('f2')!.state, trader.words[2]);
      t.equal(trader.place({ id: 'm1', ticks: 0, lots: 2_000, type: 'market' }), 0);
      t.equal(trader.find('m1')!.filled, trader.size(2_000));
    },
  );

  t.test(`${name} shows each misbehaviour`, async (t) => {
    for (const kind of TRADING_FAULT_KINDS) {
      await t.test(`${name}: ${kind}`, async (t) => MISBEHAVIOURS[kind](t, make()));
    }
  });
}

/** An order that fills at once. */
const crossing = (trader: Trader, id: string): Wanted => ({
  id,
  ticks: trader.level('sell', 1).ticks,
  lots: 4_000,
});

const MISBEHAVIOURS: Readonly<Record<TradingFaultKind, (t: Test, trader: Trader) => void>> = {
  'accept-then-timeout'(t, trader) {
    trader.account.misbehave({ kind: 'accept-then-timeout', count: 1 });
    t.equal(trader.place(crossing(trader, 'x1')), null, 'no answer');
    t.equal(trader.find('x1')?.filled, trader.size(4_000), 'and it is there');
    t.equal(trader.place(crossing(trader, 'x2')), 0, 'once');
  },
  'lose-request'(t, trader) {
    trader.account.misbehave({ kind: 'lose-request', count: 1 });
    t.equal(trader.place(crossing(trader, 'x1')), null);
    t.equal(trader.find('x1'), null);
    const ticks = trader.level('buy').ticks - 10;
    trader.place({ id: 'x2', ticks, lots: 4_000, type: 'limit' });
    trader.account.misbehave({ kind: 'lose-request', call: 'cancel', count: 1 });
    t.equal(trader.cancel('x2'), null);
    t.equal(trader.find('x2')?.state, trader.words[0], 'still open');
    t.equal(trader.cancel('x2'), 0);
  },
  'place-late'(t, trader) {
    trader.account.misbehave({ kind: 'place-late', count: 1, delayMs: 2_000 });
    t.equal(trader.place({ ...crossing(trader, 'x1'), ticks: trader.level('sell').ticks + 2_000 }), null);
    t.equal(trader.find('x1'), null, 'not there yet');
    trader.run(2_000);
    t.equal(trader.find('x1')?.filled, trader.size(4_000));
  },
  'error-5xx-placed'(t, trader) {
    const end = trader.account.misbehave({ kind: 'error-5xx-placed' });
    const codes = new Set<number | null>();
    for (let i = 0; i < 12; i++) codes.add(trader.place({ ...crossing(trader, `x${i}`), lots: 1_000 }));
    end();
    t.ok(codes.size > 2, 'a server fails in several words');
    t.notOk(codes.has(0));
    for (let i = 0; i < 12; i++) t.ok(trader.find(`x${i}`));
  },
  'error-5xx-not-placed'(t, trader) {
    trader.account.misbehave({ kind: 'error-5xx-not-placed', count: 1 });
    t.not(trader.place(crossing(trader, 'x1')), 0);
    t.equal(trader.find('x1'), null);
  },
  'early-fill-push'(t, trader) {
    trader.account.misbehave({ kind: 'early-fill-push', count: 1, delayMs: 200 });
    const socket = trader.socket();
    const given = trader.face.respond(trader.orderRequest(crossing(trader, 'x1')));
    t.match(given, { kind: 'later', afterMs: 200 });
    t.ok(trader.pushedFills(framesOf(socket)).length > 0, 'the socket tells it before the answer comes');
  },
  slow(t, trader) {
    trader.account.misbehave({ kind: 'slow', count: 1, delayMs: 400 });
    const before = trader.exchanges.world.nowMs;
    t.equal(trader.place({ ...crossing(trader, 'x1'), ticks: trader.level('sell').ticks + 2_000 }), 0);
    t.equal(trader.account.orders()[0]!.createdAtMs, before + 400, 'it reached the engine late');
  },
  reject(t, trader) {
    trader.account.misbehave({ kind: 'reject', count: 1, refusal: 'insufficient_funds' });
    t.equal(trader.place(crossing(trader, 'x1')), trader instanceof OkxTrader ? 51008 : 170131);
    t.equal(trader.find('x1'), null);
  },
  'lie-missing'(t, trader) {
    const socket = trader.socket();
    trader.account.misbehave({ kind: 'lie-missing', count: 1 });
    t.equal(trader.place(crossing(trader, 'x1')), 0, 'acknowledged');
    t.equal(trader.find('x1'), null, 'and never there');
    t.same(trader.pushedStates(framesOf(socket)), []);
  },
  'lie-overfill'(t, trader) {
    trader.account.misbehave({ kind: 'lie-overfill', count: 1 });
    trader.place(crossing(trader, 'x1'));
    t.ok(atomsOf(trader.find('x1')!.filled) > atomsOf(trader.size(4_000)));
  },
  'lie-off-tick'(t, trader) {
    const socket = trader.socket();
    trader.account.misbehave({ kind: 'lie-off-tick', count: 1 });
    trader.place(crossing(trader, 'x1'));
    const [fill] = trader.pushedFills(framesOf(socket));
    t.not(atomsOf(fill!.price) % atomsOf(trader.market.listing.tick.text), 0n);
  },
  'leave-ioc-open'(t, trader) {
    trader.account.misbehave({ kind: 'leave-ioc-open', count: 1 });
    trader.place({ id: 'x1', ticks: trader.level('buy').ticks - 100, lots: 4_000 });
    t.equal(trader.find('x1')?.state, trader.words[0], 'an IOC order that stays');
    t.equal(trader.openOrders().length, 1);
  },
  'fill-after-cancel'(t, trader) {
    const socket = trader.socket();
    trader.place({ id: 'x1', ticks: trader.level('buy').ticks - 100, lots: 4_000, type: 'limit' });
    trader.account.misbehave({ kind: 'fill-after-cancel', count: 1, delayMs: 300 });
    t.equal(trader.cancel('x1'), 0);
    t.equal(trader.pushedStates(framesOf(socket)).at(-1), trader.words[3]);
    trader.run(400);
    t.equal(trader.pushedFills(framesOf(socket)).length, 1, 'and then it fills');
    t.equal(trader.find('x1')?.filled, trader.size(2_000));
  },
  'partial-then-disconnect'(t, trader) {
    const socket = trader.socket();
    trader.account.misbehave({ kind: 'partial-then-disconnect', count: 1 });
    t.equal(trader.place(crossing(trader, 'x1')), null);
    t.equal(socket.transport.closedWith, 1006);
    t.equal(trader.find('x1')?.filled, trader.size(2_000));
    t.equal(trader.fills().length, 1, 'REST tells what the socket could not');
  },
  'duplicate-fill-push'(t, trader) {
    const socket = trader.socket();
    trader.account.misbehave({ kind: 'duplicate-fill-push', count: 1 });
    trader.place({ ...crossing(trader, 'x1'), lots: 1_000 });
    const ids = trader.pushedFills(framesOf(socket)).map(({ tradeId }) => tradeId);
    t.equal(ids.length, 2);
    t.equal(new Set(ids).size, 1);
  },
  'late-fill-push'(t, trader) {
    const socket = trader.socket();
    trader.account.misbehave({ kind: 'late-fill-push', count: 1, delayMs: 1_000 });
    trader.place({ ...crossing(trader, 'x1'), lots: 1_000 });
    t.equal(trader.pushedFills(framesOf(socket)).length, 0);
    trader.run(1_100);
    t.equal(trader.pushedFills(framesOf(socket)).length, 1);
  },
  'reorder-pushes'(t, trader) {
    const socket = trader.socket();
    trader.account.misbehave({ kind: 'reorder-pushes', count: 1 });
    trader.place({ ...crossing(trader, 'x1'), lots: 1_000 });
    const states = trader.pushedStates(framesOf(socket));
    t.equal(states.at(-1), trader.words[0], '"open" comes last');
    t.equal(states[0], trader.words[2]);
  },
  'drop-pushes'(t, trader) {
    const socket = trader.socket();
    const end = trader.account.misbehave({ kind: 'drop-pushes' });
    trader.place(crossing(trader, 'x1'));
    t.same(trader.pushedStates(framesOf(socket)), []);
    end();
    trader.place(crossing(trader, 'x2'));
    t.ok(trader.pushedStates(framesOf(socket)).length > 0);
  },
  ban(t, trader) {
    trader.account.misbehave({ kind: 'ban', delayMs: 1_000 });
    t.equal(trader.place(crossing(trader, 'x1')), trader instanceof OkxTrader ? 50011 : 403);
    t.equal(trader.account.callsDuringBan, 1);
    t.same(trader.account.orders(), []);
    trader.run(1_100);
    t.equal(trader.place(crossing(trader, 'x2')), 0, 'it ends');
  },
  maintenance(t, trader) {
    const socket = trader.socket();
    const end = trader.account.misbehave({ kind: 'maintenance' });
    t.equal(socket.transport.closedWith, 1006);
    t.throws(() => trader.socket(), /503/);
    t.not(trader.place(crossing(trader, 'x1')), 0);
    t.same(trader.account.orders(), []);
    end();
    t.equal(trader.place(crossing(trader, 'x1')), 0);
  },
  skew(t, trader) {
    const signed = trader.orderRequest(crossing(trader, 'x1'));
    const end = trader.account.misbehave({ kind: 'skew', skewMs: 120_000 });
    t.equal(trader.send(signed), trader instanceof OkxTrader ? 50102 : 10002);
    t.equal(trader.place(crossing(trader, 'x2')), 0, 'by the clock of the exchange all is well');
    end();
    t.equal(trader.send(signed), 0);
  },
  'lie-negative-balance'(t, trader) {
    const end = trader.account.misbehave({ kind: 'lie-negative-balance' });
    t.ok(atomsOf(trader.free('USDT')) < 0n);
    end();
    t.equal(trader.free('USDT'), '100000');
  },
};

const DAY_MS = 86_400_000;

const sumOf = (rows: readonly Row[], field: string) =>
  rows.reduce((total, row) => total + Number(row[field]), 0);

t.test('OKX refuses what is not signed as its page says, in the words of its gateway', async (t) => {
  const trader = new OkxTrader();
  const signed = trader.request('GET', 'account/balance', { ccy: 'BTC,USDT' });
  t.equal(trader.carry(signed)?.code, '0');
  const without = (name: string) => ({ ...signed, headers: { ...signed.headers, [name]: '' } });
  const instead = (name: string, value: string) => ({
    ...signed,
    headers: { ...signed.headers, [name]: value },
  });
  const stale = new Date(trader.exchanges.world.nowMs - 30_001).toISOString();
  const order = trader.request('POST', 'trade/order', trader.params(crossing(trader, 'x1')));
  const table: readonly (readonly [request: FaceHttpRequest, code: string, status: number])[] = [
    [without('ok-access-key'), '50103', 401],
    [without('ok-access-passphrase'), '50104', 401],
    [without('ok-access-sign'), '50106', 401],
    [without('ok-access-timestamp'), '50107', 401],
    [instead('ok-access-timestamp', '2026-01-01 00:00:00'), '50112', 401],
    [instead('ok-access-timestamp', stale), '50102', 401],
    [instead('ok-access-key', 'other'), '50111', 401],
    [instead('ok-access-passphrase', 'other'), '50105', 401],
    [instead('ok-access-sign', 'AAAA'), '50113', 401],
    [{ ...signed, url: signed.url.replace('%2C', ',') }, '50113', 401],
    [{ ...signed, url: `${signed.url}&x=1` }, '50113', 401],
    [{ ...order, body: `${order.body} ` }, '50113', 401],
    [{ ...order, method: 'DELETE' }, '50115', 405],
    [{ ...signed, headers: {} }, '50103', 401],
  ];
  for (const [request, code, status] of table) {
    const answer = trader.carry(request)!;
    t.same([answer.code, answer.status], [code, status], code);
  }
  const signedBody = (body: string) => {
    const empty = trader.request('POST', 'trade/order');
    const timestamp = empty.headers!['ok-access-timestamp']!;
    const { secret } = trader.account.credentials;
    const text = `${timestamp}POST${empty.url}${body}`;
    return { ...empty, body, headers: { ...empty.headers, 'ok-access-sign': okxSign(secret, text) } };
  };
  t.same([trader.carry(signedBody(''))!.code, trader.carry(signedBody('{"a":'))!.code], ['50000', '50002']);
  const plain = { ...order, headers: { ...order.headers, 'content-type': 'text/plain' } };
  t.equal(trader.carry(plain)?.code, '50006');
  t.same(trader.account.orders(), [], 'nothing of it was placed');
});

t.test(
  'OKX names what is wrong with an order, sometimes behind an envelope that says all is well',
  async (t) => {
    const trader = new OkxTrader();
    const good = trader.params({
      ticks: trader.level('buy').ticks - 300,
      lots: 5_000,
      type: 'limit',
      id: 'kept',
    });
    const table: readonly (readonly [change: Params, code: string])[] = [
      [{ instId: '' }, '50014'],
      [{ sz: '' }, '50014'],
      [{ instId: 'NO-USDT' }, '51001'],
      [{ tdMode: 'isolated' }, '51000'],
      [{ side: 'hold' }, '51000'],
      [{ ordType: 'stop' }, '51000'],
      [{ clOrdId: 'with-dash' }, '51000'],
      [{ clOrdId: 'x'.repeat(33) }, '51000'],
      [{ ordType: 'fok', stpMode: 'cancel_both' }, '51000'],
      [{ tgtCcy: 'none' }, '51000'],
      [{ sz: '1e3' }, '51000'],
      [{ sz: 5_000 }, '51000'],
      [{ px: '-1' }, '51000'],
      [{ px: '80000.05' }, '51000'],
      [{ sz: '0.000010001' }, '51121'],
      [{ sz: '0.000009' }, '51020'],
      [{ sz: '2000000' }, '51005'],
      [{ px: `${Number(good['px']) * 2}` }, '51006'],
      [{ sz: '10' }, '51008'],
    ];
    for (const [change, code] of table) {
      const answer = trader.post('trade/order', { ...good, ...change })!;
      t.equal(answer.data[0]?.['sCode'] ?? answer.code, code, JSON.stringify(change));
    }
    t.same(trader.account.orders(), []);
    t.equal(okxCode(trader.post('trade/order', good)), 0);
    t.equal(okxCode(trader.post('trade/order', good)), 51016, 'the id is of a pending order');
    trader.run(2_000);
    const envelopes = Array.from({ length: 40 }, () =>
      trader.post('trade/order', { ...good, sz: '0.000009' })!,
    );
    t.same([...new Set(envelopes.map(({ code }) => code))].sort(), ['0', '1']);
    t.ok(envelopes.every(({ data }) => data[0]!['sCode'] === '51020'));
    trader.face.halted.add('BTC-USDT');
    t.equal(okxCode(trader.post('trade/order', { ...good, clOrdId: 'b' })), 51022);
    trader.face.halted.clear();
    t.equal(trader.cancel('kept'), 0);
    t.equal(okxCode(trader.post('trade/order', good)), 0, 'an id is free again once its order has ended');
    t.equal(trader.find('kept')?.state, 'live', 'and stands for the newest');
  },
);

t.test('OKX acts on a deadline for placing, and for nothing else', async (t) => {
  const trader = new OkxTrader();
  const { nowMs } = trader.exchanges.world;
  const ticks = trader.level('buy').ticks - 300;
  const params = (id: string) => trader.params({ id, ticks, lots: 5_000, type: 'limit' });
  t.equal(okxCode(trader.post('trade/order', params('e1'), { exptime: `${nowMs - 1}` })), 50036);
  t.equal(okxCode(trader.post('trade/order', params('e2'), { exptime: `${nowMs + 500}` })), 0);
  t.equal(okxCode(trader.post('trade/order', params('e3'), { exptime: 'soon' })), 51000);
  trader.account.misbehave({ kind: 'place-late', count: 1, delayMs: 1_000 });
  t.equal(trader.post('trade/order', params('e4'), { exptime: `${nowMs + 500}` }), null);
  trader.run(1_500);
  t.equal(trader.find('e4'), null, 'what comes too late is not placed');
  const cancel = { instId: 'BTC-USDT', clOrdId: 'e2' };
  t.equal(okxCode(trader.post('trade/cancel-order', cancel, { exptime: '1000000000000' })), 0);
});

t.test('OKX prevents trades with oneself: the resting order goes by default', async (t) => {
  const trader = new OkxTrader();
  const ticks = trader.level('buy').ticks + 1;
  trader.place({ id: 'own', ticks, lots: 5_000, type: 'limit' });
  trader.place({ id: 'other', side: 'sell', ticks, lots: 5_000 });
  t.same([trader.find('own')!.state, trader.find('own')!.row['cancelSource']], ['canceled', '32']);
  t.same(trader.fills(), []);
  const second = trader.level('buy').ticks + 1;
  trader.place({ id: 'own2', ticks: second, lots: 5_000, type: 'limit' });
  const sell = trader.params({ id: 'taker', side: 'sell', ticks: second, lots: 5_000 });
  t.equal(okxCode(trader.post('trade/order', { ...sell, stpMode: 'cancel_taker' })), 0);
  t.same([trader.find('own2')!.state, trader.find('taker')!.state], ['live', 'canceled']);
});

t.test('OKX lists newest first, in pages, and forgets what was cancelled without a fill', async (t) => {
  const trader = new OkxTrader();
  for (let i = 0; i < 5; i++) {
    trader.place({ id: `o${i}`, ticks: trader.level('buy').ticks - 100, lots: 5_000 });
    trader.place({ id: `f${i}`, ticks: trader.level('sell').ticks, lots: 1_000 });
    trader.place({ id: `p${i}`, ticks: trader.level('buy').ticks - 200, lots: 5_000, type: 'limit' });
    trader.run(100);
  }
  const pages = (path: string, id: string, name: string) => {
    const first = trader.get(path, { instType: 'SPOT', limit: 3 }).data;
    const after = first.at(-1)![id]!;
    return [...first, ...trader.get(path, { instType: 'SPOT', limit: 3, after }).data].map(
      (row) => row[name],
    );
  };
  t.same(pages('trade/orders-pending', 'ordId', 'clOrdId'), ['p4', 'p3', 'p2', 'p1', 'p0']);
  t.same(pages('trade/orders-history', 'ordId', 'clOrdId'), ['f4', 'o4', 'f3', 'o3', 'f2', 'o2']);
  t.same(pages('trade/fills', 'billId', 'clOrdId'), ['f4', 'f3', 'f2', 'f1', 'f0']);
  const of = trader.find('f2')!.row['ordId']!;
  const named = trader.get('trade/fills', { instType: 'SPOT', instId: 'BTC-USDT', ordId: of }).data;
  t.same(
    named.map((row) => row['clOrdId']),
    ['f2'],
  );
  t.equal(trader.get('trade/order', { instId: 'BTC-USDT', ordId: of }).data[0]!['clOrdId'], 'f2');
  t.same(trader.get('trade/fills', { instId: 'ETH-USDT' }).data, []);
  const begin = trader.exchanges.world.nowMs - 100;
  t.equal(trader.get('trade/fills', { begin }).data.length, 1);
  const { world } = trader.exchanges;
  world.jumpTo(world.nowMs + 2 * 3_600_000 + 1_000);
  t.equal(trader.find('o1'), null, 'two hours');
  t.equal(trader.find('f1')?.state, 'filled');
  const left = trader.get('trade/orders-history', { instType: 'SPOT' }).data.map((row) => row['clOrdId']);
  t.same(left, ['f4', 'f3', 'f2', 'f1', 'f0']);
  world.jumpTo(world.nowMs + 3 * DAY_MS);
  t.same(trader.get('trade/fills', { instType: 'SPOT' }).data, [], 'three days of fills');
  t.equal(trader.get('trade/orders-history', { instType: 'SPOT' }).data.length, 5);
  world.jumpTo(world.nowMs + 4 * DAY_MS);
  t.same(trader.get('trade/orders-history', { instType: 'SPOT' }).data, [], 'seven days of orders');
  for (const [path, params, code] of [
    ['trade/order', { clOrdId: 'f1' }, '50014'],
    ['trade/order', { instId: 'BTC-USDT' }, '51003'],
    ['trade/order', { instId: 'NO-USDT', clOrdId: 'f1' }, '51001'],
    ['trade/order', { instId: 'ETH-USDT', clOrdId: 'f1' }, '51603'],
    ['trade/orders-history', {}, '50014'],
    ['trade/fills', { after: 'x' }, '51000'],
    ['account/trade-fee', { instType: 'SWAP' }, '51000'],
  ] as const) {
    t.equal(trader.get(path, params).code, code, `${path} ${JSON.stringify(params)}`);
  }
  const nobody = { instId: 'BTC-USDT' };
  t.equal(okxCode(trader.post('trade/cancel-order', nobody)), 51003);
  t.equal(okxCode(trader.post('trade/cancel-order', { instId: 'NO-USDT', clOrdId: 'a' })), 51001);
  t.equal(trader.cancel('f1'), 51400);
});

t.test('OKX cancels everything when its dead-man switch is not set again', async (t) => {
  const trader = new OkxTrader();
  const ticks = trader.level('buy').ticks - 20_000;
  const rest = (id: string, tag: string) =>
    okxCode(trader.post('trade/order', { ...trader.params({ id, ticks, lots: 5_000, type: 'limit' }), tag }));
  const set = (timeOut: string, tag = '') => trader.post('trade/cancel-all-after', { timeOut, tag })!;
  t.same([rest('d1', ''), rest('d2', 'mine')], [0, 0]);
  for (const wrong of ['5', '121', '-1', 'x']) {
    t.equal(set(wrong).code, '51000', wrong);
    trader.run(1_000);
  }
  const answer = set('10');
  t.equal(Number(answer.data[0]!['triggerTime']) - Number(answer.data[0]!['ts']), 10_000);
  t.equal(set('10').code, '50011', 'once a second');
  trader.run(9_000);
  t.equal(set('10').code, '0');
  trader.run(9_900);
  t.equal(trader.openOrders().length, 2, 'it was set again');
  trader.run(200);
  t.equal(trader.openOrders().length, 0);
  t.same([rest('d3', ''), rest('d4', 'mine')], [0, 0]);
  t.equal(set('10', 'mine').code, '0');
  trader.run(10_100);
  t.same(
    trader.openOrders().map((row) => row['clOrdId']),
    ['d3'],
    'a tag cancels its own',
  );
  set('10');
  trader.run(1_000);
  t.equal(set('0').data[0]!['triggerTime'], '0');
  trader.run(20_000);
  t.equal(trader.openOrders().length, 1, 'switched off');
  for (let i = 0; i < 20; i++) t.equal(set('120', `tag${i}`).code, '0');
  t.equal(set('120', 'tag20').code, '51071');
});

t.test('OKX counts orders per instrument, in HTTP 200, and questions in HTTP 429', async (t) => {
  const trader = new OkxTrader();
  const order = trader.params({ id: 'x', ticks: 1, lots: 1 });
  const place = (instId: string) => okxCode(trader.post('trade/order', { ...order, instId }));
  for (let i = 0; i < 60; i++) place('BTC-USDT');
  const last = trader.post('trade/order', order)!;
  t.same([last.code, last.status], ['50011', 200]);
  t.not(place('ETH-USDT'), 50011, 'the other instrument has its own');
  for (let i = 0; i < 10; i++) t.equal(trader.get('account/balance').code, '0');
  const eleventh = trader.get('account/balance');
  t.same([eleventh.code, eleventh.status], ['50011', 429]);
  trader.run(2_000);
  t.equal(trader.get('account/balance').code, '0');
  t.not(place('BTC-USDT'), 50011);
});

t.test('OKX tells balances, rates, deposits and withdrawals', async (t) => {
  const trader = new OkxTrader();
  const socket = trader.socket();
  trader.account.transfer('USDT', '250.5');
  trader.account.transfer('BTC', '-0.5');
  trader.exchanges.faces.okx.flush();
  const pushed = pushesOf(framesOf(socket), 'account').flatMap((row) => row['details'] as unknown as Row[]);
  t.same(
    pushed.map((row) => [row['ccy'], row['cashBal']]),
    [
      ['USDT', '100250.5'],
      ['BTC', '1.5'],
    ],
  );
  const [deposit] = trader.get('asset/deposit-history').data;
  t.same([deposit!['ccy'], deposit!['amt'], deposit!['state']], ['USDT', '250.5', '2']);
  const [withdrawal] = trader.get('asset/withdrawal-history', { ccy: 'BTC' }).data;
  t.equal(sum([withdrawal!['amt']!, withdrawal!['fee']!]), '0.5', 'the fee of the network is part of it');
  t.same(trader.get('asset/deposit-history', { ccy: 'BTC' }).data, []);
  const [rates] = trader.get('account/trade-fee', { instType: 'SPOT', instId: 'BTC-USDT' }).data;
  t.same([rates!['taker'], rates!['maker']], ['-0.001', '-0.0008'], 'negative: taken');
  const [account] = trader.get('account/balance').data;
  const details = account!['details'] as unknown as Row[];
  t.same(
    details.map((row) => row['ccy']),
    ['USDT', 'BTC', 'ETH'],
  );
  t.ok(Math.abs(Number(account!['totalEq']) - sumOf(details, 'eqUsd')) < 0.01);
});

t.test('OKX answers on its private socket only to those who logged in', async (t) => {
  const trader = new OkxTrader();
  const { credentials } = trader.account;
  const { nowMs } = trader.exchanges.world;
  const socket = open(trader.face, '/ws/v5/private');
  const said = (message: unknown) => {
    socket.send(message);
    return framesOf(socket);
  };
  const subscribe = { op: 'subscribe', args: [{ channel: 'orders', instType: 'SPOT' }] };
  const login = okxLogin(credentials, nowMs) as { args: [Record<string, string>] };
  const changed = (change: Row) => ({ op: 'login', args: [{ ...login.args[0], ...change }] });
  t.equal(said(subscribe)[0]!['code'], '60011');
  for (const [message, code] of [
    [changed({ apiKey: 'x' }), '60005'],
    [changed({ timestamp: 'x' }), '60004'],
    [changed({ timestamp: `${Math.floor(nowMs / 1_000) - 31}` }), '60006'],
    [changed({ passphrase: 'x' }), '60024'],
    [changed({ sign: 'x' }), '60007'],
    [{ op: 'login', args: [] }, '60012'],
    ['no json', '60012'],
  ] as const) {
    t.equal(said(message)[0]!['code'], code);
  }
  t.match(said(login)[0], { event: 'login', code: '0' });
  const acknowledged = said(subscribe);
  t.match(acknowledged[0], { event: 'subscribe', arg: { channel: 'orders', instType: 'SPOT' } });
  t.match(acknowledged[1], { event: 'channel-conn-count', channel: 'orders', connCount: '1' });
  t.equal(said({ op: 'subscribe', args: [{ channel: 'positions' }] })[0]!['code'], '60018');
  t.equal(said({ op: 'subscribe', args: [{ channel: 'orders', instType: 'SWAP' }] })[0]!['code'], '60018');
  const account = said({ op: 'subscribe', args: [{ channel: 'account' }] });
  t.equal(account.at(-1)!['eventType'], 'snapshot');
  socket.send('ping');
  t.same(socket.transport.take(), ['pong']);
  trader.place({ ticks: 0, lots: 2_000, type: 'market' });
  const states = pushesOf(framesOf(socket), 'orders');
  t.same(
    states.map((row) => [row['state'], row['tradeId'] === '']),
    [
      ['live', true],
      ['partially_filled', false],
      ['filled', true],
    ],
    'a market order ends with a push of its own',
  );
  said({ op: 'unsubscribe', args: [{ channel: 'orders', instType: 'SPOT' }] });
  trader.place(crossing(trader, 'x1'));
  t.same(trader.pushedStates(framesOf(socket)), []);
  t.throws(() => Array.from({ length: 4 }, () => open(trader.face, '/ws/v5/private')), /429/);
  trader.run(31_000);
  t.equal(socket.transport.closedWith, 4004, 'a silent connection is closed');
});

t.test('Bybit refuses what is not signed as its page says', async (t) => {
  const trader = new BybitTrader();
  const signed = trader.request('GET', 'account/wallet-balance', {
    accountType: 'UNIFIED',
    coin: 'BTC,USDT',
  });
  t.equal(trader.carry(signed)?.retCode, 0);
  const instead = (name: string, value: string) => ({
    ...signed,
    headers: { ...signed.headers, [name]: value },
  });
  const order = trader.request('POST', 'order/create', trader.params(crossing(trader, 'x1')));
  const { nowMs } = trader.exchanges.world;
  const at = (ms: number) =>
    bybitRequest(trader.account.credentials, ms, {
      method: 'GET',
      path: '/v5/account/wallet-balance',
      params: { accountType: 'UNIFIED' },
    });
  const table: readonly (readonly [request: FaceHttpRequest, retCode: number])[] = [
    [{ ...signed, headers: {} }, 10001],
    [instead('x-bapi-timestamp', 'now'), 10001],
    [instead('x-bapi-recv-window', '-5'), 10001],
    [instead('x-bapi-api-key', 'other'), 10003],
    [instead('x-bapi-sign', 'ff'), 10004],
    [instead('x-bapi-recv-window', '6000'), 10004],
    [{ ...signed, url: signed.url.replace('%2C', ',') }, 10004],
    [{ ...order, body: order.body!.replace('Buy', 'Sell') }, 10004],
    [at(nowMs - 5_001), 10002],
    [at(nowMs + 1_000), 10002],
    [at(nowMs - 5_000), 0],
    [at(nowMs + 999), 0],
  ];
  for (const [request, retCode] of table) t.equal(trader.carry(request)?.retCode, retCode, `${retCode}`);
  t.equal(trader.carry({ ...order, method: 'DELETE' })?.status, 404);
  t.same(trader.account.orders(), []);
});

t.test('Bybit names what is wrong with an order, and takes an id only once', async (t) => {
  const trader = new BybitTrader();
  const good = trader.params({
    ticks: trader.level('buy').ticks - 300,
    lots: 500,
    type: 'limit',
    id: 'kept-1_A',
  });
  const place = (change: Params) => bybitCode(trader.post('order/create', { ...good, ...change }));
  const table: readonly (readonly [change: Params, code: number])[] = [
    [{ category: 'linear' }, 10001],
    [{ symbol: 'NOUSDT' }, 170121],
    [{ side: 'buy' }, 10001],
    [{ orderType: 'Stop' }, 10001],
    [{ timeInForce: 'DAY' }, 10001],
    [{ smpType: 'All' }, 10001],
    [{ isLeverage: 1 }, 10001],
    [{ orderLinkId: 'a b' }, 10001],
    [{ orderLinkId: 'x'.repeat(37) }, 10001],
    [{ qty: 1 }, 10001],
    [{ price: '0' }, 10001],
    [{ price: '80000.05' }, 170134],
    [{ qty: '0.0010001' }, 170137],
    [{ qty: '0.000001' }, 170140],
    [{ qty: '1000000' }, 170135],
    [{ price: `${Number(good['price']) * 2}` }, 170132],
    [{ side: 'Sell', price: '1' }, 170133],
    [{ qty: '10' }, 170131],
  ];
  for (const [change, code] of table) {
    t.equal(place(change), code, JSON.stringify(change));
    trader.run(100);
  }
  t.same(trader.account.orders(), []);
  t.equal(place({}), 0);
  t.equal(place({}), 170141);
  t.equal(trader.cancel('kept-1_A'), 0);
  t.equal(place({}), 170141, 'for ever');
  trader.face.halted.add('BTCUSDT');
  t.equal(place({ orderLinkId: 'b' }), 170210);
  const broken = trader.request('POST', 'order/create');
  t.equal(trader.carry(broken)?.retCode, 10001);
});

t.test('Bybit gives a receipt first, and the order is seen a moment later', async (t) => {
  const trader = new BybitTrader();
  const receipt = trader.post('order/create', trader.params(crossing(trader, 'r1')))!;
  t.equal(receipt.result['orderLinkId'], 'r1');
  const named = { category: 'spot', orderLinkId: 'r1' };
  t.same(trader.get('order/realtime', { ...named, openOnly: 1 }).list, [], 'not yet');
  trader.run(100);
  t.same(trader.get('order/realtime', named).list, [], 'it is not open');
  t.equal(trader.get('order/realtime', { ...named, openOnly: 1 }).list[0]!['orderStatus'], 'Filled');
  t.equal(trader.get('order/history', named).list[0]!['orderStatus'], 'Filled');
  const execution = trader.get('execution/list', named).list.at(-1)!;
  t.equal(execution['orderId'], receipt.result['orderId']);
  trader.exchanges.faces.bybit.restartBooks();
  t.same(
    trader.get('order/realtime', { ...named, openOnly: 1 }).list,
    [],
    'a restart forgets the recent ones',
  );
  t.equal(trader.get('order/history', named).list.length, 1, 'the history does not');
});

t.test('Bybit acts within the window of a request, also when it comes late', async (t) => {
  const trader = new BybitTrader();
  const ticks = trader.level('buy').ticks - 300;
  const params = (id: string) => trader.params({ id, ticks, lots: 500, type: 'limit' });
  trader.account.misbehave({ kind: 'place-late', count: 2, delayMs: 2_000 });
  t.equal(trader.post('order/create', params('w1'), 1_000), null);
  t.equal(trader.post('order/create', params('w2'), 5_000), null);
  trader.run(2_500);
  t.equal(trader.find('w1'), null, 'outside of its window');
  t.equal(trader.find('w2')?.state, 'New');
  trader.account.misbehave({ kind: 'slow', count: 1, delayMs: 2_000 });
  t.equal(bybitCode(trader.post('order/create', params('w3'), 1_000)), 10002);
});

t.test('Bybit confirms a cancel that lost its race, and tells the order as filled again', async (t) => {
  const trader = new BybitTrader();
  const socket = trader.socket();
  trader.place(crossing(trader, 'c1'));
  framesOf(socket);
  t.equal(trader.cancel('c1'), 0, 'only a receipt');
  const [row] = pushesOf(framesOf(socket), 'order.spot');
  t.same(
    [row!['orderStatus'], row!['cancelType'], row!['rejectReason']],
    ['Filled', 'CancelByUser', 'EC_OrigClOrdIDDoesNotExist'],
  );
  trader.run(400);
  t.equal(trader.cancel('c1'), 170139, 'filled');
  trader.place({ id: 'c2', ticks: trader.level('buy').ticks - 100, lots: 500 });
  t.equal(trader.cancel('c2'), 170142, 'cancelled');
  t.equal(trader.cancel('c3'), 170213, 'not there');
  const wrong = { category: 'spot', symbol: 'BTCUSDT' };
  t.equal(bybitCode(trader.post('order/cancel', wrong)), 10001);
  t.equal(bybitCode(trader.post('order/cancel', { ...wrong, symbol: 'NOUSDT', orderId: '1' })), 170121);
  t.equal(bybitCode(trader.post('order/cancel', { ...wrong, category: 'linear', orderId: '1' })), 10001);
  t.equal(bybitCode(trader.post('order/cancel', { ...wrong, symbol: 'ETHUSDT', orderLinkId: 'c2' })), 170213);
});

t.test(
  'Bybit lists in pages, cancels all, and prevents trades with oneself by the taker’s word',
  async (t) => {
    const trader = new BybitTrader();
    for (let i = 0; i < 4; i++) {
      trader.place({ id: `f${i}`, ticks: trader.level('sell').ticks, lots: 500 });
      trader.place({ id: `p${i}`, ticks: trader.level('buy').ticks - 300, lots: 500, type: 'limit' });
      trader.run(300);
    }
    const pages = (path: string) => {
      const first = trader.get(path, { category: 'spot', limit: 3 });
      const cursor = first.result['nextPageCursor'] as string;
      const second = trader.get(path, { category: 'spot', limit: 3, cursor });
      t.equal(second.result['nextPageCursor'], '');
      return [...first.list, ...second.list].map((row) => row['orderLinkId']);
    };
    t.same(pages('order/realtime'), ['p3', 'p2', 'p1', 'p0']);
    t.same(pages('order/history'), ['f3', 'f2', 'f1', 'f0']);
    t.same(pages('execution/list'), ['f3', 'f2', 'f1', 'f0']);
    const startTime = trader.exchanges.world.nowMs - 400;
    t.equal(trader.get('execution/list', { category: 'spot', startTime }).list.length, 1);
    t.equal(trader.get('execution/list', { category: 'spot', symbol: 'ETHUSDT' }).list.length, 0);
    const all = trader.post('order/cancel-all', { category: 'spot', symbol: 'BTCUSDT' })!;
    t.equal(all.list.length, 4);
    t.same(trader.openOrders(), []);
    const ticks = trader.level('buy').ticks + 1;
    trader.place({ id: 'own', ticks, lots: 500, type: 'limit' });
    const taker = {
      ...trader.params({ id: 'taker', side: 'sell', ticks, lots: 500 }),
      smpType: 'CancelTaker',
    };
    t.equal(bybitCode(trader.post('order/create', taker)), 0);
    t.equal(trader.find('taker')?.row['cancelType'], 'CancelBySmp');
    t.equal(trader.find('own')?.state, 'New');
    const { world } = trader.exchanges;
    const sinceMs = world.nowMs - 10_000;
    world.jumpTo(world.nowMs + 7 * DAY_MS);
    t.same(trader.get('execution/list', { category: 'spot' }).list, [], 'seven days back without a start');
    t.equal(trader.get('execution/list', { category: 'spot', startTime: sinceMs }).list.length, 4);
    for (const [path, params, code] of [
      ['order/realtime', { category: 'linear' }, 10001],
      ['order/realtime', { category: 'spot', openOnly: 2 }, 10001],
      ['order/history', { category: 'spot', limit: 'x' }, 10001],
      ['execution/list', { category: 'spot', symbol: 'NOUSDT' }, 170121],
      ['account/wallet-balance', { accountType: 'SPOT' }, 10001],
    ] as const) {
      t.equal(trader.get(path, params).retCode, code, path);
    }
  },
);

t.test(
  'Bybit counts calls by the second and tells the rest in headers; too many from one address are shut out',
  async (t) => {
    const trader = new BybitTrader();
    const params = trader.params({ id: 'x', ticks: 1, lots: 1 });
    const answers = Array.from({ length: 21 }, () => trader.post('order/create', params)!);
    t.equal(answers[0]!.headers['x-bapi-limit'], '20');
    t.equal(answers[0]!.headers['x-bapi-limit-status'], '19');
    t.equal(answers[19]!.headers['x-bapi-limit-status'], '0');
    t.not(answers[19]!.retCode, 10006);
    t.same([answers[20]!.retCode, answers[20]!.status], [10006, 200]);
    const reset = Number(answers[20]!.headers['x-bapi-limit-reset-timestamp']);
    t.equal(reset, trader.exchanges.world.nowMs + 1_000);
    trader.run(1_000);
    t.not(trader.post('order/create', params)!.retCode, 10006);
    for (let i = 0; i < 600; i++) trader.face.respond({ method: 'GET', url: '/v5/market/time' });
    t.equal(trader.post('order/create', params)!.status, 403, 'public and private calls count together');
  },
);

t.test('Bybit tells wallets, rates, deposits and withdrawals', async (t) => {
  const trader = new BybitTrader();
  const socket = trader.socket();
  trader.account.transfer('USDT', '250.5');
  trader.account.transfer('BTC', '-0.5');
  trader.face.flush();
  const coins = pushesOf(framesOf(socket), 'wallet').flatMap((row) => row['coin'] as unknown as Row[]);
  t.same(
    coins.map((row) => [row['coin'], row['walletBalance']]),
    [
      ['USDT', '100250.5'],
      ['BTC', '1.5'],
    ],
  );
  const [deposit] = trader.get('asset/deposit/query-record', { coin: 'USDT' }).list;
  t.same([deposit!['amount'], deposit!['status']], ['250.5', 3]);
  const [withdrawal] = trader.get('asset/withdraw/query-record').list;
  t.equal(sum([withdrawal!['amount']!, withdrawal!['withdrawFee']!]), '0.5');
  t.same(trader.get('asset/deposit/query-record', { coin: 'BTC' }).list, []);
  const rates = trader.get('account/fee-rate', { category: 'spot', symbol: 'BTCUSDT' }).list;
  t.same(
    rates.map((row) => [row['takerFeeRate'], row['makerFeeRate']]),
    [['0.001', '0.001']],
  );
  const [account] = trader.get('account/wallet-balance', { accountType: 'UNIFIED' }).list;
  t.same(
    (account!['coin'] as unknown as Row[]).map((row) => row['coin']),
    ['USDT', 'BTC', 'ETH'],
  );
});

t.test('Bybit answers on its private socket only to those who authenticated', async (t) => {
  const trader = new BybitTrader();
  const { nowMs } = trader.exchanges.world;
  const socket = open(trader.face, '/v5/private');
  const said = (message: unknown) => {
    socket.send(message);
    return framesOf(socket)[0]!;
  };
  const auth = bybitAuth(trader.account.credentials, nowMs) as { args: unknown[] };
  const changed = (at: number, value: unknown) => ({ ...auth, args: auth.args.with(at, value) });
  t.match(said({ op: 'subscribe', args: ['order'] }), { success: false, ret_msg: 'Request not authorized' });
  for (const wrong of [
    changed(0, 'x'),
    changed(1, nowMs - 1),
    changed(1, 'x'),
    changed(2, 'x'),
    { op: 'auth' },
  ]) {
    t.match(said(wrong), { success: false, op: 'auth' });
  }
  t.match(said(auth), { success: true, op: 'auth', req_id: 'a' });
  t.match(said({ op: 'subscribe', args: [] }), { success: false });
  t.match(said({ op: 'subscribe', args: ['order', 'order.spot'] }), { success: false }, 'one of the two');
  t.match(said({ op: 'subscribe', args: ['dcp'] }), { success: false }, 'institutions only');
  t.match(said({ op: 'subscribe', args: Array(11).fill('order') }), { success: false });
  t.match(said({ op: 'subscribe', args: ['order', 'execution.fast'], req_id: 's' }), {
    success: true,
    req_id: 's',
  });
  t.match(said({ op: 'ping', req_id: 'p' }), { op: 'pong', req_id: 'p' });
  t.match(said({ op: 'trade' }), { success: false });
  t.match(said('no json'), { success: false });
  trader.place({ ...crossing(trader, 'x1'), lots: 1_000 });
  const frames = framesOf(socket);
  t.same(
    pushesOf(frames, 'order').map((row) => row['orderStatus']),
    ['New', 'Filled'],
  );
  t.equal(pushesOf(frames, 'execution.fast').length, 1);
  said({ op: 'unsubscribe', args: ['order', 'execution.fast'] });
  trader.place(crossing(trader, 'x2'));
  t.same(framesOf(socket), []);
});

t.test('no call and no frame, however strange, breaks a face or moves money', async (t) => {
  const words = fc.oneof(
    fc.constantFrom('', '0', '-1', '1e400', 'null', '%', 'ü', '__proto__', '9'.repeat(40), '0x10', 'x'),
    fc.constantFrom('BTC-USDT', 'BTCUSDT', 'spot', 'SPOT', 'cash', 'hold', 'ioc', 'IOC', 'market', 'Limit'),
    fc.constantFrom('0.001', '84000', '1790000000000', '1', '10', 'UNIFIED', 'cancel_both', 'CancelBoth'),
    fc.string({ maxLength: 12 }),
  );
  const names = [
    ...[
      'instId',
      'tdMode',
      'side',
      'ordType',
      'px',
      'sz',
      'clOrdId',
      'ordId',
      'tag',
      'stpMode',
      'tgtCcy',
      'ccy',
    ],
    ...[
      'timeOut',
      'instType',
      'after',
      'before',
      'begin',
      'end',
      'limit',
      '__proto__',
      'constructor',
      'category',
    ],
    ...[
      'symbol',
      'orderType',
      'qty',
      'price',
      'timeInForce',
      'orderLinkId',
      'orderId',
      'smpType',
      'openOnly',
    ],
    ...['isLeverage', 'marketUnit', 'cursor', 'startTime', 'endTime', 'accountType', 'coin'],
  ];
  const values = fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null));
  const sensible = {
    instId: 'BTC-USDT',
    instType: 'SPOT',
    category: 'spot',
    symbol: 'BTCUSDT',
    accountType: 'UNIFIED',
  };
  const strange = fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 5 });
  const params = fc
    .tuple(fc.boolean(), strange)
    .map(([isHalf, given]) => (isHalf ? { ...sensible, ...given } : given));
  const routes = {
    okx: [
      ...['POST trade/order', 'POST trade/cancel-order', 'POST trade/cancel-all-after', 'GET trade/order'],
      ...['GET trade/orders-pending', 'GET trade/orders-history', 'GET trade/fills', 'GET account/balance'],
      ...['GET account/trade-fee', 'GET asset/deposit-history', 'GET asset/withdrawal-history'],
    ],
    bybit: [
      ...['POST order/create', 'POST order/cancel', 'POST order/cancel-all', 'GET order/realtime'],
      ...['GET order/history', 'GET execution/list', 'GET account/wallet-balance', 'GET account/fee-rate'],
      ...['GET asset/deposit/query-record', 'GET asset/withdraw/query-record'],
    ],
  };
  for (const [name, trader] of [
    ['okx', new OkxTrader()],
    ['bybit', new BybitTrader()],
  ] as const) {
    trader.account.transfer('USDT', '5');
    const socket = trader.socket();
    const codes = new Set<number>();
    fc.assert(
      fc.property(fc.constantFrom(...routes[name]), params, (route, given) => {
        trader.run(200);
        const [method, path] = route.split(' ') as ['GET' | 'POST', string];
        const answer = trader.face.respond(trader.request(method, path, given as Params));
        trader.face.flush();
        socket.heartbeat();
        socket.send({ op: 'subscribe', args: [given] });
        if (!('body' in answer) || answer.status >= 500) return false;
        const { code, retCode } = JSON.parse(answer.body) as { code?: string; retCode?: number };
        codes.add(Number(code ?? retCode));
        return true;
      }),
      { numRuns: 400, seed: 4 },
    );
    t.ok(codes.has(0) && codes.size >= 3, `${name} understood some of it: ${[...codes].join(', ')}`);
    for (const text of [
      '',
      '[]',
      'null',
      '{"op":1}',
      '{"op":"subscribe","args":[null,1,[],{}]}',
      'x'.repeat(70_000),
    ]) {
      socket.send(text);
    }
    t.ok(framesOf(socket).length > 0);
    t.equal(socket.transport.closedWith, null);
    t.equal(trader.account.balances()[0]!.free, '100005', 'no side was named, so nothing was bought');
  }
});

t.test(
  'two traders of one seed see the same, and the public side does not see the private one',
  async (t) => {
    const story = (Make: typeof OkxTrader | typeof BybitTrader, trades: boolean) => {
      const trader = new Make(9);
      const publicly = open(trader.face);
      const arg = Make === OkxTrader ? { channel: 'books', instId: 'ETH-USDT' } : 'orderbook.50.ETHUSDT';
      publicly.send({ op: 'subscribe', args: [arg] });
      const privately = trades ? trader.socket() : null;
      for (let i = 0; i < 10; i++) {
        if (trades) trader.place({ ...crossing(trader, `s${i}`), lots: 1_000 });
        trader.run(500);
      }
      return [publicly.transport.take(), privately?.transport.take() ?? []] as const;
    };
    for (const Make of [OkxTrader, BybitTrader]) {
      t.same(story(Make, true), story(Make, true));
      t.same(
        story(Make, true)[0],
        story(Make, false)[0],
        'frames of another market are the same to the byte',
      );
    }
  },
);

/** Fixtures of REST answers and pushes by the name of their file; absent = the folder is not here. */
const folder = wireFolder();
const skip = folder === null ? 'the examples of exchange answers are not here (ARBOT_WIRE_DIR)' : false;

type Json = Readonly<Record<string, unknown>>;

function lines(file: string): readonly Json[] {
  return readFileSync(join(folder ?? '', file), 'utf8')
    .split('\n')
    .filter((line) => line.trim().startsWith('{'))
    .map((line) => JSON.parse(line) as Json);
}

/** The JSON part of a fixture whose path ends so. */
function example(file: string, name: string): Json {
  const found = lines(file).find((line) => (line['file'] as string).endsWith(name));
  const text = (found?.['text'] ?? found?.['script']) as string;
  const pushed = text.split(/^= ?$/m)[1];
  return JSON.parse(pushed ?? text.slice(text.indexOf('{'))) as Json;
}

const firstRow = (value: unknown) => (value as Json[])[0]!;
const kindOf = (value: unknown) => (Array.isArray(value) ? 'array' : typeof value);

/**
 * Every field of `examples[0]` is in ours with its type, and every field of ours is in one of the examples or named in
 * `newer`.
 */
function sameFields(
  t: Test,
  name: string,
  ours: Json,
  examples: readonly Json[],
  newer: readonly string[] = [],
): void {
  const [main] = examples;
  const missing = Object.keys(main!).filter((field) => !(field in ours));
  t.same(missing, [], `${name}: nothing is missing`);
  const known = new Set([...examples.flatMap((one) => Object.keys(one)), ...newer]);
  t.same(
    Object.keys(ours).filter((field) => !known.has(field)),
    [],
    `${name}: nothing is invented`,
  );
  const otherKind = Object.entries(ours).filter(([field, value]) => {
    const real = examples.map((one) => one[field]).find((one) => one !== undefined && one !== null);
    return real !== undefined && kindOf(value) !== kindOf(real);
  });
  t.same(otherKind, [], `${name}: every field is of the kind of the real one`);
}

t.test('requests that another client signed are accepted', { skip }, async (t) => {
  interface Vector {
    readonly exchange: string;
    readonly clock_ms: number;
    readonly creds: { readonly apiKey: string; readonly secret: string; readonly password: string };
    readonly signed: {
      readonly url: string;
      readonly method: string;
      readonly body?: string;
      readonly headers: Row;
    };
  }
  const vectors = lines('signing/ccxt-4.5.84-place-and-balances.jsonl') as unknown as Vector[];
  const wanted = vectors.filter(({ exchange }) => exchange === 'okx' || exchange === 'bybit');
  t.equal(wanted.length, 4);
  for (const { exchange, clock_ms, creds, signed } of wanted) {
    const { pathname, search } = new URL(signed.url);
    const headers = Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]);
    const request: FaceHttpRequest = {
      method: signed.method,
      url: pathname + search,
      body: signed.body ?? '',
      headers: Object.fromEntries(headers) as Row,
    };
    const refusal = exchange === 'okx' ? okxRequestRefusal : bybitRequestRefusal;
    const key = { ...creds, passphrase: creds.password };
    t.equal(refusal(request, key, clock_ms), null, `${exchange} ${signed.method}`);
    t.ok(refusal({ ...request, url: `${request.url}?x=1`, body: `${request.body} ` }, key, clock_ms));
  }
});

t.test('OKX answers and pushes have the fields of real ones', { skip }, async (t) => {
  const rest = 'rest/jkorf-okx-rest-endpoints.ndjson';
  const more = 'rest/nautilus-okx-rest-fixtures.ndjson';
  const scripts = 'okx/jkorf-subscription-scripts.ndjson';
  const real = (name: string, file = rest) => firstRow(example(file, name)['data']);
  const trader = new OkxTrader();
  const socket = trader.socket();
  const placed = trader.post('trade/order', trader.params(crossing(trader, 'x1')))!;
  trader.place({ id: 'p1', ticks: trader.level('buy').ticks - 100, lots: 5_000, type: 'limit' });
  const frames = framesOf(socket);
  sameFields(t, 'place', placed.data[0]!, [real('Trading/PlaceOrder.txt')]);
  const spot = { instType: 'SPOT' };
  const order = trader.find('x1')!.row;
  sameFields(t, 'order', order, [real('Trading/GetOrderDetails.txt')]);
  const [ended] = trader.get('trade/orders-history', spot).data;
  sameFields(t, 'history', ended!, [
    real('Trading/GetOrderHistory.txt'),
    real('http_get_orders_history.json', more),
  ]);
  const [pending] = trader.get('trade/orders-pending', spot).data;
  const pendings = [real('Trading/GetOrders.txt'), real('http_get_orders_pending.json', more)];
  sameFields(t, 'pending', pending!, pendings);
  sameFields(t, 'fill', trader.get('trade/fills', spot).data[0]!, [real('Trading/GetUserTrades.txt')]);
  const cancelled = trader.post('trade/cancel-order', { instId: 'BTC-USDT', clOrdId: 'p1' })!;
  sameFields(t, 'cancel', cancelled.data[0]!, [real('Trading/CancelOrder.txt')]);
  const timer = trader.post('trade/cancel-all-after', { timeOut: '10' })!;
  sameFields(t, 'timer', timer.data[0]!, [real('Trading/CancelAllAfter.txt')]);
  const fees = [real('Account/GetFeeRates.txt'), real('http_get_trade_fee_response.json', more)];
  sameFields(t, 'fee', trader.get('account/trade-fee', spot).data[0]!, fees);
  const balances = [
    real('Account/GetAccountBalance.txt'),
    real('http_get_account_balance.json', more),
    real('Account/Balance.txt', scripts),
  ];
  const [account] = trader.get('account/balance').data as unknown as Json[];
  sameFields(t, 'balance', account!, balances);
  const details = balances.map((one) => firstRow(one['details']));
  sameFields(t, 'balance detail', firstRow(account!['details']), details);
  const pushedAccount = pushesOf(frames, 'account')[0] as unknown as Json;
  sameFields(t, 'account push', firstRow(pushedAccount['details']), [details[2]!, ...details]);
  const pushes = [
    real('Trading/Order.txt', scripts),
    ...lines('okx/gocryptotrader-wsOrders.jsonl').map((line) => firstRow(line['data'])),
  ];
  for (const row of pushesOf(frames, 'orders')) {
    sameFields(t, 'orders push', row, pushes);
    for (const push of pushes) sameFields(t, 'orders push', row, [push, ...pushes]);
  }
  trader.account.transfer('USDT', '5');
  trader.account.transfer('USDT', '-5');
  const deposits = trader.get('asset/deposit-history').data;
  sameFields(t, 'deposit', deposits[0]!, [real('Account/GetDepositHistory.txt')]);
  const withdrawals = [real('Account/GetWithdrawalHistory.txt'), real('Account/Withdrawal.txt', scripts)];
  sameFields(t, 'withdrawal', trader.get('asset/withdrawal-history').data[0]!, withdrawals);
});

t.test('Bybit answers and pushes have the fields of real ones', { skip }, async (t) => {
  const rest = 'rest/jkorf-bybit-rest-endpoints.ndjson';
  const more = 'rest/nautilus-bybit-rest-fixtures.ndjson';
  const scripts = 'bybit/jkorf-subscription-scripts.ndjson';
  const real = (name: string, file = rest) => {
    const result = example(file, name)['result'] as Json;
    return firstRow(result['list'] ?? result['rows']);
  };
  const script = (name: string) => firstRow(example(scripts, name)['data']);
  const captured = lines('bybit/gocryptotrader-wsAuth.jsonl');
  const pushed = (topic: string) =>
    captured.filter((line) => line['topic'] === topic).map((line) => firstRow(line['data']));
  const trader = new BybitTrader();
  const socket = trader.socket();
  const receipt = trader.post('order/create', trader.params(crossing(trader, 'x1')))!;
  const receipts = [example(rest, 'V5Api/Trading/PlaceOrder.txt')['result'] as Json];
  sameFields(t, 'place', receipt.result, receipts);
  trader.place({ id: 'p1', ticks: trader.level('buy').ticks - 100, lots: 500, type: 'limit' });
  trader.run(100);
  const frames = framesOf(socket);
  const spot = { category: 'spot' };
  const orders = [
    real('V5Api/Trading/GetOrders.txt'),
    real('V5Api/Trading/GetOrderHistory.txt'),
    ...pushed('order'),
  ];
  sameFields(t, 'realtime', trader.get('order/realtime', spot).list[0]!, orders);
  sameFields(t, 'history', trader.get('order/history', spot).list[0]!, [orders[1]!, ...orders]);
  const executions = [
    real('V5Api/Trading/GetUserTrades.txt'),
    real('http_get_executions.json', more),
    ...pushed('execution'),
  ];
  sameFields(t, 'execution', trader.get('execution/list', spot).list[0]!, executions);
  const cancelled = trader.post('order/cancel', { ...spot, symbol: 'BTCUSDT', orderLinkId: 'p1' })!;
  sameFields(t, 'cancel', cancelled.result, [
    example(rest, 'V5Api/Trading/CancelOrder.txt')['result'] as Json,
  ]);
  trader.place({ id: 'p2', ticks: trader.level('buy').ticks - 100, lots: 500, type: 'limit' });
  const all = trader.post('order/cancel-all', spot)!;
  sameFields(t, 'cancel all', all.result, [
    example(rest, 'V5Api/Trading/CancelAllOrder.txt')['result'] as Json,
  ]);
  sameFields(t, 'cancel all row', all.list[0]!, [real('V5Api/Trading/CancelAllOrder.txt')]);
  const rates = [real('V5Api/Account/GetFeeRate.txt'), real('http_get_fee_rate.json', more)];
  sameFields(t, 'fee rate', trader.get('account/fee-rate', spot).list[0]!, rates);
  const wallets = [
    real('V5Api/Account/GetBalances.txt'),
    real('http_get_wallet_balance.json', more),
    script('Private/Balance.txt'),
    ...pushed('wallet'),
  ];
  const wallet = trader.get('account/wallet-balance', { accountType: 'UNIFIED' }).list[0] as unknown as Json;
  sameFields(t, 'wallet', wallet, wallets);
  const coins = wallets.map((one) => firstRow(one['coin']));
  sameFields(t, 'coin', firstRow(wallet['coin']), coins);
  const pushedWallet = pushesOf(frames, 'wallet')[0] as unknown as Json;
  sameFields(t, 'wallet push', pushedWallet, [wallets[2]!, ...wallets]);
  sameFields(t, 'coin push', firstRow(pushedWallet['coin']), [coins[2]!, ...coins]);
  for (const row of pushesOf(frames, 'order.spot')) {
    sameFields(t, 'order push', row, [script('Private/Order.txt'), ...orders]);
    for (const push of pushed('order')) sameFields(t, 'order push', row, [push, ...orders]);
  }
  for (const row of pushesOf(frames, 'execution.spot')) {
    sameFields(t, 'execution push', row, [script('Private/UserTrades.txt'), ...executions]);
  }
  const fast = open(trader.face, '/v5/private');
  fast.send(bybitAuth(trader.account.credentials, trader.exchanges.world.nowMs));
  fast.send({ op: 'subscribe', args: ['execution.fast'] });
  trader.place(crossing(trader, 'x2'));
  const [quick] = pushesOf(framesOf(fast), 'execution.fast');
  sameFields(t, 'fast execution', quick!, [script('Private/MinimalUserTrades.txt')], ['isMaker']);
  trader.account.transfer('USDT', '-5');
  const withdrawals = [real('V5Api/Account/GetWithdrawals.txt')];
  sameFields(t, 'withdrawal', trader.get('asset/withdraw/query-record').list[0]!, withdrawals);
});

/** Real time. */
const clock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
const pending = new Map<number, NodeJS.Timeout>();
const timers: Timers = {
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, delayMs);
    const id = Number(handle[Symbol.toPrimitive]());
    pending.set(id, handle);
    return { id };
  },
  clearTimer({ id }) {
    clearTimeout(pending.get(id));
    pending.delete(id);
  },
  setImmediate: (callback) => void setImmediate(callback),
};
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => log,
};

t.test('both exchanges take signed orders and tell fills over real sockets', async (t) => {
  const exchanges = await startSimulatedExchanges({
    seed: 3,
    clock,
    timers,
    log,
    plants: NO_PLANTS,
    exchanges: ['okx', 'bybit'],
    pairs: ['BTC-USDT'],
  });
  t.teardown(() => exchanges.close());
  for (const exchange of ['okx', 'bybit'] as const) {
    const account = exchanges.accounts[exchange]!;
    const { credentials } = account;
    account.open(FUNDS);
    const market = exchanges.world.market(exchange, 'BTC-USDT');
    const { ws, rest } = exchanges.endpoints[exchange]!;
    const isOkx = exchange === 'okx';
    const frames: string[] = [];
    const socket = new WebSocket(`${ws}${isOkx ? '/ws/v5/private' : '/v5/private'}`);
    const heard = (text: string) =>
      new Promise<void>((resolve) => {
        const check = () => frames.some((frame) => frame.includes(text)) && resolve();
        socket.on('message', check);
        check();
      });
    socket.on('message', (data: Buffer) => frames.push(data.toString()));
    await new Promise<void>((resolve) => socket.on('open', () => resolve()));
    socket.send(JSON.stringify((isOkx ? okxLogin : bybitAuth)(credentials, Date.now())));
    await heard(isOkx ? '"login"' : '"auth"');
    const args = isOkx ? [{ channel: 'orders', instType: 'SPOT' }] : ['order.spot', 'execution.spot'];
    socket.send(JSON.stringify({ op: 'subscribe', args }));
    await heard('"subscribe"');
    const price = plainText(market.listing.tick, market.engine.level('sell', 0)!.priceTicks + 1_000);
    const qty = plainText(market.listing.lot, 2_000);
    const place = (id: string) => {
      const call = isOkx
        ? {
            path: '/api/v5/trade/order',
            params: {
              instId: 'BTC-USDT',
              tdMode: 'cash',
              side: 'buy',
              ordType: 'ioc',
              px: price,
              sz: qty,
              clOrdId: id,
            },
          }
        : {
            path: '/v5/order/create',
            params: {
              category: 'spot',
              symbol: 'BTCUSDT',
              side: 'Buy',
              orderType: 'Limit',
              timeInForce: 'IOC',
              price,
              qty,
              orderLinkId: id,
            },
          };
      const request = (isOkx ? okxRequest : bybitRequest)(credentials, Date.now(), {
        method: 'POST',
        ...call,
      });
      return (signal?: AbortSignal) =>
        fetch(`${rest}${request.url}`, {
          method: 'POST',
          headers: request.headers ?? {},
          body: request.body ?? '',
          ...(signal === undefined ? {} : { signal }),
        });
    };
    const answer = await place('net1')();
    t.equal(answer.status, 200);
    t.match(await answer.text(), isOkx ? /"sCode":"0"/ : /"retCode":0/);
    await heard(isOkx ? '"state":"filled"' : '"orderStatus":"Filled"');
    if (!isOkx) t.equal(answer.headers.get('x-bapi-limit'), '20');
    account.misbehave({ kind: 'accept-then-timeout', count: 1 });
    const abort = new AbortController();
    const silent = place('net2')(abort.signal);
    await heard('net2');
    abort.abort();
    await t.rejects(silent, 'no answer came, and the socket told the fill');
    account.misbehave({ kind: 'slow', count: 1, delayMs: 50 });
    t.equal((await place('net3')()).status, 200);
    t.equal(account.orders().length, 3);
    account.misbehave({ kind: 'partial-then-disconnect', count: 1 });
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    const cut = new AbortController();
    const never = place('net4')(cut.signal);
    await closed;
    cut.abort();
    await t.rejects(never);
    const refused = new WebSocket(`${ws}${isOkx ? '/ws/v5/privat' : '/v5/privat'}`);
    const reason = await new Promise<Error>((resolve) => refused.on('error', resolve));
    t.match(reason.message, /404/);
  }
});
