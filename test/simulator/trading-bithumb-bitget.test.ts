import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { plainText } from '../../src/simulator/exact-units.js';
import type { FaceHttpAnswer, FaceHttpRequest } from '../../src/simulator/face-protocol.js';
import { atomsOf, atomsText, times } from '../../src/simulator/trading/atoms.js';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, MemoryTransport, open, type Connection } from './memory-client.js';

/** The trading sides of Bithumb and Bitget as their pages describe them: signed by hand, apart from connectors and simulator. */

type Value = string | number | boolean;
type Params = readonly (readonly [string, Value])[];
type Json = Readonly<Record<string, unknown>>;

interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: unknown;
}

/** An answer that came at once. */
function heard(answer: FaceHttpAnswer): Heard {
  if ('kind' in answer) throw new Error(`no answer: ${answer.kind}`);
  const { status, headers, body } = answer;
  return { status, headers, json: body.startsWith('{') || body.startsWith('[') ? JSON.parse(body) : body };
}

const encoded = (params: Params): string =>
  params.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
const objectOf = (params: Params): string => JSON.stringify(Object.fromEntries(params));
const changed = (params: Params, changes: Readonly<Record<string, Value | null>>): Params => [
  ...params.filter(([name]) => !Object.hasOwn(changes, name)),
  ...Object.entries(changes).filter((one): one is [string, Value] => one[1] !== null),
];
const framesOf = (connection: Connection): Json[] =>
  connection.transport
    .take()
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Json);

// Bithumb

interface TokenChange {
  readonly atMs?: number | null;
  readonly nonce?: string;
  readonly secret?: string;
  readonly key?: string;
  readonly alg?: string;
  readonly hashed?: Params;
}

class BithumbTrader {
  readonly exchanges = memoryExchanges({ seed: 4, exchanges: ['bithumb'], pairs: ['BTC-KRW', 'ETH-KRW'] });
  readonly face = this.exchanges.faces.bithumb;
  readonly account = this.face.account!;
  readonly market = this.exchanges.world.market('bithumb', 'BTC-KRW');
  private nonces = 0;

  constructor() {
    this.account.open([
      { asset: 'KRW', amount: '2000000000' },
      { asset: 'BTC', amount: '10' },
    ]);
    this.exchanges.run(1_000);
  }

