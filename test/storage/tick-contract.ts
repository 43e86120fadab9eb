import fc from 'fast-check';
import type { Test } from 'tap';
import { ArbotError, errorText } from '../../src/messages/errors.js';
import type { TickBatch, TickRows, TickStore, TickTable, TickTradeRow } from '../../src/ports/tick-store.js';
import { batchOf, HOUR_MS, sampleBook, sampleSpread, sampleTrade } from './tick-samples.js';

/**
 * What every implementation of the tick store must do, on a store that may already hold the rows of other tests. Asset names here
 * are used by one test only.
 */

const HOUR = { fromMs: HOUR_MS, toMs: HOUR_MS + 3_600_000 };
const EVER = { fromMs: 0, toMs: 4_102_444_800_000 };

async function refusedWith(
  t: Test,
  code: string,
  words: RegExp,
  work: Promise<unknown>,
  name: string,
): Promise<void> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ArbotError)) {
    t.fail(`${name}: ${error === null ? 'was accepted' : errorText(error)}`);
    return;
  }
  t.equal(error.code, code, `${name}: ${error.message}`);
  t.match(error.message, words, `${name} is named`);
  t.equal(error.retryable, false, `${name} will be refused again`);
}

async function exported<T extends TickTable>(
  store: TickStore,
  table: T,
  range: { fromMs: number; toMs: number },
  chosen: (row: TickRows[T]) => boolean,
): Promise<TickRows[T][]> {
  const rows: TickRows[T][] = [];
  for await (const piece of store.export(table, range)) rows.push(...piece.filter(chosen));
  return rows;
}

