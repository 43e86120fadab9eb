import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { wireFolder } from '../shared-data.js';
import { plainText } from '../../src/simulator/exact-units.js';
import { atomsOf, atomsText } from '../../src/simulator/trading/atoms.js';
import { readSigned } from '../../src/simulator/trading/binance-signing.js';
import type { TradingFault } from '../../src/simulator/trading/trading-faults.js';
import { MemoryTransport, open, type Connection, type MemoryExchanges } from './memory-client.js';
import {
  best,
  binance,
  binanceRequest,
  farPrice,
  heard,
  send,
  tradingExchanges,
  upbit,
  upbitRequest,
  upbitToken,
  type BinanceSigning,
  type Heard,
  type Params,
  type UpbitSigning,
} from './trading-client.js';
import { createHmac } from 'node:crypto';

const folder = wireFolder();
const skip = folder === null ? 'the captured frames are not here (ARBOT_WIRE_DIR)' : false;

type Json = Record<string, unknown>;

const order = (more: Params): Params => [
  ['symbol', 'BTCUSDT'],
  ['side', 'BUY'],
  ['type', 'LIMIT'],
  ['timeInForce', 'IOC'],
  ...more,
];

/** The parameters with some replaced or, by null, left out. */
function changed(params: Params, changes: Readonly<Record<string, string | null>>): Params {
  const kept = params.filter(([name]) => !Object.hasOwn(changes, name));
  const set = Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== null);
  return [...kept, ...set];
}

const resting = (exchanges: MemoryExchanges, changes: Readonly<Record<string, string | null>> = {}): Params =>
  changed(
    order([
      ['quantity', '0.1'],
      ['price', farPrice(exchanges, 'binance', 'buy')],
    ]),
    { timeInForce: 'GTC', ...changes },
  );

const place = (exchanges: MemoryExchanges, params: Params): Heard =>
  binance(exchanges, 'POST /api/v3/order', params);

const said = ({ status, json }: Heard): string => {
  const { code, msg } = json as { code?: number; msg?: string };
  return `${status} ${code} ${msg}`;
};

const named = ({ status, json }: Heard): string =>
  `${status} ${(json as { error: { name: string } }).error.name}`;

const headersOf = (exchanges: MemoryExchanges) => ({
  'x-mbx-apikey': exchanges.faces.binance.account!.credentials.apiKey,
});

const hmac = (exchanges: MemoryExchanges, payload: string): string =>
  createHmac('sha256', exchanges.faces.binance.account!.credentials.secret).update(payload).digest('hex');

const heardOrNull = (exchanges: MemoryExchanges, route: string) =>
  send(exchanges, 'binance', binanceRequest(exchanges, route));

t.test('Binance: a signed IOC order takes from the book and is told in every form', (t) => {
  const exchanges = tradingExchanges();
  const { price } = best(exchanges, 'binance', 'buy');
  const params = order([
    ['quantity', '0.01'],
    ['price', price],
    ['newClientOrderId', 'arb-1'],
  ]);
  const full = place(exchanges, params);
  t.equal(full.status, 200);
  t.match(full.json, { status: 'FILLED', executedQty: '0.01000000', clientOrderId: 'arb-1' });
  const [fill] = full.at('fills') as Json[];
  t.match(fill, { qty: '0.01000000', commission: '0.00001000', commissionAsset: 'BTC' });
  const form = (name: string): Json => place(exchanges, [...params, ['newOrderRespType', name]]).json as Json;
  t.same(Object.keys(form('ACK')), ['symbol', 'orderId', 'orderListId', 'clientOrderId', 'transactTime']);
  const result = form('RESULT');
  t.equal(result['fills'], undefined);
  t.match(result, { status: 'FILLED' }, 'an id may be used again once its order is filled');
  const mine = binance(exchanges, 'GET /api/v3/myTrades', [
    ['symbol', 'BTCUSDT'],
    ['orderId', full.at('orderId') as number],
  ]);
  t.match(mine.json, [{ id: fill!['tradeId'], isBuyer: true, isMaker: false, qty: '0.01000000' }]);
  const query = binance(exchanges, 'GET /api/v3/order', [
    ['symbol', 'BTCUSDT'],
    ['origClientOrderId', 'arb-1'],
  ]);
  t.equal(query.at('orderId'), result['orderId'], 'the newest order of the id');
  const held = binance(exchanges, 'GET /api/v3/account', [['omitZeroBalances', true]]);
  t.match(held.at('balances'), [
    { asset: 'USDT' },
    { asset: 'BTC', free: '10.02997000', locked: '0.00000000' },
  ]);
  t.match(exchanges.faces.binance.account!.trades()[0], {
    fee: '0.00001',
    feeAsset: 'BTC',
    liquidity: 'taker',
  });
  t.end();
});

t.test('Binance: the account trades carry the ids of the public tape', (t) => {
  const exchanges = tradingExchanges();
  const tape = open(exchanges.faces.binance, '/ws/btcusdt@trade');
  const { price } = best(exchanges, 'binance', 'buy');
  const full = place(
    exchanges,
    order([
      ['quantity', '0.02'],
      ['price', price],
    ]),
  );
  exchanges.run(100);
  const ids = tape.transport.take().map((frame) => (JSON.parse(frame) as { t: number }).t);
  for (const { tradeId } of full.at('fills') as { tradeId: number }[]) t.ok(ids.includes(tradeId));
  t.end();
});

t.test('Binance: resting orders are listed, hit as makers, and cancelled once', (t) => {
  const exchanges = tradingExchanges();
  const { world, faces } = exchanges;
  const one = place(exchanges, resting(exchanges, { newClientOrderId: 'one' }));
  t.match(one.json, { status: 'NEW', executedQty: '0.00000000', fills: [] });
  const { account } = faces.binance;
  t.equal(
    account!
      .balances()
      .find(({ asset }) => asset === 'USDT')!
      .locked.split('.')[0],
    lockedOf(one),
  );
  t.equal((binance(exchanges, 'GET /api/v3/openOrders').json as Json[]).length, 1);
  const market = world.market('binance', 'BTC-USDT');
  const order = account!.orders()[0]!;
  const priceTicks = Math.round(Number(order.price) / market.listing.tick.value);
  // Everybody else leaves, and somebody sells into the order.
  while ((market.engine.level('buy', 0)?.priceTicks ?? 0) > priceTicks) {
    for (const id of [...market.engine.level('buy', 0)!.orders.keys()]) market.engine.cancel(id, world.nowMs);
  }
  market.engine.submit({ account: 'other', side: 'sell', type: 'ioc', priceTicks, lots: 4_000 }, world.nowMs);
  const query: Params = [
    ['symbol', 'BTCUSDT'],
    ['orderId', one.at('orderId') as number],
  ];
  t.match(binance(exchanges, 'GET /api/v3/order', query).json, {
    status: 'PARTIALLY_FILLED',
    executedQty: '0.04000000',
  });
  t.match(binance(exchanges, 'GET /api/v3/myTrades', [['symbol', 'BTCUSDT']]).json, [{ isMaker: true }]);
  const cancelled = binance(exchanges, 'DELETE /api/v3/order', [
    ['symbol', 'BTCUSDT'],
    ['origClientOrderId', 'one'],
    ['newClientOrderId', 'the-cancel'],
  ]);
  t.match(cancelled.json, { status: 'CANCELED', origClientOrderId: 'one', clientOrderId: 'the-cancel' });
  t.equal(said(binance(exchanges, 'DELETE /api/v3/order', query)), '400 -2011 Unknown order sent.');
  place(exchanges, resting(exchanges));
  place(exchanges, resting(exchanges));
  const all: Params = [['symbol', 'BTCUSDT']];
  t.equal((binance(exchanges, 'GET /api/v3/openOrders', all).json as Json[]).length, 2);
  t.equal((binance(exchanges, 'DELETE /api/v3/openOrders', all).json as Json[]).length, 2);
  t.equal(said(binance(exchanges, 'DELETE /api/v3/openOrders', all)), '400 -2011 Unknown order sent.');
  t.ok(account!.balances().every(({ locked }) => locked === '0'));
  t.end();
});

