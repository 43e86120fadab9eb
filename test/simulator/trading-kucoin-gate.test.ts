import { createHash, createHmac } from 'node:crypto';
import t, { type Test } from 'tap';
import { plainText } from '../../src/simulator/exact-units.js';
import type { FaceHttpRequest } from '../../src/simulator/face-protocol.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { memoryExchanges, MemoryTransport, open, type MemoryExchanges } from './memory-client.js';
import { heard, text, type Heard, type Params } from './trading-client.js';

/** The private halves of KuCoin and Gate, spoken to as their documentation says. */

type Json = Record<string, unknown>;
type Name = 'kucoin' | 'gate';

interface Signing {
  readonly atMs?: number;
  readonly secret?: string;
  readonly passphrase?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** One of the two exchanges with bitcoin and ether, its account funded. */
class Trader {
  readonly exchanges: MemoryExchanges;
  readonly market: SimulatedMarket;
  readonly name: Name;

  constructor(name: Name) {
    this.name = name;
    this.exchanges = memoryExchanges({ exchanges: [name], pairs: ['BTC-USDT', 'ETH-USDT'] });
    this.market = this.exchanges.world.market(name, 'BTC-USDT');
    this.account.open([
      { asset: 'USDT', amount: '1000000' },
      { asset: 'BTC', amount: '10' },
    ]);
    this.exchanges.run(1_000);
  }

  get face() {
    return this.exchanges.faces[this.name];
  }

  get account() {
    return this.face.account!;
  }

  get nowMs(): number {
    return this.exchanges.world.nowMs;
  }

  /** A price so many ticks from the best one of the other side; above 0 = worse for us, so that it fills. */
  price(side: 'buy' | 'sell', ticks = 0): string {
    const best = this.market.engine.level(side === 'buy' ? 'sell' : 'buy', 0)!.priceTicks;
    return plainText(this.market.listing.tick, side === 'buy' ? best + ticks : best - ticks);
  }

  request(route: string, given: Params | Json = [], signing: Signing = {}): FaceHttpRequest {
    const [method = '', path = ''] = route.split(' ');
    const isPost = method === 'POST';
    const params = Array.isArray(given) ? (given as Params) : [];
    const body = isPost ? JSON.stringify(given) : '';
    const url = params.length === 0 ? path : `${path}?${text(params)}`;
    const read = decodeURIComponent(url);
    const parts = { method, read, body, signing };
    const headers = this.name === 'kucoin' ? this.kucoinHeaders(parts) : this.gateHeaders(parts);
    const changed = Object.entries({ ...headers, ...signing.headers });
    const kept = changed.filter((entry): entry is [string, string] => entry[1] !== undefined);
    return { method, url, headers: Object.fromEntries(kept), body };
  }

  private kucoinHeaders({ method, read, body, signing }: Signed): Record<string, string> {
    const { apiKey, secret: own, passphrase } = this.account.credentials;
    const secret = signing.secret ?? own;
    const at = String(signing.atMs ?? this.nowMs);
    const mac = (message: string) => createHmac('sha256', secret).update(message).digest('base64');
    return {
      'kc-api-key': apiKey,
      'kc-api-timestamp': at,
      'kc-api-sign': mac(at + method + read + body),
      'kc-api-passphrase': mac(signing.passphrase ?? passphrase!),
      'kc-api-key-version': '2',
    };
  }

  private gateHeaders({ method, read, body, signing }: Signed): Record<string, string> {
    const { apiKey, secret } = this.account.credentials;
    const at = String(Math.floor((signing.atMs ?? this.nowMs) / 1_000));
    const [path = '', query = ''] = read.split('?');
    const message = [method, path, query, createHash('sha512').update(body).digest('hex'), at].join('\n');
    const sign = createHmac('sha512', signing.secret ?? secret)
      .update(message)
      .digest('hex');
    return { key: apiKey, timestamp: at, sign };
  }

  call(route: string, given: Params | Json = [], signing: Signing = {}): Heard {
    return heard(this.face.respond(this.request(route, given, signing)));
  }