async function exactContract(t: Test, store: TickStore): Promise<void> {
  await t.test('rows of each table come back exactly, oldest first, whatever their order', async (t) => {
    const books = [0, 1.25, 2, 2].map((offset, at) =>
      sampleBook('EXACT', { receiveTimeMs: HOUR_MS + offset, epoch: at, sequence: 7 - at }),
    );
    await store.insert(batchOf('orderbook_snapshots', [books[3]!, books[0]!]));
    await store.insert(batchOf('orderbook_snapshots', [books[2]!, books[1]!]));
    t.strictSame(await store.books('binance:EXACT-USDT', HOUR, 10), books);

    const ids = ['2', '9', '10', 'a0', 'é'];
    const trades = ids.map((tradeId, at) =>
      sampleTrade('EXACT', { tradeId, side: at % 2 === 0 ? 'buy' : 'sell' }),
    );
    await store.insert(batchOf('tick_trades', [...trades].reverse()));
    t.strictSame(await store.trades('okx:EXACT-USDT', HOUR, 10), trades, 'equal times by trade id');

    const spreads = [0, 1, 2].flatMap((second) =>
      ['bybit', 'okx'].map((sellExchange) =>
        sampleSpread('EXACT', { secondMs: HOUR_MS + second * 1_000, sellExchange, grossBps: -second }),
      ),
    );
    await store.insert(batchOf('spread_history', [...spreads].reverse()));
    t.strictSame(await store.spreads('EXACT-USDT', HOUR, 10), spreads);
  });

  await t.test('a book keeps 50 levels a side, or none', async (t) => {
    const levels = Array.from({ length: 50 }, (_, at) => 100 - at / 3);
    const full = { bidPrices: levels, bidSizes: levels, askPrices: levels, askSizes: levels };
    const rows = [
      sampleBook('LEVELS', full),
      sampleBook('LEVELS', { bidPrices: [], bidSizes: [], askPrices: [], askSizes: [], sequence: 101 }),
    ];
    await store.insert(batchOf('orderbook_snapshots', rows));
    t.strictSame(await store.books('binance:LEVELS-USDT', HOUR, 10), rows);
  });

  await t.test('decimals keep every digit and trailing zero', async (t) => {
    const texts = [
      '123456789012345678901234.12345678901234567890',
      '12345678901234567890.123456789012345678',
      '99999999999999999999999.999999999999999',
      '0.00000000000000000001',
      '1.10',
      '100',
      '0.50000000000000000000',
    ];
    const rows = texts.map((text, at) =>
      sampleTrade('DIGITS', { tradeId: String(at), price: text, quantity: texts.at(-1 - at)! }),
    );
    await store.insert(batchOf('tick_trades', rows));
    t.strictSame(await store.trades('okx:DIGITS-USDT', HOUR, 10), rows);
  });

  await t.test('hostile texts and extreme numbers come back exactly', async (t) => {
    const ids = [
      "'; drop table tick_trades; --",
      '"\\\'`$1 %s ${x} {id:String}',
      '\t\n\r\\N\\0',
      '한글 ☃ 🚀 e\u0301 \u202e',
      '__proto__',
      '\u0001\u001f\u007f',
      '\ufeff\ufffd',
      ' ',
    ];
    const trades = ids.map((tradeId) => sampleTrade('HOSTILE', { tradeId }));
    await store.insert(batchOf('tick_trades', trades));
    const kept = (await store.trades('okx:HOSTILE-USDT', HOUR, 100)).map((row) => row.tradeId);
    t.strictSame([...kept].sort(), [...ids].sort());

    const numbers = [Number.MIN_VALUE, Number.MAX_VALUE, 0.1 + 0.2, 2 ** 53 + 2, 1e-7, 1e21, 1.5];
    const book = sampleBook('HOSTILE', {
      bidPrices: numbers,
      bidSizes: numbers,
      epoch: Number.MAX_SAFE_INTEGER,
      sequence: Number.MAX_SAFE_INTEGER,
    });
    await store.insert(batchOf('orderbook_snapshots', [book]));
    t.strictSame(await store.books('binance:HOSTILE-USDT', HOUR, 10), [book]);

    const zeros = sampleSpread('HOSTILE', { grossBps: -0, maxGrossBps: 0 });
    await store.insert(batchOf('spread_history', [zeros]));
    const [spread] = await store.spreads('HOSTILE-USDT', HOUR, 10);
    t.ok(Object.is(spread?.grossBps, -0), 'negative zero keeps its sign');
    t.ok(Object.is(spread?.maxGrossBps, 0));
  });

  await t.test('whatever is accepted comes back as it went in', async (t) => {
    const decimal = fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 24n - 1n }), fc.stringMatching(/^\d{0,20}$/))
      .map(([whole, fraction]) => (fraction === '' ? String(whole) : `${whole}.${fraction}`))
      .filter((text) => /[1-9]/.test(text));
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .filter((id) => !id.includes('\u0000') && id.length <= 64);
    const micros = fc.integer({ min: 0, max: 3_599_999_999 }).map((micro) => HOUR_MS + micro / 1_000);
    const row = fc.record({
      exchange: fc.constant('okx'),
      instrument: fc.constant('okx:ANY-USDT'),
      tradeId: text,
      price: decimal,
      quantity: decimal,
      side: fc.constantFrom('buy' as const, 'sell' as const),
      exchangeTimeMs: micros,
      receiveTimeMs: micros,
    });
    const batches = fc.uniqueArray(row, {
      minLength: 100,
      maxLength: 100,
      selector: (one) => one.tradeId,
    });
    const seen = new Map<string, TickTradeRow>();
    for (const rows of fc.sample(batches, { seed: 7, numRuns: 3 })) {
      const fresh = rows.filter((one) => !seen.has(one.tradeId));
      for (const one of fresh) seen.set(one.tradeId, one);
      await store.insert(batchOf('tick_trades', fresh));
    }
    const kept = await store.trades('okx:ANY-USDT', HOUR, 10_000);
    t.equal(kept.length, seen.size);
    for (const one of kept) {
      const sent = seen.get(one.tradeId);
      t.strictSame(one, { ...sent, exchangeTimeMs: micro(sent!), receiveTimeMs: one.receiveTimeMs });
    }
    function micro(sent: TickTradeRow): number {
      return Math.round(sent.exchangeTimeMs * 1_000) / 1_000;
    }
  });

  await t.test('times are kept to the nearest microsecond', async (t) => {
    const finer = sampleTrade('MICROS', {
      receiveTimeMs: HOUR_MS + 1.0003,
      exchangeTimeMs: HOUR_MS + 0.9997,
    });
    await store.insert(batchOf('tick_trades', [finer]));
    const kept = { ...finer, receiveTimeMs: HOUR_MS + 1, exchangeTimeMs: HOUR_MS + 1 };
    t.strictSame(await store.trades('okx:MICROS-USDT', HOUR, 10), [kept]);
  });
}

