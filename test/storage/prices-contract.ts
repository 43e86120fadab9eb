import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Test } from 'tap';
import { encodeMessage } from '../../src/messages/codec.js';
import type { BookTop } from '../../src/messages/feed.js';
import type { MessageKind, MessageOf } from '../../src/messages/catalogue.js';
import type { StreamName } from '../../src/messages/streams.js';
import type { BestQuote, PriceStore, StreamEntry } from '../../src/ports/price-cache.js';
import { SAMPLES } from '../messages/samples.js';

/** What every price store promises, whichever stands behind the port. */

export const MAX_ENTRIES = 1_000;
/** Long enough for any test that does not wait for the end of it. */
export const LONG_TTL_MS = 600_000;

export interface OpenedPrices {
  readonly store: PriceStore;
  /** A second user of the same server; of the same memory where there is none. */
  readonly other: PriceStore;
}

export interface PriceSubject {
  /** An empty store. */
  open(ttlMs: number): Promise<OpenedPrices>;
}

const AT_MS = 1_700_000_000_000;
let names = 0;
/** Never used before, so that tests of one server stay apart. */
export const newInstrument = (exchange = 'okx'): string => `${exchange}:T${++names}-USDT`;

export const bookOf = (instrument: string, change: Partial<BookTop> = {}): BookTop => ({
  ...SAMPLES.bookTop,
  instrument,
  receiveTimeMs: AT_MS,
  ...change,
});

const utf8 = new TextDecoder();
export function bodyOf<K extends MessageKind>(kind: K, body: MessageOf<K>): string {
  return utf8.decode(encodeMessage(kind, body, { traceId: 'tr-1', sender: 'test', sentAtMs: AT_MS }));
}
export const fillBody = (tradeId: string): string => bodyOf('fill', { ...SAMPLES.fill, tradeId });

export const tradeIdsOf = (entries: readonly StreamEntry[]): string[] =>
  entries.map(({ body }) => (JSON.parse(body) as { body: { tradeId: string } }).body.tradeId);

export async function eventually(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await sleep(5);
  }
}

const refusal = (code: string, field: RegExp) => ({ code, message: field });