  token(params: Params, change: TokenChange = {}): string {
    const { credentials } = this.account;
    const alg = change.alg ?? 'HS256';
    const atMs = change.atMs === undefined ? this.exchanges.world.nowMs : change.atMs;
    const text = (change.hashed ?? params).map(([name, value]) => `${name}=${value}`).join('&');
    const claims = {
      access_key: change.key ?? credentials.apiKey,
      nonce: change.nonce ?? `nonce-${++this.nonces}`,
      ...(atMs !== null && { timestamp: Math.floor(atMs) }),
      ...(text !== '' && {
        query_hash: createHash('sha512').update(text).digest('hex'),
        query_hash_alg: 'SHA512',
      }),
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
    const hash = createHmac(alg === 'HS512' ? 'sha512' : 'sha256', change.secret ?? credentials.secret);
    return `Bearer ${payload}.${hash.update(payload).digest('base64url')}`;
  }

  request(route: string, params: Params = [], change: TokenChange = {}): FaceHttpRequest {
    const [method = '', path = ''] = route.split(' ');
    const headers = { authorization: this.token(params, change) };
    if (method === 'POST') return { method, url: path, headers, body: objectOf(params) };
    return { method, url: params.length === 0 ? path : `${path}?${encoded(params)}`, headers };
  }

  call(route: string, params: Params = [], change: TokenChange = {}): Heard {
    const answer = heard(this.face.respond(this.request(route, params, change)));
    this.face.flush();
    return answer;
  }

  /** `404 order_not_found`. */
  named(route: string, params: Params = [], change: TokenChange = {}): string {
    const { status, json } = this.call(route, params, change);
    const { error } = json as { error?: { name: string | number } };
    return `${status} ${error?.name ?? ''}`.trim();
  }

  /** An IOC bid at the best ask, for one lot more than is there. */
  bid(changes: Readonly<Record<string, Value | null>> = {}): Params {
    const level = this.market.engine.level('sell', 0)!;
    const { tick, lot } = this.market.listing;
    return changed(
      [
        ['market', 'KRW-BTC'],
        ['side', 'bid'],
        ['order_type', 'limit'],
        ['price', plainText(tick, level.priceTicks)],
        ['volume', plainText(lot, level.lots + 1)],
        ['time_in_force', 'ioc'],
      ],
      changes,
    );
  }

  /** A bid that rests. */
  resting(changes: Readonly<Record<string, Value | null>> = {}): Params {
    const ticks = Math.round(this.market.engine.level('buy', 0)!.priceTicks * 0.9);
    const price = plainText(this.market.listing.tick, ticks);
    return this.bid({ time_in_force: null, price, volume: '0.01', ...changes });
  }

  socket(): Connection {
    const transport = new MemoryTransport();
    const id = this.face.onConnect(transport, '/websocket/v2/private', { authorization: this.token([]) });
    if (typeof id !== 'number') throw new Error(`refused with ${id.status}`);
    const send = (message: unknown) => this.face.onClientFrame(id, JSON.stringify(message));
    send([{ ticket: 't' }, { type: 'myOrder' }, { type: 'myAsset' }]);
    return { id, transport, send, heartbeat: () => this.face.onClientPing(id, Buffer.alloc(0)) };
  }
}

t.test('Bithumb takes tokens of HS256 only, in time, used once, and over what was sent', (t) => {
  const trader = new BithumbTrader();
  const now = trader.exchanges.world.nowMs;
  const accounts = (change: TokenChange) => trader.named('GET /v1/accounts', [], change);
  t.equal(accounts({}), '200');
  t.equal(accounts({ secret: 'wrong' }), '401 jwt_verification');
  t.equal(accounts({ key: 'wrong' }), '401 jwt_verification');
  t.equal(accounts({ alg: 'HS512' }), '401 jwt_verification');
  t.equal(accounts({ alg: 'none' }), '401 jwt_verification');
  t.equal(accounts({ atMs: null }), '401 expired_jwt', 'the time is no option');
  t.equal(accounts({ atMs: now - 20_001 }), '401 expired_jwt');
  t.equal(accounts({ atMs: now + 20_001 }), '401 expired_jwt');
  t.equal(accounts({ atMs: now - 19_999 }), '200');
  t.equal(accounts({ nonce: 'once' }), '200');
  t.equal(accounts({ nonce: 'once' }), '401 nonce_used');
  const query: Params = [['market', 'KRW-BTC']];
  t.equal(trader.named('GET /v1/orders/chance', query), '200');
  t.equal(trader.named('GET /v1/orders/chance', query, { hashed: [] }), '401 invalid_query_payload');
  t.equal(
    trader.named('POST /v2/orders', trader.bid(), { hashed: trader.bid({ volume: '9' }) }),
    '401 invalid_query_payload',
  );
  t.same(trader.account.orders(), []);
  const refused = trader.face.onConnect(new MemoryTransport(), '/websocket/v2/private', {});
  t.match(refused, { status: 401 }, 'the private socket wants a token, too');
  t.match(trader.face.onConnect(new MemoryTransport(), '/websocket/v1/private'), { status: 404 }, 'v1 ended');
  const end = trader.account.misbehave({ kind: 'skew', skewMs: 60_000 });
  t.equal(accounts({}), '401 expired_jwt');
  t.equal(accounts({ atMs: now + 60_000 }), '200', 'by the exchange’s clock');
  end();
  t.end();
});

t.test('Bithumb gives a receipt; an order is ready a moment later, and a half-filled IOC is done', (t) => {
  const trader = new BithumbTrader();
  const placed = trader.call('POST /v2/orders', trader.bid({ client_order_id: 'arb-1' }));
  t.equal(placed.status, 201);
  t.match(placed.json, {
    client_order_id: 'arb-1',
    market: 'KRW-BTC',
    side: 'bid',
    stp_type: 'cancel_taker',
  });
  t.notOk('state' in (placed.json as Json), 'a receipt');
  const asked: Params = [['client_order_id', 'arb-1']];
  t.equal(trader.named('GET /v1/order', asked), '422 order_not_ready');
  trader.exchanges.run(100);
  const found = trader.call('GET /v1/order', asked).json as Json;
  t.match(found, {
    state: 'done',
    cancel_type: 'tif_cancel',
    client_order_id: 'arb-1',
    time_in_force: 'ioc',
  });
  t.not(found['remaining_volume'], '0', 'done, and not all of it filled');
  t.equal((found['trades'] as Json[]).length, found['trades_count']);
  t.equal(trader.named('DELETE /v2/order', asked), '404 order_not_found');
  trader.call('POST /v2/orders', trader.resting({ time_in_force: 'ioc', client_order_id: 'arb-2' }));
  trader.exchanges.run(100);
  t.match(trader.call('GET /v1/order', [['client_order_id', 'arb-2']]).json, { state: 'cancel', trades: [] });
  const [krw] = trader.call('GET /v1/accounts').json as Json[];
  const paid = atomsOf(found['executed_funds'] as string);
  t.equal(
    krw!['balance'],
    atomsText(atomsOf('2000000000') - paid - times(paid, atomsOf('0.0025'))),
    'the fee comes on top, in won',
  );
  t.equal(trader.named('GET /v1/order', [['uuid', 'C1']]), '404 order_not_found');
  t.equal(trader.named('GET /v1/order'), '400 invalid_parameter');
  t.end();
});

t.test('Bithumb lists what waits and what ended, page by page, and cancels once', (t) => {
  const trader = new BithumbTrader();
  for (let n = 0; n < 5; n++) {
    trader.call('POST /v2/orders', trader.resting({ client_order_id: `r${n}` }));
    trader.exchanges.run(100);
  }
  const pending = (...more: Params) =>
    trader.call('GET /v2/orders/pending', [['state', 'wait'], ['limit', 2], ...more]).json as Json;
  const ids = (page: Json) => (page['orders'] as Json[]).map((row) => row['client_order_id']);
  const first = pending();
  t.match(first, { has_next: true, next_key: /\d/ });
  t.same(ids(first), ['r4', 'r3'], 'newest first');
  const second = pending(['next_key', first['next_key'] as string]);
  const third = pending(['next_key', second['next_key'] as string]);
  t.same([ids(second), ids(third)], [['r2', 'r1'], ['r0']]);
  t.match(third, { has_next: false, next_key: null });
  t.match(trader.call('GET /v2/orders/pending', [['state', 'watch']]).json, { orders: [], has_next: false });
  t.match(trader.call('DELETE /v2/order', [['client_order_id', 'r0']]).json, { client_order_id: 'r0' });
  t.equal(trader.named('DELETE /v2/order', [['client_order_id', 'r0']]), '404 order_not_found');
  t.equal(trader.named('DELETE /v2/order'), '400 invalid_parameter');
  const history = (...more: Params) => trader.call('GET /v2/orders/history', more).json as Json;
  t.match(history(), { orders: [{ client_order_id: 'r0', state: 'cancel', cancel_type: 'user_cancel' }] });
  t.same(history(['states[]', 'done'])['orders'], []);
  t.same(history(['start_time', '2020-01-01T00:00:00Z'])['orders'], [], 'seven days forward');
  const wide: Params = [
    ['start_time', '2020-01-01T00:00:00Z'],
    ['end_time', '2020-02-01T00:00:00Z'],
  ];
  t.equal(trader.named('GET /v2/orders/history', wide), '400 invalid_parameter');
  t.equal(trader.named('GET /v2/orders/history', [['next_key', '-1']]), '400 invalid_parameter');
  trader.call('POST /v2/orders', trader.resting({ client_order_id: 'late' }));
  t.equal(trader.named('DELETE /v2/order', [['client_order_id', 'late']]), '422 order_not_ready');
  t.end();
});

t.test('Bithumb names what is wrong with an order', (t) => {
  const trader = new BithumbTrader();
  const refused = (changes: Readonly<Record<string, Value | null>>) =>
    trader.named('POST /v2/orders', trader.bid(changes));
  t.equal(refused({ market: 'KRW-NONE' }), '400 invalid_parameter');
  t.equal(refused({ side: 'buy' }), '400 invalid_parameter');
  t.equal(refused({ order_type: 'best' }), '400 invalid_parameter');
  t.equal(refused({ ord_type: 'limit' }), '400 invalid_parameter', 'the names of v2 only');
  t.equal(refused({ time_in_force: 'gtc' }), '400 invalid_parameter');
  t.equal(refused({ price: '116760500' }), '400 invalid_price');
  t.equal(refused({ volume: '0.00001' }), '400 invalid_parameter');
  t.equal(refused({ volume: 'x' }), '400 invalid_parameter');
  const low = plainText(trader.market.listing.tick, 1_000);
  t.equal(refused({ price: low, volume: '0.0001' }), '400 under_min_total_bid');
  t.equal(refused({ volume: '1000' }), '400 insufficient_funds_bid');
  t.equal(refused({ side: 'ask', volume: '1000' }), '400 insufficient_funds_ask');
  t.equal(refused({ client_order_id: 'x'.repeat(65) }), '400 invalid_parameter');
  t.equal(refused({ client_order_id: 'same' }), '201');
  t.equal(refused({ client_order_id: 'same' }), '400 invalid_parameter', 'an id names one order');
  trader.face.setNotice('KRW-BTC', { suspended: true });
  t.equal(refused({}), '400 invalid_parameter');
  t.end();
});

t.test('the private socket of Bithumb speaks v2: what has no value is left out, fees count up', (t) => {
  const trader = new BithumbTrader();
  const socket = trader.socket();
  const { tick, lot } = trader.market.listing;
  const levels = [0, 1].map((at) => trader.market.engine.level('sell', at)!);
  const volume = plainText(lot, levels[0]!.lots + levels[1]!.lots + 5);
  const price = plainText(tick, levels[1]!.priceTicks);
  trader.call('POST /v2/orders', trader.bid({ price, volume, client_order_id: 'two' }));
  const frames = framesOf(socket);
  t.ok(socket.transport.binary > 0, 'in binary frames');
  const orders = frames.filter(({ type }) => type === 'myOrder');
  t.same(
    orders.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]),
    ['trade', 'done'],
    'an IOC order never waits',
  );
  const trades = orders.filter(({ state }) => state === 'trade') as Record<string, number>[];
  t.ok(trades.length >= 2);
  for (const frame of trades) {
    t.match(frame, { code: 'KRW-BTC', side: 'buy', client_order_id: 'two', order_type: 'limit' });
    t.ok(Math.abs(frame['paid_fee']! - frame['executed_amount']! * 0.0025) < 1e-6, 'paid so far');
  }
  const last = orders.at(-1)!;
  t.match(last, { state: 'done', cancel_type: 'tif_cancel', executed_quantity: Number });
  t.notOk('trade_id' in last, 'no trade, no id of one');
  t.match(frames.at(-1), { type: 'myAsset', assets: [{ currency: 'BTC' }, { currency: 'KRW' }] });
  trader.call('POST /v2/orders', trader.resting());
  const [wait] = framesOf(socket);
  t.match(wait, { state: 'wait' });
  t.notOk('client_order_id' in wait! || 'executed_quantity' in wait!);
  const open = trader.account.orders().at(-1)!;
  trader.exchanges.run(100);
  trader.call('DELETE /v2/order', [['order_id', open.exchangeOrderId]]);
  t.match(framesOf(socket)[0], { state: 'cancel', cancel_type: 'user_cancel' });
  const at = plainText(tick, trader.market.engine.level('buy', 0)!.priceTicks + 1);
  const own = trader.resting({ price: at });
  trader.call('POST /v2/orders', own);
  const crossing = trader.bid({ side: 'ask', price: at, volume: '9' });
  framesOf(socket);
  trader.call('POST /v2/orders', crossing);
  const stopped = framesOf(socket).filter(({ type }) => type === 'myOrder');
  t.match(stopped.at(-1), { state: 'cancel', cancel_type: 'stp_cancel' }, 'never a trade with oneself');
  socket.send('PING');
  socket.send([{ ticket: 't' }, { type: 'nope' }]);
  t.equal(socket.transport.closedWith, 1000);
  t.end();
});

