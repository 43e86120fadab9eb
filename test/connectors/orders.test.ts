import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { runRestFile } from '../../src/conformance/wire/run-rest.js';
import { runScriptFile } from '../../src/conformance/wire/run-frames.js';
import { runSigningFile } from '../../src/conformance/wire/run-signing.js';
import { wireExchange } from '../../src/conformance/wire/exchanges.js';
import { bitget } from '../../src/connectors/bitget.js';
import { bybit } from '../../src/connectors/bybit.js';
import { FrameError } from '../../src/connectors/frame-error.js';
import { gate } from '../../src/connectors/gate.js';
import { kucoin } from '../../src/connectors/kucoin.js';
import { restLimiterOf } from '../../src/connectors/limit-answers.js';
import type {
  ExchangeAnswer,
  OrderReference,
  PrivateCall,
  SigningMoment,
} from '../../src/connectors/order-entry.js';
import { upbit } from '../../src/connectors/upbit.js';
import { signedAccountOf } from '../../src/modes/gateways.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import { openMarket } from '../../src/modes/markets.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { KeptLog } from '../runtime/harness.js';
import { wireFolder } from '../shared-data.js';
import { answer, CollectingSink, orderSubjects, type Json, type OrderSubject } from './fixtures-orders.js';

const SUBJECTS = orderSubjects();
const nameOf = ({ connector }: OrderSubject) => connector.exchange;
const subject = (exchange: string) => SUBJECTS.find((one) => nameOf(one) === exchange)!;
const referenceOf = ({ ticket, exchangeOrderId }: OrderSubject): OrderReference => ({
  symbol: ticket.symbol,
  clientOrderId: ticket.clientOrderId,
  exchangeOrderId,
});
const byClient = (one: OrderSubject): OrderReference => ({ ...referenceOf(one), exchangeOrderId: null });
const fillsQuery = (one: OrderSubject, exchangeOrderId: string | null = one.exchangeOrderId) => ({
  symbol: one.ticket.symbol,
  sinceMs: 0,
  exchangeOrderId,
});
const bodiesOf = (exchange: string) => subject(exchange).bodies;
const CREDENTIALS = { apiKey: 'key', secret: 'secret', passphrase: 'phrase' };
const MOMENT: SigningMoment = {
  timeMs: 1_790_000_000_123.7,
  validForMs: 800.9,
  nonce: '0f8fad5b-d9cb-469f-a165-70867728950e',
};
const given = (call: PrivateCall) => Object.fromEntries(call.parameters);

/** Every question of an order entry with its parser and a good answer to it. */
interface Question {
  readonly name: string;
  readonly call: PrivateCall;
  readonly parse: (answer: ExchangeAnswer) => { readonly kind: string };
  readonly good: Json;
}

function questionsOf(one: OrderSubject): Question[] {
  const { orders, ticket, bodies } = one;
  const reference = referenceOf(one);
  const fills = orders.fills(fillsQuery(one));
  const open = orders.openOrders();
  return [
    {
      name: 'place',
      call: orders.place(ticket),
      parse: (a) => orders.parsePlace(a, ticket),
      good: bodies.place,
    },
    {
      name: 'cancel',
      call: orders.cancel(reference),
      parse: (a) => orders.parseCancel(a),
      good: bodies.cancel,
    },
    ...orders.lookups(reference).map((call, at) => ({
      name: `look-up ${at}`,
      call,
      parse: (a: ExchangeAnswer) => orders.parseLookup(a, reference, at),
      good: bodies.lookups[at]!,
    })),
    { name: 'open orders', call: open, parse: (a) => orders.parseOpenOrders(a, open), good: bodies.open },
    {
      name: 'fills',
      call: fills,
      parse: (a) => orders.parseFills(a, fillsQuery(one), fills),
      good: bodies.fills,
    },
    {
      name: 'balances',
      call: orders.balances(),
      parse: (a) => orders.parseBalances(a),
      good: bodies.balances,
    },
    ...orders.transfers(0).map((call, at) => ({
      name: `transfers ${at}`,
      call,
      parse: (a: ExchangeAnswer) => orders.parseTransfers(a, 0, call),
      good: bodies.transfers[at]!,
    })),
    {
      name: 'fee rates',
      call: orders.feeRates(ticket.symbol),
      parse: (a) => orders.parseFeeRates(a, ticket.symbol),
      good: bodies.feeRates,
    },
    ...(orders.wallets === undefined
      ? []
      : [
          {
            name: 'wallets',
            call: orders.wallets.call(),
            parse: (a: ExchangeAnswer) => orders.wallets!.parse(a, anyAsset),
            good: bodies.wallets!,
          },
        ]),
  ];
}

t.test(
  'an order is placed as a limit order that does not rest, under its id, and never trades with ourselves',
  (t) => {
    t.match(given(subject('binance').orders.place(subject('binance').ticket)), {
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'IOC',
      quantity: '0.002',
      price: '65000.1',
      newClientOrderId: 'a1-0-1',
      selfTradePreventionMode: 'EXPIRE_TAKER',
    });
    t.match(given(subject('okx').orders.place(subject('okx').ticket)), {
      instId: 'BTC-USDT',
      tdMode: 'cash',
      side: 'buy',
      ordType: 'ioc',
      px: '65000.1',
      sz: '0.002',
      clOrdId: 'a1x0x1',
      stpMode: 'cancel_taker',
    });
    t.match(given(subject('bybit').orders.place({ ...subject('bybit').ticket, side: 'sell' })), {
      category: 'spot',
      side: 'Sell',
      orderType: 'Limit',
      timeInForce: 'IOC',
      orderLinkId: 'a1-0-1',
      isLeverage: 0,
      smpType: 'CancelTaker',
    });
    t.match(given(subject('upbit').orders.place(subject('upbit').ticket)), {
      market: 'KRW-BTC',
      side: 'bid',
      ord_type: 'limit',
      time_in_force: 'ioc',
      identifier: 'a1-0-1',
      smp_type: 'cancel_taker',
    });
    t.same(given(subject('bithumb').orders.place(subject('bithumb').ticket)), {
      market: 'KRW-BTC',
      side: 'bid',
      order_type: 'limit',
      price: '90000000',
      volume: '0.002',
      time_in_force: 'ioc',
      client_order_id: 'a1-0-1',
    });
    t.match(given(subject('bitget').orders.place(subject('bitget').ticket)), {
      symbol: 'BTCUSDT',
      side: 'buy',
      orderType: 'limit',
      force: 'ioc',
      price: '65000.1',
      size: '0.002',
      clientOid: 'a1-0-1',
      stpMode: 'cancel_taker',
    });
    for (const one of SUBJECTS) {
      const { clientId, selfTradePrevention } = one.connector.capabilities.orders;
      const sent = given(one.orders.place(one.ticket));
      t.match(String(sent[clientId.field]), clientId.pattern, `${nameOf(one)}: ${clientId.field}`);
      // Bithumb has it built in, Gate refuses it to those who are in no group.
      if (selfTradePrevention === null) {
        t.match(nameOf(one), /^(?:bithumb|gate)$/);
        t.equal(sent['stp_act'], undefined, nameOf(one));
      } else
        t.equal(sent[selfTradePrevention.field], selfTradePrevention.cancelTaker, 'as its capabilities say');
    }
    t.end();
  },
);

t.test(
  'only placing is fenced, by the field that the capabilities name, and the fence never ends later than asked',
  (t) => {
    for (const one of SUBJECTS) {
      const { requestExpiry } = one.connector.capabilities.orders;
      const fenced = questionsOf(one).filter(({ call }) => call.expires);
      t.same(
        fenced.map(({ name }) => name),
        requestExpiry.kind === 'none' ? [] : ['place'],
        nameOf(one),
      );
    }
    const signed = (exchange: string, moment = MOMENT) =>
      subject(exchange).orders.sign(
        subject(exchange).orders.place(subject(exchange).ticket),
        CREDENTIALS,
        moment,
      );
    t.match(signed('binance').body, /&recvWindow=800&timestamp=1790000000123&signature=[0-9a-f]{64}$/);
    t.equal(signed('okx').headers['expTime'], '1790000000923');
    t.equal(signed('bybit').headers['X-BAPI-RECV-WINDOW'], '800');
    const fence = { requestTime: '1790000000123', receiveWindow: '800' };
    t.match(JSON.parse(signed('bitget').body!), fence);
    const forLong = JSON.parse(signed('bitget', { ...MOMENT, validForMs: 90_000 }).body!) as object;
    t.match(forLong, { receiveWindow: '59999' }, 'below a minute');
    const unfenced = { ...MOMENT, validForMs: null };
    t.notMatch(signed('binance', unfenced).body, /recvWindow/);
    t.equal(signed('okx', unfenced).headers['expTime'], undefined);
    t.equal(signed('bybit', unfenced).headers['X-BAPI-RECV-WINDOW'], '5000');
    t.notMatch(signed('bitget', unfenced).body, /requestTime|receiveWindow/);
    const cancel = subject('okx').orders.cancel(referenceOf(subject('okx')));
    t.equal(subject('okx').orders.sign(cancel, CREDENTIALS, MOMENT).headers['expTime'], undefined);
    t.end();
  },
);

t.test('a signature is that of what is sent', (t) => {
  const hmac = (text: string, encoding: 'hex' | 'base64' = 'hex') =>
    createHmac('sha256', 'secret').update(text).digest(encoding);
  for (const one of SUBJECTS)
    for (const { name, call } of questionsOf(one)) {
      const { method, path, headers, body } = one.orders.sign(call, CREDENTIALS, MOMENT);
      const query = path.split('?')[1] ?? '';
      const title = `${nameOf(one)} ${name}`;
      t.equal(method, call.method, title);
      t.equal(path.split('?')[0], call.path, title);
      t.equal(body === null, method !== 'POST', `${title}: only a POST has a body`);
      switch (nameOf(one)) {
        case 'binance': {
          const [text, signature] = (body ?? query).split('&signature=');
          t.equal(signature, hmac(text!), title);
          t.equal(headers['X-MBX-APIKEY'], 'key');
          break;
        }
        case 'okx':
          t.equal(headers['OK-ACCESS-TIMESTAMP'], '2026-09-21T14:13:20.123Z');
          t.equal(
            headers['OK-ACCESS-SIGN'],
            hmac(`2026-09-21T14:13:20.123Z${method}${path}${body ?? ''}`, 'base64'),
            title,
          );
          t.equal(headers['OK-ACCESS-PASSPHRASE'], 'phrase');
          break;
        case 'bybit':
          t.equal(
            headers['X-BAPI-SIGN'],
            hmac(`1790000000123key${headers['X-BAPI-RECV-WINDOW']}${body ?? query}`),
            title,
          );
          break;
        case 'kucoin': {
          const read = call.parameters.map(([key, value]) => `${key}=${value}`).join('&');
          const url = method === 'POST' || read === '' ? call.path : `${call.path}?${read}`;
          t.equal(headers['KC-API-SIGN'], hmac(`1790000000123${method}${url}${body ?? ''}`, 'base64'), title);
          t.equal(headers['KC-API-PASSPHRASE'], hmac('phrase', 'base64'));
          t.equal(headers['KC-API-KEY-VERSION'], '2');
          break;
        }
        case 'gate': {
          const read = call.parameters.map(([key, value]) => `${key}=${value}`).join('&');
          const hash = createHash('sha512')
            .update(body ?? '')
            .digest('hex');
          const text = `${method}\n${call.path}\n${method === 'POST' ? '' : read}\n${hash}\n1790000000`;
          t.equal(headers['SIGN'], createHmac('sha512', 'secret').update(text).digest('hex'), title);
          t.match(headers, { KEY: 'key', Timestamp: '1790000000' });
          break;
        }
        case 'bitget':
          t.equal(headers['ACCESS-TIMESTAMP'], '1790000000123');
          t.equal(
            headers['ACCESS-SIGN'],
            hmac(`1790000000123${method}${path}${body ?? ''}`, 'base64'),
            title,
          );
          t.equal(headers['ACCESS-PASSPHRASE'], 'phrase');
          break;
        default: {
          const [head, claims, signature] = headers['Authorization']!.replace('Bearer ', '').split('.');
          const hash = nameOf(one) === 'upbit' ? 'sha512' : 'sha256';
          const own = createHmac(hash, 'secret').update(`${head}.${claims}`).digest('base64url');
          t.equal(signature, own, title);
          const told = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as Record<string, string>;
          t.same(told['timestamp'], nameOf(one) === 'upbit' ? undefined : 1_790_000_000_123, title);
          const text = call.parameters.map(([key, value]) => `${key}=${value}`).join('&');
          t.equal(
            told['query_hash'],
            text === '' ? undefined : createHash('sha512').update(text).digest('hex'),
            title,
          );
          if (query !== '')
            t.equal(decodeURIComponent(query), text, `${title}: the hash is of the plain text`);
        }
      }
    }
  t.end();
});

