import t from 'tap';
import { DEFAULT_EXCHANGES, type SimulatedExchange } from '../../src/simulator/listings.js';
import type { Ladder, LadderSide } from '../../src/simulator/ladder.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { DEFAULT_PLANTS } from '../../src/simulator/plants.js';
import {
  memoryExchanges,
  open,
  PATHS,
  START_MS,
  subscribeBooks,
  type MemoryExchanges,
} from './memory-client.js';
import { applyBinanceSnapshot, applyFrame, bookOf, sorted, type NaiveBook } from './naive-book.js';

type Json = Record<string, unknown>;

const TIME_PATHS: Readonly<Record<SimulatedExchange, string>> = {
  binance: '/api/v3/time',
  okx: '/api/v5/public/time',
  bybit: '/v5/market/time',
  bitget: '/api/v2/public/time',
  gate: '/api/v4/spot/time',
  kucoin: '/api/v1/timestamp',
  upbit: '/v1/orderbook/instruments?markets=KRW-BTC',
  bithumb: '/v1/orderbook?markets=KRW-BTC',
};

const parse = (text: string) => JSON.parse(text) as Json;

function engineSide(market: SimulatedMarket, side: LadderSide): [number, number][] {
  const { tick, lot } = market.listing;
  const exact = (count: number, step: { units: number; decimals: number }) =>
    Number(`${count * step.units}e-${step.decimals}`);
  return side.prices.map((price, i) => [exact(price, tick), exact(side.lots[i]!, lot)]);
}

function symbolOf(exchange: SimulatedExchange, pair: string): string {
  return exchange === 'okx' ? pair : pair.replace('-', '');
}

function get(exchanges: MemoryExchanges, exchange: SimulatedExchange, url: string, method = 'GET') {
  const answer = exchanges.faces[exchange].handleHttp({ method, url });
  return { ...answer, json: answer.body === '' ? null : (JSON.parse(answer.body) as Json) };
}

t.test('the book rebuilt from the frames equals the book of the engine, on every exchange and pair', (t) => {
  const exchanges = memoryExchanges({ seed: 4, plants: { ...DEFAULT_PLANTS, firstAfterMs: 2_000 } });
  const { world, faces, run } = exchanges;
  run(1_000);
  const feeds = DEFAULT_EXCHANGES.map((exchange) => {
    const early = open(faces[exchange]);
    const symbols = world.pairs.map((pair) => symbolOf(exchange, pair));
    subscribeBooks(exchange, early, symbols);
    run(700);
    // A second client that comes later must arrive at the same book.
    const late = open(faces[exchange]);
    subscribeBooks(exchange, late, symbols);
    return {
      exchange,
      symbols,
      clients: [early, late].map((connection) => ({ connection, books: new Map<string, NaiveBook>() })),
    };
  });
  run(300);
  for (const feed of feeds) {
    if (feed.exchange !== 'binance') continue;
    for (const symbol of feed.symbols) {
      const { body } = get(exchanges, 'binance', `/api/v3/depth?symbol=${symbol}&limit=5000`);
      for (const client of feed.clients) applyBinanceSnapshot(bookOf(client.books, symbol), body);
    }
  }
  for (let round = 0; round < 40; round++) {
    run(500);
    for (const feed of feeds) {
      for (const { connection, books } of feed.clients) {
        for (const frame of connection.transport.take()) applyFrame(feed.exchange, books, frame);
        for (const pair of round % 10 === 9 ? world.pairs : []) {
          const book = bookOf(books, symbolOf(feed.exchange, pair));
          const market = world.market(feed.exchange, pair);
          const { bids, asks } = market.ladder();
          const where = `${feed.exchange} ${pair} after ${(world.nowMs - START_MS) / 1_000} s`;
          t.same(sorted(book.bids, true), engineSide(market, bids), `${where}: bids`);
          t.same(sorted(book.asks, false), engineSide(market, asks), `${where}: asks`);
          t.equal(book.gaps, 0, `${where}: no gap`);
        }
      }
    }
  }
  t.end();
});

