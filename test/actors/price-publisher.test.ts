import t from 'tap';
import { pricePublisherActor, type PricePublisherOptions } from '../../src/actors/price-publisher.js';
import { OrderBook } from '../../src/market/order-book.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { BookTop } from '../../src/messages/feed.js';
import { NO_NONCE } from '../../src/messages/streams.js';
import type { BestQuote, PriceStore, StreamRecord } from '../../src/ports/price-cache.js';
import { InProcessStore } from '../../src/storage/prices/in-process-store.js';
import { SAMPLES } from '../messages/samples.js';
import { World } from './world.js';

t.setTimeout(400_000);

/** A store whose answers the test gives, or withholds. */
class ScriptedStore implements PriceStore {
  readonly puts: (readonly BookTop[])[] = [];
  readonly appended: StreamRecord[][] = [];
  up = true;
  behaviour: 'answers' | 'hangs' | 'fails' | 'throws' = 'answers';
  private readonly inner: PriceStore;

  constructor(inner: PriceStore) {
    this.inner = inner;
  }

  private async answer<T>(value: () => Promise<T>): Promise<T> {
    if (this.behaviour === 'hangs') return new Promise(() => undefined);
    if (this.behaviour === 'fails') throw new ArbotError('ARB_STORE_UNAVAILABLE', 'gone');
    if (this.behaviour === 'throws') throw new Error('a defect of the driver');
    return value();
  }

  readonly prices: PriceStore['prices'] = {
    put: (books) => {
      this.puts.push(books);
      return this.answer(() => this.inner.prices.put(books));
    },
    book: (instrument) => this.inner.prices.book(instrument),
    quotes: (instruments) => this.inner.prices.quotes(instruments),
    subscribe: (instruments, listener) => this.inner.prices.subscribe(instruments, listener),
  };

  readonly events: PriceStore['events'] = {
    append: (records) => {
      this.appended.push([...records]);
      return this.answer(() => this.inner.events.append(records));
    },
    read: (stream, after, limit) => this.inner.events.read(stream, after, limit),
    readGroup: (stream, reader, limit) => this.inner.events.readGroup(stream, reader, limit),
    acknowledge: (stream, group, ids) => this.inner.events.acknowledge(stream, group, ids),
    length: (stream) => this.inner.events.length(stream),
  };

  isUp(): boolean {
    return this.up;
  }
  state() {
    return { connected: this.up, reconnects: 0, invalid: 0, lastError: null };
  }
  describe() {
    return this.inner.describe();
  }
  ping() {
    return this.inner.ping();
  }
  close() {
    return this.inner.close();
  }
}

const PATH = '/price-publisher';

async function publish(world: World, change: Partial<PricePublisherOptions> = {}) {
  const { time, board, bus, system } = world;
  const store = new ScriptedStore(
    new InProcessStore({ clock: time, timers: time, ttlMs: 3_000, maxEntries: 500 }),
  );
  const started = system.spawn(PATH, pricePublisherActor({ bus, board, store, ...change }));
  await time.settle();
  const outcome = await started;
  if (!outcome.ok) throw outcome.error;
  return store;
}

const summary = (world: World) => world.summary(PATH);

t.test('changed books are written once per interval, as they are then', async (t) => {
  const world = await World.start();
  const store = await publish(world);
  await world.time.advance(2_000);
  store.puts.length = 0;
  for (let change = 0; change < 500; change++) world.quote('alpha:BTC-USDT', 1_000 + change, 1_600 + change);
  await world.time.advance(100);
  t.equal(store.puts.length, 1, 'five hundred changes are one write');
  t.match(await store.prices.book('alpha:BTC-USDT'), {
    trusted: true,
    epoch: 1,
    bids: [[1_499, 10]],
    asks: [[2_099, 10]],
    receiveTimeMs: world.time.nowMs() - 100,
  });
  world.board.distrust(world.board.slotOf('alpha:BTC-USDT'));
  await world.time.advance(100);
  t.match(
    await store.prices.quotes(['alpha:BTC-USDT']),
    [{ trusted: false, bid: 1_499 }],
    'lost trust is told',
  );
  const crossed = new OrderBook();
  crossed.setBid(11, 1);
  crossed.setAsk(10, 1);
  const { board, time } = world;
  board.publish(board.slotOf('beta:BTC-USDT'), crossed, 2, time.nowMs(), time.nowMs(), time.monotonicMs());
  await world.time.advance(100);
  t.match(await store.prices.book('beta:BTC-USDT'), { trusted: false, bids: [[11, 1]], asks: [[10, 1]] });
  t.match(summary(world), { connected: true, booksFailed: 0, booksOutdated: 0 });
});