t.test('what Upbit signs is not percent-encoded, what is sent is', (t) => {
  const { orders } = subject('upbit');
  const call = orders.fills({ symbol: 'KRW-BTC', sinceMs: 1_790_000_000_000, exchangeOrderId: null });
  const { path, headers } = orders.sign(call, CREDENTIALS, MOMENT);
  const claims = headers['Authorization']!.split('.')[1]!;
  const text =
    'market=KRW-BTC&states[]=done&states[]=cancel&start_time=2026-09-21T14:13:20.000Z&limit=1000&order_by=asc';
  t.match(path, /start_time=2026-09-21T14%3A13%3A20\.000Z&/);
  t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
    query_hash: createHash('sha512').update(text).digest('hex'),
    query_hash_alg: 'SHA512',
  });
  t.end();
});

t.test(
  'every budget that a call names is held by the one limiter of its exchange, and no call is beyond it',
  (t) => {
    for (const one of SUBJECTS) {
      const { connector, orders } = one;
      const schemes = [...connector.capabilities.restLimits, ...orders.limits].map(({ name }) => name);
      t.equal(new Set(schemes).size, schemes.length, `${nameOf(one)}: one budget of each name`);
      const calls = [
        ...questionsOf(one).map(({ call }) => ({ ...call, priority: 'background' as const })),
        // Nobody asks for it in the background: it has a budget of its own, of one call a second.
        ...(orders.deadMan === null ? [] : [{ ...orders.deadMan.call(30_000), priority: 'normal' as const }]),
      ];
      for (const { path, costs, priority } of calls) {
        t.not(Object.keys(costs).length, 0, `${path} costs something`);
        for (const name of Object.keys(costs)) t.ok(schemes.includes(name), `${path}: ${name}`);
        t.equal(restLimiterOf(connector).tryAcquire(costs, 0, priority), 0, `${path} fits when idle`);
      }
      const limiter = restLimiterOf(connector);
      const { costs } = orders.place(one.ticket);
      let placed = 0;
      while (placed < 10_000 && limiter.tryAcquire(costs, 0) === 0) placed++;
      t.ok(placed < 5000, `${nameOf(one)}: placing is limited (${placed})`);
      t.equal(
        limiter.tryAcquire(orders.cancel(referenceOf(one)).costs, 0, 'urgent'),
        0,
        'a cancel still passes',
      );
    }
    const limiter = restLimiterOf(subject('binance').connector);
    limiter.observe(200, { 'x-mbx-order-count-10s': '95' }, 0);
    t.ok(limiter.tryAcquire({ orders: 1 }, 0) > 0, 'the count of the exchange is believed');
    t.end();
  },
);

t.test('what is placed answers as accepted, with what is known already', (t) => {
  for (const one of SUBJECTS) {
    const { orders, ticket, bodies, exchangeOrderId } = one;
    for (const status of [200, 201]) {
      const placed = orders.parsePlace(answer(bodies.place, status), ticket);
      t.match(placed, { kind: 'accepted', exchangeOrderId }, nameOf(one));
    }
    const other = { ...ticket, clientOrderId: 'another' };
    t.equal(
      orders.parsePlace(answer(bodies.place), other).kind,
      'unknown',
      'an answer for another order is none',
    );
  }
  const { orders, ticket, bodies, trade } = subject('binance');
  t.match(orders.parsePlace(answer(bodies.place), ticket), {
    report: {
      status: 'ended',
      statusWord: 'EXPIRED',
      filledQuantity: '0.00100000',
      trades: [{ ...trade, clientOrderId: 'a1-0-1' }],
    },
  });
  t.match(
    subject('upbit').orders.parsePlace(answer(subject('upbit').bodies.place), subject('upbit').ticket),
    {
      report: { status: 'open', filledQuantity: '0', trades: [] },
    },
  );
  t.equal(
    subject('okx').orders.parsePlace(answer(subject('okx').bodies.place), subject('okx').ticket).kind,
    'accepted',
  );
  t.end();
});

t.test(
  'an order is found by its id or by the exchange’s, and not found only by the exchange’s own word',
  (t) => {
    for (const one of SUBJECTS) {
      const { orders, bodies, ticket, exchangeOrderId } = one;
      t.equal(orders.lookups(referenceOf(one)).length, bodies.lookups.length, nameOf(one));
      for (const [at, body] of bodies.lookups.entries())
        for (const reference of [referenceOf(one), byClient(one)]) {
          const found = orders.parseLookup(answer(body), reference, at);
          t.match(
            found,
            {
              kind: 'found',
              order: {
                clientOrderId: ticket.clientOrderId,
                exchangeOrderId,
                symbol: ticket.symbol,
                side: 'buy',
                status: 'ended',
              },
            },
            `${nameOf(one)} look-up ${at}`,
          );
          if (found.kind === 'found') {
            t.equal(Number(found.order.filledQuantity), 0.001);
            // Fills do not say how much was asked for.
            const asked = found.order.statusWord === 'by its fills' ? 0.001 : 0.002;
            t.equal(Number(found.order.quantity), asked);
          }
        }
      for (const [at, { status, body }] of bodies.absent.entries())
        t.equal(
          orders.parseLookup(answer(body, status), byClient(one), at).kind,
          'notFound',
          `${nameOf(one)} ${at}`,
        );
      const first = bodies.lookups[0]!;
      const elsewhere = { ...referenceOf(one), symbol: 'ETH-OTHER' };
      t.equal(
        orders.parseLookup(answer(first), elsewhere, 0).kind,
        'unknown',
        'another market’s order is no answer',
      );
      const stranger = { ...byClient(one), clientOrderId: 'another' };
      t.equal(orders.parseLookup(answer(first), stranger, 0).kind, 'unknown', 'nor is another’s');
    }
    t.end();
  },
);

t.test(
  'a full page of OKX’s lists proves nothing of what is older than it: the next one is asked for',
  (t) => {
    const { orders, bodies } = subject('okx');
    for (const [at, { id, time }] of [
      { id: 'ordId', time: 'cTime' },
      { id: 'billId', time: 'ts' },
    ].entries()) {
      const position = at + 1;
      const { data } = bodies.lookups[position] as { data: { [key: string]: Json }[] };
      const row: { [key: string]: Json } = { ...data[0]!, clOrdId: 'other' };
      const page = (count: number) => ({
        code: '0',
        msg: '',
        data: Array.from({ length: count }, () => row),
      });
      const timeMs = Number(row[time]);
      const asked = (placedAtMs?: number, count = 100) =>
        orders.parseLookup(
          answer(page(count)),
          { ...byClient(subject('okx')), ...(placedAtMs !== undefined && { placedAtMs }) },
          position,
        );
      for (const before of [asked(), asked(timeMs - 1)]) {
        t.equal(before.kind, 'more', 'it may be older than the page');
        if (before.kind !== 'more') continue;
        t.equal(before.next.path, orders.lookups(byClient(subject('okx')))[position]!.path);
        t.match(Object.fromEntries(before.next.parameters), { after: row[id], instId: 'BTC-USDT' });
      }
      t.equal(asked(timeMs + 1).kind, 'notFound', 'what is younger would be in it');
      t.equal(asked(undefined, 99).kind, 'notFound', 'a page that is not full is the last');
    }
    t.end();
  },
);

t.test('KuCoin: a refusal for too much is one only with the headers of a budget', (t) => {
  const { orders, ticket, error, bodies } = subject('kucoin');
  const { body } = error('429000', 'Too many requests');
  const headers = {
    'gw-ratelimit-limit': '4000',
    'gw-ratelimit-remaining': '0',
    'gw-ratelimit-reset': '900',
  };
  for (const status of [200, 429]) {
    t.match(orders.parsePlace({ ...answer(body, status), headers }, ticket), { kind: 'limited' });
    t.match(orders.parsePlace(answer(body, status), ticket), { kind: 'unknown', code: '429000' });
  }
  const echoless = answer({ code: '200000', data: { orderId: '67c1437ea5226600071cc080' } });
  t.match(orders.parsePlace(echoless, ticket), { kind: 'accepted' }, 'older receipts repeat no id');
  t.match(orders.parseLookup({ ...answer(bodies.lookups[0]!), headers }, byClient(subject('kucoin')), 0), {
    kind: 'found',
  });
  t.end();
});

t.test('KuCoin: open orders are asked for market by market, and lists page by page', (t) => {
  const { orders, bodies } = subject('kucoin');
  const first = orders.openOrders();
  const markets = orders.parseOpenOrders(answer(bodies.open), first);
  t.match(markets, {
    rows: [],
    next: [{ parameters: [['symbol', 'BTC-USDT']] }, { parameters: [['symbol', 'ETH-USDT']] }],
  });
  const { data: row } = bodies.lookups[0] as { data: { [key: string]: Json } };
  const open = { ...row, active: true, cancelExist: false, clientOid: null };
  if (markets.kind === 'rows')
    t.match(orders.parseOpenOrders(answer({ code: '200000', data: [open] }), markets.next[0]!), {
      rows: [{ clientOrderId: '', status: 'open', quantity: '0.002', filledQuantity: '0.001' }],
      next: [],
    });
  const other = { ...row, clientOid: 'other', id: 'x' };
  const full = (items: Json[]): Json => ({ code: '200000', data: { lastId: 77, items } });
  const reference = { ...byClient(subject('kucoin')), placedAtMs: 5, placedUntilMs: 9 };
  const read = orders.parseLookup(answer(full(Array.from({ length: 100 }, () => other))), reference, 1);
  t.match(read, { kind: 'more', next: { path: '/api/v1/hf/orders/done' } });
  if (read.kind === 'more')
    t.match(given(read.next), { symbol: 'BTC-USDT', startAt: 5, endAt: 9, limit: 100, lastId: '77' });
  const moved = orders.transfers(1)[0]!;
  const page = { currentPage: 1, pageSize: 500, totalNum: 501, totalPage: 2, items: [] };
  t.match(orders.parseTransfers(answer({ code: '200000', data: page }), 1, moved), {
    next: [
      {
        parameters: [
          ['startAt', 1],
          ['pageSize', 500],
          ['currentPage', 2],
        ],
      },
    ],
  });
  t.end();
});