t.test('shallow channels show the top of the same book', (t) => {
  const exchanges = memoryExchanges({ seed: 6 });
  const { world, faces, run } = exchanges;
  const binance = open(
    faces.binance,
    '/stream?streams=btcusdt@depth5@100ms/btcusdt@bookTicker/btcusdt@depth',
  );
  const okx = open(faces.okx);
  okx.send({
    op: 'subscribe',
    args: ['books5', 'bbo-tbt'].map((channel) => ({ channel, instId: 'BTC-USDT' })),
  });
  const bybit = open(faces.bybit);
  bybit.send({ op: 'subscribe', args: ['orderbook.1.BTCUSDT', 'orderbook.200.BTCUSDT'] });
  const deep = new Map<string, NaiveBook>();
  const slow = new Map<string, NaiveBook>();
  applyBinanceSnapshot(
    bookOf(slow, 'BTCUSDT'),
    get(exchanges, 'binance', '/api/v3/depth?symbol=BTCUSDT').body,
  );
  const top = (ladder: Ladder, market: SimulatedMarket, depth: number) => ({
    bids: engineSide(market, ladder.bids).slice(0, depth),
    asks: engineSide(market, ladder.asks).slice(0, depth),
  });
  const numbers = (levels: unknown) =>
    (levels as string[][]).map(([price, size]) => [Number(price), Number(size)]);
  let compared = 0;
  for (let step = 0; step < 300; step++) {
    run(100);
    const markets = {
      b: world.market('binance', 'BTC-USDT'),
      o: world.market('okx', 'BTC-USDT'),
      y: world.market('bybit', 'BTC-USDT'),
    };
    for (const text of binance.transport.take()) {
      const { stream, data } = parse(text) as { stream: string; data: Json };
      const expected = top(markets.b.ladder(), markets.b, 5);
      if (stream === 'btcusdt@depth5@100ms') {
        t.same({ bids: numbers(data['bids']), asks: numbers(data['asks']) }, expected, 'depth5');
        compared++;
      } else if (stream === 'btcusdt@bookTicker') {
        t.same([Number(data['b']), Number(data['B'])], expected.bids[0], 'bookTicker bid');
        t.same([Number(data['a']), Number(data['A'])], expected.asks[0], 'bookTicker ask');
        compared++;
      } else {
        applyFrame('binance', slow, JSON.stringify(data));
        t.same(
          sorted(bookOf(slow, 'BTCUSDT').bids, true),
          engineSide(markets.b, markets.b.ladder().bids),
          'depth each second',
        );
      }
    }
    for (const text of okx.transport.take().filter((frame) => frame.includes('"data"') && step > 0)) {
      const { arg, data } = parse(text) as { arg: { channel: string }; data: Json[] };
      const expected = top(markets.o.ladder(), markets.o, arg.channel === 'books5' ? 5 : 1);
      t.same({ bids: numbers(data[0]!['bids']), asks: numbers(data[0]!['asks']) }, expected, arg.channel);
      compared++;
    }
    for (const text of bybit.transport.take().filter((frame) => frame.includes('"topic"'))) {
      const { topic, data } = parse(text) as { topic: string; data: Json };
      if (topic !== 'orderbook.1.BTCUSDT') {
        applyFrame('bybit', deep, text);
        continue;
      }
      if (step === 0) continue;
      const expected = top(markets.y.ladder(), markets.y, 1);
      t.same({ bids: numbers(data['b']), asks: numbers(data['a']) }, expected, topic);
      compared++;
    }
  }
  t.same(
    sorted(bookOf(deep, 'BTCUSDT').asks, false),
    engineSide(world.market('bybit', 'BTC-USDT'), world.market('bybit', 'BTC-USDT').ladder().asks),
  );
  t.ok(compared > 200, `${compared} frames compared`);
  t.end();
});