t.test('Bithumb counts by category, and is silent for ten minutes to who goes on', (t) => {
  const trader = new BithumbTrader();
  const first = trader.call('GET /v1/accounts');
  t.match(first.headers, {
    'x-ratelimit-remaining': '139',
    'x-ratelimit-replenish-rate': '140',
    date: String,
  });
  for (let n = 0; n < 139; n++) trader.call('GET /v1/accounts');
  t.equal(trader.named('GET /v1/accounts'), '429 too_many_requests');
  t.equal(trader.named('POST /v2/orders', trader.bid()), '201', 'another category');
  trader.exchanges.run(1_000);
  t.equal(trader.named('GET /v1/accounts'), '200');
  for (let n = 0; n < 139 + 50; n++) trader.call('GET /v1/accounts');
  trader.exchanges.run(60_000);
  const blocked = trader.call('GET /v1/accounts');
  t.equal(blocked.status, 429);
  t.ok(Number(blocked.headers['retry-after']) > 500);
  trader.exchanges.run(545_000);
  t.equal(trader.named('GET /v1/accounts'), '200');
  const end = trader.account.misbehave({ kind: 'ban', delayMs: 30_000 });
  const banned = trader.call('GET /v1/accounts');
  t.match(banned, { status: 429, headers: { 'retry-after': '30' } });
  t.equal(trader.account.callsDuringBan, 1);
  end();
  t.end();
});