t.test('KuCoin: an address is signed as it reads, and the window stands in the body', (t) => {
  const { orders, ticket } = subject('kucoin');
  const call = orders.fills({ symbol: 'BTC USDT/X', sinceMs: 5, exchangeOrderId: null });
  const { path, headers } = orders.sign(call, CREDENTIALS, MOMENT);
  t.equal(path, '/api/v1/hf/fills?symbol=BTC%20USDT%2FX&startAt=5&limit=100');
  const text = '1790000000123GET/api/v1/hf/fills?symbol=BTC USDT/X&startAt=5&limit=100';
  t.equal(headers['KC-API-SIGN'], createHmac('sha256', 'secret').update(text).digest('base64'));
  const body = (moment: SigningMoment) =>
    JSON.parse(orders.sign(orders.place(ticket), CREDENTIALS, moment).body!) as Record<string, unknown>;
  t.match(body(MOMENT), { clientTimestamp: 1_790_000_000_123, allowMaxTimeWindow: 800 });
  t.notHas(body({ ...MOMENT, validForMs: null }), { clientTimestamp: 1_790_000_000_123 });
  t.equal(body({ ...MOMENT, validForMs: 60_000 })['allowMaxTimeWindow'], 5000);
  const newer = kucoin({ apiKeyVersion: '3' }).orders!.sign(call, CREDENTIALS, MOMENT);
  t.equal(newer.headers['KC-API-KEY-VERSION'], '3');
  const seconds = (ms: number) => given(orders.deadMan!.call(ms))['timeout'];
  t.same([0, 1, 10_000, 10_001, 1e9].map(seconds), [-1, 5, 10, 11, 86_400]);
  t.end();
});

t.test('KuCoin: each private connection has a ticket of its own', (t) => {
  const { orders, connector } = subject('kucoin');
  const ticket = orders.stream.ticket!;
  const signed = orders.sign(ticket.call, CREDENTIALS, MOMENT);
  t.match(signed, { method: 'POST', path: '/api/v1/bullet-private', body: null });
  const server = (endpoint: string): Json => ({
    code: '200000',
    data: { token: 'a token=', instanceServers: [{ endpoint, pingInterval: 18_000 }] },
  });
  const at = (endpoint: string, status = 200, endpoints = connector.endpoints) =>
    ticket.addressOf(answer(server(endpoint), status), 'id 1', endpoints);
  t.throws(() => at('wss://ws-api-spot.kucoin.com/'), /token/, 'a token has no space');
  const good = JSON.parse(
    JSON.stringify(server('wss://ws-api-spot.kucoin.com/endpoint')).replace('a token', 'a'),
  ) as Json;
  t.equal(
    ticket.addressOf(answer(good), 'id 1', connector.endpoints),
    'wss://ws-api-spot.kucoin.com/endpoint?token=a%3D&connectId=id%201',
  );
  t.equal(
    ticket.addressOf(answer(good), 'id', { ...connector.endpoints, privateUrl: 'ws://127.0.0.1:9/' }),
    'ws://127.0.0.1:9/?token=a%3D&connectId=id',
    'a simulated exchange stands for the one that it names',
  );
  t.throws(() => ticket.addressOf(answer(good, 503), 'id', connector.endpoints), {
    code: 'ARB_EXCHANGE_ERROR',
  });
  const elsewhere = JSON.parse(JSON.stringify(good).replace('kucoin.com', 'example.com')) as Json;
  t.throws(() => ticket.addressOf(answer(elsewhere), 'id', connector.endpoints), {
    code: 'ARB_FRAME_INVALID',
  });
  t.throws(() => ticket.addressOf(answer({ code: '400005', msg: 'Invalid' }), 'id', connector.endpoints), {
    code: 'ARB_EXCHANGE_ERROR',
  });
  t.end();
});

t.test(
  'Gate: lists are asked on where a page is full, and the list of open orders is not believed then',
  (t) => {
    const { orders, bodies } = subject('gate');
    const other = (bodies.lookups[2] as { [key: string]: Json }[])[0]!;
    const foreign = (bodies.fills as { [key: string]: Json }[])[1]!;
    const repeat = (row: Json, count: number) => answer(Array.from({ length: count }, () => row));
    const reference = {
      ...byClient(subject('gate')),
      placedAtMs: 1_790_000_000_900,
      placedUntilMs: 1_790_000_001_100,
    };
    const [, open, finished, trades] = orders.lookups(reference);
    t.match(given(open!), { status: 'open', currency_pair: 'BTC_USDT', limit: 100 });
    // By the end of an order, which a mistake may put off.
    t.match(given(finished!), { status: 'finished', from: 1_790_000_000, to: 1_790_000_062 });
    t.match(given(trades!), { from: 1_790_000_000, to: 1_790_000_062, limit: 1000 });
    const read = (row: Json, count: number, at: number) =>
      orders.parseLookup(repeat(row, count), reference, at);
    t.equal(read(other, 99, 1).kind, 'notFound');
    t.equal(read(other, 100, 1).kind, 'refused', 'who has so many open orders is not asked on');
    t.equal(read(other, 99, 2).kind, 'notFound');
    t.match(read(other, 100, 2), { kind: 'more', next: { path: '/api/v4/spot/orders' } });
    t.equal(read(foreign, 999, 3).kind, 'notFound');
    for (const [row, count, at] of [
      [other, 100, 2],
      [foreign, 1000, 3],
    ] as const) {
      const more = read(row, count, at);
      if (more.kind === 'more') t.equal(given(more.next)['to'], 1_790_000_001, 'up to the oldest row');
    }
    const known = orders.lookups(referenceOf(subject('gate')));
    t.equal(known[0]!.path, '/api/v4/spot/orders/1852454420');
    t.equal(orders.lookups(byClient(subject('gate')))[0]!.path, '/api/v4/spot/orders/t-a1-0-1');
    t.match(given(known[3]!), { order_id: '1852454420' });
    const fills = { symbol: 'BTC_USDT', sinceMs: 1_790_000_000_900, exchangeOrderId: null };
    const asked = orders.fills(fills);
    const page = orders.parseFills(repeat(foreign, 1000), fills, asked);
    t.match(page.kind === 'rows' ? given(page.next[0]!) : {}, { from: 1_790_000_000, page: 2 });
    const [moved] = orders.transfers(1_790_000_000_900);
    const row = (bodies.transfers[0] as Json[])[0]!;
    const rest = orders.parseTransfers(repeat(row, 100), 0, moved!);
    t.match(rest.kind === 'rows' ? given(rest.next[0]!) : {}, { offset: 100, from: 1_790_000_000 });
    const full = [
      {
        currency_pair: 'BTC_USDT',
        total: 200,
        orders: Array.from({ length: 100 }, () => ({ ...other, status: 'open' })),
      },
    ];
    const openPage = orders.parseOpenOrders(answer(full), orders.openOrders());
    t.match(openPage.kind === 'rows' ? given(openPage.next[0]!) : {}, { page: 2, account: 'spot' });
    t.end();
  },
);

t.test('Gate: fees come in the coin that pays them, and orders of others have no id of ours', (t) => {
  const { orders, bodies, ticket } = subject('gate');
  const trade = (bodies.fills as { [key: string]: Json }[])[0]!;
  const fillsOf = (row: { [key: string]: Json }) => {
    const query = fillsQuery(subject('gate'), null);
    const read = orders.parseFills(answer([row]), query, orders.fills(query));
    return read.kind === 'rows' ? read.rows[0]! : read;
  };
  t.match(fillsOf(trade), { fee: '0.000002', feeTicker: 'BTC', clientOrderId: 'a1-0-1' });
  t.match(fillsOf({ ...trade, fee: '0', gt_fee: '0.01' }), { fee: '0.01', feeTicker: 'GT' });
  t.match(
    fillsOf({ ...trade, fee: '0', point_fee: '1' }),
    { fee: '0', feeTicker: 'BTC' },
    'points are no coin',
  );
  const { fee_currency: _none, ...unnamed } = trade;
  t.match(fillsOf(unnamed), { feeTicker: null }, 'older rows: of what is received');
  t.match(fillsOf({ ...trade, text: 'web' }), { clientOrderId: null });
  const placed = bodies.place as { [key: string]: Json };
  const report = (row: { [key: string]: Json }) => {
    const read = orders.parsePlace(answer(row, 201), ticket);
    return read.kind === 'accepted' ? read.report : read;
  };
  t.match(report(placed), {
    status: 'ended',
    statusWord: 'ioc',
    filledQuantity: '0.001',
    quantity: '0.002',
    trades: [],
  });
  const { filled_amount: _filled, ...older } = placed;
  t.match(report(older), { filledQuantity: '0.001' }, 'by what is left');
  t.match(report({ ...older, left: '0.003' }), { kind: 'unknown' }, 'more left than there was is no answer');
  t.match(report({ ...placed, status: 'open', finish_as: 'open' }), { status: 'open' });
  const market = { ...placed, type: 'market', amount: '100', status: 'open' };
  const open = orders.parseOpenOrders(
    answer([{ currency_pair: 'BTC_USDT', total: 1, orders: [{ ...market, text: 'apiv4' }] }]),
    orders.openOrders(),
  );
  t.match(open, { rows: [{ clientOrderId: '', quantity: '0.001', status: 'open' }] }, 'sized in money');
  t.equal(orders.sign(orders.place(ticket), CREDENTIALS, MOMENT).headers['x-gate-exptime'], '1790000000923');
  const unfenced = orders.sign(orders.place(ticket), CREDENTIALS, { ...MOMENT, validForMs: null });
  t.equal(unfenced.headers['x-gate-exptime'], undefined);
  const seconds = (ms: number) => given(orders.deadMan!.call(ms))['timeout'];
  t.same([0, 1, 10_000, 10_001].map(seconds), [0, 5, 10, 11]);
  t.equal(gate({ bookChannel: 'futures.order_book_update' }).orders, undefined, 'contracts are never traded');
  t.end();
});