t.test('trades carry rising ids, the taker side, and add up on every channel', (t) => {
  const { faces, run } = memoryExchanges({ seed: 8 });
  const binance = open(faces.binance, '/stream?streams=ethusdt@trade/ethusdt@aggTrade');
  const okx = open(faces.okx);
  okx.send({ op: 'subscribe', args: [{ channel: 'trades', instId: 'ETH-USDT' }] });
  const bybit = open(faces.bybit);
  bybit.send({ op: 'subscribe', args: ['publicTrade.ETHUSDT'] });
  for (let i = 0; i < 6; i++) {
    run(10_000);
    for (const connection of [binance, okx, bybit]) connection.heartbeat();
  }
  const frames = binance.transport.take().map((text) => parse(text)['data'] as Json);
  const trades = frames.filter((frame) => frame['e'] === 'trade');
  const joined = frames.filter((frame) => frame['e'] === 'aggTrade');
  t.ok(trades.length > 20, `${trades.length} trades`);
  t.ok(trades.every((trade, i) => i === 0 || Number(trade['t']) === Number(trades[i - 1]!['t']) + 1));
  t.ok(joined.every((trade, i) => i === 0 || Number(trade['f']) === Number(joined[i - 1]!['l']) + 1));
  const sum = (list: typeof trades) =>
    list.reduce((total, trade) => total + Math.round(Number(trade['q']) * 1e4), 0);
  t.equal(sum(joined), sum(trades));
  t.ok(new Set(trades.map((trade) => trade['m'])).size === 2, 'both sides take');
  const okxTrades = okx.transport
    .take()
    .filter((text) => text.includes('"data"'))
    .map((text) => (parse(text)['data'] as Json[])[0]!);
  t.ok(
    okxTrades.length > 20 && okxTrades.every((trade) => trade['side'] === 'buy' || trade['side'] === 'sell'),
  );
  const bybitTrades = bybit.transport
    .take()
    .filter((text) => text.includes('"topic"'))
    .flatMap((text) => parse(text)['data'] as Json[]);
  t.ok(bybitTrades.length > 20);
  t.equal(new Set(bybitTrades.map((trade) => trade['i'])).size, bybitTrades.length, 'ids are unique');
  t.end();
});

t.test('Binance: subscriptions, their answers and their errors', (t) => {
  const { faces, run } = memoryExchanges();
  const client = open(faces.binance, '/ws/btcusdt@bookTicker');
  const answer = (message: unknown) => {
    run(400);
    client.transport.take();
    client.send(message);
    return parse(client.transport.take()[0]!);
  };
  t.same(answer({ method: 'SUBSCRIBE', params: ['ethusdt@depth@100ms', 'nosuch@depth'], id: 312 }), {
    result: null,
    id: 312,
  });
  t.same(answer({ method: 'LIST_SUBSCRIPTIONS', id: 'a1' }), {
    result: ['btcusdt@bookTicker', 'ethusdt@depth@100ms', 'nosuch@depth'],
    id: 'a1',
  });
  run(500);
  const kinds = new Set(
    client.transport.take().map((text) => (parse(text)['e'] as string | undefined) ?? 'bookTicker'),
  );
  t.same([...kinds].sort(), ['bookTicker', 'depthUpdate'], 'raw frames, not wrapped');
  t.same(answer({ method: 'UNSUBSCRIBE', params: ['ethusdt@depth@100ms'], id: 4 }), { result: null, id: 4 });
  run(2_000);
  t.notOk(
    client.transport.take().some((text) => text.includes('depthUpdate')),
    'silent after UNSUBSCRIBE',
  );
  const code = (message: unknown) => (answer(message)['error'] as Json)['code'];
  t.equal(code('{nonsense'), 3);
  t.equal(code({ params: [], id: 1 }), 2);
  t.equal(code({ method: 'FOO', params: [], id: 1 }), 2);
  t.equal(code({ method: 'SUBSCRIBE', params: 'btcusdt@trade', id: 1 }), 2);
  t.equal(code({ method: 'SUBSCRIBE', params: [], id: { no: 1 } }), 2);
  t.equal(
    code({ method: 'SUBSCRIBE', params: Array.from({ length: 1_025 }, (_, i) => `s${i}@trade`), id: 1 }),
    4,
  );
  t.equal((answer(`{"method":${'['.repeat(5_000)}${']'.repeat(5_000)},"id":1}`)['error'] as Json)['code'], 2);
  t.equal(
    faces.binance.onConnect(client.transport, '/nowhere') instanceof Object,
    true,
    'an unknown path is refused',
  );
  t.end();
});