t.test('a book that stands still is kept alive while its line is, and forgotten afterwards', async (t) => {
  const world = await World.start();
  const store = await publish(world);
  const slot = world.board.slotOf('alpha:BTC-USDT');
  for (let second = 0; second < 10; second++) {
    world.board.markAlive(slot, world.time.monotonicMs());
    await world.time.advance(1_000);
    t.equal((await store.prices.quotes(['alpha:BTC-USDT'])).length, 1, `after ${second + 1} s`);
  }
  t.equal((await store.prices.quotes(['gamma:ETH-USDT'])).length, 0, 'one that is not alive is gone');
  await world.time.advance(5_000);
  t.equal(await store.prices.book('alpha:BTC-USDT'), null);
});

t.test('so many books at a time, and none waits behind the others for ever', async (t) => {
  const world = await World.start();
  const store = await publish(world, { booksAtOnce: 2 });
  const heard = new Map<string, BestQuote>();
  await store.prices.subscribe([], (quote) => heard.set(quote.instrument, quote));
  for (let round = 0; round < 12; round++) {
    // These two change before each look.
    world.quote('alpha:BTC-USDT', 900 + round);
    world.quote('alpha:ETH-USDT', 90 + round);
    await world.time.advance(100);
  }
  t.ok(store.puts.every((books) => books.length <= 2));
  t.equal(heard.size, 6, 'all six were written');
});

t.test('copies of what happened are in the streams, and no approval can be used from there', async (t) => {
  const world = await World.start();
  const store = await publish(world);
  world.dislocate();
  world.send();
  await world.time.advance(2_000);
  const kinds = async (stream: 'signals' | 'verdicts' | 'orders' | 'fills') =>
    (await store.events.read(stream, '0', 100)).map(
      ({ body }) => JSON.parse(body) as Record<string, unknown>,
    );
  t.match(await kinds('signals'), [{ kind: 'signal', body: { signalId: 's-1' } }]);
  const verdicts = await kinds('verdicts');
  t.match(verdicts, [{ kind: 'verdict', body: { decision: 'approved', nonce: NO_NONCE } }]);
  t.notMatch(
    JSON.stringify(store.appended),
    new RegExp(
      world
        .of('verdict')
        .map((v) => ('nonce' in v ? v.nonce : '-'))
        .join('|'),
    ),
  );
  t.match(
    (await kinds('orders')).map(({ kind }) => kind),
    ['legResult', 'legResult', 'arbitrageClosed'],
  );
  const fills = await kinds('fills');
  t.same(
    fills.map(({ body }) => body),
    world.of('fill'),
    'exactly as on the bus',
  );
  t.ok(fills.every(({ trace, sender }) => trace === 's-1' && sender === 'test'));
});