export function priceContract(
  add: (name: string, body: (t: Test) => Promise<void>) => void,
  subject: PriceSubject,
): void {
  const it = (name: string, body: (t: Test, opened: OpenedPrices) => Promise<void>): void =>
    add(name, async (t) => {
      const opened = await subject.open(LONG_TTL_MS);
      t.teardown(async () => {
        await opened.other.close();
        await opened.store.close();
      });
      await body(t, opened);
    });

  it('a book and its best quote come back exactly', async (t, { store, other }) => {
    const wide: BookTop['bids'] = Array.from({ length: 50 }, (_, level) => [
      1000 - level / 10,
      level / 7 + 1e-9,
    ]);
    const books = [
      bookOf(newInstrument(), { bids: [[0.1 + 0.2, 5e-324]], asks: [[1e21, 1.7976931348623157e308]] }),
      bookOf(newInstrument(), { bids: wide, asks: [[1000.1, 1 / 3]] }),
      bookOf(newInstrument(), { bids: [], asks: [[1, 1]] }),
      bookOf(newInstrument(), { bids: [], asks: [], trusted: false }),
      // Crossed, as a board keeps it for people to see.
      bookOf(newInstrument(), { bids: [[2, 1]], asks: [[1, 1]], trusted: false }),
      bookOf(`${'x'.repeat(32)}:${'A'.repeat(32)}-${'B'.repeat(32)}`, { receiveTimeMs: AT_MS + 0.015625 }),
      bookOf(newInstrument(), { epoch: 9_007_199_254_740_991, sequence: 0, exchangeTimeMs: 0 }),
    ];
    t.equal(await store.prices.put(books), books.length);
    for (const book of books) t.strictSame(await other.prices.book(book.instrument), book);
    const ids = books.map(({ instrument }) => instrument);
    const quotes = await other.prices.quotes([...ids, newInstrument()]);
    t.same(
      quotes.map(({ instrument }) => instrument),
      ids,
      'in the order asked; what is unknown is left out',
    );
    t.strictSame(quotes[0], {
      exchange: 'okx',
      instrument: ids[0],
      trusted: true,
      bid: 0.30000000000000004,
      bidSize: 5e-324,
      ask: 1e21,
      askSize: 1.7976931348623157e308,
      exchangeTimeMs: SAMPLES.bookTop.exchangeTimeMs,
      receiveTimeMs: AT_MS,
    });
    t.match(quotes[2], { bid: null, bidSize: null, ask: 1, askSize: 1 }, 'an empty side is null');
    t.equal(await store.prices.book(newInstrument()), null);
    t.equal(await store.prices.put([]), 0);
    t.same(await store.prices.quotes([]), []);
  });

  it('an older receive time never replaces a newer one, in whatever order they arrive', async (t, opened) => {
    const users = [opened.store, opened.other];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(6), fc.boolean()), { minLength: 1, maxLength: 12 }),
        async (offers) => {
          const instrument = newInstrument();
          const put = ([offset, which]: [number, boolean], sequence: number) =>
            users[which ? 0 : 1]!.prices.put([
              bookOf(instrument, { receiveTimeMs: AT_MS + offset, sequence, asks: [[40_000 + offset, 1]] }),
            ]);
          await Promise.all(offers.map(put));
          const newest = AT_MS + Math.max(...offers.map(([offset]) => offset));
          const [quote] = await opened.store.prices.quotes([instrument]);
          return (
            (await opened.store.prices.book(instrument))?.receiveTimeMs === newest &&
            quote?.receiveTimeMs === newest &&
            quote.ask === 40_000 + newest - AT_MS
          );
        },
      ),
      { numRuns: 40, seed: 5 },
    );
    const [known, fresh] = [newInstrument(), newInstrument()];
    await opened.store.prices.put([bookOf(known, { receiveTimeMs: AT_MS + 5 })]);
    const taken = await opened.store.prices.put([
      bookOf(known, { receiveTimeMs: AT_MS + 4 }),
      bookOf(known, { receiveTimeMs: AT_MS + 5, trusted: false }),
      bookOf(fresh, { receiveTimeMs: AT_MS }),
    ]);
    t.equal(taken, 2, 'an equal time replaces: the same frame may lose its trust');
    t.equal((await opened.store.prices.book(known))?.trusted, false);
  });

  it('what is not a book is refused by name, and nothing of its batch is written', async (t, { store }) => {
    const good = bookOf(newInstrument());
    const wrong: readonly (readonly [Partial<BookTop>, RegExp])[] = [
      [{ instrument: 'okx:BTC' }, /books\[1\]\.instrument/],
      [{ instrument: `okx:${'A'.repeat(10_000)}-B` }, /books\[1\]\.instrument/],
      [{ instrument: 'okx:A*-B' }, /books\[1\]\.instrument/],
      [{ bids: [[NaN, 1]] }, /books\[1\]\.bids\[0\]\[0\]/],
      [{ bids: [[-0, 1]] }, /books\[1\]\.bids\[0\]\[0\]/],
      [{ asks: [[1, Infinity]] }, /books\[1\]\.asks\[0\]\[1\]/],
      [
        {
          bids: [
            [1, 1],
            [2, 1],
          ],
        },
        /books\[1\]\.bids\[1\]/,
      ],
      [{ bids: [[3, 1]], asks: [[2, 1]] }, /books\[1\]\.trusted/],
      [{ receiveTimeMs: -1 }, /books\[1\]\.receiveTimeMs/],
      [{ sequence: 0.5 }, /books\[1\]\.sequence/],
    ];
    for (const [change, field] of wrong)
      await t.rejects(
        store.prices.put([good, bookOf(newInstrument(), change)]),
        refusal('ARB_MESSAGE_INVALID', field),
        String(field),
      );
    const many = Array.from({ length: 1_025 }, () => good);
    await t.rejects(store.prices.put(many), refusal('ARB_MESSAGE_INVALID', /books: 1025, at most 1024/));
    t.equal(await store.prices.book(good.instrument), null);
    await t.rejects(store.prices.book('okx'), refusal('ARB_MESSAGE_INVALID', /instruments\[0\]/));
    await t.rejects(store.prices.quotes(['*']), refusal('ARB_MESSAGE_INVALID', /instruments\[0\]/));
  });

  add('what nobody puts again is forgotten', async (t) => {
    const { store, other } = await subject.open(40);
    t.teardown(async () => {
      await other.close();
      await store.close();
    });
    const book = bookOf(newInstrument(), { receiveTimeMs: AT_MS + 10 });
    await store.prices.put([book]);
    await eventually(
      'the book is forgotten',
      async () => (await other.prices.book(book.instrument)) === null,
    );
    await eventually(
      'so is its quote',
      async () => (await other.prices.quotes([book.instrument])).length === 0,
    );
    const older = bookOf(book.instrument);
    t.equal(await store.prices.put([older]), 1, 'what is forgotten is in nobody’s way');
  });

  it('subscribers hear what they asked for, the newest of it, until they leave', async (t, {
    store,
    other,
  }) => {
    const [one, two] = [newInstrument('binance'), newInstrument()];
    const heard: Record<'some' | 'all', BestQuote[]> = { some: [], all: [] };
    const leaveSome = await other.prices.subscribe([one], (quote) => void heard.some.push(quote));
    const leaveAll = await other.prices.subscribe([], (quote) => void heard.all.push(quote));
    for (let round = 0; round < 20; round++)
      await store.prices.put([
        bookOf(one, { receiveTimeMs: AT_MS + round, sequence: round }),
        bookOf(two, { receiveTimeMs: AT_MS + round, sequence: round }),
        // Not newer, so nobody needs to hear of it.
        bookOf(two, { receiveTimeMs: AT_MS - 1, sequence: round }),
      ]);
    const last = AT_MS + 19;
    await eventually('the newest was told', () =>
      [one, two].every((id) =>
        heard.all.some(({ instrument, receiveTimeMs }) => instrument === id && receiveTimeMs === last),
      ),
    );
    await eventually('to both', () => heard.some.some(({ receiveTimeMs }) => receiveTimeMs === last));
    t.ok(heard.some.every(({ instrument }) => instrument === one));
    for (const id of [one, two]) {
      const times = heard.all
        .filter(({ instrument }) => instrument === id)
        .map((quote) => quote.receiveTimeMs);
      t.same(times, [...new Set(times)].sort(), 'in order, none twice, nothing older');
    }
    t.match(heard.some.at(-1), { exchange: 'binance', instrument: one, bid: 30_000, trusted: true });
    leaveSome();
    leaveSome();
    const before = heard.some.length;
    await store.prices.put([
      bookOf(one, { receiveTimeMs: last + 1 }),
      bookOf(two, { receiveTimeMs: last + 1 }),
    ]);
    await eventually('who stays hears on', () =>
      heard.all.some(({ receiveTimeMs }) => receiveTimeMs === last + 1),
    );
    t.equal(heard.some.length, before);
    leaveAll();
    await t.rejects(
      store.prices.subscribe(['all'], () => undefined),
      refusal('ARB_MESSAGE_INVALID', /instruments\[0\]/),
    );
  });

  it('entries are read in order, from any of them on', async (t, { store, other }) => {
    const ids = Array.from({ length: 7 }, (_, index) => `trade-${index}`);
    await store.events.append(ids.slice(0, 4).map((id) => ({ stream: 'fills', body: fillBody(id) })));
    await store.events.append(ids.slice(4).map((id) => ({ stream: 'fills', body: fillBody(id) })));
    const all = await other.events.read('fills', '0', 1_000);
    t.same(tradeIdsOf(all), ids);
    t.equal(new Set(all.map(({ id }) => id)).size, ids.length);
    t.ok(all.every(({ stream }) => stream === 'fills'));
    t.same(tradeIdsOf(await other.events.read('fills', all[2]!.id, 2)), ids.slice(3, 5));
    t.same(await other.events.read('fills', all.at(-1)!.id, 10), []);
    t.same(await other.events.read('verdicts', '0', 10), [], 'streams are apart');
    t.equal(await store.events.length('fills'), ids.length);
    await store.events.append([]);
  });

  it('hostile texts come back exactly', async (t, { store, other }) => {
    const texts = [
      `'; DROP TABLE fills; --`,
      '"\\\r\n\t',
      'nul \u0000 inside',
      '\u{1f4b8} 부족 „zu wenig“',
      '%s {{}}',
      '\u2028',
    ];
    const bodies = texts.map((reason) => bodyOf('legResult', { ...SAMPLES.legResult, reason }));
    bodies.push(
      bodyOf('legResult', {
        ...SAMPLES.legResult,
        filledQuantity: '123456789012345678901234.12345678901234567891',
      }),
      bodyOf('arbitrageClosed', { ...SAMPLES.arbitrageClosed, realisedNet: '-0.00000000000000000001' }),
    );
    await store.events.append(bodies.map((body) => ({ stream: 'orders', body })));
    t.same(
      (await other.events.read('orders', '0', 100)).map(({ body }) => body),
      bodies,
    );
  });

  it('what belongs in no stream is refused by name, and nothing of its batch is written', async (t, {
    store,
  }) => {
    const good = { stream: 'fills' as const, body: fillBody('good') };
    const wrong: readonly (readonly [{ stream: string; body: string }, RegExp])[] = [
      [{ stream: 'gossip', body: good.body }, /stream/],
      [{ stream: 'orders', body: good.body }, /orders: kind: 'fill' does not belong here/],
      [{ stream: 'fills', body: 'fill' }, /fills: kind/],
      [{ stream: 'fills', body: good.body.replace('"0.5"', '"-0"') }, /body\.quantity/],
      [{ stream: 'fills', body: good.body.slice(0, -1) }, /fill/],
      [{ stream: 'fills', body: `${good.body}\ud800` }, /not valid Unicode/],
    ];
    for (const [record, field] of wrong)
      await t.rejects(
        store.events.append([good, record as { stream: StreamName; body: string }]),
        refusal('ARB_MESSAGE_INVALID', field),
        String(field),
      );
    const many = Array.from({ length: 257 }, () => good);
    await t.rejects(store.events.append(many), refusal('ARB_MESSAGE_INVALID', /records: 257/));
    t.equal(await store.events.length('fills'), 0);
    await t.rejects(store.events.read('fills', 'x', 1), refusal('ARB_MESSAGE_INVALID', /afterId/));
    await t.rejects(store.events.read('fills', '0', 0), refusal('ARB_MESSAGE_INVALID', /limit/));
    await t.rejects(
      store.events.readGroup('fills', { group: 'a b', member: 'm', claimAfterMs: 0 }, 1),
      refusal('ARB_MESSAGE_INVALID', /reader\.group/),
    );
    await t.rejects(
      store.events.acknowledge('fills', 'g', ['1']),
      refusal('ARB_MESSAGE_INVALID', /ids\[0\]/),
    );
  });

  it('a stream keeps its newest entries and no more than its bound by a tenth', async (t, { store }) => {
    const total = MAX_ENTRIES * 2 + 50;
    for (let from = 0; from < total; from += 256)
      await store.events.append(
        Array.from({ length: Math.min(256, total - from) }, (_, index) => ({
          stream: 'fills',
          body: fillBody(`t-${from + index}`),
        })),
      );
    const kept = await store.events.length('fills');
    t.ok(kept >= MAX_ENTRIES && kept <= MAX_ENTRIES * 1.1, `${kept} entries`);
    const [oldest] = await store.events.read('fills', '0', 1);
    t.same(tradeIdsOf([oldest!]), [`t-${total - kept}`]);
    const group = { group: 'late', member: 'm', claimAfterMs: 60_000 };
    t.same(await store.events.readGroup('fills', group, 1), [oldest], 'a new group begins there');
  });

  it('each entry goes to one member of each group', async (t, { store, other }) => {
    const ids = Array.from({ length: 30 }, (_, index) => `f-${index}`);
    await store.events.append(ids.map((id) => ({ stream: 'fills', body: fillBody(id) })));
    const read = (user: PriceStore, group: string, member: string, limit: number) =>
      user.events.readGroup('fills', { group, member, claimAfterMs: 3_600_000 }, limit);
    const seen = (
      await Promise.all([
        read(store, 'tax', 'a', 10),
        read(other, 'tax', 'b', 10),
        read(store, 'tax', 'c', 10),
      ])
    ).flat();
    t.same(tradeIdsOf(seen).sort(), [...ids].sort(), 'together they get all, none twice');
    t.same(await read(store, 'tax', 'a', 10), [], 'and nothing more');
    t.same(tradeIdsOf(await read(other, 'audit', 'a', 1_000)), ids, 'another group gets everything too');
    const [first, second] = seen;
    t.equal(await store.events.acknowledge('fills', 'tax', [first!.id, second!.id]), 2);
    t.equal(await store.events.acknowledge('fills', 'tax', [first!.id]), 0);
    t.equal(await store.events.acknowledge('fills', 'nobody', [first!.id]), 0);
  });

  it('what a member left unacknowledged goes to another, first and until somebody is done', async (t, opened) => {
    const { store, other } = opened;
    await store.events.append(['a', 'b', 'c'].map((id) => ({ stream: 'fills', body: fillBody(id) })));
    const patient = { group: 'g', member: 'patient', claimAfterMs: 3_600_000 };
    const hasty = { group: 'g', member: 'hasty', claimAfterMs: 0 };
    const left = await store.events.readGroup('fills', patient, 2);
    t.same(tradeIdsOf(left), ['a', 'b']);
    t.same(await other.events.acknowledge('fills', 'g', [left[0]!.id]), 1);
    t.same(
      tradeIdsOf(await other.events.readGroup('fills', { ...patient, member: 'next' }, 10)),
      ['c'],
      'not yet',
    );
    await sleep(2);
    t.same(tradeIdsOf(await other.events.readGroup('fills', hasty, 1)), ['b'], 'the abandoned come first');
    await sleep(2);
    t.same(tradeIdsOf(await other.events.readGroup('fills', hasty, 10)).sort(), ['b', 'c']);
    await sleep(2);
    await store.events.append([{ stream: 'fills', body: fillBody('d') }]);
    const last = await store.events.readGroup('fills', hasty, 10);
    t.same(tradeIdsOf(last).sort(), ['b', 'c', 'd'], 'and new ones after them');
    t.equal(
      await store.events.acknowledge(
        'fills',
        'g',
        last.map(({ id }) => id),
      ),
      3,
    );
    t.same(await store.events.readGroup('fills', hasty, 10), []);
  });

  it('members that die at random lose nothing', async (t, { store, other }) => {
    const ids = Array.from({ length: 60 }, (_, index) => `r-${index}`);
    await store.events.append(ids.map((id) => ({ stream: 'fills', body: fillBody(id) })));
    const done = new Set<string>();
    let turn = 0;
    while (done.size < ids.length && turn < 2_000) {
      const user = turn % 2 === 0 ? store : other;
      const reader = { group: 'random', member: `m-${turn % 5}`, claimAfterMs: 1 };
      const given = await user.events.readGroup('fills', reader, 1 + (turn % 7));
      if (given.length === 0) await sleep(2);
      // Two of three die with what they hold; the others are done with the half of it.
      if (turn++ % 3 === 0) {
        const half = given.slice(0, Math.ceil(given.length / 2));
        await user.events.acknowledge(
          'fills',
          'random',
          half.map(({ id }) => id),
        );
        for (const id of tradeIdsOf(half)) done.add(id);
      }
    }
    t.equal(done.size, ids.length, `after ${turn} readings`);
  });

  it('says what and where it is, and answers', async (t, { store }) => {
    const { name, engine, location } = await store.describe();
    t.equal(name, 'prices');
    t.ok(engine.length > 0 && location.length > 0);
    t.ok((await store.ping()) >= 0);
    t.equal(store.isUp(), true);
    t.match(store.state(), { connected: true, reconnects: 0, invalid: 0 });
  });
}