t.test('Bithumb’s coupon lowers the fees and ends without a word', (t) => {
  const trader = new BithumbTrader();
  const rates = () => trader.call('GET /v1/orders/chance', [['market', 'KRW-BTC']]).json as Json;
  t.match(rates(), {
    bid_fee: '0.0025',
    maker_ask_fee: '0.0025',
    market: { id: 'KRW-BTC', bid: { min_total: '5000', price_unit: '1000' }, state: 'active' },
  });
  trader.face.grantCoupon(10_000);
  t.match(rates(), { bid_fee: '0.0004', ask_fee: '0.0004' });
  trader.call('POST /v2/orders', trader.resting({ client_order_id: 'rests' }));
  const locked = () => trader.account.balances().find(({ asset }) => asset === 'KRW')!.locked;
  const bound = locked();
  trader.exchanges.run(10_000);
  t.match(rates(), { bid_fee: '0.0025' }, 'over');
  t.equal(locked(), bound);
  const [order] = trader.account.orders();
  const seller = { account: 'somebody', side: 'sell', type: 'ioc' } as const;
  const { tick, lot } = trader.market.listing;
  const priceTicks = Math.round(Number(order!.price) / tick.value);
  // Everything above it, and half of it.
  let lots = Math.round(0.005 / lot.value);
  for (let at = 0; ; at++) {
    const level = trader.market.engine.level('buy', at);
    if (level === undefined || level.priceTicks <= priceTicks) break;
    lots += level.lots;
  }
  trader.market.engine.submit({ ...seller, priceTicks, lots }, trader.exchanges.world.nowMs);
  const [trade] = trader.account.trades();
  t.equal(trade!.liquidity, 'maker');
  t.equal(
    trade!.fee,
    atomsText(times(atomsOf(trade!.quote), atomsOf('0.0004'))),
    'what held when it was taken',
  );
  trader.face.grantCoupon();
  trader.exchanges.run(60_000);
  t.match(rates(), { bid_fee: '0.0004' });
  t.end();
});

t.test('Bithumb lists coins and won apart, and tells its wallets', (t) => {
  const trader = new BithumbTrader();
  trader.account.transfer('BTC', '0.5');
  trader.account.transfer('KRW', '1000');
  trader.account.transfer('BTC', '-0.25');
  const rows = (path: string) => trader.call(`GET ${path}`).json;
  t.match(rows('/v1/deposits'), [{ currency: 'BTC', state: 'DEPOSIT_ACCEPTED', amount: '0.5' }]);
  t.match(rows('/v1/deposits/krw'), [{ currency: 'KRW', state: 'ACCEPTED' }]);
  t.match(rows('/v1/withdraws'), [{ currency: 'BTC', state: 'done', amount: '0.25' }]);
  t.same(rows('/v1/withdraws/krw'), []);
  t.match(rows('/v1/status/wallet'), [{ currency: 'BTC', wallet_state: 'working', net_type: 'BTC' }, {}]);
  t.end();
});

// Bitget

interface BitgetAnswer {
  readonly status: number;
  readonly code: string;
  readonly data: unknown;
}

const base64 = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('base64');

class BitgetTrader {
  readonly exchanges = memoryExchanges({ seed: 4, exchanges: ['bitget'], pairs: ['BTC-USDT', 'SOL-USDT'] });
  readonly face = this.exchanges.faces.bitget;
  readonly account = this.face.account!;
  readonly market = this.exchanges.world.market('bitget', 'BTC-USDT');

  constructor() {
    this.account.open([
      { asset: 'USDT', amount: '100000000' },
      { asset: 'BTC', amount: '10' },
    ]);
    this.exchanges.run(1_000);
  }

  request(route: string, params: Params = [], atMs = this.exchanges.world.nowMs): FaceHttpRequest {
    const [method = '', path = ''] = route.split(' ');
    const { apiKey, secret, passphrase } = this.account.credentials;
    const full = `/api/v2/${path}`;
    const url = method === 'POST' || params.length === 0 ? full : `${full}?${encoded(params)}`;
    const body = method === 'POST' ? objectOf(params) : '';
    const timestamp = `${Math.floor(atMs)}`;
    return {
      ...{ method, url, body },
      headers: {
        'access-key': apiKey,
        'access-passphrase': passphrase ?? '',
        'access-timestamp': timestamp,
        'access-sign': base64(secret, `${timestamp}${method}${url}${body}`),
        'content-type': 'application/json',
      },
    };
  }