async function batchContract(t: Test, store: TickStore): Promise<void> {
  const tradesOf = (key: string, count: number): TickTradeRow[] =>
    Array.from({ length: count }, (_, at) =>
      sampleTrade(key, { tradeId: String(at), receiveTimeMs: HOUR_MS + at }),
    );

  await t.test('a batch that comes again under its id is stored once', async (t) => {
    const batch = batchOf('tick_trades', tradesOf('AGAIN', 5));
    await store.insert(batch);
    await store.insert(batch);
    for (let other = 0; other < 5; other++)
      await store.insert(batchOf('tick_trades', [sampleTrade('BETWEEN', { tradeId: `between-${other}` })]));
    await store.insert(batch);
    t.strictSame(await store.trades('okx:AGAIN-USDT', HOUR, 100), batch.rows);
    const sameId = batchOf('spread_history', [sampleSpread('AGAIN')], batch.batchId);
    await store.insert(sameId);
    t.equal((await store.spreads('AGAIN-USDT', HOUR, 10)).length, 1, 'ids are per table');
  });

  await t.test('of the same batch sent many times at once one is stored', async (t) => {
    const batch = batchOf('tick_trades', tradesOf('RACE', 50));
    await Promise.all(Array.from({ length: 8 }, () => store.insert(batch)));
    t.strictSame(await store.trades('okx:RACE-USDT', HOUR, 1_000), batch.rows);
  });

  await t.test('equal rows of two batches are both stored', async (t) => {
    for (let round = 0; round < 2; round++) await store.insert(batchOf('tick_trades', tradesOf('EQUAL', 3)));
    t.equal((await store.trades('okx:EQUAL-USDT', HOUR, 100)).length, 6);
  });

  await t.test('a batch across days and months is stored whole, and once', async (t) => {
    const days = Array.from({ length: 30 }, (_, day) => HOUR_MS - day * 86_400_000).reverse();
    const range = { fromMs: days[0]!, toMs: HOUR_MS + 1 };
    const books = days.map((receiveTimeMs) => sampleBook('EDGE', { receiveTimeMs }));
    const trades = days.map((receiveTimeMs, at) =>
      sampleTrade('EDGE', { receiveTimeMs, tradeId: String(at) }),
    );
    const spreads = days.map((secondMs) => sampleSpread('EDGE', { secondMs }));
    const batches: TickBatch[] = [
      batchOf('orderbook_snapshots', books),
      batchOf('tick_trades', trades),
      batchOf('spread_history', spreads),
    ];
    for (const batch of [...batches, ...batches]) await store.insert(batch);
    t.strictSame(await store.books('binance:EDGE-USDT', range, 100), books);
    t.strictSame(await store.trades('okx:EDGE-USDT', range, 100), trades);
    t.strictSame(await store.spreads('EDGE-USDT', range, 100), spreads);
  });

  await t.test('an empty batch is nothing', async (t) => {
    await store.insert(batchOf('tick_trades', []));
    t.pass();
  });

  await t.test('many batches at once lose and mix nothing', async (t) => {
    const batches = Array.from({ length: 24 }, (_, at) =>
      batchOf(
        'tick_trades',
        [0, 1, 2].map((n) => sampleTrade('MANY', { tradeId: `${at}-${n}` })),
      ),
    );
    await Promise.all(batches.map((batch) => store.insert(batch)));
    const ids = (await store.trades('okx:MANY-USDT', HOUR, 1_000)).map((row) => row.tradeId);
    t.equal(ids.length, 72);
    t.equal(new Set(ids).size, 72);
  });
}