function lockedOf({ json }: Heard): string {
  const { price, origQty } = json as { price: string; origQty: string };
  return String(Number(price) * Number(origQty)).split('.')[0]!;
}

t.test('Binance: every refusal has its code and its words', (t) => {
  const exchanges = tradingExchanges();
  const good = resting(exchanges);
  const { price } = best(exchanges, 'binance', 'buy');
  const bad = (changes: Readonly<Record<string, string | null>>): string =>
    said(place(exchanges, changed(good, changes)));
  const mandatory = (name: string): string =>
    `400 -1102 Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`;
  const illegal = (name: string): string => `400 -1100 Illegal characters found in parameter '${name}'.`;
  for (const name of ['symbol', 'side', 'type', 'timeInForce', 'quantity', 'price']) {
    t.equal(bad({ [name]: null }), mandatory(name));
  }
  t.equal(bad({ symbol: 'btc!' }), illegal('symbol'));
  t.equal(bad({ symbol: 'NIXUSDT' }), '400 -1121 Invalid symbol.');
  t.equal(bad({ side: 'HOLD' }), '400 -1117 Invalid side.');
  t.equal(bad({ type: 'STOP' }), '400 -1116 Invalid orderType.');
  t.equal(bad({ timeInForce: 'GTX' }), '400 -1115 Invalid timeInForce.');
  t.equal(bad({ newClientOrderId: 'a b' }), illegal('newClientOrderId'));
  t.equal(bad({ quantity: '1e-3' }), illegal('quantity'));
  t.equal(bad({ price: '80000.123456789' }), "400 -1111 Parameter 'price' has too much precision.");
  t.equal(bad({ quantity: '0' }), '400 -1013 Invalid quantity.');
  t.match(bad({ hint: 'x' }), /^400 -1104 Not all sent parameters were read; read '6'.*was sent '7'/);
  t.match(bad({ newOrderRespType: 'LONG' }), /-1130/);
  t.match(bad({ selfTradePreventionMode: 'TRANSFER' }), /-1130/);
  t.equal(bad({ quoteOrderQty: '5' }), "400 -1106 Parameter 'quoteOrderQty' sent when not required.");
  const market = { type: 'MARKET', timeInForce: null };
  t.equal(bad(market), "400 -1106 Parameter 'price' sent when not required.");
  t.equal(bad({ type: 'MARKET' }), "400 -1106 Parameter 'timeInForce' sent when not required.");
  t.match(bad({ ...market, price: null, side: 'SELL', quantity: null, quoteOrderQty: '50' }), /-1130/);
  t.equal(bad({ price: '80000.001' }), '400 -1013 Filter failure: PRICE_FILTER');
  t.equal(bad({ price: '1000' }), '400 -1013 Filter failure: PERCENT_PRICE_BY_SIDE');
  t.equal(bad({ quantity: '0.000001' }), '400 -1013 Filter failure: LOT_SIZE');
  t.equal(bad({ quantity: '0.00001' }), '400 -1013 Filter failure: NOTIONAL');
  t.equal(bad({ quantity: '100' }), '400 -2010 Account has insufficient balance for requested action.');
  t.equal(
    bad({ type: 'LIMIT_MAKER', timeInForce: null, price }),
    '400 -2010 Order would immediately match and take.',
  );
  place(exchanges, [...good, ['newClientOrderId', 'twice']]);
  t.equal(bad({ newClientOrderId: 'twice' }), '400 -2010 Duplicate order sent.');
  exchanges.faces.binance.halted.add('BTCUSDT');
  t.equal(bad({}), '400 -2010 Market is closed.');
  exchanges.faces.binance.halted.clear();
  const lookup = (params: Params): string =>
    said(binance(exchanges, 'GET /api/v3/order', [['symbol', 'BTCUSDT'], ...params]));
  t.equal(lookup([]), mandatory('orderId'));
  t.equal(lookup([['orderId', 5]]), '400 -2013 Order does not exist.');
  t.equal(lookup([['origClientOrderId', 'nobody']]), '400 -2013 Order does not exist.');
  t.equal(said(binance(exchanges, 'DELETE /api/v3/order', [['symbol', 'BTCUSDT']])), mandatory('orderId'));
  const none = place(exchanges, changed(good, { timeInForce: 'IOC', newClientOrderId: 'old' }));
  t.match(none.json, { status: 'EXPIRED', executedQty: '0.00000000' });
  exchanges.world.jumpTo(exchanges.world.nowMs + 90 * 86_400_000 + 200);
  t.match(lookup([['origClientOrderId', 'old']]), /^400 -2026 Order was canceled or expired/);
  const test = (params: Params) => binance(exchanges, 'POST /api/v3/order/test', params);
  t.same(test(resting(exchanges)).json, {});
  t.same(Object.keys(test([...resting(exchanges), ['computeCommissionRates', true]]).json as Json), [
    'standardCommissionForOrder',
    'taxCommissionForOrder',
    'discount',
  ]);
  t.match(said(test(resting(exchanges, { price: '1000' }))), /PERCENT_PRICE_BY_SIDE/);
  t.match(binance(exchanges, 'GET /api/v3/account/commission', [['symbol', 'BTCUSDT']]).json, {
    standardCommission: { taker: '0.00100000' },
  });
  t.end();
});

t.test('Binance: key, signature, stamp and window are checked', (t) => {
  const exchanges = tradingExchanges();
  const { nowMs } = exchanges.world;
  const account = (signing: BinanceSigning) => binance(exchanges, 'GET /api/v3/account', [], signing);
  t.equal(said(account({ key: 'short' })), '401 -2014 API-key format invalid.');
  t.equal(
    said(account({ key: 'a'.repeat(40) })),
    '401 -2015 Invalid API-key, IP, or permissions for action.',
  );
  t.equal(said(account({ secret: 'x' })), '400 -1022 Signature for this request is not valid.');
  t.equal(account({ inBody: true }).status, 200, 'parameters may come in the body');
  const late = '400 -1021 Timestamp for this request is outside of the recvWindow.';
  const early = "400 -1021 Timestamp for this request was 1000ms ahead of the server's time.";
  t.equal(account({ atMs: nowMs - 5_000 }).status, 200);
  t.equal(said(account({ atMs: nowMs - 5_001 })), late);
  t.equal(said(account({ atMs: nowMs - 61, windowMs: 60 })), late);
  t.equal(account({ atMs: nowMs - 60, windowMs: '60.000' }).status, 200);
  t.equal(account({ atMs: nowMs + 999 }).status, 200);
  t.equal(said(account({ atMs: nowMs + 1_000 })), early);
  t.equal(said(account({ windowMs: 60_001 })), '400 -1131 recvWindow must be less than 60000');
  t.match(said(account({ windowMs: 'x' })), /-1100/);
  t.equal(account({ atMs: nowMs * 1_000 }).status, 200, 'microseconds');
  const bare = { method: 'GET', url: '/api/v3/account?timestamp=1', headers: headersOf(exchanges) };
  t.match(said(heard(send(exchanges, 'binance', bare))), /-1102 Mandatory parameter 'signature'/);
  const twice = binanceRequest(exchanges, 'GET /api/v3/account', [['timestamp', 1]]);
  t.match(said(heard(send(exchanges, 'binance', twice))), /-1101 Duplicate values/);
  const stampless = { ...bare, url: `/api/v3/account?a=1&signature=${hmac(exchanges, 'a=1')}` };
  t.match(said(heard(send(exchanges, 'binance', stampless))), /-1102 Mandatory parameter 'timestamp'/);
  const end = exchanges.faces.binance.account!.misbehave({ kind: 'skew', skewMs: 10_000 });
  t.equal(said(account({ atMs: nowMs })), late, 'by the clock of the exchange');
  const clock = exchanges.faces.binance.handleHttp({ method: 'GET', url: '/api/v3/time' }).body;
  t.equal((JSON.parse(clock) as { serverTime: number }).serverTime, nowMs + 10_000);
  end();
  t.equal(account({ atMs: nowMs }).status, 200);
  t.end();
});