  send(request: FaceHttpRequest): BitgetAnswer {
    const { status, json } = heard(this.face.respond(request));
    this.face.flush();
    const { code = '', data = null } = json as { code?: string; data?: unknown };
    return { status, code, data };
  }

  call(route: string, params: Params = []): BitgetAnswer {
    return this.send(this.request(route, params));
  }

  /** An IOC bid at the best ask, for one lot more than is there. */
  bid(changes: Readonly<Record<string, Value | null>> = {}): Params {
    const level = this.market.engine.level('sell', 0)!;
    const { tick, lot } = this.market.listing;
    return changed(
      [
        ['symbol', 'BTCUSDT'],
        ['side', 'buy'],
        ['orderType', 'limit'],
        ['force', 'ioc'],
        ['price', plainText(tick, level.priceTicks)],
        ['size', plainText(lot, level.lots + 1)],
      ],
      changes,
    );
  }

  resting(changes: Readonly<Record<string, Value | null>> = {}): Params {
    const ticks = this.market.engine.level('buy', 0)!.priceTicks - 20_000;
    return this.bid({
      force: 'gtc',
      price: plainText(this.market.listing.tick, ticks),
      size: '0.1',
      ...changes,
    });
  }

  login(change: Readonly<Record<string, string>> = {}): object {
    const { apiKey, secret, passphrase } = this.account.credentials;
    const timestamp = `${Math.floor(this.exchanges.world.nowMs / 1_000)}`;
    const sign = base64(secret, `${timestamp}GET/user/verify`);
    return { op: 'login', args: [{ apiKey, passphrase, timestamp, sign, ...change }] };
  }

  socket(): Connection {
    const connection = open(this.face, '/v2/ws/private');
    connection.send(this.login());
    connection.send({
      op: 'subscribe',
      args: [
        { instType: 'SPOT', channel: 'orders', instId: 'default' },
        { instType: 'SPOT', channel: 'account', coin: 'default' },
      ],
    });
    return connection;
  }
}

const PLACE = 'POST spot/trade/place-order';
const rowsOf = (frames: readonly Json[], channel: string): Json[] =>
  frames
    .filter(({ arg, data }) => data !== undefined && (arg as Json)['channel'] === channel)
    .flatMap(({ data }) => data as Json[]);

t.test('Bitget refuses what is not signed as its page says', (t) => {
  const trader = new BitgetTrader();
  const good = trader.request('GET spot/account/assets');
  const code = (change: Readonly<Record<string, string>>, request = good) =>
    trader.send({ ...request, headers: { ...request.headers, ...change } }).code;
  t.equal(code({}), '00000');
  t.equal(code({ 'access-key': '' }), '40001');
  t.equal(code({ 'access-sign': '' }), '40003');
  t.equal(code({ 'access-timestamp': '' }), '40005');
  t.equal(code({ 'access-timestamp': '2026-11-27T10:00:00Z' }), '40005');
  t.equal(code({ 'access-passphrase': '' }), '40011');
  t.equal(code({ 'access-key': 'other' }), '40006');
  t.equal(code({ 'access-passphrase': 'other' }), '40012');
  t.equal(code({ 'access-sign': 'x' }), '40009');
  const { nowMs } = trader.exchanges.world;
  t.equal(trader.send(trader.request('GET spot/account/assets', [], nowMs - 30_001)).code, '40008');
  t.equal(trader.send(trader.request('GET spot/account/assets', [], nowMs - 30_000)).code, '00000');
  const placing = trader.request(PLACE, trader.bid());
  t.equal(code({ 'content-type': 'text/plain' }, placing), '40007');
  t.equal(trader.send({ ...placing, body: `${placing.body} ` }).code, '40009', 'over what is sent');
  t.match(trader.call('POST spot/account/assets'), { status: 404, code: '40404' });
  t.same(trader.account.orders(), []);
  t.end();
});

t.test('Bitget acts on an order within its receive window, also when it comes late', (t) => {
  const trader = new BitgetTrader();
  const fenced = (requestTime: Value, receiveWindow: Value) =>
    trader.request(PLACE, trader.bid({ requestTime, receiveWindow, size: '0.001' }));
  const { nowMs } = trader.exchanges.world;
  t.equal(trader.send(fenced(`${nowMs - 500}`, '1000')).code, '00000');
  t.match(trader.send(fenced(`${nowMs - 1_001}`, '1000')), { status: 400, code: '40078' });
  t.equal(trader.send(fenced(`${nowMs}`, '60000')).code, '40079', 'below a minute');
  t.equal(trader.send(fenced('soon', '1000')).code, '40079');
  trader.account.misbehave({ kind: 'slow', count: 1, delayMs: 1_500 });
  const slow = trader.face.respond(fenced(`${nowMs}`, '1000'));
  t.match(slow, { kind: 'later', afterMs: 1_500 });
  trader.exchanges.run(1_500);
  if ('kind' in slow && slow.kind === 'later')
    t.match(slow.response().body, /"code":"40078"/, 'at the engine');
  trader.account.misbehave({ kind: 'place-late', count: 1, delayMs: 2_000 });
  const late = trader.face.respond(trader.request(PLACE, trader.bid({ clientOid: 'late', size: '0.001' })));
  t.match(late, { kind: 'silence' });
  trader.exchanges.run(2_100);
  t.match(trader.account.orders().at(-1), { clientOrderId: 'late' }, 'without a fence it is carried out');
  t.equal(trader.account.orders().length, 2);
  t.end();
});