async function refusalContract(t: Test, store: TickStore): Promise<void> {
  await t.test(
    'what cannot be kept exactly is refused with row and field, and nothing of its batch stays',
    async (t) => {
      const huge = 'X'.repeat(10_000);
      const trade = (of: object): TickBatch =>
        batchOf('tick_trades', [sampleTrade('BAD'), { ...sampleTrade('BAD'), ...of }]);
      const book = (of: object): TickBatch =>
        batchOf('orderbook_snapshots', [sampleBook('BAD'), { ...sampleBook('BAD'), ...of }]);
      const spread = (of: object): TickBatch =>
        batchOf('spread_history', [sampleSpread('BAD'), { ...sampleSpread('BAD'), ...of }]);
      const cases: readonly [string, RegExp, TickBatch][] = [
        ['a 10 kB symbol', /^tick_trades\[1\]\.instrument: /, trade({ instrument: `okx:${huge}-USDT` })],
        ['a foreign symbol', /\.instrument: a market of another/, trade({ instrument: 'bybit:BAD-USDT' })],
        ['a 10 kB exchange', /\.exchange: /, trade({ exchange: huge })],
        ['a 10 kB trade id', /\.tradeId: not a text of 1 to 64/, trade({ tradeId: huge })],
        ['an empty trade id', /\.tradeId: /, trade({ tradeId: '' })],
        ['NUL', /\.tradeId: contains a NUL/, trade({ tradeId: 'a\u0000b' })],
        ['half a surrogate pair', /\.tradeId: is not valid Unicode/, trade({ tradeId: 'a\ud800' })],
        ['a number as trade id', /\.tradeId: /, trade({ tradeId: 7 })],
        ['38 whole digits', /\.price: not a plain decimal/, trade({ price: '1'.repeat(38) })],
        ['21 decimals', /\.price: /, trade({ price: `0.${'1'.repeat(21)}` })],
        ['negative zero', /\.price: /, trade({ price: '-0' })],
        ['zero', /\.quantity: /, trade({ quantity: '0.00' })],
        ['an exponent', /\.quantity: /, trade({ quantity: '1e5' })],
        ['a line feed at the end', /\.quantity: /, trade({ quantity: '1\n' })],
        ['other digits', /\.quantity: /, trade({ quantity: '١' })],
        ['a float as price', /\.price: not a text/, trade({ price: 1.5 })],
        ['a third side', /\.side: /, trade({ side: 'both' })],
        ['no time', /\.receiveTimeMs: /, trade({ receiveTimeMs: NaN })],
        ['a time below zero', /\.exchangeTimeMs: /, trade({ exchangeTimeMs: -1 })],
        ['negative zero as time', /\.receiveTimeMs: negative zero/, trade({ receiveTimeMs: -0 })],
        ['the year 2100', /\.receiveTimeMs: /, trade({ receiveTimeMs: 4_102_444_800_000 })],
        ['a price of zero', /^orderbook_snapshots\[1\]\.bidPrices\[0\]: /, book({ bidPrices: [0, 2, 1] })],
        ['infinity', /\.askSizes\[0\]: /, book({ askSizes: [Infinity] })],
        ['sides of unequal length', /\.askSizes: not a list as long/, book({ askSizes: [1, 2] })],
        ['51 levels', /\.bidPrices: /, book({ bidPrices: Array.from({ length: 51 }, () => 1) })],
        ['a fraction as sequence', /\.sequence: /, book({ sequence: 1.5 })],
        ['beyond 2^53', /\.epoch: /, book({ epoch: 2 ** 53 })],
        [
          'half a second',
          /^spread_history\[1\]\.secondMs: not a whole second/,
          spread({ secondMs: HOUR_MS + 500 }),
        ],
        ['no basis points', /\.grossBps: /, spread({ grossBps: NaN })],
        ['a pair with a slash', /\.pair: /, spread({ pair: 'BAD/USDT' })],
        ['a lower-case asset', /\.base: /, spread({ base: 'bad' })],
        ['a bad batch id', /^batchId: /, batchOf('tick_trades', [sampleTrade('BAD')], "x' or 1")],
        [
          'rows of two months',
          /^rows: span more than 32 days/,
          trade({ receiveTimeMs: HOUR_MS - 40 * 86_400_000 }),
        ],
        [
          'too many rows',
          /^rows: /,
          batchOf(
            'tick_trades',
            Array.from({ length: 100_001 }, () => sampleTrade('BAD')),
          ),
        ],
        ['no row', /^tick_trades\[0\]: not a row/, batchOf('tick_trades', [null as never])],
        ['another table', /^table: /, { ...batchOf('tick_trades', []), table: 'toString' } as never],
      ];
      for (const [name, words, batch] of cases)
        await refusedWith(t, 'ARB_STORE_CONFLICT', words, store.insert(batch), name);
      t.strictSame(await store.trades('okx:BAD-USDT', EVER, 10), []);
      t.strictSame(await store.books('binance:BAD-USDT', EVER, 10), []);
      t.strictSame(await store.spreads('BAD-USDT', EVER, 10), []);
    },
  );

  await t.test('a question out of range is refused by name', async (t) => {
    const reversed = { fromMs: 2, toMs: 1 };
    const cases: readonly [string, RegExp, () => Promise<unknown>][] = [
      ['instrument', /^instrument/, () => store.trades("okx:X'-USDT", HOUR, 10)],
      ['pair', /^pair/, () => store.spreads('x'.repeat(10_000), HOUR, 10)],
      ['limit', /^limit/, () => store.books('okx:X-USDT', HOUR, 100_001)],
      ['no limit', /^limit/, () => store.books('okx:X-USDT', HOUR, 0)],
      ['range', /^range/, () => store.trades('okx:X-USDT', reversed, 1)],
      ['bucket', /^bucketMs/, () => store.spreadBuckets('X-USDT', HOUR, 1_500)],
      ['buckets', /^range: more than 1500/, () => store.spreadBuckets('X-USDT', HOUR, 1_000)],
      ['mids', /^range: more than 10000/, () => store.mids('okx:X-USDT', { fromMs: 0, toMs: 2e7 }, 1_000)],
      ['export', /^range/, () => exported(store, 'tick_trades', reversed, () => true)],
      ['table', /^table/, () => exported(store, 'system.tables' as 'tick_trades', HOUR, () => true)],
    ];
    for (const [name, words, ask] of cases) await refusedWith(t, 'ARB_MESSAGE_INVALID', words, ask(), name);
  });
}