t.test('trades have one id for all ways of telling, unique on the exchange', (t) => {
  for (const one of SUBJECTS) {
    const { orders, bodies, trade, frames } = one;
    const fills = orders.parseFills(answer(bodies.fills), fillsQuery(one), orders.fills(fillsQuery(one)));
    t.match(fills, { kind: 'rows', rows: [trade], next: [] }, nameOf(one));
    if (fills.kind === 'rows') t.equal(fills.rows.length, 1, 'and only those of trades');
    const sink = new CollectingSink();
    for (const frame of frames.filled) orders.stream.decode(Buffer.from(JSON.stringify(frame)), sink);
    if (one.streamTellsNoTrades === true) {
      t.same(sink.told, ['order'], `${nameOf(one)}: its fills are asked for`);
      t.equal(Number(sink.orders[0]!.filledQuantity), 0.001);
    } else {
      t.equal(sink.trades.length, 1);
      const [told] = sink.trades;
      t.equal(told!.tradeId, trade.tradeId, 'the stream says the same');
      t.equal(Number(told!.fee), Number(trade.fee));
      t.equal(told!.feeTicker, trade.feeTicker);
      t.equal(Number(told!.price), Number(trade.price));
      t.equal(Number(told!.quantity), Number(trade.quantity));
      t.match(told, { clientOrderId: one.ticket.clientOrderId, side: 'buy', liquidity: 'taker' });
      t.same(sink.told, ['trade', 'order'], 'the trade comes before the order that contains it');
    }
    t.match(sink.orders[0], { status: 'open', exchangeOrderId: one.exchangeOrderId });
    const after = new CollectingSink();
    orders.stream.decode(Buffer.from(JSON.stringify(frames.ended)), after);
    t.match(after.orders, [{ status: 'ended', clientOrderId: one.ticket.clientOrderId }]);
    t.same(after.trades, [], 'an end is no trade');
    t.equal(Number(after.orders[0]!.filledQuantity), 0.001, 'the filled amount is read whatever the word');
    t.equal(Number(after.orders[0]!.quantity), 0.002);
  }
  t.end();
});

const anyAsset = (_exchange: string, ticker: string) => ({ asset: ticker, identityKnown: true });

t.test('wallets are read network by network; a coin that cannot be read is left out, not open', (t) => {
  const told = SUBJECTS.filter(({ orders }) => orders.wallets !== undefined);
  t.ok(told.length >= 4);
  for (const one of told) {
    const read = one.orders.wallets!.parse(answer(one.bodies.wallets!), anyAsset);
    t.match(
      read,
      {
        kind: 'rows',
        rows: [
          { ticker: 'USDT', canDeposit: true, canWithdraw: true },
          { ticker: 'USDT', canDeposit: false, canWithdraw: false },
        ],
      },
      nameOf(one),
    );
    if (read.kind === 'rows') {
      t.equal(read.rows.length, 2);
      t.ok(['1.5', null].includes(read.rows[0]!.withdrawFee));
    }
  }
  t.end();
});

t.test('balances, transfers and fee rates are read exactly', (t) => {
  for (const one of SUBJECTS) {
    const { orders, bodies, balance, transferred, takerFeeRate, ticket, frames } = one;
    const balances = orders.parseBalances(answer(bodies.balances));
    t.match(balances, { kind: 'rows', rows: [balance, { borrowed: '0' }], next: [] }, nameOf(one));
    const moved = orders.transfers(0).flatMap((call, at) => {
      const rows = orders.parseTransfers(answer(bodies.transfers[at]!), 0, call);
      t.equal(rows.kind, 'rows');
      return rows.kind === 'rows' ? rows.rows : [];
    });
    t.same(
      moved.map(({ amount }) => amount),
      transferred,
      `${nameOf(one)}: signed, with the network’s fee, without what failed or was another wallet’s`,
    );
    t.ok(moved.every(({ isSettled }) => isSettled));
    t.match(orders.parseFeeRates(answer(bodies.feeRates), ticket.symbol), { rows: [{ takerFeeRate }] });
    const sink = new CollectingSink();
    orders.stream.decode(Buffer.from(JSON.stringify(frames.balance)), sink);
    t.same(sink.balances, [balance], `${nameOf(one)}: the stream agrees`);
  }
  t.match(subject('okx').orders.parseFeeRates(answer(subject('okx').bodies.feeRates), 'BTC-USDT'), {
    rows: [{ makerFeeRate: '0.0008' }],
  });
  t.equal(
    subject('binance').orders.parseFeeRates(answer(subject('binance').bodies.feeRates), 'ETHUSDT').kind,
    'unknown',
  );
  t.end();
});

/** PROTOCOLS §2 and the errors of each exchange's section. */
const CODES: Readonly<Record<string, Readonly<Record<string, readonly (readonly [string, string?])[]>>>> = {
  binance: {
    unknown: [['-1000'], ['-1001'], ['-1006'], ['-1007'], ['-1008'], ['-9999'], ['200']],
    limited: [['-1003'], ['-1015']],
    duplicate: [['-2010', 'Duplicate order sent.']],
    order: [
      ['-1013'],
      ['-1100'],
      ['-1111'],
      ['-1121'],
      ['-1130'],
      ['-2010', 'Order would immediately match and take.'],
    ],
    funds: [['-2010', 'Account has insufficient balance for requested action.']],
    market: [['-2010', 'Market is closed.']],
    expired: [['-1021', 'Timestamp for this request is outside of the recvWindow.']],
    account: [
      ['-1022'],
      ['-2014'],
      ['-2015'],
      ['-1021', 'Timestamp for this request was 1000ms ahead of the server’s time.'],
      ['-2010', 'This action is disabled on this account.'],
    ],
  },
  okx: {
    unknown: [
      ['1'],
      ['50001'],
      ['50004'],
      ['50013'],
      ['50026'],
      ['51149'],
      ['99999'],
      ['51054', 'Request timed out. Please try again.'],
      ['50998', 'Endpoint request timeout'],
    ],
    limited: [['50011'], ['50061']],
    duplicate: [['51016']],
    order: [
      ['51000'],
      ['51006'],
      ['51020'],
      ['51120'],
      ['51121'],
      ['51137'],
      ['51138'],
      ['51999'],
      ['50014'],
    ],
    funds: [['51008'], ['51127'], ['51131']],
    market: [['51001'], ['51022']],
    expired: [['50102'], ['50036']],
    account: [['50103'], ['50111'], ['50113'], ['50114'], ['51024']],
  },
  bybit: {
    unknown: [
      ['10000'],
      ['10016'],
      ['170001'],
      ['170007'],
      ['170032'],
      ['170035'],
      ['170146'],
      ['170147'],
      ['170149'],
      ['170150'],
      ['170234'],
      ['4'],
    ],
    limited: [['10006'], ['10018']],
    duplicate: [['170141'], ['110072']],
    order: [['10001'], ['170132'], ['170134'], ['170136'], ['170137'], ['170140'], ['170193'], ['170210']],
    funds: [['170131']],
    market: [['170121']],
    expired: [['10002']],
    account: [['10003'], ['10004'], ['10005'], ['10007'], ['10010']],
  },
  upbit: {
    unknown: [['nonce_used']],
    duplicate: [['identifier_exists'], ['validation_error', 'identifier was used before']],
    order: [
      ['under_min_total_bid'],
      ['invalid_price_ask'],
      ['create_bid_error'],
      ['validation_error'],
      ['new_name'],
    ],
    funds: [['insufficient_funds_bid'], ['insufficient_funds_ask']],
    account: [['jwt_verification'], ['invalid_access_key'], ['no_authorization_ip']],
  },
  kucoin: {
    // Without the headers of a budget 429000 is an overload, which says nothing.
    unknown: [['408000'], ['126038'], ['126039'], ['500000'], ['503'], ['429000'], ['999999']],
    limited: [['1015']],
    duplicate: [['126033'], ['126044']],
    order: [
      ['400100', 'Order size increment invalid.'],
      ['400600'],
      ['300000'],
      ['126003'],
      ['600100'],
      ['126022'],
      ['400370'],
      ['400760'],
    ],
    funds: [['200004'], ['210021'], ['230003'], ['126013']],
    market: [['126007'], ['126009'], ['900001']],
    expired: [['126041'], ['400002']],
    account: [['400001'], ['400003'], ['400004'], ['400005'], ['400006'], ['400007'], ['411100']],
  },
  gate: {
    unknown: [['SERVER_ERROR'], ['INTERNAL'], ['TOO_BUSY'], ['CANCEL_FAIL'], ['A_NEW_LABEL']],
    limited: [['TOO_FAST'], ['TOO_MANY_REQUESTS']],
    duplicate: [['ORDER_EXISTS'], ['DUPLICATE_REQUEST'], ['REPEATED_CREATION']],
    order: [
      ['INVALID_PRECISION'],
      ['INVALID_PARAM_VALUE'],
      ['AMOUNT_TOO_LITTLE'],
      ['AMOUNT_TOO_MUCH'],
      ['POC_FILL_IMMEDIATELY'],
      ['FOK_NOT_FILL'],
      ['ORDER_BOOK_NOT_FOUND'],
    ],
    funds: [['BALANCE_NOT_ENOUGH'], ['QUANTITY_NOT_ENOUGH']],
    market: [['INVALID_CURRENCY_PAIR']],
    expired: [['REQUEST_EXPIRED']],
    account: [
      ['INVALID_KEY'],
      ['INVALID_SIGNATURE'],
      ['IP_FORBIDDEN'],
      ['READ_ONLY'],
      ['FORBIDDEN'],
      ['ACCOUNT_LOCKED'],
    ],
  },
  bithumb: {
    unknown: [['order_not_ready'], ['nonce_used']],
    limited: [['too_many_requests']],
    duplicate: [['invalid_parameter', 'client_order_id was used before'], ['duplicate_client_order_id']],
    order: [
      ['invalid_price'],
      ['invalid_price_bid'],
      ['under_price_limit_ask'],
      ['cross_trading'],
      ['invalid_parameter'],
      ['under_min_total_bid'],
      ['currency does not have a valid value'],
    ],
    funds: [['insufficient_funds_bid'], ['insufficient_funds_ask']],
    expired: [['expired_jwt']],
    account: [
      ['jwt_verification'],
      ['invalid_query_payload'],
      ['NotAllowIP'],
      ['out_of_scope'],
      ['blocked_member_id'],
      ['bank_account_required'],
      ['two_factor_auth_required'],
      ['some_new_key_error'],
    ],
  },
  bitget: {
    unknown: [
      ['40010'],
      ['40015'],
      ['40725'],
      ['40910'],
      ['45001'],
      ['40200'],
      ['50009'],
      ['50027'],
      ['99999'],
    ],
    limited: [['429'], ['30007']],
    duplicate: [['43118'], ['45034']],
    order: [
      ['43006'],
      ['43042'],
      ['45110'],
      ['45111'],
      ['22034'],
      ['40304'],
      ['40305'],
      ['40762'],
      ['40748'],
      ['40815'],
      ['40816'],
      ['40808'],
    ],
    funds: [['43012'], ['40754'], ['43132'], ['45002']],
    market: [['41114'], ['45043']],
    expired: [['40004'], ['40005'], ['40008'], ['40078'], ['40079']],
    account: [
      ['40001'],
      ['40006'],
      ['40009'],
      ['40011'],
      ['40012'],
      ['40014'],
      ['40018'],
      ['40036'],
      ['40038'],
    ],
  },
};
/** Their errors come with statuses that say something. */
const NAMED = ['upbit', 'bithumb'];
const FAULTS = ['order', 'funds', 'account', 'expired', 'market'];