t.test('Binance: the signatures that its documentation prints are accepted', { skip }, (t) => {
  const rows = readFileSync(join(folder ?? '', 'signing/official-vectors.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Json & { expect: { signature: string } })
    .filter((row) => row['exchange'] === 'binance');
  t.equal(rows.length, 2);
  for (const { signString, apiKey, secret, expect } of rows) {
    const request = {
      method: 'POST',
      url: '/api/v3/order',
      headers: { 'x-mbx-apikey': String(apiKey) },
      body: `${String(signString)}&signature=${expect.signature}`,
    };
    const call = readSigned(request, { apiKey: String(apiKey), secret: String(secret), passphrase: null });
    t.match(call, { timestampMs: 1_499_827_319_559, windowMs: 5_000 });
    const broken = { ...request, body: request.body.replace('price=0.1', 'price=0.2') };
    t.match(readSigned(broken, { apiKey: String(apiKey), secret: String(secret), passphrase: null }), {
      status: 400,
    });
  }
  t.end();
});

t.test('Binance: orders and weights are counted, told, and refused beyond the limit', (t) => {
  const exchanges = tradingExchanges();
  const first = place(exchanges, resting(exchanges));
  t.match(first.headers, { 'x-mbx-order-count-10s': '1', 'x-mbx-used-weight-1m': '0' });
  const filled = place(
    exchanges,
    order([
      ['quantity', '0.001'],
      ['price', best(exchanges, 'binance', 'buy').price],
    ]),
  );
  t.equal(filled.headers['x-mbx-order-count-10s'], '1', 'what filled does not count');
  for (let i = 1; i < 100; i++)
    t.equal(place(exchanges, resting(exchanges, { quantity: '0.001' })).status, 200);
  const tooMany = place(exchanges, resting(exchanges));
  t.match(said(tooMany), /^429 -1015 Too many new orders; current limit is 100 orders per 10 SECOND/);
  t.equal(tooMany.headers['retry-after'], '10');
  exchanges.run(10_100);
  t.equal(place(exchanges, resting(exchanges)).status, 200);
  const used = Number(binance(exchanges, 'GET /api/v3/account').headers['x-mbx-used-weight-1m']);
  const next = Number(binance(exchanges, 'GET /api/v3/openOrders').headers['x-mbx-used-weight-1m']);
  t.equal(next - used, 80);
  for (let i = 0; i < 320; i++) heardOrNull(exchanges, 'GET /api/v3/account');
  t.match(said(binance(exchanges, 'GET /api/v3/account')), /^418 -1003/);
  t.end();
});

/** A subscribed private connection. */
function binanceStream(exchanges: MemoryExchanges): Connection {
  const client = open(exchanges.faces.binance, '/ws-api/v3');
  client.send(subscription(exchanges));
  const answer = JSON.parse(client.transport.take()[0]!) as Json;
  if (answer['status'] !== 200) throw new Error(JSON.stringify(answer));
  return client;
}

function subscription(exchanges: MemoryExchanges, changes: Json = {}): object {
  const { apiKey } = exchanges.faces.binance.account!.credentials;
  const params: Json = { apiKey, timestamp: exchanges.world.nowMs, ...changes };
  const payload = Object.keys(params)
    .sort()
    .map((name) => `${name}=${String(params[name])}`)
    .join('&');
  return {
    id: 1,
    method: 'userDataStream.subscribe.signature',
    params: { signature: hmac(exchanges, payload), ...params },
  };
}

interface BinanceEvent {
  readonly e: string;
  readonly x?: string;
  readonly X?: string;
  readonly [name: string]: unknown;
}

const eventsOf = (client: Connection): BinanceEvent[] =>
  client.transport.take().map((frame) => (JSON.parse(frame) as { event: BinanceEvent }).event);

const executions = (client: Connection): (string | undefined)[] =>
  eventsOf(client)
    .filter(({ e }) => e === 'executionReport')
    .map(({ x, X }) => `${x} ${X}`);

t.test('Binance: the user data stream tells of orders, fills, cancels, balances and transfers', (t) => {
  const exchanges = tradingExchanges();
  const { binance: face } = exchanges.faces;
  const client = binanceStream(exchanges);
  const { price, size } = best(exchanges, 'binance', 'buy');
  const more = (Number(size) + 0.5).toFixed(5);
  const placed = place(
    exchanges,
    order([
      ['quantity', more],
      ['price', price],
      ['newClientOrderId', 'me'],
    ]),
  );
  t.same(client.transport.take(), [], 'the answer comes first');
  face.flush();
  const events = eventsOf(client);
  const reports = events.filter(({ e }) => e === 'executionReport');
  t.equal(reports[0]!.x, 'NEW');
  t.match(reports[1], {
    x: 'TRADE',
    X: 'PARTIALLY_FILLED',
    N: 'BTC',
    m: false,
    c: 'me',
    t: placed.at('fills', 0, 'tradeId'),
  });
  t.match(reports[reports.length - 1], {
    x: 'EXPIRED',
    X: 'EXPIRED',
    i: placed.at('orderId'),
    t: -1,
    z: placed.at('executedQty'),
  });
  t.equal(new Set(reports.map(({ I }) => I)).size, reports.length);
  t.match(events[events.length - 1], {
    e: 'outboundAccountPosition',
    B: [{ a: 'BTC' }, { a: 'USDT', l: '0.00000000' }],
  });
  const rest = place(exchanges, resting(exchanges, { newClientOrderId: 'rest' }));
  binance(exchanges, 'DELETE /api/v3/order', [
    ['symbol', 'BTCUSDT'],
    ['orderId', rest.at('orderId') as number],
    ['newClientOrderId', 'by-me'],
  ]);
  exchanges.run(100);
  const [, , cancel] = eventsOf(client).filter(({ e }) => e === 'executionReport' || e === 'x');
  t.equal(cancel, undefined);
  face.account!.transfer('BTC', '1.5');
  face.account!.transfer('USDT', '-20');
  exchanges.run(100);
  const moved = eventsOf(client).filter(({ e }) => e === 'balanceUpdate');
  t.match(moved, [
    { a: 'BTC', d: '1.50000000' },
    { a: 'USDT', d: '-20.00000000' },
  ]);
  t.match(binance(exchanges, 'GET /sapi/v1/capital/deposit/hisrec').json, [
    { coin: 'BTC', amount: '1.5', status: 1 },
  ]);
  t.match(binance(exchanges, 'GET /sapi/v1/capital/withdraw/history').json, [
    { coin: 'USDT', amount: '20', status: 6 },
  ]);
  const since: Params = [['startTime', exchanges.world.nowMs + 1]];
  t.same(binance(exchanges, 'GET /sapi/v1/capital/deposit/hisrec', since).json, []);
  face.announceShutdown(1_000);
  t.match(eventsOf(client), [{ e: 'serverShutdown' }]);
  t.end();
});

t.test('Binance: a cancel is told with its own id, a prevented trade as such', (t) => {
  const exchanges = tradingExchanges();
  const client = binanceStream(exchanges);
  place(exchanges, resting(exchanges, { newClientOrderId: 'rest' }));
  binance(exchanges, 'DELETE /api/v3/order', [
    ['symbol', 'BTCUSDT'],
    ['origClientOrderId', 'rest'],
    ['newClientOrderId', 'by-me'],
  ]);
  exchanges.faces.binance.flush();
  const reports = eventsOf(client).filter(({ e }) => e === 'executionReport');
  t.match(reports, [
    { x: 'NEW', c: 'rest', C: '' },
    { x: 'CANCELED', X: 'CANCELED', c: 'by-me', C: 'rest' },
  ]);
  const { market } = best(exchanges, 'binance', 'buy');
  const sell = resting(exchanges, { side: 'SELL', price: '90000' });
  const buy = resting(exchanges, { price: '90000', timeInForce: 'IOC' });
  while (market.engine.level('sell', 0) !== undefined) {
    for (const id of [...market.engine.level('sell', 0)!.orders.keys()]) market.engine.cancel(id, 0);
  }
  place(exchanges, sell);
  place(exchanges, buy);
  exchanges.faces.binance.flush();
  t.same(executions(client), ['NEW NEW', 'NEW NEW', 'EXPIRED EXPIRED_IN_MATCH', 'EXPIRED EXPIRED']);
  t.end();
});

t.test('Binance: a private connection must sign, and other methods are answered', (t) => {
  const exchanges = tradingExchanges();
  const client = open(exchanges.faces.binance, '/ws-api/v3');
  const ask = (message: object): Json => {
    client.send(message);
    exchanges.run(1_000);
    return JSON.parse(client.transport.take()[0]!) as Json;
  };
  const codeOf = (answer: Json) => (answer['error'] as { code: number }).code;
  const good = subscription(exchanges) as { params: Json };
  t.equal(codeOf(ask({ ...good, params: { ...good.params, signature: 'x' } })), -1022);
  t.equal(codeOf(ask({ ...good, params: { ...good.params, apiKey: 'x' } })), -2015);
  t.equal(codeOf(ask({ ...good, params: {} })), -1102);
  t.equal(codeOf(ask(subscription(exchanges, { timestamp: exchanges.world.nowMs - 6_000 }))), -1021);
  t.equal(codeOf(ask({ id: 1, method: 'order.dance' })), -1000);
  t.match(ask({ id: 'a', method: 'ping' }), { id: 'a', status: 200, result: {} });
  t.match(ask({ id: 2, method: 'time' }), { result: { serverTime: Number } });
  const answer = ask(subscription(exchanges));
  t.match(answer, { id: 1, status: 200, result: { subscriptionId: 0 } });
  t.match(ask({ id: 3, method: 'userDataStream.unsubscribe' }), { status: 200 });
  exchanges.faces.binance.account!.transfer('BTC', '1');
  exchanges.faces.binance.flush();
  t.same(client.transport.take(), []);
  t.end();
});

/** Switches one fault on and places an order that would fill. */
function faulty(fault: TradingFault) {
  const exchanges = tradingExchanges();
  const client = binanceStream(exchanges);
  const account = exchanges.faces.binance.account!;
  const end = account.misbehave({ count: 1, ...fault });
  const { price } = best(exchanges, 'binance', 'buy');
  const params = order([
    ['quantity', '0.01'],
    ['price', price],
    ['newClientOrderId', 'arb'],
  ]);
  const go = (signing: BinanceSigning = {}) =>
    send(exchanges, 'binance', binanceRequest(exchanges, 'POST /api/v3/order', params, signing));
  return { exchanges, client, account, end, go };
}

t.test('each fault of the line leaves the order placed or not, and the answer as it says', (t) => {
  const timeout = faulty({ kind: 'accept-then-timeout' });
  t.same(timeout.go(), { kind: 'silence' });
  t.equal(timeout.account.orders().length, 1);
  timeout.exchanges.faces.binance.flush();
  t.same(executions(timeout.client), ['NEW NEW', 'TRADE FILLED'], 'the stream may tell');

  const lost = faulty({ kind: 'lose-request' });
  t.same(lost.go(), { kind: 'silence' });
  t.equal(lost.account.orders().length, 0);
  t.equal(lost.account.placeRequests, 1);

  const late = faulty({ kind: 'place-late', delayMs: 2_000 });
  t.same(late.go(), { kind: 'silence' });
  late.exchanges.run(1_900);
  t.equal(late.account.orders().length, 0);
  late.exchanges.run(100);
  t.equal(late.account.orders().length, 1);

  const fenced = faulty({ kind: 'place-late', delayMs: 2_000 });
  t.same(fenced.go({ windowMs: 1_000 }), { kind: 'silence' });
  fenced.exchanges.run(5_000);
  t.equal(fenced.account.orders().length, 0, 'the window is checked again at the engine');

  const placed = faulty({ kind: 'error-5xx-placed' });
  t.match(said(heard(placed.go())), /^504 -1007/);
  t.equal(placed.account.orders().length, 1);
  const failed = faulty({ kind: 'error-5xx-not-placed' });
  t.match(said(heard(failed.go())), /^504 -1007/);
  t.equal(failed.account.orders().length, 0);

  const slow = faulty({ kind: 'slow', delayMs: 700 });
  const answer = slow.go();
  if (!('kind' in answer) || answer.kind !== 'later') throw new Error('not late');
  t.equal(answer.afterMs, 700);
  t.equal(slow.account.orders().length, 0);
  slow.exchanges.run(700);
  t.match(heard(answer.response()).json, { clientOrderId: 'arb' });
  const expired = faulty({ kind: 'slow', delayMs: 700 });
  const tooLate = expired.go({ windowMs: 500 });
  if (!('kind' in tooLate) || tooLate.kind !== 'later') throw new Error('not late');
  expired.exchanges.run(700);
  t.match(said(heard(tooLate.response())), /-1021/);
  t.equal(expired.account.orders().length, 0);

  const early = faulty({ kind: 'early-fill-push', delayMs: 50 });
  const after = early.go();
  t.same(executions(early.client), ['NEW NEW', 'TRADE FILLED'], 'before the answer');
  if (!('kind' in after) || after.kind !== 'later') throw new Error('not late');
  t.match(heard(after.response()).json, { status: 'FILLED' });
  t.end();
});

t.test('faults may hit cancels and questions as well', (t) => {
  const { exchanges, account, end, go } = faulty({ kind: 'lose-request', call: 'cancel' });
  t.match(heard(go()).json, { status: 'FILLED' });
  const rest = place(exchanges, resting(exchanges));
  const params: Params = [
    ['symbol', 'BTCUSDT'],
    ['orderId', rest.at('orderId') as number],
  ];
  const cancel = () => send(exchanges, 'binance', binanceRequest(exchanges, 'DELETE /api/v3/order', params));
  t.same(cancel(), { kind: 'silence' });
  t.equal(account.orders()[1]!.state, 'open');
  t.match(heard(cancel()).json, { status: 'CANCELED' });
  end();
  account.misbehave({ kind: 'error-5xx-not-placed', call: 'query', count: 1 });
  t.equal(binance(exchanges, 'GET /api/v3/account').status, 504);
  t.equal(binance(exchanges, 'GET /api/v3/account').status, 200);
  t.end();
});

t.test('lies and cut connections reach the trader in the words of the exchange', (t) => {
  const rejected = faulty({ kind: 'reject', refusal: 'insufficient_funds' });
  t.match(said(heard(rejected.go())), /-2010 Account has insufficient balance/);
  const missing = faulty({ kind: 'lie-missing' });
  const told = heard(missing.go());
  t.match(told.json, { status: 'NEW' });
  const query: Params = [
    ['symbol', 'BTCUSDT'],
    ['orderId', told.at('orderId') as number],
  ];
  t.match(said(binance(missing.exchanges, 'GET /api/v3/order', query)), /-2013/);
  const over = faulty({ kind: 'lie-overfill' });
  t.match(heard(over.go()).json, { origQty: '0.01000000', executedQty: '0.01100000' });
  const off = faulty({ kind: 'lie-off-tick' });
  t.match(heard(off.go()).at('fills', 0, 'price'), /\.\d\d5/);
  const cut = faulty({ kind: 'partial-then-disconnect' });
  t.same(cut.go(), { kind: 'silence' });
  t.equal(cut.client.transport.closedWith, 1006);
  t.match(cut.account.orders(), [{ filledQuantity: '0.005', state: 'cancelled' }]);
  const owing = faulty({ kind: 'lie-negative-balance' });
  t.match(binance(owing.exchanges, 'GET /api/v3/account').at('balances', 0), { free: /^-/ });
  const after = faulty({ kind: 'fill-after-cancel', delayMs: 300 });
  const rest = place(after.exchanges, resting(after.exchanges));
  const name: Params = [
    ['symbol', 'BTCUSDT'],
    ['orderId', rest.at('orderId') as number],
  ];
  t.match(binance(after.exchanges, 'DELETE /api/v3/order', name).json, { status: 'CANCELED' });
  after.exchanges.run(300);
  t.same(executions(after.client), ['NEW NEW', 'CANCELED CANCELED', 'TRADE CANCELED']);
  t.match(binance(after.exchanges, 'GET /api/v3/order', name).json, {
    status: 'CANCELED',
    executedQty: '0.05000000',
  });
  const doubled = faulty({ kind: 'duplicate-fill-push' });
  heard(doubled.go());
  doubled.exchanges.faces.binance.flush();
  t.same(executions(doubled.client), ['NEW NEW', 'TRADE FILLED', 'TRADE FILLED']);
  t.end();
});

t.test('during a ban every call is refused and counted; during maintenance the private ones', (t) => {
  const { exchanges, account, client, end } = faulty({ kind: 'ban', delayMs: 30_000 });
  const banned = binance(exchanges, 'GET /api/v3/account');
  t.match(said(banned), /^418 -1003 .*banned until \d{13}/);
  t.equal(banned.headers['retry-after'], '30');
  const open = { method: 'GET', url: '/api/v3/time' };
  t.equal(heard(send(exchanges, 'binance', open)).status, 418, 'public calls too');
  t.equal(account.callsDuringBan, 2);
  const refused = exchanges.faces.binance.onConnect(new MemoryTransport(), '/ws-api/v3');
  t.match(refused, { status: 418 });
  exchanges.run(30_000);
  t.equal(binance(exchanges, 'GET /api/v3/account').status, 200, 'it ends by itself');
  end();
  const over = account.misbehave({ kind: 'maintenance' });
  t.equal(client.transport.closedWith, 1006);
  t.match(said(binance(exchanges, 'GET /api/v3/account')), /^503 -1016/);
  t.equal(heard(send(exchanges, 'binance', open)).status, 200);
  t.match(exchanges.faces.binance.onConnect(new MemoryTransport(), '/ws-api/v3'), { status: 503 });
  over();
  t.equal(binance(exchanges, 'GET /api/v3/account').status, 200);
  exchanges.faces.binance.faults.addHttp({ status: 429, retryAfterSeconds: 3, count: 1 });
  t.equal(
    binance(exchanges, 'GET /api/v3/account').headers['retry-after'],
    '3',
    'faults of the face hit too',
  );
  t.end();
});

// Upbit

const bid = (exchanges: MemoryExchanges, changes: Readonly<Record<string, string | null>> = {}): Params =>
  changed(
    [
      ['market', 'KRW-BTC'],
      ['side', 'bid'],
      ['volume', '0.01'],
      ['price', best(exchanges, 'upbit', 'buy').price],
      ['ord_type', 'limit'],
      ['time_in_force', 'ioc'],
    ],
    changes,
  );

const upbitRest = (
  exchanges: MemoryExchanges,
  changes: Readonly<Record<string, string | null>> = {},
): Params => bid(exchanges, { time_in_force: null, price: farPrice(exchanges, 'upbit', 'buy'), ...changes });

t.test('Upbit: an IOC order is accepted, and its own report tells what became of it', (t) => {
  const exchanges = tradingExchanges();
  const { size, price } = best(exchanges, 'upbit', 'buy');
  const volume = (Number(size) + 1).toFixed(8);
  const taken = upbit(exchanges, 'POST /v1/orders', bid(exchanges, { volume, identifier: 'arb-1' }));
  t.equal(taken.status, 201);
  t.match(taken.json, { state: 'wait', executed_volume: '0', identifier: 'arb-1', time_in_force: 'ioc' });
  t.match(taken.headers['remaining-req'], /^group=order; min=1800; sec=7$/);
  const found = upbit(exchanges, 'GET /v1/order', [['identifier', 'arb-1']]);
  t.match(found.json, { uuid: taken.at('uuid'), state: 'cancel', price, remaining_fee: '0', locked: '0' });
  t.equal(Number(found.at('executed_volume')).toFixed(8), Number(size).toFixed(8));
  t.ok((found.at('trades') as Json[]).length > 0);
  t.match(found.at('trades', 0), { market: 'KRW-BTC', side: 'bid', uuid: /^[0-9a-f-]{36}$/ });
  const [krw, btc] = upbit(exchanges, 'GET /v1/accounts').json as { balance: string; currency: string }[];
  t.match([krw, btc], [{ currency: 'KRW' }, { currency: 'BTC' }]);
  t.equal(Number(btc!.balance).toFixed(8), (10 + Number(size)).toFixed(8), 'the fee was paid in won');
  const amount = upbit(exchanges, 'POST /v1/orders', [
    ['market', 'KRW-BTC'],
    ['side', 'bid'],
    ['price', '1000000'],
    ['ord_type', 'price'],
  ]);
  t.match(amount.json, { volume: null, price: '1000000', ord_type: 'price' });
  const sale = upbit(exchanges, 'POST /v1/orders', [
    ['market', 'KRW-BTC'],
    ['side', 'ask'],
    ['volume', '0.02'],
    ['ord_type', 'market'],
  ]);
  t.match(upbit(exchanges, 'GET /v1/order', [['uuid', sale.at('uuid') as string]]).json, {
    state: 'done',
    price: null,
    executed_volume: '0.02',
  });
  const closed = upbit(exchanges, 'GET /v1/orders/closed', [['states[]', 'cancel']]).json as Json[];
  t.same(
    closed.map(({ identifier }) => identifier),
    ['arb-1'],
  );
  t.equal((upbit(exchanges, 'GET /v1/orders/closed').json as Json[]).length, 3);
  t.equal(
    (upbit(exchanges, 'GET /v1/orders/closed', [['end_time', '2020-01-01T00:00:00Z']]).json as Json[]).length,
    0,
  );
  t.equal((upbit(exchanges, 'GET /v1/orders/uuids', [['identifiers[]', 'arb-1']]).json as Json[]).length, 1);
  t.end();
});

t.test('Upbit: resting orders are listed and cancelled, one by one or all', (t) => {
  const exchanges = tradingExchanges();
  const one = upbit(exchanges, 'POST /v1/orders', upbitRest(exchanges));
  t.match(one.json, { state: 'wait', remaining_volume: '0.01' });
  t.match(upbit(exchanges, 'GET /v1/orders/open').json, [{ uuid: one.at('uuid'), executed_funds: '0' }]);
  const cancel: Params = [['uuid', one.at('uuid') as string]];
  t.match(
    upbit(exchanges, 'DELETE /v1/order', cancel).json,
    { state: 'wait' },
    'the cancel is only asked for',
  );
  t.equal(named(upbit(exchanges, 'DELETE /v1/order', cancel)), '404 order_not_found');
  t.match(upbit(exchanges, 'GET /v1/order', cancel).json, { state: 'cancel' });
  upbit(exchanges, 'POST /v1/orders', upbitRest(exchanges));
  upbit(exchanges, 'POST /v1/orders', upbitRest(exchanges));
  t.match(upbit(exchanges, 'DELETE /v1/orders/open').json, { success: { count: 2 }, failed: { count: 0 } });
  t.equal(named(upbit(exchanges, 'DELETE /v1/orders/open')), '429 too_many_requests');
  exchanges.run(2_000);
  t.match(upbit(exchanges, 'DELETE /v1/orders/open').json, { success: { count: 0 } });
  t.match(upbit(exchanges, 'GET /v1/orders/chance', [['market', 'KRW-BTC']]).json, {
    bid_fee: '0.0005',
    market: { id: 'KRW-BTC', bid: { min_total: '5000' }, state: 'active' },
    bid_account: { currency: 'KRW' },
    ask_account: { currency: 'BTC', balance: '10' },
  });
  exchanges.faces.upbit.account!.transfer('KRW', '50000');
  exchanges.faces.upbit.account!.transfer('BTC', '-1');
  t.match(upbit(exchanges, 'GET /v1/deposits').json, [
    { currency: 'KRW', state: 'ACCEPTED', amount: '50000' },
  ]);
  t.match(upbit(exchanges, 'GET /v1/withdraws', [['currency', 'BTC']]).json, [
    { state: 'DONE', amount: '1' },
  ]);
  t.same(upbit(exchanges, 'GET /v1/withdraws', [['currency', 'KRW']]).json, []);
  t.end();
});

t.test('Upbit: every refusal has its name', (t) => {
  const exchanges = tradingExchanges();
  const post = (changes: Readonly<Record<string, string | null>>): string => {
    exchanges.run(200);
    return named(upbit(exchanges, 'POST /v1/orders', upbitRest(exchanges, changes)));
  };
  t.equal(post({ market: 'KRW-NIX' }), '400 validation_error');
  t.equal(post({ side: 'buy' }), '400 validation_error');
  t.equal(post({ ord_type: 'best' }), '400 validation_error');
  t.equal(post({ time_in_force: 'gtc' }), '400 validation_error');
  t.equal(post({ smp_type: 'none' }), '400 validation_error');
  t.equal(post({ smp_type: 'reduce', time_in_force: 'post_only' }), '400 validation_error');
  t.equal(post({ colour: 'red' }), '400 validation_error');
  t.equal(post({ identifier: '' }), '400 validation_error');
  t.equal(post({ volume: null }), '400 create_bid_error');
  t.equal(post({ volume: '-1' }), '400 create_bid_error');
  t.equal(post({ ord_type: 'price' }), '400 create_bid_error');
  t.equal(post({ ord_type: 'market' }), '400 create_bid_error');
  t.equal(post({ price: '100000500' }), '400 invalid_price_bid');
  t.equal(post({ side: 'ask', price: '100000500' }), '400 invalid_price_ask');
  t.equal(post({ volume: '0.00001' }), '400 under_min_total_bid');
  t.equal(post({ volume: '0.000000001' }), '400 validation_error');
  t.equal(post({ volume: '1000' }), '400 insufficient_funds_bid');
  t.equal(post({ side: 'ask', volume: '11' }), '400 insufficient_funds_ask');
  t.equal(post({ identifier: 'burned', volume: '1000' }), '400 insufficient_funds_bid');
  t.equal(post({ identifier: 'burned' }), '400 duplicate_identifier', 'a failed request used it up');
  exchanges.faces.upbit.setNotice('KRW-BTC', { suspended: true });
  t.equal(post({}), '400 create_bid_error');
  exchanges.faces.upbit.setNotice('KRW-BTC', { suspended: false });
  const get = (path: string, params: Params = []): string => named(upbit(exchanges, `GET ${path}`, params));
  t.equal(get('/v1/order'), '400 validation_error');
  t.equal(get('/v1/order', [['identifier', 'burned']]), '404 order_not_found');
  t.equal(get('/v1/orders/chance', [['market', 'KRW-NIX']]), '400 validation_error');
  t.equal(get('/v1/orders/closed', [['start_time', 'soon']]), '400 validation_error');
  const years: Params = [
    ['start_time', '2020-01-01T00:00:00Z'],
    ['end_time', '2021-01-01T00:00:00Z'],
  ];
  t.equal(get('/v1/orders/closed', years), '400 validation_error');
  t.same(upbit(exchanges, 'POST /v1/orders/test', upbitRest(exchanges)).json, {});
  t.equal(
    named(upbit(exchanges, 'POST /v1/orders/test', upbitRest(exchanges, { volume: '0.00001' }))),
    '400 under_min_total_bid',
  );
  const request = upbitRequest(exchanges, 'POST /v1/orders', upbitRest(exchanges));
  t.equal(
    named(heard(send(exchanges, 'upbit', { ...request, body: 'market=KRW-BTC' }))),
    '400 validation_error',
  );
  t.end();
});

t.test('Upbit: the token is checked, and its nonce works once', (t) => {
  const exchanges = tradingExchanges();
  const accounts = (signing: UpbitSigning) => upbit(exchanges, 'GET /v1/accounts', [], signing);
  t.equal(accounts({ alg: 'HS256' }).status, 200);
  t.equal(named(accounts({ secret: 'x' })), '401 jwt_verification');
  t.equal(named(accounts({ key: 'x' })), '401 invalid_access_key');
  t.equal(named(accounts({ nonce: '' })), '401 jwt_verification');
  t.equal(accounts({ nonce: 'n' }).status, 200);
  t.equal(named(accounts({ nonce: 'n' })), '401 nonce_used');
  const wrong = upbit(exchanges, 'POST /v1/orders', bid(exchanges), { hashed: [['market', 'KRW-ETH']] });
  t.equal(named(wrong), '401 invalid_query_payload');
  t.equal(
    named(upbit(exchanges, 'POST /v1/orders', bid(exchanges), { hashed: [] })),
    '401 invalid_query_payload',
  );
  const url = '/v1/accounts';
  for (const authorization of ['', 'Bearer a.b.c', 'Basic x']) {
    const answer = heard(send(exchanges, 'upbit', { method: 'GET', url, headers: { authorization } }));
    t.equal(named(answer), '401 jwt_verification', authorization);
  }
  t.ok(accounts({}).headers['date'] !== undefined);
  t.end();
});

t.test('Upbit: too many orders are refused, then blocked for a growing time', (t) => {
  const exchanges = tradingExchanges();
  const go = () => upbit(exchanges, 'POST /v1/orders', upbitRest(exchanges));
  for (let i = 0; i < 8; i++) t.equal(go().status, 201);
  for (let i = 0; i < 9; i++) t.equal(go().status, 429);
  const blocked = go();
  t.equal(blocked.status, 418);
  t.equal(blocked.headers['retry-after'], '10');
  exchanges.run(10_000);
  t.equal(go().status, 201);
  for (let i = 0; i < 17; i++) go();
  t.equal(go().headers['retry-after'], '20');
  t.end();
});

function upbitStream(exchanges: MemoryExchanges, types: readonly object[]): Connection {
  const transport = new MemoryTransport();
  const { upbit: face } = exchanges.faces;
  const authorization = upbitToken(face.account!, []);
  const id = face.onConnect(transport, '/websocket/v1/private', { authorization });
  if (typeof id !== 'number') throw new Error(`refused with ${id.status}`);
  const sendText = (message: unknown) =>
    face.onClientFrame(id, typeof message === 'string' ? message : JSON.stringify(message));
  sendText([{ ticket: 't' }, ...types]);
  return { id, transport, send: sendText, heartbeat: () => face.onClientPing(id, Buffer.alloc(0)) };
}

t.test('Upbit: the private socket needs a token, and tells of orders and assets in binary frames', (t) => {
  const exchanges = tradingExchanges();
  const { upbit: face } = exchanges.faces;
  t.match(face.onConnect(new MemoryTransport(), '/websocket/v1/private'), { status: 401 });
  const client = upbitStream(exchanges, [{ type: 'myOrder', codes: ['KRW-BTC'] }, { type: 'myAsset' }]);
  const other = upbitStream(exchanges, [{ type: 'myOrder', codes: ['KRW-ETH'] }]);
  const sell = best(exchanges, 'upbit', 'sell');
  upbit(exchanges, 'POST /v1/orders', bid(exchanges, { identifier: 'me' }));
  upbit(exchanges, 'POST /v1/orders', bid(exchanges, { side: 'ask', price: sell.price, volume: '0.01' }));
  t.same(client.transport.take(), []);
  face.flush();
  t.equal(client.transport.binary, client.transport.frames.length);
  const frames = client.transport.take().map((frame) => JSON.parse(frame) as Json);
  const orders = frames.filter(({ type }) => type === 'myOrder');
  t.same(
    orders.map(({ state }) => state),
    ['wait', 'trade', 'done', 'wait', 'trade', 'done'],
  );
  t.match(orders[1], { identifier: 'me', ask_bid: 'BID', is_maker: false, volume: 0.01, trade_uuid: String });
  t.match(orders[2], { trade_uuid: null, is_maker: null, trade_fee: null, remaining_volume: 0 });
  const assets = frames.filter(({ type }) => type === 'myAsset');
  t.match(assets[0], { assets: [{ currency: 'BTC' }, { currency: 'KRW' }] });
  t.same(other.transport.take(), [], 'another market');
  const rest = upbit(exchanges, 'POST /v1/orders', upbitRest(exchanges));
  upbit(exchanges, 'DELETE /v1/order', [['uuid', rest.at('uuid') as string]]);
  exchanges.run(100);
  const states = client.transport
    .take()
    .map((frame) => JSON.parse(frame) as Json)
    .filter(({ type }) => type === 'myOrder')
    .map(({ state }) => state);
  t.same(states, ['wait', 'cancel']);
  client.send('PING');
  t.same(client.transport.take(), ['{"status":"UP"}']);
  for (const [message, name] of [
    ['x', 'WRONG_FORMAT'],
    [[{ type: 'myOrder' }], 'NO_TICKET'],
    [[{ ticket: 't' }, { type: 'myOrder' }, { format: 'SIMPLE' }], 'WRONG_FORMAT'],
    [[{ ticket: 't' }], 'NO_TYPE'],
    [[{ ticket: 't' }, { type: 'orderbook', codes: ['KRW-BTC'] }], 'INVALID_PARAM'],
  ] as const) {
    exchanges.run(15_000);
    const wrong = upbitStream(exchanges, [{ type: 'myAsset' }]);
    wrong.send(message);
    t.match(wrong.transport.take(), [new RegExp(name)]);
    t.equal(wrong.transport.closedWith, 1000);
  }
  t.end();
});

t.test('Upbit: a late order is carried out, because nothing fences it', (t) => {
  const exchanges = tradingExchanges();
  const account = exchanges.faces.upbit.account!;
  const go = (changes: Readonly<Record<string, string>> = {}) =>
    send(exchanges, 'upbit', upbitRequest(exchanges, 'POST /v1/orders', upbitRest(exchanges, changes)));
  account.misbehave({ kind: 'place-late', delayMs: 50_000, count: 1 });
  t.same(go(), { kind: 'silence' });
  exchanges.run(50_000);
  t.equal(account.orders().length, 1);
  account.misbehave({ kind: 'error-5xx-not-placed', count: 1 });
  t.equal(named(heard(go({ identifier: 'lost' }))), '500 server_error');
  t.equal(named(heard(go({ identifier: 'lost' }))), '400 duplicate_identifier');
  account.misbehave({ kind: 'maintenance', count: 1 });
  t.equal(named(upbit(exchanges, 'GET /v1/accounts')), '503 service_unavailable');
  account.misbehave({ kind: 'ban', delayMs: 5_000 });
  t.equal(upbit(exchanges, 'GET /v1/accounts').headers['retry-after'], '5');
  t.end();
});

t.test('in a moving world orders are hit by the flow, and the account adds up to its record', (t) => {
  const exchanges = tradingExchanges();
  const { faces, world, run } = exchanges;
  const market = world.market('binance', 'BTC-USDT');
  for (let i = 0; i < 150; i++) {
    const side = i % 2 === 0 ? 'BUY' : 'SELL';
    const own = market.engine.level(i % 2 === 0 ? 'buy' : 'sell', 0)!;
    const price = plainText(market.listing.tick, own.priceTicks);
    const quantity = (0.001 * (1 + (i % 7))).toFixed(3);
    const force = i % 5 === 0 ? { type: 'MARKET', timeInForce: null, price: null } : { price };
    const answer = place(exchanges, resting(exchanges, { side, quantity, ...force }));
    t.equal(answer.status, 200, said(answer));
    if (i % 3 === 0) binance(exchanges, 'DELETE /api/v3/openOrders', [['symbol', 'BTCUSDT']]);
    run(1_000);
  }
  const account = faces.binance.account!;
  const trades = account.trades();
  t.ok(trades.filter(({ liquidity }) => liquidity === 'maker').length > 10, 'the flow took from the account');
  t.ok(trades.filter(({ liquidity }) => liquidity === 'taker').length > 10);
  const sums = { USDT: atomsOf('1000000'), BTC: atomsOf('10') };
  for (const trade of trades) {
    const sign = trade.side === 'buy' ? 1n : -1n;
    sums.BTC += sign * atomsOf(trade.quantity);
    sums.USDT -= sign * atomsOf(trade.quote);
    sums[trade.feeAsset as 'BTC' | 'USDT'] -= atomsOf(trade.fee);
  }
  for (const { asset, free, locked } of account.balances()) {
    t.equal(atomsText(atomsOf(free) + atomsOf(locked)), atomsText(sums[asset as 'BTC' | 'USDT']), asset);
  }
  t.equal(account.placeRequests, 150);
  t.end();
});

t.test('no call, however strange, breaks the exchange or the account', (t) => {
  const exchanges = tradingExchanges();
  const strange = fc.constantFrom(
    ...[
      '',
      '0',
      '-1',
      '1e400',
      'null',
      'BTCUSDT',
      'KRW-BTC',
      'BUY',
      'bid',
      'LIMIT',
      'limit',
      'MARKET',
      'price',
    ],
    ...[
      'IOC',
      'ioc',
      'GTC',
      '0.001',
      '84000',
      '116760000',
      '9'.repeat(40),
      '%',
      'ü',
      '__proto__',
      '1790000000000',
    ],
    ...['EXPIRE_BOTH', 'reduce', 'true', '2020-13-45', 'DONE', 'asc', '0x10', '1'],
  );
  const names = fc.constantFrom(
    ...['symbol', 'side', 'type', 'timeInForce', 'quantity', 'quoteOrderQty', 'price', 'newClientOrderId'],
    ...['orderId', 'origClientOrderId', 'limit', 'fromId', 'startTime', 'endTime', 'offset', 'recvWindow'],
    ...[
      'market',
      'volume',
      'ord_type',
      'identifier',
      'time_in_force',
      'smp_type',
      'uuid',
      'states[]',
      'page',
    ],
    ...['uuids[]', 'start_time', 'end_time', 'order_by', 'pairs', 'currency', '__proto__', 'constructor'],
  );
  const params = fc.array(fc.tuple(names, fc.oneof(strange, fc.string({ maxLength: 12 }))), { maxLength: 9 });
  const routes = {
    binance: ['POST /api/v3/order', 'DELETE /api/v3/order', 'GET /api/v3/order', 'GET /api/v3/openOrders'],
    upbit: ['POST /v1/orders', 'DELETE /v1/order', 'GET /v1/order', 'GET /v1/orders/open'],
  };
  const more = {
    binance: ['GET /api/v3/myTrades', 'GET /api/v3/account', 'GET /sapi/v1/capital/deposit/hisrec'],
    upbit: ['GET /v1/orders/closed', 'GET /v1/orders/uuids', 'GET /v1/orders/chance', 'GET /v1/deposits'],
  };
  const statuses = new Set<number>();
  for (const exchange of ['binance', 'upbit'] as const) {
    const route = fc.constantFrom(...routes[exchange], ...more[exchange]);
    fc.assert(
      fc.property(route, params, (name, list) => {
        exchanges.run(200);
        const request =
          exchange === 'binance'
            ? binanceRequest(exchanges, name, list)
            : upbitRequest(exchanges, name, list);
        statuses.add(heard(send(exchanges, exchange, request)).status);
        const broken = { ...request, headers: { authorization: list.join(' ') }, body: list.join('&') };
        const status = heard(send(exchanges, exchange, broken)).status;
        return status >= 400 && status < 500;
      }),
      { numRuns: 300, seed: 3 },
    );
  }
  for (const status of statuses) t.ok(status < 500, `${status}`);
  t.ok(statuses.has(200) && statuses.has(400));
  t.end();
});

t.test('accounts are the same for the same seed, and only where one can trade', (t) => {
  const [one, two] = [tradingExchanges(), tradingExchanges()];
  t.same(one.faces.binance.account!.credentials, two.faces.binance.account!.credentials);
  t.not(one.faces.binance.account!.credentials.secret, one.faces.upbit.account!.credentials.secret);
  t.equal(one.faces.binance.account!.credentials.passphrase, null);
  t.end();
});

// Shapes against examples of the exchanges

/** Members by path, arrays by their first element. */
function members(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : members(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, item]) => members(item, `${path}.${name}`));
}