  held(asset: string): readonly string[] {
    const { free, locked } = this.account.balances().find((one) => one.asset === asset)!;
    return [free, locked];
  }
}

interface Signed {
  readonly method: string;
  readonly read: string;
  readonly body: string;
  readonly signing: Signing;
}

const codeOf = ({ status, json }: Heard): string => {
  const { code, label } = json as { code?: string; label?: string };
  return `${status} ${code ?? label}`;
};

const orderOf: Readonly<Record<Name, (trader: Trader, changes?: Json) => Json>> = {
  kucoin: (trader, changes = {}) => ({
    symbol: 'BTC-USDT',
    side: 'buy',
    type: 'limit',
    timeInForce: 'IOC',
    price: trader.price('buy'),
    size: '0.01',
    ...changes,
  }),
  gate: (trader, changes = {}) => ({
    currency_pair: 'BTC_USDT',
    side: 'buy',
    type: 'limit',
    account: 'spot',
    time_in_force: 'ioc',
    price: trader.price('buy'),
    amount: '0.01',
    ...changes,
  }),
};
const PLACE = { kucoin: 'POST /api/v1/hf/orders', gate: 'POST /api/v4/spot/orders' } as const;
const place = (trader: Trader, changes: Json = {}, signing: Signing = {}): Heard =>
  trader.call(PLACE[trader.name], orderOf[trader.name](trader, changes), signing);

function refusals(t: Test, trader: Trader, cases: readonly (readonly [Json, string])[]): void {
  for (const [changes, wanted] of cases) {
    t.equal(codeOf(place(trader, changes)), wanted, JSON.stringify(changes));
    // Gate counts ten a second.
    trader.exchanges.run(100);
  }
}

t.test('KuCoin: key, passphrase, stamp, signature and window are checked', (t) => {
  const trader = new Trader('kucoin');
  const accounts = (signing: Signing) =>
    codeOf(trader.call('GET /api/v1/accounts', [['type', 'trade']], signing));
  t.equal(accounts({}), '200 200000');
  for (const name of ['kc-api-key', 'kc-api-sign', 'kc-api-timestamp', 'kc-api-passphrase'])
    t.equal(accounts({ headers: { [name]: undefined } }), '401 400001', name);
  t.equal(accounts({ headers: { 'kc-api-key': 'nobody' } }), '401 400003');
  t.equal(accounts({ passphrase: 'another' }), '401 400004');
  t.equal(accounts({ headers: { 'kc-api-key-version': '1' } }), '401 400004');
  t.equal(accounts({ headers: { 'kc-api-key-version': '3' } }), '200 200000');
  t.equal(accounts({ atMs: trader.nowMs - 5_001 }), '401 400002');
  t.equal(accounts({ atMs: trader.nowMs - 5_000 }), '200 200000');
  t.equal(accounts({ atMs: trader.nowMs + 5_001 }), '401 400002');
  t.equal(accounts({ headers: { 'kc-api-sign': 'x' } }), '401 400005');
  const symbols: Params = [['symbols', 'BTC-USDT,ETH-USDT']];
  const encoded = trader.request('GET /api/v1/trade-fees', symbols);
  t.match(encoded.url, /%2C/, 'sent percent-encoded, signed as it reads');
  t.equal(codeOf(heard(trader.face.respond(encoded))), '200 200000');
  t.equal(
    codeOf(heard(trader.face.respond({ ...encoded, url: '/api/v1/trade-fees?symbols=%' }))),
    '401 400005',
  );
  const within = (clientTimestamp: unknown, allowMaxTimeWindow: unknown) =>
    codeOf(place(trader, { clientTimestamp, allowMaxTimeWindow }));
  t.equal(within(trader.nowMs - 1_000, 999), '200 126041', 'too late');
  t.equal(within(trader.nowMs - 1_000, 1_000), '200 200000');
  t.equal(within('1', 1_000), '200 126041', 'a window without a start is none');
  t.equal(codeOf(trader.call('PUT /api/v1/hf/orders')), '405 405');
  trader.exchanges.faces.kucoin.maintenance = true;
  t.equal(accounts({}), '503 503');
  t.end();
});

t.test('KuCoin: every refusal has its code', (t) => {
  const trader = new Trader('kucoin');
  refusals(t, trader, [
    [{ symbol: 'NIX-USDT' }, '200 900001'],
    [{ side: 'hold' }, '200 400100'],
    [{ type: 'stop' }, '200 400100'],
    [{ timeInForce: 'GTX' }, '200 400100'],
    [{ stp: 'XX' }, '200 400100'],
    [{ clientOid: 'a b' }, '200 400100'],
    [{ clientOid: 'a'.repeat(41) }, '200 400100'],
    [{ postOnly: true }, '200 400100'],
    [{ price: undefined }, '200 400100'],
    [{ size: '0' }, '200 400100'],
    [{ funds: '5' }, '200 400100'],
    [{ type: 'market', price: undefined, funds: '5' }, '200 400100'],
    [{ type: 'market', price: undefined, size: undefined, side: 'sell', funds: '5' }, '200 400100'],
    [{ price: '84000.01' }, '200 400100'],
    [{ price: '200000' }, '200 126022'],
    [{ size: '0.000000001' }, '200 400100'],
    [{ size: '0.000009' }, '200 126003'],
    [{ size: '100' }, '200 200004'],
    [{ clientOid: 'once' }, '200 200000'],
    [{ clientOid: 'once' }, '200 126044'],
  ]);
  trader.exchanges.faces.kucoin.halted.add('BTC-USDT');
  t.equal(codeOf(place(trader)), '200 126009');
  const named = (route: string) => codeOf(trader.call(route, [['symbol', 'BTC-USDT']]));
  t.match(trader.call('GET /api/v1/hf/orders/client-order/nobody', [['symbol', 'BTC-USDT']]).json, {
    data: null,
  });
  t.equal(named('GET /api/v1/hf/orders/6742a1c00000000000000999'), '200 126043');
  t.equal(named('DELETE /api/v1/hf/orders/client-order/once'), '200 400100', 'it has ended');
  t.equal(codeOf(trader.call('DELETE /api/v1/hf/orders/client-order/once', [['symbol', 'X']])), '200 900001');
  t.equal(codeOf(trader.call('GET /api/v1/hf/fills', [['symbol', 'X']])), '200 900001');
  t.equal(codeOf(trader.call('GET /api/v1/hf/fills', [['startAt', 'x']])), '200 400100');
  t.end();
});

t.test('KuCoin: orders rest, fill in the quote currency, are listed page by page and cancelled', (t) => {
  const trader = new Trader('kucoin');
  const rest = { timeInForce: 'GTC', price: trader.price('buy', -500), size: '0.1' };
  const first = place(trader, { ...rest, clientOid: 'one' });
  t.match(first.json, { data: { clientOid: 'one' } });
  const [symbols, active] = ['symbols', ''].map(
    (end) => `GET /api/v1/hf/orders/active${end === '' ? '' : `/${end}`}`,
  );
  t.same(trader.call(symbols!).at('data', 'symbols'), ['BTC-USDT']);
  t.match(trader.call(active!, [['symbol', 'BTC-USDT']]).at('data'), [
    { clientOid: 'one', active: true, inOrderBook: true, cancelExist: false, remainSize: '0.1', stp: null },
  ]);
  const bound = Number(rest.price) * 0.1 * 1.001;
  t.ok(Math.abs(Number(trader.held('USDT')[1]) - bound) < 1e-6, 'the fee is bound too');
  t.same(trader.call('DELETE /api/v1/hf/orders/client-order/one', [['symbol', 'BTC-USDT']]).at('data'), {
    clientOid: 'one',
  });
  const second = String(place(trader, rest).at('data', 'orderId'));
  t.same(trader.call(`DELETE /api/v1/hf/orders/${second}`, [['symbol', 'BTC-USDT']]).at('data'), {
    orderId: second,
  });
  place(trader, rest);
  t.equal(trader.call('DELETE /api/v1/hf/orders', [['symbol', 'BTC-USDT']]).at('data'), 'success');
  place(trader, rest);
  t.same(trader.call('DELETE /api/v1/hf/orders/cancelAll').at('data'), {
    succeedSymbols: ['BTC-USDT'],
    failedSymbols: [],
  });
  t.equal(codeOf(trader.call('DELETE /api/v1/hf/orders', [['symbol', 'X']])), '200 900001');
  t.equal(trader.held('USDT')[1], '0');
  const before = Number(trader.held('USDT')[0]);
  place(trader, { clientOid: 'fills' });
  const [trade] = trader.account.trades();
  t.equal(trade!.feeAsset, 'USDT');
  t.ok(
    Math.abs(before - Number(trader.held('USDT')[0]) - Number(trade!.quote) * 1.001) < 1e-6,
    'price and fee',
  );
  t.equal(trader.held('BTC')[0], '10.01', 'and the whole coin arrives');
  place(trader, { type: 'market', price: undefined, size: undefined, timeInForce: undefined, funds: '500' });
  t.ok(trader.account.trades().length > 1, 'a market order in money');
  const fills = trader.call('GET /api/v1/hf/fills', [
    ['symbol', 'BTC-USDT'],
    ['limit', 1],
  ]);
  const raw = trader.face.respond(trader.request('GET /api/v1/hf/fills', [['symbol', 'BTC-USDT']]));
  t.match('body' in raw ? raw.body : '', /"tradeId":110679967\d{8},/, 'ids beyond 2^53 are bare numbers');
  t.equal((fills.at('data', 'items') as Json[]).length, 1);
  const older = trader.call('GET /api/v1/hf/fills', [
    ['symbol', 'BTC-USDT'],
    ['lastId', Number(fills.at('data', 'lastId'))],
  ]);
  t.equal((older.at('data', 'items') as Json[]).length, trader.account.trades().length - 1);
  const done = trader.call('GET /api/v1/hf/orders/done', [
    ['symbol', 'BTC-USDT'],
    ['limit', 2],
  ]);
  const next = trader.call('GET /api/v1/hf/orders/done', [
    ['symbol', 'BTC-USDT'],
    ['lastId', Number(done.at('data', 'lastId'))],
  ]);
  t.equal((done.at('data', 'items') as Json[]).length + (next.at('data', 'items') as Json[]).length, 6);
  t.match(done.at('data', 'items', 1), {
    clientOid: 'fills',
    dealSize: '0.01',
    cancelExist: false,
    active: false,
  });
  const none = trader.call('GET /api/v1/hf/orders/done', [
    ['symbol', 'BTC-USDT'],
    ['endAt', trader.nowMs - 60_000],
  ]);
  t.same(none.at('data', 'items'), []);
  t.match(trader.call('GET /api/v1/accounts', [['currency', 'BTC']]).at('data'), [
    { currency: 'BTC', type: 'trade' },
  ]);
  t.same(trader.call('GET /api/v1/accounts', [['type', 'main']]).at('data'), []);
  t.equal(codeOf(trader.call('GET /api/v1/trade-fees', [['symbols', 'X']])), '200 900001');
  trader.account.transfer('BTC', '1');
  trader.account.transfer('BTC', '2');
  const page = (currentPage: number) =>
    trader.call('GET /api/v1/deposits', [
      ['pageSize', 1],
      ['currentPage', currentPage],
    ]);
  t.match(page(1).json, { data: { totalNum: 2, totalPage: 2, items: [{ amount: '2' }] } });
  t.match(page(2).json, { data: { currentPage: 2, items: [{ amount: '1' }] } });
  t.end();
});

t.test('KuCoin: the dead-man switch cancels what it is set for, unless it is set again', (t) => {
  const trader = new Trader('kucoin');
  const arm = (body: Json) => trader.call('POST /api/v1/hf/orders/dead-cancel-all', body);
  for (const timeout of [4, 86_401, 5.5, '5', undefined]) t.equal(codeOf(arm({ timeout })), '200 400100');
  t.equal(codeOf(arm({ timeout: 5, symbols: 'BTC-USDT,X' })), '200 400100');
  const rest = { timeInForce: 'GTC', price: trader.price('buy', -500), size: '0.1' };
  const openCount = () => trader.account.orders().filter(({ state }) => state === 'open').length;
  place(trader, rest);
  t.equal(codeOf(arm({ timeout: 5 })), '200 200000');
  trader.exchanges.run(4_000);
  arm({ timeout: 5 });
  trader.exchanges.run(4_000);
  t.equal(openCount(), 1, 'set again in time');
  trader.exchanges.run(1_100);
  t.equal(openCount(), 0);
  place(trader, rest);
  arm({ timeout: 5, symbols: 'ETH-USDT' });
  trader.exchanges.run(6_000);
  t.equal(openCount(), 1, 'another market');
  arm({ timeout: 5 });
  t.match(arm({ timeout: -1 }).json, { data: { triggerTime: 0 } });
  trader.exchanges.run(6_000);
  t.equal(openCount(), 1, 'switched off');
  t.end();
});

t.test('KuCoin: pools are charged by weight, told, and refused beyond', (t) => {
  const trader = new Trader('kucoin');
  const first = trader.call('GET /api/v1/accounts');
  t.equal(first.headers['gw-ratelimit-limit'], '2000');
  t.equal(first.headers['gw-ratelimit-remaining'], '1995');
  t.equal(place(trader).headers['gw-ratelimit-remaining'], '3999', 'the pool of spot is another one');
  let last = first;
  for (let i = 0; i < 400; i++) last = trader.call('GET /api/v1/accounts');
  t.equal(codeOf(last), '429 429000');
  t.equal(codeOf(place(trader)), '200 200000');
  trader.exchanges.run(30_000);
  t.equal(codeOf(trader.call('GET /api/v1/accounts')), '200 200000');
  const end = trader.account.misbehave({ kind: 'ban', delayMs: 20_000 });
  const banned = trader.call('GET /api/v1/accounts');
  t.equal(codeOf(banned), '429 429000');
  t.match(banned.headers, { 'gw-ratelimit-remaining': '0', 'gw-ratelimit-reset': '20000' });
  end();
  t.equal(trader.account.callsDuringBan, 1);
  t.end();
});

/** A greeted private connection of KuCoin, and what it sends. */
function kucoinLine(trader: Trader): {
  send(message: Json): void;
  take(): Json[];
  transport: MemoryTransport;
} {
  const token = String(trader.call('POST /api/v1/bullet-private', {}).at('data', 'token'));
  const line = open(trader.face, `/?token=${encodeURIComponent(token)}&connectId=c`);
  const take = () => line.transport.take().map((frame) => JSON.parse(frame) as Json);
  return { send: (message) => line.send(message), take, transport: line.transport };
}

t.test('KuCoin: the private socket wants its ticket and tells each order from receipt to end', (t) => {
  const trader = new Trader('kucoin');
  const stranger = open(trader.face, '/?token=stranger&connectId=c');
  t.match(JSON.parse(stranger.transport.take()[0]!), { type: 'error', code: 401 });
  t.equal(stranger.transport.closedWith, 1000);
  const line = kucoinLine(trader);
  t.match(line.take(), [{ type: 'welcome' }]);
  const subscribe = (topic: string, more: Json = {}) =>
    line.send({ id: 's', type: 'subscribe', topic, privateChannel: true, response: true, ...more });
  subscribe('/spotMarket/tradeOrdersV2');
  subscribe('/account/balance', { response: false });
  subscribe('/spotMarket/other');
  subscribe('/account/balance', { privateChannel: false });
  line.send({ id: 'p', type: 'ping' });
  line.send({ id: 'x', type: 'dance' });
  t.match(line.take(), [
    { id: 's', type: 'ack' },
    { type: 'error', code: 404 },
    { type: 'error', code: 404 },
    { id: 'p', type: 'pong' },
    { id: 'x', type: 'error', code: 403 },
  ]);
  place(trader, { clientOid: 'whole' });
  t.same(line.take(), [], 'the answer comes first');
  trader.face.flush();
  const told = line.take();
  const ofOrder = told
    .filter(({ topic }) => topic === '/spotMarket/tradeOrdersV2')
    .map(({ data }) => data as Json);
  t.same(
    ofOrder.map(({ type }) => type),
    ['received', 'match', 'filled'],
  );
  t.match(ofOrder[1], {
    status: 'match',
    matchSize: '0.01',
    feeType: 'takerFee',
    filledSize: '0.01',
    clientOid: 'whole',
  });
  t.equal(ofOrder[1]!['fee'], undefined);
  const balances = told.filter(({ topic }) => topic === '/account/balance').map(({ data }) => data as Json);
  t.ok(
    balances.some(({ currency, relationEvent }) => currency === 'BTC' && relationEvent === 'trade.setted'),
  );
  place(trader, { price: trader.price('buy', -100) });
  trader.face.flush();
  const ended = line.take().filter(({ topic }) => topic === '/spotMarket/tradeOrdersV2');
  t.match(ended.at(-1), {
    data: { type: 'canceled', status: 'done', canceledSize: '0.01', filledSize: '0' },
  });
  trader.account.transfer('BTC', '1');
  trader.face.flush();
  t.match(line.take(), [{ data: { currency: 'BTC', relationEvent: 'trade.transfer' } }]);
  line.send({
    id: 'u',
    type: 'unsubscribe',
    topic: '/account/balance',
    privateChannel: true,
    response: true,
  });
  line.take();
  trader.account.transfer('BTC', '1');
  trader.face.flush();
  t.same(line.take(), []);
  const end = trader.account.misbehave({ kind: 'maintenance' });
  t.equal(line.transport.closedWith, 1006, 'maintenance ends private connections');
  end();
  trader.exchanges.faces.kucoin.welcomeDelayMs = 500;
  const slow = kucoinLine(trader);
  slow.send({ id: 's', type: 'subscribe', topic: '/account/balance', privateChannel: true, response: true });
  t.same(slow.take(), [], 'nothing counts before the welcome');
  trader.exchanges.run(1_000);
  t.match(slow.take(), [{ type: 'welcome' }]);
  t.end();
});

t.test('Gate: key, stamp, signature and expiry are checked', (t) => {
  const trader = new Trader('gate');
  const accounts = (signing: Signing) => codeOf(trader.call('GET /api/v4/spot/accounts', [], signing));
  t.equal(accounts({}), '200 undefined');
  for (const name of ['key', 'sign', 'timestamp'])
    t.equal(accounts({ headers: { [name]: undefined } }), '400 MISSING_REQUIRED_HEADER', name);
  t.equal(accounts({ headers: { key: 'nobody' } }), '401 INVALID_KEY');
  t.equal(accounts({ secret: 'another' }), '401 INVALID_SIGNATURE');
  t.equal(accounts({ atMs: trader.nowMs - 61_000 }), '403 REQUEST_EXPIRED');
  t.equal(accounts({ atMs: trader.nowMs - 59_000 }), '200 undefined');
  t.equal(accounts({ headers: { timestamp: 'now' } }), '403 REQUEST_EXPIRED');
  const until = (ms: number | string) =>
    codeOf(place(trader, {}, { headers: { 'x-gate-exptime': String(ms) } }));
  t.equal(until(trader.nowMs - 1), '403 REQUEST_EXPIRED');
  t.equal(until(trader.nowMs), '201 undefined');
  t.equal(until('soon'), '400 INVALID_PARAM_VALUE');
  t.equal(codeOf(trader.call('PUT /api/v4/spot/orders')), '405 METHOD_NOT_ALLOWED');
  const broken = { ...trader.request('GET /api/v4/spot/fee'), url: '/api/v4/spot/fee?a=%' };
  t.equal(codeOf(heard(trader.face.respond(broken))), '401 INVALID_SIGNATURE');
  t.end();
});

t.test('Gate: every refusal has its label', (t) => {
  const trader = new Trader('gate');
  refusals(t, trader, [
    [{ currency_pair: 'NIX_USDT' }, '400 INVALID_CURRENCY_PAIR'],
    [{ side: 'hold' }, '400 INVALID_PARAM_VALUE'],
    [{ type: 'stop' }, '400 INVALID_PARAM_VALUE'],
    [{ account: 'unified' }, '400 INVALID_PARAM_VALUE'],
    [{ time_in_force: 'gtx' }, '400 INVALID_PARAM_VALUE'],
    [{ action_mode: 'LONG' }, '400 INVALID_PARAM_VALUE'],
    [{ stp_act: 'cn' }, '400 INVALID_PARAM_VALUE'],
    [{ text: 'mine' }, '400 INVALID_PARAM_VALUE'],
    [{ text: `t-${'a'.repeat(29)}` }, '400 INVALID_PARAM_VALUE'],
    [{ price: undefined }, '400 INVALID_PARAM_VALUE'],
    [{ amount: '1e-3' }, '400 INVALID_PARAM_VALUE'],
    [{ price: '84000.01' }, '400 INVALID_PRECISION'],
    [{ amount: '0.0000001' }, '400 INVALID_PRECISION'],
    [{ amount: '0.00001' }, '400 AMOUNT_TOO_LITTLE'],
    [{ amount: '100' }, '400 BALANCE_NOT_ENOUGH'],
    [{ time_in_force: 'poc', text: 't-poc' }, '400 POC_FILL_IMMEDIATELY'],
  ]);
  trader.exchanges.run(1_000);
  const rest = { time_in_force: 'gtc', price: trader.price('buy', -500), text: 't-same' };
  t.equal(codeOf(place(trader, rest)), '201 undefined');
  t.equal(codeOf(place(trader, rest)), '400 ORDER_EXISTS', 'while the first is open');
  trader.exchanges.faces.gate.rest.pairs.set('BTC_USDT', { trade_status: 'sellable' });
  t.equal(codeOf(place(trader)), '400 INVALID_CURRENCY_PAIR');
  const named = (route: string, pair = 'BTC_USDT') => codeOf(trader.call(route, [['currency_pair', pair]]));
  t.equal(named('GET /api/v4/spot/orders/t-nobody'), '404 ORDER_NOT_FOUND');
  t.equal(named('GET /api/v4/spot/orders/1'), '404 ORDER_NOT_FOUND');
  t.equal(named('DELETE /api/v4/spot/orders/1', 'X'), '400 INVALID_CURRENCY_PAIR');
  t.equal(named('DELETE /api/v4/spot/orders', 'X'), '400 INVALID_CURRENCY_PAIR');
  t.equal(named('GET /api/v4/spot/orders'), '400 INVALID_PARAM_VALUE', 'a list wants its status');
  t.equal(codeOf(trader.call('GET /api/v4/spot/my_trades', [['order_id', 5]])), '400 INVALID_PARAM_VALUE');
  t.equal(codeOf(trader.call('GET /api/v4/spot/my_trades', [['from', 'x']])), '400 INVALID_PARAM_VALUE');
  t.end();
});

t.test(
  'Gate: orders answer as asked, rest, fill in the coin received, are listed, and forgotten by their text',
  (t) => {
    const trader = new Trader('gate');
    t.same(Object.keys(place(trader, { action_mode: 'ACK', text: 't-ack' }).json as Json).sort(), [
      'amend_text',
      'id',
      'text',
    ]);
    t.equal((place(trader, { action_mode: 'RESULT' }).json as Json)['fee'], undefined);
    const full = place(trader, { text: 't-full' });
    t.match(full.json, {
      status: 'closed',
      finish_as: 'filled',
      filled_amount: '0.01',
      left: '0',
      fee: '0.00002',
      fee_currency: 'BTC',
    });
    const pair: Params = [['currency_pair', 'BTC_USDT']];
    const at = (id: string, method = 'GET') => trader.call(`${method} /api/v4/spot/orders/${id}`, pair);
    const id = String(full.at('id'));
    t.match(at(id).json, { text: 't-full', status: 'closed' });
    t.equal(codeOf(at('t-full')), '404 ORDER_NOT_FOUND', 'its text is forgotten with its end');
    trader.exchanges.faces.gate.trading.textLookupMs = 60_000;
    t.match(at('t-full').json, { id });
    trader.exchanges.run(60_000);
    t.equal(codeOf(at('t-full')), '404 ORDER_NOT_FOUND');
    t.equal(codeOf(at(id, 'DELETE')), '400 ORDER_CLOSED');
    const rest = { time_in_force: 'gtc', price: trader.price('buy', -500) };
    place(trader, { ...rest, text: 't-open' });
    t.match(at('t-open').json, { status: 'open', finish_as: 'open', left: '0.01' });
    t.match(trader.call('GET /api/v4/spot/open_orders').json, [
      { currency_pair: 'BTC_USDT', total: 1, orders: [{ text: 't-open' }] },
    ]);
    const list = (status: string, ...more: Params) =>
      trader.call('GET /api/v4/spot/orders', [...pair, ['status', status], ...more]).json as Json[];
    t.match(list('open'), [{ text: 't-open' }]);
    t.match(at('t-open', 'DELETE').json, { status: 'cancelled', finish_as: 'cancelled' });
    t.equal(codeOf(at(String(list('finished')[0]!['id']), 'DELETE')), '400 ORDER_CANCELLED');
    place(trader, rest);
    t.match(trader.call('DELETE /api/v4/spot/orders', pair).json, [{ text: 'apiv4', status: 'cancelled' }]);
    t.equal(list('finished').length, 5);
    t.equal(list('finished', ['limit', 2], ['page', 3]).length, 1);
    t.equal(list('finished', ['from', Math.floor(trader.nowMs / 1_000)]).length, 2, 'by the time of the end');
    place(trader, { type: 'market', price: undefined, amount: '500' });
    const trades = trader.call('GET /api/v4/spot/my_trades', pair).json as Json[];
    t.equal(trades.length, trader.account.trades().length);
    t.match(trades[0], { role: 'taker', fee_currency: 'BTC', text: 'apiv4' });
    t.equal(
      (trader.call('GET /api/v4/spot/my_trades', [...pair, ['order_id', id]]).json as Json[]).length,
      1,
    );
    t.match(trader.call('GET /api/v4/spot/accounts', [['currency', 'USDT']]).json, [
      { currency: 'USDT', locked: '0' },
    ]);
    trader.account.transfer('BTC', '1');
    trader.account.transfer('BTC', '2');
    t.match(
      trader.call('GET /api/v4/wallet/deposits', [
        ['limit', 1],
        ['offset', 1],
      ]).json,
      [{ amount: '1', status: 'DONE' }],
    );
    t.same(trader.call('GET /api/v4/wallet/withdrawals').json, []);
    t.end();
  },
);

t.test('Gate: timers cancel a market or all, and placing is limited for each market', (t) => {
  const trader = new Trader('gate');
  const arm = (body: Json) => trader.call('POST /api/v4/spot/countdown_cancel_all', body);
  for (const timeout of [4, 5.5, '5', undefined])
    t.equal(codeOf(arm({ timeout })), '400 INVALID_PARAM_VALUE');
  t.equal(codeOf(arm({ timeout: 5, currency_pair: 'X' })), '400 INVALID_CURRENCY_PAIR');
  const rest = { time_in_force: 'gtc', price: trader.price('buy', -500) };
  const openCount = () => trader.account.orders().filter(({ state }) => state === 'open').length;
  place(trader, rest);
  t.match(arm({ timeout: 5, currency_pair: 'ETH_USDT' }).json, { triggerTime: /^\d{13}$/ });
  trader.exchanges.run(6_000);
  t.equal(openCount(), 1);
  arm({ timeout: 5 });
  t.match(arm({ timeout: 0 }).json, { triggerTime: '0' });
  trader.exchanges.run(6_000);
  t.equal(openCount(), 1);
  arm({ timeout: 5 });
  trader.exchanges.run(6_000);
  t.equal(openCount(), 0);
  for (let i = 0; i < 10; i++) t.equal(codeOf(place(trader, rest)), '201 undefined');
  const tooFast = place(trader, rest);
  t.equal(codeOf(tooFast), '429 TOO_MANY_REQUESTS');
  t.match(tooFast.headers, { 'x-gate-ratelimit-limit': '10', 'x-gate-ratelimit-requests-remain': '0' });
  t.equal(
    codeOf(place(trader, { ...rest, currency_pair: 'ETH_USDT', price: '2000', amount: '0.01' })),
    '201 undefined',
  );
  t.equal(
    codeOf(trader.call('DELETE /api/v4/spot/orders', [['currency_pair', 'BTC_USDT']])),
    '200 undefined',
  );
  const end = trader.account.misbehave({ kind: 'ban', delayMs: 20_000 });
  const banned = trader.call('GET /api/v4/spot/accounts');
  t.equal(codeOf(banned), '429 TOO_MANY_REQUESTS');
  t.equal(Number(banned.headers['x-gate-ratelimit-reset-timestamp']), Math.ceil(trader.nowMs / 1_000 + 20));
  end();
  t.end();
});

t.test(
  'Gate: private channels are signed by themselves on the public socket, and tell orders, trades and balances',
  (t) => {
    const trader = new Trader('gate');
    const line = open(trader.face);
    const take = () => line.transport.take().map((frame) => JSON.parse(frame) as Json);
    const subscribe = (channel: string, more: Json = {}, secret = trader.account.credentials.secret) => {
      const time = Math.floor(trader.nowMs / 1_000);
      const { event = 'subscribe' } = more as { event?: string };
      const signed = `channel=${channel}&event=${event}&time=${time}`;
      const SIGN = createHmac('sha512', secret).update(signed).digest('hex');
      const auth = { method: 'api_key', KEY: trader.account.credentials.apiKey, SIGN };
      line.send({ time, id: 1, channel, event: 'subscribe', payload: ['!all'], auth, ...more });
      return take();
    };
    t.match(subscribe('spot.orders_v2', {}, 'wrong'), [{ error: { code: 4 }, result: { status: 'fail' } }]);
    t.match(subscribe('spot.orders_v2', { auth: { method: 'api_key', KEY: 'x' } }), [{ error: { code: 4 } }]);
    t.match(subscribe('spot.orders_v2', { auth: undefined }), [{ error: { code: 4 } }]);
    t.match(subscribe('spot.orders_v2', { payload: undefined }), [{ error: { code: 2 } }]);
    t.match(subscribe('spot.orders_v2'), [{ channel: 'spot.orders_v2', result: { status: 'success' } }]);
    t.match(subscribe('spot.usertrades', { payload: ['BTC_USDT'] }), [{ result: { status: 'success' } }]);
    t.match(subscribe('spot.balances', { payload: undefined }), [{ result: { status: 'success' } }]);
    place(trader, { text: 't-whole' });
    t.same(take(), [], 'the answer comes first');
    trader.face.flush();
    const told = take();
    const of = (channel: string) =>
      told.filter((frame) => frame['channel'] === channel).map(({ result }) => (result as Json[])[0]!);
    t.match(of('spot.orders_v2'), [
      { event: 'put', finish_as: 'open', text: 't-whole', status: undefined },
      { event: 'finish', finish_as: 'filled', filled_amount: '0.01' },
    ]);
    t.match(of('spot.usertrades'), [{ id: Number, fee: '0.00002', fee_currency: 'BTC', text: 't-whole' }]);
    t.match(of('spot.balances').at(-1), { currency: 'BTC', change: '0.00998', change_type: 'order-match' });
    trader.account.transfer('BTC', '-1');
    trader.face.flush();
    t.match(take(), [{ result: [{ currency: 'BTC', change: '-1', change_type: 'withdraw', freeze: '0' }] }]);
    subscribe('spot.balances', { event: 'unsubscribe', payload: undefined });
    trader.account.transfer('BTC', '-1');
    trader.face.flush();
    t.same(take(), []);
    const end = trader.account.misbehave({ kind: 'maintenance' });
    t.equal(line.transport.closedWith, 1006);
    const again = open(trader.face);
    again.send({ time: Math.floor(trader.nowMs / 1_000), channel: 'spot.balances', event: 'subscribe' });
    t.match(JSON.parse(again.transport.take()[0]!), { error: { code: 3 } });
    end();
    t.end();
  },
);
