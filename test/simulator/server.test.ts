import { createHmac } from 'node:crypto';
import t from 'tap';
import WebSocket from 'ws';
import type { Logger } from '../../src/ports/log.js';
import type { Clock, Timers } from '../../src/ports/time.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges } from '../../src/simulator/server.js';
import { isClosedAfterRefusal, resetDuringUpgrade } from '../reset-client.js';
import { applyFrame, bookOf, type NaiveBook } from './naive-book.js';

/** Real time, `factor` times as fast. */
function scaled(factor: number): { clock: Clock; timers: Timers } {
  const startMs = Date.now();
  const origin = performance.now();
  const nowMs = () => startMs + (performance.now() - origin) * factor;
  const pending = new Map<number, NodeJS.Timeout>();
  let lastId = 0;
  const timers: Timers = {
    setTimer(callback, delayMs) {
      const id = ++lastId;
      pending.set(
        id,
        setTimeout(() => {
          pending.delete(id);
          callback();
        }, delayMs / factor),
      );
      return { id };
    },
    clearTimer({ id }) {
      clearTimeout(pending.get(id));
      pending.delete(id);
    },
    setImmediate: (callback) => void setImmediate(callback),
  };
  return { clock: { nowMs, monotonicMs: nowMs }, timers };
}

const complaints: string[] = [];
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields, message) => complaints.push(message),
  error: (_fields, message) => complaints.push(message),
  child: () => log,
};

/** Opens a socket, sends the messages, and collects `count` data frames. */
async function collect(url: string, messages: readonly object[], count: number): Promise<string[]> {
  const socket = new WebSocket(url);
  const frames: string[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => messages.forEach((message) => socket.send(JSON.stringify(message))));
    socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
    socket.on('message', (data: Buffer) => {
      frames.push(data.toString());
      if (frames.length >= count) resolve();
    });
  });
  socket.removeAllListeners('close');
  socket.terminate();
  return frames;
}

t.test('three exchanges serve their protocols on loopback, twenty times as fast as the wall', async (t) => {
  const { clock, timers } = scaled(20);
  const exchanges = await startSimulatedExchanges({ seed: 1, clock, timers, log, plants: NO_PLANTS });
  t.teardown(() => exchanges.close());
  const { binance, okx, bybit } = exchanges.endpoints as Record<string, { ws: string; rest: string }>;
  for (const endpoint of [binance, okx, bybit]) t.match(endpoint!.ws, /^ws:\/\/127\.0\.0\.1:\d+$/);
  const before = Math.floor(clock.nowMs());
  const time = (await (await fetch(`${binance!.rest}/api/v3/time`)).json()) as { serverTime: number };
  t.ok(time.serverTime >= before && time.serverTime <= clock.nowMs(), 'server time is the time of the clock');
  const [first, second, third] = await Promise.all([
    collect(`${binance!.ws}/stream?streams=btcusdt@depth@100ms/ethusdt@bookTicker`, [], 120),
    collect(
      `${okx!.ws}/ws/v5/public`,
      [{ op: 'subscribe', args: [{ channel: 'books', instId: 'BTC-USDT' }] }],
      120,
    ),
    collect(`${bybit!.ws}/v5/public/spot`, [{ op: 'subscribe', args: ['orderbook.50.BTCUSDT'] }], 120),
  ]);
  t.ok(first.every((text) => text.startsWith('{"stream":"')));
  for (const [exchange, frames] of [
    ['okx', second],
    ['bybit', third],
  ] as const) {
    const books = new Map<string, NaiveBook>();
    const symbol = frames.map((text) => applyFrame(exchange, books, text)).find((name) => name !== null)!;
    t.equal(bookOf(books, symbol).gaps, 0, `${exchange}: no gap over a real socket`);
    t.ok(bookOf(books, symbol).bids.size >= 20);
  }
  const from = exchanges.world.nowMs;
  const wallFrom = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const passed = exchanges.world.nowMs - from;
  t.ok(passed > 2_000, `${passed} ms of world time in ${Math.round(performance.now() - wallFrom)} ms`);
});