t.test('Binance: pings that must be echoed, the message limit, the end of a connection', (t) => {
  const { faces, run } = memoryExchanges();
  const silent = open(faces.binance);
  const wrong = open(faces.binance);
  const live = open(faces.binance);
  for (let second = 0; second < 90; second += 10) {
    run(10_000);
    live.heartbeat();
    faces.binance.onClientPong(wrong.id, 'unsolicited');
  }
  t.equal(silent.transport.closedWith, 1008, 'no pong: closed after a minute');
  t.equal(wrong.transport.closedWith, 1008, 'a pong with another payload does not count');
  t.equal(live.transport.closedWith, null);
  const shutdown = open(faces.binance, '/stream');
  faces.binance.announceShutdown(5_000);
  t.equal(parse(shutdown.transport.take()[0]!)['stream'], '!serverShutdown');
  run(4_000);
  t.equal(live.transport.closedWith, null);
  run(2_000);
  t.equal(live.transport.closedWith, 1001, 'the announced shutdown happened');
  const flood = memoryExchanges().faces.binance;
  const noisy = open(flood);
  for (let i = 0; i < 5; i++) noisy.send({ method: 'LIST_SUBSCRIPTIONS', id: i });
  t.equal(noisy.transport.closedWith, null);
  noisy.send({ method: 'LIST_SUBSCRIPTIONS', id: 6 });
  t.equal(noisy.transport.closedWith, 1008, 'the sixth message within a second');
  const day = memoryExchanges({ pairs: ['BTC-USDT'], exchanges: ['binance'], stepMs: 1_000 });
  const old = open(day.faces.binance);
  for (let hour = 0; hour < 24 * 6; hour++) {
    for (let ping = 0; ping < 20; ping++) {
      day.run(30_000);
      old.heartbeat();
    }
  }
  t.equal(old.transport.closedWith, 1001, 'closed after 24 hours');
  t.end();
});