t.test(
  'while the store is away nothing is sent, events wait within their bound, and drops are counted',
  async (t) => {
    const world = await World.start();
    const store = await publish(world, { capacity: 10 });
    store.up = false;
    store.puts.length = 0;
    const fill = (id: number) =>
      world.bus.publish(
        'order.fill.alpha',
        'fill',
        { ...SAMPLES.fill, tradeId: `t-${id}` },
        { traceId: 'x' },
      );
    for (let id = 0; id < 25; id++) fill(id);
    world.quote('alpha:BTC-USDT', 1_234, 1_240);
    await world.time.advance(5_000);
    t.same([store.puts.length, store.appended.length], [0, 0], 'not even tried');
    t.match(summary(world), { connected: false, eventsWaiting: 10, eventsDropped: 15 });
    store.up = true;
    await world.time.advance(200);
    t.match(
      await store.prices.quotes(['alpha:BTC-USDT']),
      [{ bid: 1_234 }],
      'what is true now is written at once',
    );
    const kept = await store.events.read('fills', '0', 100);
    t.same(
      kept.map(({ body }) => /"tradeId":"(t-\d+)"/.exec(body)?.[1]),
      Array.from({ length: 10 }, (_, index) => `t-${index + 15}`),
      'the newest, in order, once',
    );
    t.match(summary(world), { connected: true, eventsWaiting: 0, events: 10 });

    store.behaviour = 'fails';
    fill(100);
    await world.time.advance(100);
    t.match(summary(world), { eventsFailed: 1 });
    store.behaviour = 'answers';
    await world.time.advance(2_000);
    t.equal(await store.events.length('fills'), 10, 'what may have been written is not written again');
  },
);

t.test('a store that does not answer has one write of each sort under way, and no more', async (t) => {
  const world = await World.start();
  const store = await publish(world, { capacity: 10 });
  await world.time.advance(1_000);
  store.behaviour = 'hangs';
  store.puts.length = 0;
  for (let second = 0; second < 60; second++) {
    world.quote('alpha:BTC-USDT', 1_000 + second);
    world.bus.publish(
      'order.fill.alpha',
      'fill',
      { ...SAMPLES.fill, tradeId: `t-${second}` },
      { traceId: 'x' },
    );
    await world.time.advance(1_000);
  }
  t.same([store.puts.length, store.appended.length], [1, 1]);
  t.match(summary(world), { eventsWaiting: 10, eventsDropped: 49 });
  t.equal(world.system.inspect(PATH)?.crashes, 0);
});

t.test('an ordered stop writes the last events', async (t) => {
  const world = await World.start();
  const store = await publish(world);
  await world.time.advance(1_000);
  world.bus.publish('order.fill.alpha', 'fill', SAMPLES.fill, { traceId: 'x' });
  await world.time.advance(0);
  const stopped = world.system.stop(PATH, 'shutdown', 1_000);
  await world.time.advance(10);
  await stopped;
  t.equal(await store.events.length('fills'), 1);
});

/** What was traded, and at which moment of virtual time each arbitrage closed. */
async function traded(spoil: ((store: ScriptedStore, round: number) => void) | null) {
  const world = await World.start({ seed: 'same' });
  const store = spoil === null ? null : await publish(world);
  for (let round = 0; round < 7; round++) {
    if (store !== null) spoil?.(store, round);
    world.dislocate();
    world.send({ id: `s-${round}`, opportunity: `o-${round}` });
    await world.time.advance(1_500);
  }
  return {
    closed: world.of('arbitrageClosed'),
    fills: world
      .of('fill')
      .map(({ price, quantity, exchangeTimeMs }) => ({ price, quantity, exchangeTimeMs })),
    restarts: store === null ? 0 : (world.system.inspect(PATH)?.crashes ?? 0),
  };
}

t.test('whatever the store of prices does, the same is traded at the same moments', async (t) => {
  const without = await traded(null);
  t.ok(without.closed.length >= 5, `${without.closed.length} arbitrages`);
  const spoils: Readonly<Record<string, (store: ScriptedStore, round: number) => void>> = {
    healthy: () => undefined,
    away: (store) => (store.up = false),
    hanging: (store) => (store.behaviour = 'hangs'),
    failing: (store) => (store.behaviour = 'fails'),
    defective: (store) => (store.behaviour = 'throws'),
    'coming and going': (store, round) => {
      store.up = round % 3 !== 0;
      store.behaviour = (['answers', 'hangs', 'fails'] as const)[round % 3]!;
    },
  };
  for (const [name, spoil] of Object.entries(spoils)) {
    const { closed, fills, restarts } = await traded(spoil);
    t.strictSame(
      closed,
      without.closed,
      `${name}: the same arbitrages, each opened and closed at the same moment`,
    );
    t.strictSame(fills, without.fills, `${name}: at the same prices`);
    t.equal(restarts, 0);
  }
});