t.test(
  'pings are answered, wrong paths and oversized requests are refused, and close ends everything',
  async (t) => {
    const { clock, timers } = scaled(1);
    const exchanges = await startSimulatedExchanges({
      seed: 2,
      clock,
      timers,
      log,
      plants: NO_PLANTS,
      exchanges: ['binance'],
      pairs: ['BTC-USDT'],
    });
    const { ws, rest } = exchanges.endpoints.binance!;
    const refused = new WebSocket(`${ws}/nowhere`);
    const reason = await new Promise<Error>((resolve) => refused.on('error', resolve));
    t.match(reason.message, /404/);
    for (const path of ['/nowhere', '/ws']) await resetDuringUpgrade(ws, path);
    t.ok(await isClosedAfterRefusal(ws, '/nowhere'), 'a refused line is not kept');
    t.equal((await fetch(`${rest}/api/v3/ping`)).status, 200, 'a client that resets its line harms nobody');
    const socket = new WebSocket(`${ws}/ws`);
    await new Promise<void>((resolve) => socket.on('open', () => resolve()));
    const pong = new Promise<string>((resolve) => socket.on('pong', (data) => resolve(data.toString())));
    socket.ping('hello');
    t.equal(await pong, 'hello');
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    socket.send('x'.repeat(200_000));
    t.equal(await closed, 1009, 'oversized');
    t.equal((await fetch(`${rest}/api/v3/ping`)).status, 200);
    const last = new WebSocket(`${ws}/ws`);
    await new Promise<void>((resolve) => last.on('open', () => resolve()));
    const gone = new Promise<void>((resolve) => last.on('close', () => resolve()));
    await exchanges.close();
    await gone;
    await t.rejects(fetch(`${rest}/api/v3/ping`));
    t.same(exchanges.faces.binance?.connections, [], 'no connection is left');
    const stopped = exchanges.world.nowMs;
    await new Promise((resolve) => setTimeout(resolve, 250));
    t.equal(exchanges.world.nowMs, stopped, 'the world stands still');
    t.notOk(
      complaints.some((text) => text.includes('defect')),
      complaints.join('; '),
    );
  },
);

t.test('signed orders, silence, late answers and the private socket over real connections', async (t) => {
  const { clock, timers } = scaled(20);
  const exchanges = await startSimulatedExchanges({
    seed: 3,
    clock,
    timers,
    log,
    plants: NO_PLANTS,
    exchanges: ['binance', 'upbit', 'bithumb'],
    pairs: ['BTC-USDT', 'BTC-KRW'],
  });
  t.teardown(() => exchanges.close());
  t.same(Object.keys(exchanges.accounts).sort(), ['binance', 'bithumb', 'upbit']);
  const account = exchanges.accounts.binance!;
  account.open([{ asset: 'USDT', amount: '1000' }]);
  const { rest, ws } = exchanges.endpoints.binance!;
  const { apiKey, secret } = account.credentials;
  const signed = (params: string): string => {
    const payload = `${params}&recvWindow=60000&timestamp=${Math.floor(clock.nowMs())}`;
    return `${payload}&signature=${createHmac('sha256', secret).update(payload).digest('hex')}`;
  };
  const order = 'symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000';
  const post = (signal?: AbortSignal) =>
    fetch(`${rest}/api/v3/order`, {
      method: 'POST',
      headers: { 'X-MBX-APIKEY': apiKey, 'content-type': 'application/x-www-form-urlencoded' },
      body: signed(order),
      ...(signal !== undefined && { signal }),
    });
  const stamp = Math.floor(clock.nowMs());
  const socketPayload = `apiKey=${apiKey}&recvWindow=60000&timestamp=${stamp}`;
  const subscribe = {
    id: 'u',
    method: 'userDataStream.subscribe.signature',
    params: {
      apiKey,
      recvWindow: 60_000,
      timestamp: stamp,
      signature: createHmac('sha256', secret).update(socketPayload).digest('hex'),
    },
  };
  const stream = new WebSocket(`${ws}/ws-api/v3`);
  t.teardown(() => stream.terminate());
  const frames: string[] = [];
  stream.on('message', (data: Buffer) => frames.push(data.toString()));
  stream.on('open', () => stream.send(JSON.stringify(subscribe)));
  const arrived = async (count: number) => {
    while (frames.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await arrived(1);
  const answer = await post();
  t.equal(answer.status, 200);
  t.match(await answer.json(), { status: 'NEW', origQty: '0.00100000' });
  await arrived(3);
  t.match(frames, [/"subscriptionId":0/, /executionReport/, /outboundAccountPosition/]);
  const abort = new AbortController();
  account.misbehave({ kind: 'accept-then-timeout', count: 1 });
  const silent = post(abort.signal);
  while (account.orders().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  await t.rejects(silent, { name: 'AbortError' }, 'never answered, and placed');
  account.misbehave({ kind: 'slow', delayMs: 2_000, count: 1 });
  const from = clock.nowMs();
  t.equal((await post()).status, 200);
  t.ok(clock.nowMs() - from >= 2_000, 'late by world time');
  t.equal(account.orders().length, 3);
  const large = await fetch(`${rest}/api/v3/order`, { method: 'POST', body: 'x'.repeat(70_000) });
  t.equal(large.status, 413);
});