t.test(
  'every code means placed, not placed, duplicate, too fast or unknown, and says whose fault it is',
  (t) => {
    for (const [exchange, meanings] of Object.entries(CODES)) {
      const { orders, ticket, error } = subject(exchange);
      for (const [meaning, codes] of Object.entries(meanings))
        for (const [code, message = 'text'] of codes) {
          const said = error(code, message);
          // The code decides whatever the status says, as long as it is one of an answer.
          for (const status of NAMED.includes(exchange) ? [said.status] : [200, 400]) {
            const read = orders.parsePlace(answer(said.body, status), ticket);
            const wanted = FAULTS.includes(meaning)
              ? { kind: 'rejected', fault: meaning, code }
              : { kind: meaning, code };
            t.match(read, wanted, `${exchange} ${code} ${message}`);
          }
          t.equal(
            orders.parsePlace(answer(said.body, 503), ticket).kind,
            'unknown',
            `${code} under 503 says nothing`,
          );
        }
    }
    t.match(
      subject('okx').orders.parsePlace(
        answer({ code: '50011', msg: 'Too fast', data: [] }),
        subject('okx').ticket,
      ),
      {
        kind: 'limited',
        pauseMs: 2000,
      },
    );
    t.match(
      subject('okx').orders.parsePlace(
        answer({ code: '50013', msg: 'Systems are busy', data: [] }, 429),
        subject('okx').ticket,
      ),
      { kind: 'unknown', code: '50013' },
      'a status of "too fast" does not hide a code that leaves the outcome open',
    );
    t.match(
      subject('okx').orders.parsePlace(
        answer({ code: '50004', msg: 'Timeout', data: [] }),
        subject('okx').ticket,
      ),
      {
        kind: 'unknown',
      },
    );
    t.equal(
      subject('okx').orders.parsePlace(answer({ code: '50999', msg: 'new', data: [] }), subject('okx').ticket)
        .kind,
      'unknown',
      'a code for the whole answer that nobody knows',
    );
    const hidden = subject('okx').error('51008', 'Insufficient balance');
    t.match(
      subject('okx').orders.parsePlace(
        answer({ ...(hidden.body as object), code: '0' }),
        subject('okx').ticket,
      ),
      { kind: 'rejected', fault: 'funds' },
      'code 0 may hide a failure',
    );
    t.end();
  },
);

t.test('a cancel says whether the order is gone, and an unknown one is unknown', (t) => {
  const gone: Record<string, readonly string[]> = {
    binance: ['-2011', '-2013'],
    okx: ['51400', '51410', '51503', '51603'],
    bybit: ['170139', '170142', '170143', '170213', '110001', '110008', '110010'],
    upbit: ['order_not_found'],
    kucoin: ['126043', '400100'],
    gate: ['ORDER_NOT_FOUND', 'CLIENT_ID_NOT_FOUND', 'ORDER_CLOSED', 'ORDER_CANCELLED'],
    bithumb: ['order_not_found'],
    bitget: ['43001', '31007', '45057', '40109', '40768', '43004', '22001', '45055'],
  };
  const waits: Record<string, readonly string[]> = {
    binance: ['-1007'],
    okx: ['50004'],
    bybit: ['170144', '170212', '110079', '170150'],
    upbit: [],
    kucoin: ['408000', '126038'],
    gate: ['CANCEL_FAIL', 'TOO_BUSY'],
    bithumb: ['order_not_ready'],
    bitget: ['40010', '45001'],
  };
  const refused: Record<string, string> = {
    binance: '-2015',
    okx: '50113',
    bybit: '10003',
    upbit: 'invalid_access_key',
    kucoin: '400005',
    gate: 'INVALID_SIGNATURE',
    bithumb: 'out_of_scope',
    bitget: '40014',
  };
  const ABSENT = 'order_not_exist_or_not_allow_to_be_cancelled';
  for (const one of SUBJECTS) {
    const { orders, bodies, error } = one;
    const read = (code: string) => {
      const { body, status } = error(code, ABSENT);
      return orders.parseCancel(answer(body, status)).kind;
    };
    t.equal(orders.parseCancel(answer(bodies.cancel)).kind, 'accepted', nameOf(one));
    for (const code of gone[nameOf(one)]!) t.equal(read(code), 'gone', `${nameOf(one)} ${code}`);
    for (const code of waits[nameOf(one)]!) t.equal(read(code), 'unknown', `${nameOf(one)} ${code}`);
    t.equal(read(refused[nameOf(one)]!), 'refused');
    const placed = error(gone[nameOf(one)]![0]!, ABSENT);
    t.equal(
      orders.parsePlace(answer(placed.body, placed.status), one.ticket).kind,
      'unknown',
      'and never "not placed"',
    );
  }
  t.end();
});

t.test('5xx, redirects, pages, cut and empty bodies say nothing about any question', (t) => {
  const html = Buffer.from('<html><body>502 Bad Gateway</body></html>');
  for (const one of SUBJECTS)
    for (const { name, parse, good } of questionsOf(one)) {
      const title = `${nameOf(one)} ${name}`;
      const text = Buffer.from(JSON.stringify(good));
      t.not(parse(answer(good)).kind, 'unknown', `${title}: a good answer is read`);
      for (const status of [500, 502, 503, 504, 520, 599])
        t.equal(parse(answer(good, status)).kind, 'unknown', title);
      for (const status of [100, 204, 301, 302, 304, 0, -1, NaN])
        t.equal(parse(answer(html, status)).kind, 'unknown', title);
      // Of an address that is too fast, or not let in, nothing reaches the exchange behind the 403 of Bybit.
      const isInFront = one.connector.exchange === 'bybit';
      for (const status of [200, 400, 401, ...(isInFront ? [] : [403]), 404]) {
        t.equal(parse(answer(html, status)).kind, 'unknown', title);
        t.equal(parse(answer(Buffer.alloc(0), status)).kind, 'unknown', title);
        t.equal(parse(answer(text.subarray(0, text.length - 1), status)).kind, 'unknown', title);
        t.equal(parse(answer({}, status)).kind === 'accepted', false, title);
      }
      t.equal(parse(answer(good, 400)).kind, 'unknown', `${title}: content under an error status`);
      for (const body of [html, Buffer.alloc(0)])
        for (const status of [429, ...(isInFront ? [403] : [])])
          t.match(parse(answer(body, status)), { kind: 'limited', pauseMs: null }, title);
    }
  t.end();
});

t.test('the filled amount decides, never the word', (t) => {
  const { orders, bodies } = subject('binance');
  const row = bodies.lookups[0] as { [key: string]: Json };
  const status = (word: string, executedQty: string) => {
    const found = orders.parseLookup(
      answer({ ...row, status: word, executedQty }),
      byClient(subject('binance')),
      0,
    );
    return found.kind === 'found' ? found.order.status : found.kind;
  };
  for (const word of ['NEW', 'PENDING_NEW', 'PARTIALLY_FILLED', 'A_NEW_WORD']) {
    t.equal(status(word, '0.001'), 'open', word);
    t.equal(status(word, '0.002'), 'ended', `${word}, but filled in full`);
    t.equal(status(word, '0.003'), 'ended', `${word}, and more than asked for`);
  }
  for (const word of ['CANCELED', 'EXPIRED', 'EXPIRED_IN_MATCH', 'FILLED'])
    t.equal(status(word, '0.001'), 'ended', word);
  t.equal(status('REJECTED', '0'), 'rejected');
  t.equal(status('REJECTED', '0.001'), 'ended', 'what is filled was not rejected');
  const bybitRow = ((bodiesOf('bybit').lookups[2] as { result: { list: Json[] } }).result.list[0] ?? {}) as {
    [key: string]: Json;
  };
  for (const [word, executed, wanted] of [
    ['New', '0', 'open'],
    ['Untriggered', '0', 'open'],
    ['PartiallyFilledCanceled', '0.001', 'ended'],
    ['Cancelled', '0', 'ended'],
    ['Deactivated', '0', 'ended'],
    ['Rejected', '0', 'rejected'],
    ['Rejected', '0.001', 'ended'],
  ] as const) {
    const list = { retCode: 0, result: { list: [{ ...bybitRow, orderStatus: word, cumExecQty: executed }] } };
    const found = subject('bybit').orders.parseLookup(answer(list), byClient(subject('bybit')), 0);
    t.match(found, { kind: 'found', order: { status: wanted } }, `Bybit ${word} ${executed}`);
  }
  t.end();
});

t.test('foreign orders without an id, and orders counted in money, are read too', (t) => {
  const upbitRow = { ...(bodiesOf('upbit').open as { [key: string]: Json }[])[0], identifier: null };
  const open = subject('upbit').orders;
  t.match(
    open.parseOpenOrders(answer([{ ...upbitRow, volume: null, ord_type: 'price' }]), open.openOrders()),
    {
      rows: [{ clientOrderId: '', quantity: '0.001', status: 'open' }],
    },
  );
  const okxRow = (bodiesOf('okx').lookups[0] as { data: { [key: string]: Json }[] }).data[0]!;
  const market = { ...okxRow, ordType: 'market', sz: '100', clOrdId: '', state: 'live' };
  t.match(
    subject('okx').orders.parseOpenOrders(
      answer({ code: '0', msg: '', data: [market] }),
      subject('okx').orders.openOrders(),
    ),
    {
      rows: [{ clientOrderId: '', quantity: '0.001', filledQuantity: '0.001', status: 'open' }],
    },
  );
  const echoless = { ...(bodiesOf('upbit').lookups[0] as object), identifier: undefined };
  t.match(
    open.parseLookup(answer(JSON.parse(JSON.stringify(echoless)) as Json), byClient(subject('upbit')), 0),
    { order: { clientOrderId: 'a1-0-1' } },
    'Upbit repeats ids only of newer orders',
  );
  t.end();
});

t.test('ids beyond 2^53 survive as text', (t) => {
  const long = '9007199254740993123';
  const text = JSON.stringify(bodiesOf('binance').lookups[0]).replace('4293153', long);
  const reference = { ...referenceOf(subject('binance')), exchangeOrderId: long };
  t.match(subject('binance').orders.parseLookup(answer(Buffer.from(text)), reference, 0), {
    order: { exchangeOrderId: long },
  });
  const frame = JSON.stringify(subject('binance').frames.filled[0])
    .replaceAll('4293153', long)
    .replace('56', long);
  const sink = new CollectingSink();
  subject('binance').orders.stream.decode(Buffer.from(frame), sink);
  t.match(sink.trades, [{ exchangeOrderId: long, tradeId: `BTCUSDT:${long}` }]);
  t.match(subject('binance').orders.cancel(reference).parameters, [
    ['symbol', 'BTCUSDT'],
    ['orderId', long],
  ]);
  t.end();
});