t.test('Binance: REST answers, weights, warnings and bans', (t) => {
  const exchanges = memoryExchanges();
  const call = (url: string, method = 'GET') => get(exchanges, 'binance', url, method);
  t.same(call('/api/v3/ping').json, {});
  t.same(call('/api/v3/time').json, { serverTime: exchanges.world.nowMs });
  const depth = call('/api/v3/depth?symbol=BTCUSDT&limit=3');
  t.equal((depth.json!['bids'] as unknown[]).length, 3);
  t.equal(depth.headers['x-mbx-used-weight-1m'], '7', 'ping 1, time 1, depth 5');
  const info = call('/api/v3/exchangeInfo?symbol=XRPUSDT').json as { symbols: { filters: Json[] }[] };
  const filter = (type: string) => info.symbols[0]!.filters.find((f) => f['filterType'] === type)!;
  t.equal(filter('PRICE_FILTER')['tickSize'], '0.00010000');
  t.equal(filter('LOT_SIZE')['stepSize'], '0.10000000');
  t.equal(filter('NOTIONAL')['minNotional'], '5.00000000');
  t.equal(
    (call('/api/v3/exchangeInfo?symbols=["BTCUSDT","ETHUSDT"]').json!['symbols'] as unknown[]).length,
    2,
  );
  t.equal(call('/api/v3/depth').json!['code'], -1102);
  t.equal(call('/api/v3/depth?symbol=NOPE').json!['code'], -1121);
  t.equal(call('/api/v3/depth?symbol=a%20b').json!['code'], -1100);
  t.equal(call('/api/v3/depth?symbol=BTCUSDT&limit=x').status, 400);
  t.equal(call('/api/v3/order', 'POST').status, 405);
  let last = call('/api/v3/ping');
  for (let i = 0; i < 30 && last.status === 200; i++) last = call('/api/v3/depth?symbol=BTCUSDT&limit=5000');
  t.equal(last.status, 429);
  t.ok(Number(last.headers['retry-after']) > 0 && Number(last.headers['retry-after']) <= 60);
  for (let i = 0; i < 15; i++) last = call('/api/v3/ping');
  t.equal(last.status, 418, 'whoever goes on is banned');
  exchanges.run(60_000);
  t.equal(call('/api/v3/ping').status, 418, 'also in the next minute');
  exchanges.run(90_000);
  t.equal(call('/api/v3/ping').status, 200);
  t.end();
});