function examples(file: string): Map<string, unknown> {
  const rows = readFileSync(join(folder ?? '', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const parsed = rows.map((line) => JSON.parse(line) as { file: string; text?: string; script?: string });
  return new Map(
    parsed.flatMap(({ file: name, text, script }): [string, unknown][] => {
      const body = (text ?? script ?? '').split('\n');
      const from = body.findIndex((line) => /^[[{]/.test(line));
      try {
        return [[name.replace(/^.*\//, '').replace(/\.\w+$/, ''), JSON.parse(body.slice(from).join('\n'))]];
      } catch {
        return [];
      }
    }),
  );
}

function hasAll(t: Test, ours: unknown, example: unknown, name: string): void {
  t.not(example, undefined, `${name}: there is an example`);
  const own = new Set(members(ours));
  t.same(
    members(example).filter((member) => !own.has(member)),
    [],
    `${name}: no member of the example is missing`,
  );
}

t.test('Binance answers have every member of the examples', { skip }, (t) => {
  const exchanges = tradingExchanges();
  const fixtures = examples('rest/jkorf-binance-rest-endpoints.ndjson');
  const others = examples('rest/nautilus-binance-rest-fixtures.ndjson');
  const { price } = best(exchanges, 'binance', 'buy');
  const full = place(
    exchanges,
    order([
      ['quantity', '0.01'],
      ['price', price],
    ]),
  ).json;
  hasAll(t, full, fixtures.get('PlaceOrder'), 'order');
  hasAll(t, full, others.get('new_order_full_response'), 'order, full');
  const rest = place(exchanges, resting(exchanges));
  const symbol: Params = [['symbol', 'BTCUSDT']];
  const id: Params = [...symbol, ['orderId', rest.at('orderId') as number]];
  const get = (path: string, params: Params = []) => binance(exchanges, `GET ${path}`, params).json;
  hasAll(t, get('/api/v3/order', id), fixtures.get('GetOrder'), 'query');
  hasAll(t, get('/api/v3/openOrders'), fixtures.get('GetOpenOrders'), 'open orders');
  hasAll(t, get('/api/v3/account'), fixtures.get('GetAccountInfo'), 'account');
  hasAll(t, get('/api/v3/myTrades', symbol), fixtures.get('GetUserTrades'), 'trades');
  hasAll(t, get('/api/v3/account/commission', symbol), fixtures.get('GetCommissionRates'), 'commission');
  hasAll(
    t,
    binance(exchanges, 'DELETE /api/v3/order', id).json,
    others.get('cancel_order_response'),
    'cancel',
  );
  place(exchanges, resting(exchanges));
  const all = binance(exchanges, 'DELETE /api/v3/openOrders', symbol).json;
  hasAll(t, all, fixtures.get('CancelAllOrders'), 'cancel all');
  const test = binance(exchanges, 'POST /api/v3/order/test', [
    ...resting(exchanges),
    ['computeCommissionRates', true],
  ]);
  hasAll(t, test.json, fixtures.get('PlaceTestOrder'), 'test');
  exchanges.faces.binance.account!.transfer('BTC', '1');
  exchanges.faces.binance.account!.transfer('BTC', '-1');
  hasAll(t, get('/sapi/v1/capital/deposit/hisrec'), fixtures.get('GetDepositHistory'), 'deposits');
  const withdrawal = (fixtures.get('GetWithdrawalHistory') as Json[])[1];
  hasAll(t, get('/sapi/v1/capital/withdraw/history'), [withdrawal], 'withdrawals');
  t.end();
});

t.test('Binance events have the members of the examples, in their order', { skip }, (t) => {
  const exchanges = tradingExchanges();
  const client = binanceStream(exchanges);
  place(exchanges, resting(exchanges));
  exchanges.faces.binance.account!.transfer('BTC', '1');
  exchanges.faces.binance.flush();
  const events = eventsOf(client);
  const frames = readFileSync(join(folder ?? '', 'binance/gocryptotrader-wsHandleData.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('executionReport') || line.includes('outboundAccountPosition'))
    .map((line) => (JSON.parse(line) as { data: Json }).data);
  const scripts = readFileSync(join(folder ?? '', 'binance/jkorf-subscription-scripts.ndjson'), 'utf8');
  const ours = (name: string) => events.find(({ e }) => e === name)!;
  const captured = (name: string) => frames.find(({ e }) => e === name)!;
  const report = Object.keys(ours('executionReport'));
  t.same(
    report.filter((name) => name !== 'V'),
    Object.keys(captured('executionReport')),
  );
  t.match(scripts, /\\"V\\": \\"NONE\\"/, 'V is newer than the capture');
  t.same(members(ours('outboundAccountPosition')), members(captured('outboundAccountPosition')));
  t.same(Object.keys(ours('balanceUpdate')), ['e', 'E', 'a', 'd', 'T']);
  t.end();
});