t.test('Bitget names what is wrong with an order, and takes an id only once', (t) => {
  const trader = new BitgetTrader();
  const refused = (changes: Readonly<Record<string, Value | null>>) => {
    trader.exchanges.run(200);
    return trader.call(PLACE, trader.bid(changes)).code;
  };
  t.equal(refused({ symbol: 'NONEUSDT' }), '40034');
  t.equal(refused({ symbol: null }), '40019');
  t.equal(refused({ side: 'BUY' }), '40017');
  t.equal(refused({ force: 'IOC' }), '40017');
  t.equal(refused({ stpMode: 'reduce' }), '40017');
  t.equal(refused({ size: '-1' }), '40017');
  t.equal(refused({ price: '84000.001' }), '40808');
  t.equal(refused({ size: '0.0000001' }), '40808');
  t.equal(refused({ price: '99000' }), '40815', 'two per cent from the market');
  t.equal(refused({ size: '0.000001' }), '45110');
  t.equal(refused({ side: 'sell', size: '100' }), '43012');
  t.equal(refused({ clientOid: 'x'.repeat(51) }), '40305');
  t.equal(refused({ clientOid: 'same', size: '0.001' }), '00000');
  t.equal(refused({ clientOid: 'same', size: '0.001' }), '43118');
  trader.face.setStatus('BTCUSDT', 'halt');
  t.equal(refused({}), '45043');
  t.end();
});

t.test('Bitget tells an order by look-up, lists, fills and pushes alike', (t) => {
  const trader = new BitgetTrader();
  const socket = trader.socket();
  t.match(framesOf(socket), [
    { event: 'login', code: 0 },
    { event: 'subscribe', arg: { channel: 'orders' } },
    { event: 'subscribe', arg: { channel: 'account' } },
    {
      action: 'snapshot',
      arg: { channel: 'account' },
      data: [{ coin: 'USDT', frozen: '0' }, { coin: 'BTC' }],
    },
  ]);
  const placed = trader.call(PLACE, trader.bid({ clientOid: 'arb-1' }));
  t.match(placed, { code: '00000', data: { clientOid: 'arb-1', orderId: /^\d{19}$/ } });
  const { orderId } = placed.data as { orderId: string };
  const asked = trader.call('GET spot/trade/orderInfo', [['clientOid', 'arb-1']]);
  t.match(asked.data, [{ orderId, status: 'cancelled', clientOid: 'arb-1', orderType: 'limit' }]);
  const [row] = asked.data as Record<string, string>[];
  t.same(trader.call('GET spot/trade/orderInfo', [['clientOid', 'nobody']]), {
    ...{ status: 200, code: '00000', data: [] },
  });
  const frames = framesOf(socket);
  const pushes = rowsOf(frames, 'orders');
  t.same(
    [pushes[0]!['status'], pushes.at(-1)!['status']],
    ['live', 'cancelled'],
    'taken, filled in part, dropped',
  );
  const fills = trader.call('GET spot/trade/fills', [['symbol', 'BTCUSDT']]).data as Json[];
  const told = pushes.filter(({ tradeId }) => tradeId !== undefined);
  t.same(told.map(({ tradeId }) => tradeId).sort(), fills.map(({ tradeId }) => tradeId).sort());
  for (const fill of fills) {
    t.match(fill, { orderId, feeDetail: { deduction: 'no', feeCoin: 'BTC' }, tradeScope: 'taker' });
    const fee = (fill['feeDetail'] as Record<string, string>)['totalFee']!;
    t.equal(
      fee,
      atomsText(-times(atomsOf(fill['size'] as string), atomsOf('0.002'))),
      'charged, so negative',
    );
    const same = told.find(({ tradeId }) => tradeId === fill['tradeId'])!;
    t.match(same, { fillFee: fee, fillFeeCoin: 'BTC', tradeScope: 'T', baseVolume: fill['size'] });
  }
  t.equal(pushes.at(-1)!['accBaseVolume'], row!['baseVolume']);
  t.match(JSON.parse(row!['feeDetail']!), { newFees: { t: Number }, BTC: { feeCoinCode: 'BTC' } });
  t.match(trader.call('GET spot/trade/history-orders').data, [{ orderId }]);
  t.same(trader.call('GET spot/trade/unfilled-orders').data, []);
  t.match(
    trader.call('POST spot/trade/cancel-order', [
      ['symbol', 'BTCUSDT'],
      ['orderId', orderId],
    ]),
    {
      status: 400,
      code: '43004',
    },
  );
  t.match(
    trader.call('POST spot/trade/cancel-order', [
      ['symbol', 'BTCUSDT'],
      ['clientOid', 'nobody'],
    ]),
    { code: '43001' },
  );
  t.end();
});