t.test('OKX: acknowledgements, errors, pings, idle close, keep-alive and notice', (t) => {
  const { faces, run, world } = memoryExchanges();
  const client = open(faces.okx);
  client.send({
    op: 'subscribe',
    args: [
      { channel: 'books', instId: 'BTC-USDT' },
      { channel: 'candle1m', instId: 'BTC-USDT' },
    ],
  });
  const [ack, snapshot, error] = client.transport.take().map(parse);
  t.match(ack, {
    event: 'subscribe',
    arg: { channel: 'books', instId: 'BTC-USDT' },
    connId: /^[0-9a-f]{8}$/,
  });
  t.match(snapshot, { action: 'snapshot', data: [{ prevSeqId: -1, checksum: 0 }] });
  t.match(error, { event: 'error', code: '60018' });
  for (const bad of [
    '{',
    '[]',
    '{"op":"subscribe"}',
    '{"op":"fly","args":[1]}',
    'null',
    `{"args":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
  ]) {
    client.send(bad);
    t.match(parse(client.transport.take()[0]!), { event: 'error', code: '60012' }, bad.slice(0, 30));
  }
  client.send({ op: 'subscribe', args: [null, 5, { channel: { toString: 1 }, instId: [] }] });
  t.equal(client.transport.take().length, 3, 'each bad argument gets its own error');
  client.send('ping');
  t.same(client.transport.take(), ['pong']);
  faces.okx.sendNotice();
  t.match(parse(client.transport.take()[0]!), { event: 'notice', code: '64008' });
  client.send({ op: 'unsubscribe', args: [{ channel: 'books', instId: 'BTC-USDT' }] });
  t.match(parse(client.transport.take()[0]!), { event: 'unsubscribe' });
  run(29_000);
  t.equal(client.transport.closedWith, null);
  run(1_200);
  t.equal(client.transport.closedWith, 4004, 'nothing for 30 s: closed');
  t.same(client.transport.take(), [], 'nothing came after unsubscribe');
  const quiet = open(faces.okx);
  quiet.send({ op: 'subscribe', args: [{ channel: 'books', instId: 'BTC-USDT' }] });
  run(1_000);
  const last = quiet.transport.take().map(parse).at(-1) as { data: { seqId: number }[] };
  // Nothing moves any more on this market: the sites stand still while the face goes on.
  for (let ms = 100; ms <= 61_000; ms += 100) {
    if (ms % 20_000 === 0) quiet.send('ping');
    faces.okx.onStep(world.nowMs + ms);
  }
  const alive = quiet.transport
    .take()
    .filter((text) => text !== 'pong')
    .map(parse);
  t.equal(alive.length, 1, 'one keep-alive in a minute');
  const seqId = last.data[0]!.seqId;
  t.match(alive[0], { action: 'update', data: [{ asks: [], bids: [], seqId, prevSeqId: seqId }] });
  faces.okx.bookForm = 'without-checksum';
  quiet.send({ op: 'subscribe', args: [{ channel: 'books', instId: 'ETH-USDT' }] });
  const bare = parse(quiet.transport.take()[1]!) as { data: Json[] };
  t.same(Object.keys(bare.data[0]!), ['asks', 'bids', 'instId', 'ts', 'seqId']);
  t.end();
});

t.test('OKX: REST answers, limits and the limit of connections', (t) => {
  const exchanges = memoryExchanges();
  const { faces, run } = exchanges;
  const call = (url: string) => get(exchanges, 'okx', url);
  t.match(call('/api/v5/public/time').json, { code: '0', data: [{ ts: `${exchanges.world.nowMs}` }] });
  const all = call('/api/v5/public/instruments?instType=SPOT').json!['data'] as Json[];
  t.equal(all.length, 5);
  t.match(all[0], {
    instId: 'BTC-USDT',
    tickSz: '0.1',
    lotSz: '0.00000001',
    minSz: '0.00001',
    state: 'live',
  });
  t.equal(call('/api/v5/public/instruments?instType=SPOT&instId=NO-USDT').json!['code'], '51001');
  t.equal(call('/api/v5/public/instruments').json!['code'], '51000');
  const book = (
    call('/api/v5/market/books?instId=XRP-USDT&sz=5').json!['data'] as { asks: unknown[][] }[]
  )[0]!;
  t.equal(book.asks.length, 5);
  t.equal(book.asks[0]!.length, 4);
  t.equal(call('/api/v5/market/books?instId=NO').json!['code'], '51001');
  t.equal(call('/api/v5/nothing').status, 404);
  t.equal(call('/constructor').status, 404);
  let last = call('/api/v5/public/time');
  for (let i = 0; i < 12; i++) last = call('/api/v5/public/time');
  t.equal(last.status, 429);
  t.equal(last.json!['code'], '50011');
  run(3_000);
  t.equal(call('/api/v5/public/time').status, 200);
  for (let i = 0; i < 3; i++) open(faces.okx);
  t.throws(() => open(faces.okx), /429/, 'three connections a second');
  run(1_100);
  const client = open(faces.okx);
  const arg = { channel: 'trades', instId: 'BTC-USDT' };
  for (let i = 0; i < 240; i++)
    for (const op of ['subscribe', 'unsubscribe']) client.send({ op, args: [arg] });
  t.notOk(client.transport.take().some((text) => text.includes('60014')));
  client.send({ op: 'subscribe', args: [arg] });
  t.match(parse(client.transport.take()[0]!), { event: 'error', code: '60014' }, '480 requests an hour');
  t.end();
});

t.test('Bybit: acknowledgements, errors, ping, repeated level 1, restart', (t) => {
  const { faces, run, world } = memoryExchanges();
  const client = open(faces.bybit);
  const answer = (message: unknown) => {
    client.transport.take();
    client.send(message);
    return parse(client.transport.take()[0]!);
  };
  t.same(Object.keys(answer({ op: 'subscribe', args: ['orderbook.50.BTCUSDT'] })), [
    'success',
    'ret_msg',
    'conn_id',
    'op',
  ]);
  t.match(answer({ op: 'subscribe', args: ['orderbook.1.BTCUSDT'], req_id: '7' }), {
    success: true,
    req_id: '7',
  });
  t.match(answer({ op: 'subscribe', args: ['orderbook.1.BTCUSDT'] }), {
    success: false,
    ret_msg: /already subscribed/,
  });
  t.match(answer({ op: 'subscribe', args: ['orderbook.7.BTCUSDT'] }), {
    success: false,
    ret_msg: /handler not found/,
  });
  t.match(answer({ op: 'subscribe', args: Array.from({ length: 11 }, () => 'tickers.BTCUSDT') }), {
    success: false,
    ret_msg: 'args size >10',
  });
  for (const bad of ['{', '[]', { op: 'subscribe' }, { op: 'subscribe', args: [1] }, { op: {} }]) {
    t.equal(answer(bad)['success'], false, JSON.stringify(bad));
  }
  t.match(answer({ op: 'ping', req_id: 'p' }), { success: true, ret_msg: 'pong', req_id: 'p', op: 'ping' });
  run(1_000);
  client.transport.take();
  for (let ms = 100; ms <= 6_500; ms += 100) faces.bybit.onStep(world.nowMs + ms);
  const repeats = client.transport.take().map(parse) as { topic: string; type: string; data: Json }[];
  t.equal(repeats.length, 2, 'level 1 repeats every 3 s of silence');
  t.same(repeats[0]!.data['u'], repeats[1]!.data['u'], 'with the same u');
  faces.bybit.restartBooks();
  const restarted = client.transport.take().map(parse) as { topic: string; type: string; data: Json }[];
  t.ok(
    restarted.length === 2 && restarted.every((frame) => frame.type === 'snapshot' && frame.data['u'] === 1),
  );
  run(200);
  t.equal((parse(client.transport.take().find((text) => text.includes('"delta"'))!)['data'] as Json)['u'], 2);
  t.match(answer({ op: 'unsubscribe', args: ['orderbook.50.BTCUSDT', 'orderbook.1.BTCUSDT'] }), {
    success: true,
  });
  run(4_000);
  t.same(client.transport.take(), []);
  run(600_000);
  t.equal(client.transport.closedWith, 1006, 'a client that says nothing for ten minutes is dropped');
  t.end();
});

t.test('Bybit: REST answers and the address block', (t) => {
  const exchanges = memoryExchanges();
  const call = (url: string) => get(exchanges, 'bybit', url);
  t.match(call('/v5/market/time').json, { retCode: 0, result: { timeSecond: `${START_MS / 1_000}` } });
  const { list } = call('/v5/market/instruments-info?category=spot').json!['result'] as { list: Json[] };
  t.equal(list.length, 5);
  t.match(list[0], {
    symbol: 'BTCUSDT',
    priceFilter: { tickSize: '0.1' },
    lotSizeFilter: { basePrecision: '0.000001', minOrderAmt: '5' },
  });
  const book = call('/v5/market/orderbook?category=spot&symbol=SOLUSDT&limit=200').json!['result'] as {
    a: unknown[];
  };
  t.ok(book.a.length >= 20);
  t.equal(call('/v5/market/orderbook?category=spot&symbol=NOPE').json!['retCode'], 10001);
  t.equal(call('/v5/market/instruments-info?category=linear').json!['retCode'], 10001);
  t.equal(call('/v5/order/create').status, 404);
  for (let i = 0; i < 600; i++) call('/v5/market/time');
  t.equal(call('/v5/market/time').status, 403);
  exchanges.run(10_000);
  t.equal(call('/v5/market/time').status, 403, 'for ten minutes');
  t.end();
});

t.test('fault switches do what they say, on every exchange', (t) => {
  for (const exchange of DEFAULT_EXCHANGES) {
    const exchanges = memoryExchanges({ seed: 13 });
    const { faces, run, world } = exchanges;
    const face = faces[exchange];
    const client = open(face);
    const symbol = symbolOf(exchange, 'BTC-USDT');
    subscribeBooks(exchange, client, [symbol]);
    const frames = (ms: number) => {
      run(ms);
      return client.transport.take();
    };
    frames(1_000);
    const normal = frames(1_000).length;
    t.ok(normal >= 6, `${exchange}: ${normal} frames a second`);
    const books = () => {
      const rebuilt = new Map<string, NaiveBook>();
      return (list: string[]) => {
        for (const frame of list) applyFrame(exchange, rebuilt, frame);
        return bookOf(rebuilt, symbol).gaps;
      };
    };
    const check = books();
    check(frames(500));
    const before = check([]);
    face.faults.add({ kind: 'drop', symbol, count: 1 });
    t.equal(check(frames(1_000)) - before, 1, `${exchange}: a dropped frame is one gap`);
    face.faults.add({ kind: 'duplicate', symbol, count: 1 });
    const doubled = frames(1_000);
    t.equal(doubled.length - new Set(doubled).size, 1, `${exchange}: one frame twice`);
    face.faults.add({ kind: 'reorder', symbol, count: 1 });
    const swapped = frames(1_000);
    const times = swapped.map((text) => applyTime(exchange, text));
    t.equal(times.filter((at, i) => i > 0 && at < times[i - 1]!).length, 1, `${exchange}: one frame late`);
    const unmute = face.faults.add({ kind: 'mute', symbol });
    t.same(frames(2_000), [], `${exchange}: mute`);
    unmute();
    t.ok(frames(1_000).length > 0, `${exchange}: and on again`);
    for (const kind of ['garbage', 'truncate'] as const) {
      face.faults.add({ kind, symbol, count: 1 });
      const broken = frames(1_000).filter((text) => !isJson(text));
      t.equal(broken.length, 1, `${exchange}: ${kind}`);
    }
    face.faults.add({ kind: 'corrupt', symbol, count: 1 });
    t.ok(frames(1_000).every(isJson), `${exchange}: corrupt keeps the form`);
    face.delayFrames('BTC-USDT', world.nowMs, 1, 2_000);
    const late = frames(3_000).map((text) => world.nowMs - applyTime(exchange, text));
    t.ok(late.length > 0 && Math.max(...late) >= 2_000, `${exchange}: frames come late`);
    face.stopDelay('BTC-USDT');
    const released = frames(300).map((text) => applyTime(exchange, text));
    t.ok(
      released.length > 15 && released.every((at, i) => i === 0 || at >= released[i - 1]!),
      `${exchange}: in order`,
    );
    face.faults.clockSkewMs = 1_234;
    t.equal(
      applyTime(exchange, frames(200).at(-1)!) > world.nowMs + 1_000,
      true,
      `${exchange}: a wrong clock`,
    );
    face.faults.clockSkewMs = 0;
    const timePath = TIME_PATHS[exchange];
    face.faults.addHttp({ status: 429, retryAfterSeconds: 3, count: 1 });
    t.equal(get(exchanges, exchange, timePath).status, 429, `${exchange}: HTTP fault`);
    t.equal(get(exchanges, exchange, timePath).status, 200);
    face.faults.makeHalfOpen(client.id);
    t.same(frames(1_000), [], `${exchange}: half-open says nothing`);
    client.send('ping');
    face.onClientPing(client.id, Buffer.from('x'));
    t.same(client.transport.take(), []);
    t.same(client.transport.pongs, []);
    const other = open(face);
    face.onClientPing(other.id, Buffer.from('x'));
    t.same(other.transport.pongs, ['x'], `${exchange}: a healthy connection is unharmed`);
    face.disconnect(1012, other.id);
    t.equal(other.transport.closedWith, 1012);
    face.faults.refuseConnections = true;
    t.throws(() => open(face), /503/);
    face.faults.clear();
    const again = open(face);
    t.ok(again.id > other.id, `${exchange}: ${PATHS[exchange]} accepts again`);
    face.onClose(again.id);
    t.notOk(face.connections.includes(again.id));
  }
  t.end();
});

function applyTime(exchange: SimulatedExchange, text: string): number {
  const rebuilt = new Map<string, NaiveBook>();
  const symbol = applyFrame(exchange, rebuilt, text);
  return symbol === null ? 0 : bookOf(rebuilt, symbol).exchangeTimeMs;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