t.test('Upbit’s fee of an order is divided over its trades exactly', (t) => {
  const { orders } = subject('upbit');
  const row = bodiesOf('upbit').fills as { [key: string]: Json };
  const trade = (row['trades'] as { [key: string]: Json }[])[0]!;
  const of = (paidFee: string, ...parts: readonly (readonly [string, string])[]) =>
    answer({
      ...row,
      volume: '6',
      executed_volume: '6',
      paid_fee: paidFee,
      trades: parts.map(([price, volume], at) => ({ ...trade, uuid: `u${at}`, price, volume })),
    });
  const query = fillsQuery(subject('upbit'));
  const read = (a: ExchangeAnswer) => orders.parseFills(a, query, orders.fills(query));
  const two = read(of('0.000003', ['1', '1'], ['1', '2'], ['1', '3']));
  t.match(two, { rows: [{ fee: '0.0000005' }, { fee: '0.000001' }, { fee: '0.0000015' }] });
  const thirds = read(of('1', ['1', '2'], ['1', '2'], ['1', '2']));
  t.equal(thirds.kind, 'rows');
  if (thirds.kind === 'rows')
    t.equal(
      thirds.rows.map(({ fee }) => BigInt(fee.replace('0.', ''))).reduce((a, b) => a + b),
      10n ** 16n,
    );
  t.match(
    read(of('1', ['1', '1'])),
    { kind: 'unknown' },
    'while trades are missing, nothing is said about them',
  );
  const found = orders.parseLookup(of('1', ['1', '1']), referenceOf(subject('upbit')), 0);
  t.match(found, { kind: 'found', order: { filledQuantity: '6', trades: [] } }, 'but about the order');
  t.end();
});

t.test('what does not fit one answer is asked for by the calls that come with it', (t) => {
  const repeat = (body: Json, count: number) => Array.from({ length: count }, () => body);
  const binanceFill = (bodiesOf('binance').fills as Json[])[0]!;
  const b = subject('binance').orders;
  const since = { symbol: 'BTCUSDT', sinceMs: 5, exchangeOrderId: null };
  const page = b.parseFills(answer(repeat(binanceFill, 1000)), since, b.fills(since));
  t.match(page, {
    next: [
      {
        path: '/api/v3/myTrades',
        parameters: [
          ['symbol', 'BTCUSDT'],
          ['limit', 1000],
          ['fromId', '57'],
        ],
      },
    ],
  });
  const o = subject('okx').orders;
  const okxFills = (bodiesOf('okx').fills as { data: Json[] }).data[0]!;
  const okxSince = { symbol: 'BTC-USDT', sinceMs: 5, exchangeOrderId: null };
  t.match(
    o.parseFills(answer({ code: '0', msg: '', data: repeat(okxFills, 100) }), okxSince, o.fills(okxSince)),
    {
      next: [
        {
          parameters: [
            ['instType', 'SPOT'],
            ['instId', 'BTC-USDT'],
            ['begin', 5],
            ['limit', 100],
            ['after', '680800019754098688'],
          ],
        },
      ],
    },
  );
  const y = subject('bybit').orders;
  const row = (bodiesOf('bybit').open as { result: { list: Json[] } }).result.list[0]!;
  const full = { retCode: 0, result: { list: repeat(row, 50), nextPageCursor: 'page_token%3D1%26' } };
  const more = y.parseOpenOrders(answer(full), y.openOrders());
  t.match(more, {
    next: [
      {
        parameters: [
          ['category', 'spot'],
          ['openOnly', 0],
          ['limit', 50],
          ['cursor', 'page_token%3D1%26'],
        ],
      },
    ],
  });
  if (more.kind === 'rows')
    t.match(
      y.sign(more.next[0]!, CREDENTIALS, MOMENT).path,
      /cursor=page_token%3D1%26$/,
      'cursors go back as they came',
    );
  const u = subject('upbit').orders;
  const closed = { symbol: 'KRW-BTC', sinceMs: 1_790_000_000_000, exchangeOrderId: null };
  const asked = u.fills(closed);
  const order = bodiesOf('upbit').cancel as { [key: string]: Json };
  const list = u.parseFills(answer([{ ...order, executed_volume: '0' }, order]), closed, asked);
  t.match(
    list,
    { rows: [], next: [{ path: '/v1/order', parameters: [['uuid', order['uuid']]] }] },
    'order by order',
  );
  if (list.kind === 'rows') {
    t.equal(list.next.length, 1, 'those without a fill are left out');
    t.match(u.parseFills(answer(bodiesOf('upbit').fills), { ...closed, sinceMs: 0 }, list.next[0]!), {
      rows: [{ tradeId: subject('upbit').trade.tradeId }],
    });
  }
  const late = { ...order, created_at: '2026-09-22T00:00:00+09:00' };
  const fullPage = u.parseFills(answer(repeat(late, 1000)), closed, asked);
  t.equal(fullPage.kind === 'rows' && fullPage.next.length, 1001);
  t.match(fullPage.kind === 'rows' ? given(fullPage.next.at(-1)!) : {}, {
    start_time: '2026-09-21T15:00:00.000Z',
  });
  const g = subject('bitget').orders;
  const bitgetFill = (bodiesOf('bitget').fills as { data: Json[] }).data[0]!;
  const bitgetSince = { symbol: 'BTCUSDT', sinceMs: 5, exchangeOrderId: null };
  const bitgetPage = { code: '00000', msg: 'success', data: repeat(bitgetFill, 100) };
  t.match(g.parseFills(answer(bitgetPage), bitgetSince, g.fills(bitgetSince)), {
    next: [
      {
        parameters: [
          ['symbol', 'BTCUSDT'],
          ['startTime', 5],
          ['limit', 100],
          ['idLessThan', '1385127468519825409'],
        ],
      },
    ],
  });
  const k = subject('bithumb').orders;
  const { orders: waiting } = bodiesOf('bithumb').open as { orders: Json[] };
  const pending = (body: Json, call = k.openOrders()) => {
    const read = k.parseOpenOrders(answer(body), call);
    return read.kind === 'rows' ? read.next : [];
  };
  const firstPage = { has_next: true, next_key: 'n2', orders: waiting };
  t.match(given(pending(firstPage)[0]!), { state: 'wait', next_key: 'n2' });
  const watched = pending(bodiesOf('bithumb').open)[0]!;
  t.match(given(watched), { state: 'watch' }, 'what waits for a price has a list of its own');
  t.equal(given(watched)['next_key'], undefined);
  t.same(pending(bodiesOf('bithumb').open, watched), [], 'and that was all');
  t.equal(pending(waiting).length, 1, 'a bare list is the last page of its state');
  const bithumbClosed = k.fills(closed);
  const finished = k.parseFills(answer(firstPage), closed, bithumbClosed);
  t.match(finished, {
    rows: [],
    next: [
      { path: '/v1/order', parameters: [['uuid', subject('bithumb').exchangeOrderId]] },
      { path: '/v2/orders/history' },
    ],
  });
  const secondPage = u.parseOpenOrders(answer(repeat(order, 100)), u.openOrders());
  t.match(secondPage.kind === 'rows' ? given(secondPage.next[0]!) : {}, { page: 2 });
  t.end();
});

t.test('the dead-man switch keeps to the exchange’s range, and is read like a cancel', (t) => {
  t.same(
    SUBJECTS.filter(({ orders }) => orders.deadMan !== null).map(nameOf),
    SUBJECTS.filter(({ connector }) => connector.capabilities.orders.deadManSwitch.kind === 'timer').map(
      nameOf,
    ),
  );
  const deadMan = subject('okx').orders.deadMan!;
  const seconds = (ms: number) => given(deadMan.call(ms))['timeOut'];
  t.same([0, 1, 10_000, 30_001, 999_999].map(seconds), ['0', '10', '10', '31', '120']);
  const armed = { code: '0', msg: '', data: [{ triggerTime: '1587971460', tag: '', ts: '1587971400' }] };
  t.equal(deadMan.parse(answer(armed)).kind, 'accepted');
  t.equal(deadMan.parse(answer({ code: '51071', msg: 'Too many', data: [] })).kind, 'refused');
  t.equal(deadMan.parse(answer(armed, 502)).kind, 'unknown');
  t.end();
});

t.test('a private stream says when it is logged in, when all is subscribed, and what was refused', (t) => {
  for (const one of SUBJECTS) {
    const { frames, connector } = one;
    const { stream } = one.orders;
    t.equal(stream.url(connector.endpoints), connector.endpoints.privateUrl, nameOf(one));
    t.equal(stream.url({ ...connector.endpoints, privateUrl: 'ws://127.0.0.1/x' }), 'ws://127.0.0.1/x');
    const sink = new CollectingSink();
    const give = (frame: Json) => stream.decode(Buffer.from(JSON.stringify(frame)), sink);
    if (frames.authorised !== null) give(frames.authorised);
    for (const frame of frames.acknowledged) give(frame);
    t.equal(sink.told.includes('authorised'), !stream.isOpenAuthorised, nameOf(one));
    t.equal(
      sink.told.filter((one) => one === 'subscribed').length,
      stream.acknowledgements,
      'as many as are promised',
    );
    sink.told.length = 0;
    give(frames.refused);
    t.match(sink.told, [/^refused /]);
    t.ok(stream.heartbeat.deadAfterSilenceMs <= 10_000, 'a half-open line is found within ten seconds');
  }
  t.end();
});