t.test('Bitget lists newest first, in pages below an id, and cancels one or all', (t) => {
  const trader = new BitgetTrader();
  for (let n = 0; n < 5; n++) {
    trader.exchanges.run(200);
    t.equal(trader.call(PLACE, trader.resting({ clientOid: `r${n}`, size: '0.01' })).code, '00000');
  }
  const page = (...more: Params) =>
    trader.call('GET spot/trade/unfilled-orders', [['limit', 2], ...more]).data as Record<string, string>[];
  const first = page();
  t.same(
    first.map(({ clientOid }) => clientOid),
    ['r4', 'r3'],
  );
  t.same(
    page(['idLessThan', first[1]!['orderId']!]).map(({ clientOid }) => clientOid),
    ['r2', 'r1'],
  );
  const cancel: Params = [
    ['symbol', 'BTCUSDT'],
    ['clientOid', 'r0'],
  ];
  t.match(trader.call('POST spot/trade/cancel-order', cancel), { data: { clientOid: 'r0' } });
  t.match(trader.call('GET spot/trade/orderInfo', [['clientOid', 'r0']]).data, [
    { status: 'cancelled', cancelReason: 'normal_cancel' },
  ]);
  t.match(trader.call('POST spot/trade/cancel-symbol-order', [['symbol', 'BTCUSDT']]), {
    data: { symbol: 'BTCUSDT' },
  });
  t.same(page(), []);
  t.equal(trader.call('GET spot/trade/unfilled-orders', [['limit', 'x']]).code, '40017');
  trader.account.transfer('BTC', '0.5');
  trader.account.transfer('BTC', '-0.1');
  const { nowMs } = trader.exchanges.world;
  const span: Params = [
    ['startTime', Math.floor(nowMs - 1_000)],
    ['endTime', Math.floor(nowMs + 1_000)],
  ];
  t.match(trader.call('GET spot/wallet/deposit-records', span).data, [{ size: '0.5', status: 'success' }]);
  t.match(trader.call('GET spot/wallet/withdrawal-records', span).data, [{ size: '0.099', fee: '-0.001' }]);
  t.equal(trader.call('GET spot/wallet/deposit-records').code, '40019', 'both ends are wanted');
  const rate = (symbol: string) =>
    trader.call('GET common/trade-rate', [
      ['symbol', symbol],
      ['businessType', 'spot'],
    ]).data;
  t.match([rate('BTCUSDT'), rate('SOLUSDT')], [{ takerFeeRate: '0.002' }, { takerFeeRate: '0.001' }]);
  t.match(trader.call('GET spot/account/assets', [['assetType', 'all']]).data, [
    { coin: 'USDT' },
    { coin: 'BTC' },
    { coin: 'SOL', available: '0' },
  ]);
  t.equal((trader.call('GET spot/account/assets').data as Json[]).length, 2, 'what is held');
  t.end();
});

t.test('Bitget counts ten orders a second, and answers 429 beyond', (t) => {
  const trader = new BitgetTrader();
  const codes = Array.from({ length: 11 }, () => trader.call(PLACE, trader.resting({ size: '0.01' })).code);
  t.same([codes.slice(0, 10).every((code) => code === '00000'), codes[10]], [true, '429']);
  t.equal(trader.call('GET spot/account/assets').code, '00000', 'each path by itself');
  trader.exchanges.run(1_000);
  t.equal(trader.call(PLACE, trader.resting({ size: '0.01' })).code, '00000');
  trader.account.misbehave({ kind: 'error-5xx-not-placed', count: 9 });
  trader.exchanges.run(1_000);
  const broken = Array.from({ length: 9 }, () => trader.call(PLACE, trader.resting()));
  t.ok(
    new Set(broken.map(({ status, code }) => `${status} ${code}`)).size > 2,
    'a server fails in several words',
  );
  t.end();
});

t.test('Bitget answers on its private socket only to those who logged in', (t) => {
  const trader = new BitgetTrader();
  const socket = open(trader.face, '/v2/ws/private');
  const said = () =>
    (framesOf(socket) as { event?: string; code?: number }[]).map(({ event, code }) =>
      `${event} ${code ?? ''}`.trim(),
    );
  const orders = { instType: 'SPOT', channel: 'orders', instId: 'default' };
  socket.send({ op: 'subscribe', args: [orders] });
  t.same(said(), ['error 30004']);
  for (const [change, code] of [
    [{ apiKey: 'x' }, 30011],
    [{ passphrase: 'x' }, 30012],
    [{ timestamp: 'x' }, 30013],
    [{ timestamp: '1700000000' }, 30014],
    [{ sign: 'x' }, 30015],
  ] as const) {
    socket.send(trader.login(change));
    t.same(said(), [`error ${code}`]);
  }
  socket.send(trader.login());
  t.same(said(), ['login 0']);
  socket.send({ op: 'subscribe', args: [{ ...orders, instId: 'NOPE' }] });
  t.same(said(), ['error 30001']);
  socket.send({ op: 'subscribe', args: [{ ...orders, instType: 'USDT-FUTURES' }] });
  t.same(said(), ['subscribe'], 'acknowledged');
  trader.call(PLACE, trader.bid({ size: '0.001' }));
  t.same(said(), [], 'and never served');
  trader.exchanges.run(1_000);
  socket.send({ op: 'subscribe', args: [orders] });
  trader.call(PLACE, trader.bid({ size: '0.001' }));
  t.ok(rowsOf(framesOf(socket), 'orders').length > 0);
  socket.send({ op: 'unsubscribe', args: [orders] });
  said();
  trader.call(PLACE, trader.bid({ size: '0.001' }));
  t.same(said(), []);
  for (const text of ['', '[]', '{"op":1}', '{"op":"subscribe","args":[null,1,[],{}]}', 'x'.repeat(5_000)]) {
    socket.send(text);
    trader.exchanges.run(500);
  }
  t.ok(said().length >= 5);
  t.equal(socket.transport.closedWith, null);
  socket.send('ping');
  t.ok(socket.transport.frames.includes('pong'));
  trader.exchanges.run(121_000);
  t.equal(socket.transport.closedWith, 1006, 'without a ping it is closed');
  t.end();
});