async function questionContract(t: Test, store: TickStore): Promise<void> {
  await t.test('a range begins with its start, ends before its end, and gives its oldest rows', async (t) => {
    const rows = [0, 0.001, 1, 2, 3].map((offset, at) =>
      sampleTrade('RANGE', { receiveTimeMs: HOUR_MS + offset, tradeId: String(at) }),
    );
    await store.insert(batchOf('tick_trades', rows));
    const ask = async (from: number, to: number, limit = 10): Promise<number[]> =>
      (await store.trades('okx:RANGE-USDT', { fromMs: HOUR_MS + from, toMs: HOUR_MS + to }, limit)).map(
        (row) => Number(row.tradeId),
      );
    t.strictSame(await ask(0, 3), [0, 1, 2, 3]);
    t.strictSame(await ask(0.001, 2), [1, 2]);
    t.strictSame(await ask(0, 4, 2), [0, 1]);
    t.strictSame(await ask(1, 1), []);
    const seconds = [0, 1, 2].map((second) => sampleSpread('RANGE', { secondMs: HOUR_MS + second * 1_000 }));
    await store.insert(batchOf('spread_history', seconds));
    const spreads = await store.spreads('RANGE-USDT', { fromMs: HOUR_MS + 1, toMs: HOUR_MS + 2_000 }, 10);
    t.strictSame(spreads, [seconds[1]]);
  });

  await t.test('spreads fold into buckets by direction', async (t) => {
    const of = (second: number, buyExchange: string, grossBps: number) =>
      sampleSpread('BUCKET', {
        secondMs: HOUR_MS + second * 1_000,
        buyExchange,
        sellExchange: buyExchange === 'okx' ? 'binance' : 'okx',
        grossBps,
        maxGrossBps: grossBps + 1,
      });
    const rows = [
      of(0, 'okx', 1),
      of(59, 'okx', 2),
      of(60, 'okx', -3),
      of(59, 'binance', 4),
      of(120, 'okx', 9),
    ];
    await store.insert(batchOf('spread_history', rows));
    const range = { fromMs: HOUR_MS, toMs: HOUR_MS + 120_000 };
    const bucket = (fromS: number, buyExchange: string, numbers: readonly number[]) => ({
      fromMs: HOUR_MS + fromS * 1_000,
      buyExchange,
      sellExchange: buyExchange === 'okx' ? 'binance' : 'okx',
      seconds: numbers[0],
      averageGrossBps: numbers[1],
      maxGrossBps: numbers[2],
      lastGrossBps: numbers[3],
    });
    t.strictSame(await store.spreadBuckets('BUCKET-USDT', range, 60_000), [
      bucket(0, 'binance', [1, 4, 5, 4]),
      bucket(0, 'okx', [2, 1.5, 3, 2]),
      bucket(60, 'okx', [1, -3, -2, -3]),
    ]);
    t.strictSame(await store.spreadBuckets('NONE-USDT', range, 60_000), []);
  });

  await t.test('mids are those of the newest book of a bucket that has both sides', async (t) => {
    const at = (offsetMs: number, bids: readonly number[], asks: readonly number[]) =>
      sampleBook('MIDS', {
        receiveTimeMs: HOUR_MS + offsetMs,
        ...{ bidPrices: bids, bidSizes: bids.map(() => 1), askPrices: asks, askSizes: asks.map(() => 1) },
      });
    const rows = [
      at(10, [99, 98], [101]),
      at(59_990, [100], [104, 105]),
      at(59_995, [], [90]),
      at(180_000, [1], [2]),
      at(240_000, [5], [6]),
    ];
    await store.insert(batchOf('orderbook_snapshots', rows));
    const range = { fromMs: HOUR_MS, toMs: HOUR_MS + 240_000 };
    t.strictSame(await store.mids('binance:MIDS-USDT', range, 60_000), [
      { fromMs: HOUR_MS, mid: 102 },
      { fromMs: HOUR_MS + 180_000, mid: 1.5 },
    ]);
    t.strictSame(await store.mids('okx:NONE-USDT', range, 60_000), []);
  });

  await t.test('an export streams every row once in order, also where many share one moment', async (t) => {
    const range = { fromMs: HOUR_MS - 30 * 3_600_000, toMs: HOUR_MS + 3_600_000 };
    const trades = Array.from({ length: 6_000 }, (_, at) =>
      sampleTrade('EXPORT', {
        tradeId: String(at),
        // A crowd in one microsecond, a gap of a day, and the rest spread out.
        receiveTimeMs: at < 2_500 ? HOUR_MS - 29 * 3_600_000 : HOUR_MS + Math.floor(at / 3),
      }),
    );
    await store.insert(batchOf('tick_trades', trades));
    const ours = (row: TickTradeRow): boolean => row.instrument === 'okx:EXPORT-USDT';
    const all = await exported(store, 'tick_trades', range, ours);
    t.strictSame(all, trades);
    const part = { fromMs: HOUR_MS + 1_000, toMs: HOUR_MS + 1_001 };
    t.strictSame(
      (await exported(store, 'tick_trades', part, ours)).map((row) => row.tradeId),
      ['3000', '3001', '3002'],
    );
    for (const table of ['orderbook_snapshots', 'spread_history'] as const) {
      let before = 0;
      let rows = 0;
      for await (const piece of store.export(table, EVER))
        for (const row of piece) {
          const atMs = 'secondMs' in row ? row.secondMs : row.receiveTimeMs;
          t.ok(atMs >= before || (rows > 0 && atMs === before));
          before = atMs;
          rows++;
        }
      const status = (await store.status()).find((one) => one.table === table);
      t.equal(rows, status?.rows, `every row of ${table}`);
    }
  });

  await t.test('the state of each table is told', async (t) => {
    const before = await store.status();
    t.strictSame(
      before.map((one) => [one.table, one.ttlDays]),
      [
        ['orderbook_snapshots', 90],
        ['tick_trades', 180],
        ['spread_history', 365],
      ],
    );
    const oldest = HOUR_MS - 32 * 86_400_000;
    await store.insert(batchOf('spread_history', [sampleSpread('STATE', { secondMs: oldest })]));
    const after = (await store.status()).find((one) => one.table === 'spread_history');
    t.equal(after?.rows, (before[2]?.rows ?? 0) + 1);
    t.equal(after?.oldestMs, Math.min(oldest, before[2]?.oldestMs ?? Infinity));
    t.ok((await store.ping()) >= 0);
    const { name, engine, location } = await store.describe();
    t.equal(name, 'ticks');
    t.ok(engine.length > 0 && location.length > 0, `${engine} at ${location}`);
  });
}

export async function tickContract(t: Test, store: TickStore): Promise<void> {
  await exactContract(t, store);
  await batchContract(t, store);
  await refusalContract(t, store);
  await questionContract(t, store);
}

/** What a closed store does; the store is not usable afterwards. */
export async function closedContract(t: Test, store: TickStore): Promise<void> {
  await t.test('a closed store answers nothing', async (t) => {
    await store.close();
    await store.close();
    const closed = { code: 'ARB_STORE_UNAVAILABLE' };
    await t.rejects(store.insert(batchOf('tick_trades', [sampleTrade('CLOSED')])), closed);
    await t.rejects(store.trades('okx:CLOSED-USDT', HOUR, 1), closed);
    await t.rejects(store.ping(), closed);
    await t.rejects(store.status(), closed);
  });
}