t.test('logins are signed as each exchange wants it', (t) => {
  const hmac = (text: string, encoding: 'hex' | 'base64') =>
    createHmac('sha256', 'secret').update(text).digest(encoding);
  const login = (exchange: string) =>
    subject(exchange)
      .orders.stream.login(CREDENTIALS, MOMENT)
      .map((text) => JSON.parse(text) as Record<string, unknown>);
  t.match(login('binance'), [
    {
      method: 'userDataStream.subscribe.signature',
      params: {
        apiKey: 'key',
        timestamp: 1_790_000_000_123,
        signature: hmac('apiKey=key&timestamp=1790000000123', 'hex'),
      },
    },
  ]);
  t.match(login('okx'), [
    {
      op: 'login',
      args: [
        {
          apiKey: 'key',
          passphrase: 'phrase',
          timestamp: '1790000000',
          sign: hmac('1790000000GET/users/self/verify', 'base64'),
        },
      ],
    },
  ]);
  t.match(login('bybit'), [
    { op: 'auth', args: ['key', 1_790_000_010_123, hmac('GET/realtime1790000010123', 'hex')] },
  ]);
  t.match(login('bitget'), [
    {
      op: 'login',
      args: [
        {
          apiKey: 'key',
          passphrase: 'phrase',
          timestamp: '1790000000',
          sign: hmac('1790000000GET/user/verify', 'base64'),
        },
      ],
    },
  ]);
  t.same([login('upbit'), login('bithumb')], [[], []]);
  const ofBithumb = subject('bithumb').orders.stream.handshakeHeaders(CREDENTIALS, MOMENT)['Authorization']!;
  t.same(JSON.parse(Buffer.from(ofBithumb.split('.')[1]!, 'base64url').toString()), {
    access_key: 'key',
    nonce: MOMENT.nonce,
    timestamp: 1_790_000_000_123,
  });
  const { Authorization } = subject('upbit').orders.stream.handshakeHeaders(CREDENTIALS, MOMENT);
  const [head, claims] = Authorization!.replace('Bearer ', '').split('.');
  t.same(JSON.parse(Buffer.from(claims!, 'base64url').toString()), {
    access_key: 'key',
    nonce: MOMENT.nonce,
  });
  t.match(JSON.parse(Buffer.from(head!, 'base64url').toString()), { alg: 'HS512' });
  const older = upbit({ jwtAlgorithm: 'HS256' }).orders!.stream.handshakeHeaders(CREDENTIALS, MOMENT);
  t.match(JSON.parse(Buffer.from(older['Authorization']!.slice(7).split('.')[0]!, 'base64url').toString()), {
    alg: 'HS256',
  });
  t.match(JSON.parse(subject('okx').orders.stream.subscribe([])[0]!), {
    args: [{ channel: 'orders', instType: 'SPOT' }, { channel: 'account' }],
  });
  const sha512 = (text: string) => createHmac('sha512', 'secret').update(text).digest('hex');
  t.match(
    login('gate'),
    ['spot.orders_v2', 'spot.usertrades', 'spot.balances'].map((channel) => ({
      time: 1_790_000_000,
      channel,
      event: 'subscribe',
      auth: {
        method: 'api_key',
        KEY: 'key',
        SIGN: sha512(`channel=${channel}&event=subscribe&time=1790000000`),
      },
    })),
  );
  t.same(login('kucoin'), [], 'the ticket is the login');
  t.match(
    subject('kucoin')
      .orders.stream.subscribe([])
      .map((text) => JSON.parse(text) as unknown),
    [
      { type: 'subscribe', topic: '/spotMarket/tradeOrdersV2', privateChannel: true, response: true },
      { type: 'subscribe', topic: '/account/balance', privateChannel: true, response: true },
    ],
  );
  t.match(JSON.parse(subject('bitget').orders.stream.subscribe([])[0]!), {
    args: [
      { instType: 'SPOT', channel: 'orders', instId: 'default' },
      { instType: 'SPOT', channel: 'account', coin: 'default' },
    ],
  });
  for (const exchange of NAMED)
    t.match(JSON.parse(subject(exchange).orders.stream.subscribe([])[0]!), [
      {},
      { type: 'myOrder' },
      { type: 'myAsset' },
    ]);
  t.end();
});

t.test('streams tell transfers, their own end and answers to probes; foreign frames say nothing', (t) => {
  const told = (exchange: string, frame: Json | string) => {
    const sink = new CollectingSink();
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    subject(exchange).orders.stream.decode(Buffer.from(text), sink);
    return sink.told;
  };
  const event = (body: { [key: string]: Json }): Json => ({ subscriptionId: 0, event: body });
  t.same(told('binance', event({ e: 'balanceUpdate', E: 1, a: 'BTC', d: '-1.5', T: 1 })), [
    'transferred BTC',
  ]);
  t.same(told('binance', event({ e: 'eventStreamTerminated', E: 1 })), ['closing eventStreamTerminated']);
  t.same(told('binance', { e: 'serverShutdown', E: 1 }), ['closing serverShutdown']);
  t.same(told('binance', event({ e: 'listStatus', E: 1 })), []);
  const cancelled = structuredClone(subject('binance').frames.ended) as { event: { [key: string]: Json } };
  Object.assign(cancelled.event, { x: 'CANCELED', X: 'CANCELED', c: 'web_cancel', C: 'a1-0-1' });
  const sink = new CollectingSink();
  subject('binance').orders.stream.decode(Buffer.from(JSON.stringify(cancelled)), sink);
  t.equal(sink.orders[0]!.clientOrderId, 'a1-0-1', 'a cancel has an id of its own, which is not the order’s');
  t.same(told('okx', 'pong'), ['pong']);
  t.same(told('okx', { event: 'notice', code: '64008', msg: 'upgrade', connId: 'x' }), ['closing 64008']);
  t.same(told('okx', { event: 'channel-conn-count', channel: 'orders', connCount: '1', connId: 'x' }), []);
  t.same(told('okx', { arg: { channel: 'tickers' }, data: [] }), []);
  t.same(told('bybit', { req_id: 'x', op: 'pong', args: ['1'], conn_id: 'c' }), ['pong']);
  t.same(told('bybit', { success: true, ret_msg: 'pong', op: 'ping' }), ['pong']);
  t.same(
    told('bybit', { topic: 'order', creationTime: 1, data: [{ category: 'linear', qty: 'x' }] }),
    [],
    'not ours',
  );
  t.same(told('bybit', { topic: 'greeks', creationTime: 1, data: [] }), []);
  const balance = (subject('kucoin').frames.balance as { data: Json }).data as { [key: string]: Json };
  const moved = (relationEvent: string): Json => ({
    ...(subject('kucoin').frames.balance as object),
    data: { ...balance, relationEvent },
  });
  t.same(told('kucoin', moved('trade_hf.transfer')), ['balance', 'transferred BTC']);
  t.same(told('kucoin', moved('main.deposit')), [], 'of an account that cannot trade');
  t.same(told('kucoin', { id: 'ping', type: 'pong', timestamp: 1 }), ['pong']);
  t.same(told('kucoin', { type: 'message', topic: '/market/match:BTC-USDT', data: {} }), []);
  const change = (subject('gate').frames.balance as { result: { [key: string]: Json }[] }).result[0]!;
  const balances = (more: { [key: string]: Json }): Json => ({
    ...(subject('gate').frames.balance as object),
    result: [{ ...change, ...more }],
  });
  t.same(told('gate', balances({ change: '1', change_type: 'deposit' })), ['balance', 'transferred BTC']);
  t.same(told('gate', balances({ change: '1', change_type: 'order-match' })), ['balance']);
  t.same(told('gate', { channel: 'spot.pong', event: '', result: null }), ['pong']);
  t.same(told('gate', { channel: 'spot.trades', event: 'update', result: {} }), []);
  t.same(told('gate', { channel: 'spot.trades', event: 'subscribe', result: { status: 'success' } }), []);
  t.same(told('upbit', { status: 'UP' }), ['pong']);
  t.same(told('upbit', { type: 'ticker' }), []);
  const filled = subject('upbit').frames.filled[0] as { [key: string]: Json };
  t.same(
    told('upbit', { ...filled, trade_fee: null }),
    ['trade', 'order'],
    'the first trade pays the whole fee so far',
  );
  t.same(
    told('upbit', { ...filled, trade_fee: null, executed_volume: 0.0015, remaining_volume: 0.0005 }),
    ['order'],
    'a later one without its fee is asked for',
  );
  t.same(told('bithumb', { status: 'UP' }), ['pong']);
  t.same(told('bithumb', { type: 'ticker' }), []);
  t.same(told('bitget', 'pong'), ['pong']);
  t.same(
    told('bitget', { arg: { instType: 'USDT-FUTURES', channel: 'orders' }, data: [{}] }),
    [],
    'not ours',
  );
  t.same(told('bitget', { arg: { instType: 'SPOT', channel: 'fill' }, data: [{}] }), []);
  t.same(told('bitget', { event: 'login', code: '0', msg: '' }), ['authorised'], 'codes also come as text');
  t.equal(bitget({ api: 'v3' }).orders, undefined, 'orders of unified accounts are not built');
  t.equal(bybit({ category: 'linear' }).orders, undefined, 'contracts are followed, never traded');
  t.end();
});

t.test('a simulated market moves the private streams with the sockets', async (t) => {
  const market = await openMarket('simulated', {
    exchanges: ['binance', 'okx', 'bybit', 'upbit', 'bithumb', 'bitget', 'gate'],
    pairs: ['BTC-USDT', 'BTC-KRW'],
    time: new MachineTime(),
    speed: 1,
    seed: 'orders',
    notBeforeMs: 0,
    replayFolder: null,
    files: new LocalFiles(),
    log: new KeptLog(),
  });
  t.teardown(() => market.close());
  for (const connector of market.connectors) {
    const { exchange, endpoints, orders } = connector;
    const own = SUBJECTS.find((one) => nameOf(one) === exchange)?.connector.endpoints.privateUrl;
    t.equal(orders === undefined, own === undefined, exchange);
    const signed = signedAccountOf(market, connector);
    t.equal(signed === null, own === undefined, `${exchange}: orders are signed where there is order entry`);
    if (own === undefined) t.equal(endpoints.privateUrl, undefined);
    else {
      const moved = new URL(orders!.stream.url(endpoints));
      t.equal(moved.hostname, '127.0.0.1', exchange);
      t.equal(moved.pathname, new URL(own).pathname, 'the path stays');
      t.equal(moved.host, new URL(endpoints.websocketUrl).host);
    }
  }
});

/** Any JSON value, small. */
const anyJson = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;

/** The body with one place of it replaced, removed or doubled. */
function mutated(body: Json, at: number, value: Json, how: 'replace' | 'remove' | 'double'): Json {
  let left = at % Math.max(1, placesIn(body));
  const visit = (node: Json): Json => {
    if (Array.isArray(node)) {
      return node.flatMap((item) => {
        if (left-- === 0) return how === 'remove' ? [] : how === 'double' ? [item, item] : [value];
        return [visit(item)];
      });
    }
    if (typeof node === 'object' && node !== null) {
      return Object.fromEntries(
        Object.entries(node).flatMap(([key, item]): [string, Json][] => {
          if (left-- === 0) return how === 'remove' ? [] : [[key, how === 'double' ? [item, item] : value]];
          return [[key, visit(item)]];
        }),
      );
    }
    return node;
  };
  return visit(body);
}

function placesIn(node: Json): number {
  if (typeof node !== 'object' || node === null) return 0;
  return Object.values(node).reduce<number>((sum, item) => sum + 1 + placesIn(item), 0);
}

/** An error as the exchange writes it: what alone may be believed. */
function isErrorBody(exchange: string, body: Buffer): boolean {
  try {
    const value = JSON.parse(body.toString()) as Record<string, unknown> | null;
    if (typeof value !== 'object' || value === null) return false;
    if (exchange === 'binance') return Number.isInteger(value['code']) && 'msg' in value;
    if (exchange === 'bybit') return Number.isInteger(value['retCode']) && value['retCode'] !== 0;
    if (exchange === 'gate') return /^[A-Z][A-Z0-9_]{1,63}$/.test(String(value['label']));
    if (exchange === 'kucoin') return /^(?!200$|200000$)\d{3,6}$/.test(String(value['code']));
    if (exchange === 'bitget') return /^\d{3,6}$/.test(String(value['code'])) && value['code'] !== '00000';
    if (NAMED.includes(exchange))
      return typeof (value['error'] as Record<string, unknown>)['name'] === 'string';
    const row = (value['data'] as Record<string, unknown>[] | undefined)?.[0];
    return /^5\d{4}$/.test(String(row?.['sCode'] ?? value['code'])) || /^5\d{4}$/.test(String(value['code']));
  } catch {
    return false;
  }
}

const CONCLUSIONS = ['rejected', 'duplicate', 'gone', 'refused', 'notFound'];
const KINDS = [...CONCLUSIONS, 'accepted', 'found', 'rows', 'limited', 'unknown'];