t.test('no call, however strange, breaks a face or moves money', (t) => {
  const names = [
    ...[
      'market',
      'symbol',
      'side',
      'order_type',
      'orderType',
      'price',
      'volume',
      'size',
      'time_in_force',
      'force',
    ],
    ...[
      'client_order_id',
      'clientOid',
      'uuid',
      'order_id',
      'orderId',
      'state',
      'states[]',
      'limit',
      'next_key',
    ],
    ...['idLessThan', 'start_time', 'startTime', 'endTime', 'page', 'assetType', 'businessType', '__proto__'],
  ];
  const words = fc.oneof(
    fc.constantFrom('', '0', '-1', '1e400', 'null', '%', 'ü', '9'.repeat(40), 'KRW-BTC', 'BTCUSDT', 'limit'),
    fc.constantFrom('wait', 'watch', 'done', '100', '1790000000000', 'all', 'spot', 'x'),
    fc.string({ maxLength: 10 }),
  );
  const params = fc.array(fc.tuple(fc.constantFrom(...names), words), { maxLength: 6 });
  const bithumb = new BithumbTrader();
  const bitget = new BitgetTrader();
  const routes = [
    ...['POST /v2/orders', 'DELETE /v2/order', 'GET /v1/order', 'GET /v2/orders/pending'],
    ...['GET /v2/orders/history', 'GET /v1/orders/chance', 'GET /v1/accounts', 'GET /v1/deposits'],
    ...['GET /v1/withdraws/krw', 'GET /v1/status/wallet'],
  ];
  const paths = [
    ...[PLACE, 'POST spot/trade/cancel-order', 'GET spot/trade/orderInfo', 'GET spot/trade/unfilled-orders'],
    ...['GET spot/trade/history-orders', 'GET spot/trade/fills', 'GET spot/account/assets'],
    ...['GET common/trade-rate', 'GET spot/wallet/deposit-records', 'POST spot/trade/cancel-symbol-order'],
  ];
  const statuses = new Set<number>();
  fc.assert(
    fc.property(fc.constantFrom(...routes), params, (route, given) => {
      bithumb.exchanges.run(100);
      // A query names a parameter as often as it likes; a body once.
      const own = route.startsWith('POST') ? Object.entries(Object.fromEntries(given)) : given;
      const { status } = bithumb.call(route, own);
      statuses.add(status);
      return status < 500;
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...paths), params, (route, given) => {
      bitget.exchanges.run(200);
      const { status } = bitget.call(route, given);
      statuses.add(status);
      return status < 500;
    }),
    { numRuns: 300 },
  );
  t.ok(statuses.has(200) && statuses.has(400), [...statuses].join());
  t.equal(bithumb.account.balances()[0]!.free, '2000000000');
  t.equal(bitget.account.balances()[0]!.free, '100000000');
  t.end();
});

const folder = wireFolder();
const skip = folder === null ? 'the captured frames are not here (ARBOT_WIRE_DIR)' : false;

/** Members by path, arrays by their first element. */
function members(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : members(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, item]) => members(item, `${path}.${name}`));
}

t.test('Bitget answers and pushes have the members of the published examples', { skip }, (t) => {
  const lines = (file: string) =>
    readFileSync(join(folder!, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; text?: string; script?: string });
  const example = (file: string, name: string): unknown => {
    const { text, script } = lines(file).find((one) => one.file.includes(`/Spot/${name}.txt`))!;
    const body = text ?? script!.slice(script!.lastIndexOf('\n= '));
    return JSON.parse(body.slice(body.indexOf('{', text === undefined ? 0 : body.search(/^\{/m))));
  };
  const trader = new BitgetTrader();
  const socket = trader.socket();
  trader.call(PLACE, trader.bid({ clientOid: 'arb-1' }));
  trader.account.transfer('BTC', '0.5');
  trader.account.transfer('BTC', '-0.1');
  const { nowMs } = trader.exchanges.world;
  const span: Params = [
    ['startTime', Math.floor(nowMs - 1_000)],
    ['endTime', Math.floor(nowMs + 1_000)],
  ];
  const rest = 'rest/jkorf-bitget-rest-endpoints.ndjson';
  for (const [name, route, params] of [
    ['Trading/GetOrder', 'GET spot/trade/orderInfo', [['clientOid', 'arb-1']]],
    ['Trading/GetClosedOrders', 'GET spot/trade/history-orders', []],
    ['Trading/GetUserTrades', 'GET spot/trade/fills', [['symbol', 'BTCUSDT']]],
    ['Account/GetSpotBalances', 'GET spot/account/assets', []],
    ['Account/GetDepositHistory', 'GET spot/wallet/deposit-records', span],
    ['Account/GetWithdrawalHistory', 'GET spot/wallet/withdrawal-records', span],
  ] as const) {
    const own = new Set(members(trader.call(route, params).data));
    const wanted = members((example(rest, name) as Json)['data']);
    t.same(
      wanted.filter((one) => !own.has(one)),
      [],
      name,
    );
  }
  const frames = framesOf(socket);
  const scripts = 'bitget/jkorf-subscription-scripts.ndjson';
  for (const [name, channel] of [
    ['Order', 'orders'],
    ['Balance', 'account'],
  ] as const) {
    const own = new Set(rowsOf(frames, channel).flatMap((row) => members(row)));
    const wanted = members(((example(scripts, name) as Json)['data'] as Json[])[0]);
    t.same(
      wanted.filter((one) => !own.has(one)),
      [],
      `the channel ${channel}`,
    );
  }
  t.end();
});