t.test(
  'any mutation of an answer is a value or unknown, and no conclusion comes from what is no answer',
  (t) => {
    for (const one of SUBJECTS) {
      const questions = questionsOf(one);
      const errors = Object.values(CODES[nameOf(one)]!).flatMap((codes) =>
        codes.map(([code, message = 'text']) => one.error(code, message).body),
      );
      const property = fc.property(
        fc.constantFrom(...questions),
        fc.oneof(fc.constant<Json | undefined>(undefined), fc.constantFrom<Json | undefined>(...errors)),
        fc.nat(),
        anyJson,
        fc.constantFrom('replace', 'remove', 'double', 'cut', 'flip', 'none'),
        fc.oneof(fc.constantFrom(200, 201, 400, 401, 404), fc.integer({ min: 0, max: 700 })),
        (question, error, at, value, how, status) => {
          const text = Buffer.from(
            JSON.stringify(
              how === 'replace' || how === 'remove' || how === 'double'
                ? mutated(error ?? question.good, at, value, how)
                : (error ?? question.good),
            ),
          );
          const body = how === 'cut' ? text.subarray(0, at % text.length) : text;
          if (how === 'flip') body[at % body.length] = at % 256;
          const { kind } = question.parse(answer(body, status));
          if (!KINDS.includes(kind)) throw new Error(`kind ${kind}`);
          // Empty lists are their word for "not there".
          const isEmptyList =
            kind === 'notFound' && ['okx', 'bybit', 'kucoin', 'gate', 'bitget'].includes(nameOf(one));
          if (CONCLUSIONS.includes(kind) && !isEmptyList && !isErrorBody(nameOf(one), body))
            throw new Error(`${kind} from ${status} ${body.toString()}`);
          if (
            kind !== 'unknown' &&
            kind !== 'limited' &&
            !(status >= 200 && status < 300) &&
            !(status >= 400 && status < 500)
          )
            throw new Error(`${kind} from status ${status}`);
          const mayLackEcho = one.echoIsOptional === true;
          if (
            kind === 'accepted' &&
            question.name === 'place' &&
            !mayLackEcho &&
            !body.includes(one.ticket.clientOrderId)
          )
            throw new Error('accepted without its id');
        },
      );
      fc.assert(property, { numRuns: 3000 });
      t.pass(nameOf(one));
    }
    t.end();
  },
);

t.test('a private frame that is refused is a FrameError and leaves nothing behind', (t) => {
  for (const one of SUBJECTS) {
    const { frames } = one;
    const all = [...frames.filled, frames.ended, frames.balance, frames.refused, ...frames.acknowledged];
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.nat(),
        anyJson,
        fc.constantFrom('replace', 'remove', 'double'),
        fc.boolean(),
        (frame, at, value, how, isCut) => {
          const text = Buffer.from(JSON.stringify(mutated(frame, at, value, how)));
          const sink = new CollectingSink();
          try {
            one.orders.stream.decode(isCut ? text.subarray(0, at % text.length) : text, sink);
          } catch (error) {
            if (!(error instanceof FrameError)) throw error;
            if (sink.told.length > 0) throw new Error(`${error.message} after ${sink.told.join()}`);
          }
        },
      ),
      { numRuns: 2000 },
    );
    t.pass(nameOf(one));
  }
  t.end();
});

t.test('the field that is wrong is named', (t) => {
  const reason = (exchange: string, body: Json) => {
    const { orders } = subject(exchange);
    const read = orders.parseLookup(answer(body), byClient(subject(exchange)), 0);
    return read.kind === 'unknown' ? read.reason : read.kind;
  };
  const binanceRow = bodiesOf('binance').lookups[0] as { [key: string]: Json };
  t.match(reason('binance', { ...binanceRow, executedQty: '1e3' }), /^executedQty is not a decimal/);
  t.match(reason('binance', { ...binanceRow, executedQty: 1 }), /^executedQty is not a decimal/);
  t.match(reason('binance', { ...binanceRow, side: 'HOLD' }), /^side is not 'BUY' or 'SELL'/);
  const okxRow = (bodiesOf('okx').lookups[0] as { data: { [key: string]: Json }[] }).data[0]!;
  t.match(
    reason('okx', { code: '0', msg: '', data: [{ ...okxRow, ordId: 'x' }] }),
    /^data\[0\]\.ordId is not/,
  );
  const bybitRow = (bodiesOf('bybit').open as { result: { list: { [key: string]: Json }[] } }).result
    .list[0]!;
  t.match(
    reason('bybit', { retCode: 0, result: { list: [{ ...bybitRow, cumExecQty: '' }] } }),
    /^result\.list\[0\]\.cumExecQty/,
  );
  const upbitRow = bodiesOf('upbit').lookups[0] as { [key: string]: Json };
  t.match(reason('upbit', { ...upbitRow, created_at: 'today' }), /^created_at is not a time/);
  t.match(reason('upbit', { ...upbitRow, executed_volume: '-1' }), /^executed_volume is not an amount/);
  t.end();
});

const folder = wireFolder();
const needsWire = { skip: folder === null && 'no captured frames are present' };

t.test('signing vectors of the exchanges with order entry are reproduced', needsWire, async (t) => {
  for (const file of ['official-vectors.jsonl', 'ccxt-4.5.84-place-and-balances.jsonl']) {
    const report = await runSigningFile(folder!, `signing/${file}`);
    t.same(report.failures, [], `${file}: ${report.passed} comparisons`);
    const skipped = report.skipped.map(({ reason }) => reason);
    t.notMatch(
      skipped.join(),
      /binance|okx|bybit|upbit|kucoin|gate|bithumb|bitget/,
      'only exchanges without order entry are skipped',
    );
    t.ok(report.passed >= 2);
  }
});

t.test('published answers and private frames are read', needsWire, async (t) => {
  for (const file of [
    'jkorf-binance-rest-endpoints.ndjson',
    'jkorf-okx-rest-endpoints.ndjson',
    'jkorf-bybit-rest-endpoints.ndjson',
    'jkorf-kucoin-rest-endpoints.ndjson',
    'jkorf-gate-rest-endpoints.ndjson',
    'jkorf-bitget-rest-endpoints.ndjson',
    'nautilus-binance-rest-fixtures.ndjson',
    'nautilus-okx-rest-fixtures.ndjson',
    'nautilus-bybit-rest-fixtures.ndjson',
  ]) {
    const report = await runRestFile(folder!, `rest/${file}`);
    t.same(report.failures, [], `${file}: ${report.passed} answers`);
  }
  const wanted: Record<string, Record<string, number>> = {
    binance: { 'private login': 4, 'private order': 1, 'private balance': 1, 'private transfer': 1 },
    okx: { 'private order': 1, 'private trade': 1, 'private balance': 1 },
    // Its examples are of contracts, which are not told.
    bybit: { 'private balance': 1 },
    kucoin: { 'private order': 3, 'private balance': 1 },
    gate: { 'private order': 1, 'private balance': 1 },
    bitget: { 'private login': 1, 'private order': 1, 'private trade': 1, 'private balance': 1 },
  };
  for (const [exchange, notes] of Object.entries(wanted)) {
    const report = await runScriptFile(
      folder!,
      `${exchange}/jkorf-subscription-scripts.ndjson`,
      wireExchange(exchange)!,
    );
    for (const [note, least] of Object.entries(notes))
      t.ok((report.notes[note] ?? 0) >= least, `${exchange}: ${note} ${report.notes[note]}`);
  }
});

t.test('recorded private pushes give the numbers that stand in them', needsWire, (t) => {
  const lines = (file: string) => readFileSync(join(folder!, file), 'utf8').trim().split('\n');
  const sink = new CollectingSink();
  for (const line of lines('okx/gocryptotrader-wsOrders.jsonl'))
    subject('okx').orders.stream.decode(Buffer.from(line), sink);
  t.match(sink.trades, [
    {
      tradeId: 'BTC-USDT:242589207',
      exchangeOrderId: '452197707845865472',
      clientOrderId: 'HamsterParty14',
      fee: '0.02522168',
      feeTicker: 'USDT',
      liquidity: 'maker',
      timeMs: 1_654_084_353_263,
    },
    { tradeId: 'BTC-USDT:435550732', quantity: '0.00038128', liquidity: 'taker' },
  ]);
  t.equal(sink.trades.length, 2, 'a push without a trade tells none');
  t.equal(sink.orders.length, 4);
  t.same(
    sink.orders.map(({ status }) => status),
    ['ended', 'open', 'open', 'ended'],
  );
  const events = lines('binance/gocryptotrader-wsHandleData.jsonl').flatMap((line) => {
    const { data } = JSON.parse(line) as { data: { e: string } };
    return ['executionReport', 'outboundAccountPosition', 'balanceUpdate'].includes(data.e) ? [data] : [];
  });
  const spot = new CollectingSink();
  for (const event of events)
    subject('binance').orders.stream.decode(Buffer.from(JSON.stringify({ subscriptionId: 0, event })), spot);
  t.match(spot.orders, [
    { clientOrderId: 'c4wyKsIhoAaittTYlIVLqk', exchangeOrderId: '5340845958', status: 'open' },
  ]);
  t.match(spot.balances[0], { ticker: 'BTC', free: '0.00225109', locked: '0.00123000' });
  t.ok(spot.told.includes('transferred BTC'));
  const changes = new CollectingSink();
  for (const line of lines('kucoin/gocryptotrader-wsHandleData.jsonl')) {
    const { topic } = JSON.parse(line) as { topic?: string };
    if (topic === '/spotMarket/tradeOrders' || topic === '/account/balance')
      subject('kucoin').orders.stream.decode(Buffer.from(line), changes);
  }
  t.match(
    changes.orders.map(({ statusWord, status, quantity, filledQuantity }) => [
      statusWord,
      status,
      quantity,
      filledQuantity,
    ]),
    [
      ['open', 'open', '0.1', '0'],
      ['match', 'ended', '0.1', '0.1'],
      ['filled', 'ended', '0.1', '0.1'],
      ['canceled', 'ended', '0.1', '0'],
      ['update', 'open', '0.06', '0'],
    ],
  );
  t.match(changes.balances, [{ ticker: 'KCS', free: '88', locked: '0' }]);
  const wallet = new CollectingSink();
  for (const line of lines('bybit/gocryptotrader-wsAuth.jsonl'))
    subject('bybit').orders.stream.decode(Buffer.from(line), wallet);
  t.ok(wallet.balances.some(({ ticker, free }) => ticker === 'USDC' && free === '201.34882644'));
  t.same([wallet.orders, wallet.trades], [[], []], 'contracts and options are not ours');
  t.end();
});

t.test(
  'OKX is asked for what was finished and filled in the time in which the order can have been placed',
  (t) => {
    const { orders } = subject('okx');
    const times = { placedAtMs: 1_790_000_000_000, placedUntilMs: 1_790_000_009_000 };
    for (const asked of orders.lookups({ ...byClient(subject('okx')), ...times }).slice(1))
      t.match(Object.fromEntries(asked.parameters), { begin: times.placedAtMs, end: times.placedUntilMs });
    t.end();
  },
);
