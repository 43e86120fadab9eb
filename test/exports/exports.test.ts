import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { timeZone } from '../../src/cli/time-zone.js';
import { fillEntry, LedgerBook, openingEntries } from '../../src/execution/ledger.js';
import { ledgerFacts } from '../../src/exports/facts.js';
import type { CostBasis } from '../../src/exports/lots.js';
import { csvField, tableWriter, type ExportRow } from '../../src/exports/table.js';
import { TaxBook, type Disposal, type LedgerFact } from '../../src/exports/tax.js';
import { emptyTotals, TAX_COLUMNS, taxRows } from '../../src/exports/tax-rows.js';
import { TRADE_COLUMNS, tradeRow, tradeRows } from '../../src/exports/trades.js';
import { movementsOf, TRANSFER_COLUMNS, transferRows, transferRowsOf } from '../../src/exports/transfers.js';
import { Decimal } from '../../src/market/decimal.js';
import type { LedgerEntry } from '../../src/messages/ledger.js';
import type { Fill } from '../../src/messages/order.js';

t.setTimeout(170_000);

const UTC = timeZone('UTC');
const START_MS = Date.UTC(2026, 0, 1);
const ALWAYS = { from: null, to: null };
const ZERO = new Decimal(0);

/** A reader of RFC 4180, written from it. */
function readCsv(text: string): string[][] {
  const records: string[][] = [];
  let [record, field, quoted] = [[] as string[], '', false];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[++i]!;
      else quoted = false;
    } else if (c === '"' && field === '') quoted = true;
    else if (c === ',') [record, field] = [[...record, field], ''];
    else if (c === '\r' && text[i + 1] === '\n') {
      i++;
      records.push([...record, field]);
      [record, field] = [[], ''];
    } else field += c;
  }
  return records;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function fillOf(change: Partial<Fill>, index = 0): Fill {
  return {
    exchange: 'okx',
    instrument: 'okx:BTC-USDT',
    tradeId: `t${index}`,
    clientOrderId: `c${index}`,
    arbitrageId: `a${index}`,
    side: 'buy',
    price: '100',
    quantity: '1',
    fee: '0',
    feeAsset: 'USDT',
    liquidity: 'taker',
    exchangeTimeMs: START_MS + index * 1_000,
    ...change,
  };
}

const factOf = (fill: Fill): LedgerFact => ({ entry: fillEntry(fill, fill.exchangeTimeMs), fill });

function entryOf(
  index: number,
  kind: LedgerEntry['kind'],
  from: string,
  to: string,
  asset: string,
  amount: string,
) {
  const postings = [
    { account: from, asset, amount: `-${amount}` },
    { account: to, asset, amount },
  ];
  const entry: LedgerEntry = {
    entryId: `e${index}`,
    kind,
    arbitrageId: null,
    postings,
    bookedAtMs: START_MS + index * 1_000,
  };
  return { entry, fill: null };
}

const PRICES = new Map([
  ['BTC', new Decimal(90)],
  ['ETH', new Decimal(7)],
]);

function taxOf(
  facts: readonly LedgerFact[],
  basis: CostBasis,
  openingPrices: ReadonlyMap<string, Decimal> = PRICES,
) {
  const book = new TaxBook({ currency: 'USDT', basis, openingPrices });
  const disposals = facts.flatMap((fact) => book.apply(fact));
  book.requireConserved();
  return { disposals, residual: book.residual() };
}

const short = ({ kind, asset, quantity, cost, proceeds, gain, note }: Disposal): string =>
  [kind, asset, ...[quantity, cost, proceeds, gain].map((one) => one?.toFixed() ?? '?'), note]
    .join(' ')
    .trim();

const sum = (values: readonly (Decimal | null)[]): Decimal =>
  values.reduce<Decimal>((total, one) => total.plus(one ?? 0), ZERO);

t.test('whatever is in a field comes back from CSV, and no spreadsheet takes it for a formula', async (t) => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc
      .array(
        fc.constantFrom(
          '=',
          '+',
          '-',
          '@',
          '\t',
          '\r',
          '\n',
          '"',
          ',',
          ';',
          "'",
          ' ',
          '1',
          '.',
          '\uff1d',
          'é',
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join('')),
    fc.constantFrom('=1+1', '@SUM(A1)', "=cmd|' /C calc'!A0", '+1', '-1', '-0.5', '1e5', '', "'quoted"),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(nasty, nasty), { maxLength: 6 }), (rows) => {
      const writer = tableWriter('csv', ['a', 'b']);
      const text = writer.head + rows.map(([a, b]) => writer.row({ a, b })).join('') + writer.tail();
      const read = readCsv(text);
      if (read.length !== rows.length + 1) return false;
      return rows.every((row, at) =>
        row.every((cell, column) => {
          const field = read[at + 1]![column]!;
          const isDecimal = /^-?\d+(\.\d+)?$/.test(field);
          const isSafe = isDecimal || !/^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(field);
          return isSafe && (field.startsWith("'") ? field.slice(1) : field) === cell;
        }),
      );
    }),
    { numRuns: 400 },
  );
  t.equal(csvField('-0.5'), '-0.5', 'a number stays a number');
  t.equal(csvField('-0.5+1'), "'-0.5+1");
  t.equal(csvField('say "a", b'), '"say ""a"", b"');
  t.equal(csvField(null), '');
  const json = (rows: ExportRow[]) => {
    const writer = tableWriter('json', ['a', 'b']);
    return JSON.parse(writer.head + rows.map((row) => writer.row(row)).join('') + writer.tail()) as unknown;
  };
  t.same(json([]), []);
  t.same(json([{ b: '=1', a: null }, { a: '"' }]), [
    { a: null, b: '=1' },
    { a: '"', b: null },
  ]);
});

t.test('days and times are those of the zone, over its changes of the clock', async (t) => {
  const at = (zone: string, text: string) => {
    const { dayOf, textOf } = timeZone(zone);
    const atMs = Date.parse(text);
    return `${dayOf(atMs)} ${textOf(atMs)}`;
  };
  t.equal(at('UTC', '2026-01-01T00:00:00Z'), '2026-01-01 2026-01-01T00:00:00.000+00:00');
  t.equal(at('Asia/Seoul', '2025-12-31T15:00:00Z'), '2026-01-01 2026-01-01T00:00:00.000+09:00');
  t.equal(at('Asia/Seoul', '2025-12-31T14:59:59.999Z'), '2025-12-31 2025-12-31T23:59:59.999+09:00');
  t.equal(at('America/New_York', '2026-03-08T06:59:59Z'), '2026-03-08 2026-03-08T01:59:59.000-05:00');
  t.equal(at('America/New_York', '2026-03-08T07:00:00Z'), '2026-03-08 2026-03-08T03:00:00.000-04:00');
  t.equal(at('Europe/Berlin', '2026-10-25T00:59:59Z'), '2026-10-25 2026-10-25T02:59:59.000+02:00');
  t.equal(at('Europe/Berlin', '2026-10-25T01:00:00Z'), '2026-10-25 2026-10-25T02:00:00.000+01:00');
  t.equal(at('Asia/Kathmandu', '2026-06-01T18:15:00Z'), '2026-06-02 2026-06-02T00:00:00.000+05:45');
  t.equal(at('America/St_Johns', '2026-01-01T03:29:59Z'), '2025-12-31 2025-12-31T23:59:59.000-03:30');
  t.equal(UTC.textOf(1_790_000_000_123.75), '2026-09-21T14:13:20.123+00:00', 'fractions of a ms are cut');
  for (const zone of ['Mars/Olympus', '', 'Asia/Seoul; rm'])
    t.throws(() => timeZone(zone), { code: 'ARB_CLI_USAGE', message: /--tz/ });
});

t.test('movements of an entry are the entry, and transfers are those that touch an exchange', async (t) => {
  const accounts = ['exchange:okx', 'exchange:bybit', 'external', 'opening', 'fees', 'trading'];
  const posting = fc.record({
    account: fc.constantFrom(...accounts),
    asset: fc.constantFrom('BTC', 'USDT'),
    cents: fc.integer({ min: -1_000, max: 1_000 }),
  });
  fc.assert(
    fc.property(
      fc.array(posting, { minLength: 1, maxLength: 7 }),
      fc.constantFrom(...accounts),
      (drawn, rest) => {
        const postings: LedgerEntry['postings'] = drawn.map(({ account, asset, cents }) => ({
          account,
          asset,
          amount: new Decimal(cents).div(100).toFixed(),
        }));
        for (const asset of ['BTC', 'USDT'] as const) {
          const off = sum(postings.map((one) => (one.asset === asset ? new Decimal(one.amount) : null)));
          postings.push({ account: rest, asset, amount: off.negated().toFixed() });
        }
        const entry: LedgerEntry = {
          entryId: 'e',
          kind: 'adjustment',
          arbitrageId: null,
          postings,
          bookedAtMs: START_MS,
        };
        const movements = movementsOf(entry);
        for (const asset of ['BTC', 'USDT'])
          for (const account of accounts) {
            const wanted = sum(
              postings
                .filter((one) => one.asset === asset && one.account === account)
                .map((one) => new Decimal(one.amount)),
            );
            const moved = movements
              .filter((one) => one.asset === asset)
              .map(({ from, to, amount }) =>
                to === account ? amount : from === account ? amount.negated() : ZERO,
              );
            if (!sum(moved).eq(wanted)) throw new Error(`${account} ${asset}`);
          }
        return movements.every(({ from, to, amount }) => amount.gt(0) && from !== to);
      },
    ),
  );
  const [row] = transferRowsOf(
    entryOf(1, 'external', 'exchange:okx', 'exchange:bybit', 'BTC', '0.5').entry,
    timeZone('Asia/Seoul'),
  );
  t.same(row, {
    time: '2026-01-01T09:00:01.000+09:00',
    day: '2026-01-01',
    kind: 'between exchanges',
    from: 'okx',
    to: 'bybit',
    asset: 'BTC',
    amount: '0.5',
    entry_id: 'e1',
  });
  t.match(
    transferRowsOf(openingEntries([{ exchange: 'okx', asset: 'BTC', amount: '2' }], START_MS)[0]!, UTC),
    [{ kind: 'opening', from: 'opening', to: 'okx', amount: '2' }],
  );
  t.same(transferRowsOf(fillEntry(fillOf({}), START_MS), UTC), [], 'a trade is no transfer');
  t.match(tradeRow(fillOf({ price: '0.1', quantity: '0.3', fee: '-0.01' }), UTC), {
    notional: '0.03',
    fee: '-0.01',
    base: 'BTC',
  });
  const days = await all(
    tradeRows(each([fillOf({}), fillOf({}, 86_400), fillOf({}, 172_800)]), UTC, {
      from: '2026-01-02',
      to: '2026-01-02',
    }),
  );
  t.same(
    days.map(({ day }) => day),
    ['2026-01-02'],
    'both ends of a period are in it',
  );
});

t.test('disposals have the cost of their lots, by hand', async (t) => {
  const facts = [
    entryOf(0, 'opening', 'opening', 'exchange:okx', 'BTC', '1'),
    factOf(fillOf({ price: '100', quantity: '2', fee: '1' }, 1)),
    factOf(fillOf({ price: '130', quantity: '1', fee: '0.01', feeAsset: 'BTC' }, 2)),
    factOf(
      fillOf(
        {
          side: 'sell',
          price: '150',
          quantity: '2',
          fee: '3',
          exchange: 'bybit',
          instrument: 'bybit:BTC-USDT',
        },
        3,
      ),
    ),
    entryOf(4, 'external', 'exchange:okx', 'exchange:bybit', 'BTC', '0.5'),
    entryOf(5, 'external', 'exchange:okx', 'external', 'BTC', '0.5'),
  ];
  const fifo = taxOf(facts, 'fifo');
  t.same(fifo.disposals.map(short), [
    'fee BTC 0.01 0.9 1.3 0.4',
    'sale BTC 0.99 89.1 147.015 57.915',
    'sale BTC 1.01 101.505 149.985 48.48',
    'withdrawal BTC 0.5 50.25 ? ? moved out, not sold',
  ]);
  t.same(fifo.residual.map(short), ['residual lot BTC 0.49 49.245 ? ?', 'residual lot BTC 1 131.3 ? ?']);
  const average = taxOf(facts, 'average');
  t.equal(average.disposals.length, 3, 'one row per disposal');
  t.equal(average.residual[0]?.quantity.toFixed(), '1.49');

  const unknown = taxOf(facts, 'fifo', new Map());
  t.same(unknown.disposals.slice(0, 2).map(short), [
    'fee BTC 0.01 ? 1.3 ? cost not known; opening balance',
    'sale BTC 0.99 ? 147.015 ? cost not known; opening balance',
  ]);
  const mixed = taxOf(facts, 'average', new Map());
  t.ok(
    mixed.disposals.some(({ cost }) => cost === null) && mixed.disposals.some(({ cost }) => cost !== null),
  );

  const unpriced = taxOf(
    [
      entryOf(0, 'opening', 'opening', 'exchange:okx', 'BNB', '1'),
      factOf(fillOf({ quantity: '1', fee: '0.1', feeAsset: 'BNB' }, 1)),
      factOf(fillOf({ instrument: 'okx:BNB-USDT', price: '7', quantity: '1' }, 2)),
      factOf(fillOf({ side: 'sell', price: '120', fee: '0.1', feeAsset: 'BNB' }, 3)),
      factOf(fillOf({ side: 'sell', price: '1', quantity: '4' }, 4)),
      entryOf(5, 'external', 'exchange:okx', 'fees', 'BNB', '0.1'),
    ],
    'fifo',
    new Map(),
  );
  t.same(unpriced.disposals.map(short), [
    'fee BNB 0.1 ? ? ? cost not known; opening balance; no price of BNB was booked',
    'sale BTC 1 100 119.3 19.3 BNB at the price of its last fill',
    'fee BNB 0.1 ? 0.7 ? cost not known; opening balance; BNB at the price of its last fill',
    'sale BTC 4 ? 4 ? cost not known; more disposed of than acquired',
    'fee BNB 0.1 ? 0.7 ? cost not known; opening balance; BNB at the price of its last fill',
  ]);
});

t.test('a pair against another coin is valued by what was booked, or said to have no price', async (t) => {
  const cross = fillOf({ instrument: 'okx:ETH-BTC', price: '0.05', quantity: '10' }, 2);
  const opening = entryOf(0, 'opening', 'opening', 'exchange:okx', 'BTC', '1');
  const priced = taxOf([opening, factOf(fillOf({ price: '100' }, 1)), factOf(cross)], 'fifo');
  t.same(priced.disposals.map(short), ['sale BTC 0.5 45 50 5 BTC at the price of its last fill']);
  t.equal(priced.residual.find(({ asset }) => asset === 'ETH')?.cost?.toFixed(), '50');
  const bare = taxOf([opening, factOf(cross)], 'fifo');
  t.same(bare.disposals.map(short), ['sale BTC 0.5 45 ? ? no price of ETH was booked']);
  t.match(
    bare.residual.find(({ asset }) => asset === 'ETH'),
    { cost: null, note: /no price of ETH/ },
  );
  // Dollars bought with won: the won are disposed of, worth as many dollars as were got.
  const won = taxOf(
    [
      entryOf(0, 'opening', 'opening', 'exchange:okx', 'KRW', '2800'),
      factOf(
        fillOf(
          {
            instrument: 'okx:USDT-KRW',
            price: '1400',
            quantity: '2',
            fee: '14',
            feeAsset: 'KRW',
            side: 'buy',
          },
          1,
        ),
      ),
    ],
    'fifo',
    new Map([['KRW', new Decimal('0.0007')]]),
  );
  t.equal(won.disposals[0] === undefined ? '' : short(won.disposals[0]), 'sale KRW 2800 1.96 1.99 0.03');
});

interface Step {
  readonly what: 'trade' | 'deposit' | 'withdraw' | 'move' | 'network';
  readonly base: 'BTC' | 'ETH';
  readonly side: 'buy' | 'sell';
  readonly price: number;
  readonly lots: number;
  readonly feeIn: 'USDT' | 'base' | 'BNB';
  readonly fee: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('trade', 'trade', 'trade', 'trade', 'deposit', 'withdraw', 'move', 'network'),
  base: fc.constantFrom('BTC', 'ETH'),
  side: fc.constantFrom('buy', 'sell'),
  price: fc.integer({ min: 1, max: 99_999 }),
  lots: fc.integer({ min: 1, max: 300 }),
  feeIn: fc.constantFrom('USDT', 'base', 'BNB'),
  fee: fc.integer({ min: -20, max: 60 }),
});

const OPENINGS = [
  entryOf(0, 'opening', 'opening', 'exchange:okx', 'BTC', '500'),
  entryOf(0, 'opening', 'opening', 'exchange:okx', 'ETH', '500'),
];

function tradeOf({ base, side, price, lots, feeIn, fee }: Step, index: number): LedgerFact {
  return factOf(
    fillOf(
      {
        instrument: `okx:${base}-USDT`,
        side,
        price: new Decimal(price).div(700).toDecimalPlaces(8).toFixed(),
        quantity: new Decimal(lots).div(1_000).toFixed(),
        fee: new Decimal(fee).div(100_000).toFixed(),
        feeAsset: feeIn === 'base' ? base : feeIn,
      },
      index,
    ),
  );
}

function factOfStep(one: Step, index: number): LedgerFact {
  const amount = new Decimal(one.lots).div(1_000).toFixed();
  switch (one.what) {
    case 'trade':
      return tradeOf(one, index);
    case 'deposit':
      return entryOf(index, 'external', 'external', 'exchange:okx', one.base, amount);
    case 'withdraw':
      return entryOf(index, 'external', 'exchange:okx', 'external', one.base, amount);
    case 'move':
      return entryOf(index, 'external', 'exchange:okx', 'exchange:bybit', one.base, amount);
    case 'network':
      return entryOf(index, 'external', 'exchange:okx', 'fees', one.base, amount);
  }
}

t.test('whatever happens, lots and disposals are what the ledger holds, to the last digit', async (t) => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom<CostBasis>('fifo', 'average'),
      (steps, basis) => {
        const facts = [...OPENINGS, ...steps.map((one, at) => factOfStep(one, at + 1))];
        const ledger = LedgerBook.fromBalances([]);
        for (const { entry } of facts) ledger.apply(entry);
        const { disposals, residual } = taxOf(facts, basis);
        for (const asset of ['BTC', 'ETH', 'BNB']) {
          const held = sum(
            ledger
              .holdings()
              .filter((one) => one.asset === asset)
              .map(({ amount }) => new Decimal(amount)),
          );
          const left = sum(residual.filter((one) => one.asset === asset).map(({ quantity }) => quantity));
          // Fees of a coin that nobody holds are the only thing that may be short.
          if (!left.eq(Decimal.max(held, 0)) && asset !== 'BNB')
            throw new Error(`${asset}: ${left.toFixed()} of ${held.toFixed()}`);
        }
        return disposals.every(({ quantity, gain, cost, proceeds, asset }) => {
          const whole =
            cost === null || proceeds === null ? gain === null : gain?.eq(proceeds.minus(cost)) === true;
          return whole && quantity.gt(0) && asset !== 'USDT';
        });
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});

t.test(
  'gains are the change of cash and of what is left, and both methods agree once all is sold',
  async (t) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const trades = steps
          .filter(({ feeIn }) => feeIn !== 'BNB')
          .map((one, at) => tradeOf({ ...one, what: 'trade' }, at + 1));
        const facts = [...OPENINGS, ...trades];
        const ledger = LedgerBook.fromBalances([]);
        for (const { entry } of facts) ledger.apply(entry);
        const cash = sum(
          ledger
            .holdings()
            .filter(({ asset }) => asset === 'USDT')
            .map(({ amount }) => new Decimal(amount)),
        );
        const opened = new Decimal(500 * 90 + 500 * 7);
        for (const basis of ['fifo', 'average'] as const) {
          const { disposals, residual } = taxOf(facts, basis);
          const gain = sum(disposals.map((one) => one.gain));
          const left = sum(residual.map(({ cost }) => cost));
          if (!gain.eq(cash.minus(opened).plus(left))) throw new Error(`${basis}: ${gain.toFixed()}`);
        }
        const rest = ledger.holdings().filter(({ asset }) => asset !== 'USDT');
        const sold = [
          ...facts,
          ...rest.map(({ asset, amount }, at) =>
            factOf(
              fillOf(
                { instrument: `okx:${asset}-USDT`, side: 'sell', price: '3', quantity: amount },
                1_000 + at,
              ),
            ),
          ),
        ];
        const [fifo, average] = [taxOf(sold, 'fifo'), taxOf(sold, 'average')];
        const total = ({ disposals }: typeof fifo) => sum(disposals.map(({ gain }) => gain));
        if (fifo.residual.length + average.residual.length > 0) throw new Error('something is left');
        return total(fifo).eq(total(average));
      }),
      { numRuns: 150 },
    );
    t.pass();
  },
);

t.test(
  'an export streams the ledger once, keeps to its period, and refuses a ledger that disagrees',
  async (t) => {
    const bought = fillOf({ quantity: '2', price: '100' }, 1);
    const sold = fillOf(
      { side: 'sell', quantity: '1', price: '110', exchangeTimeMs: START_MS + 86_400_000 },
      2,
    );
    const later = fillOf(
      { side: 'sell', quantity: '1', price: '120', exchangeTimeMs: START_MS + 2 * 86_400_000 },
      3,
    );
    const fills = [bought, sold, later];
    const entries = fills.map((fill) => fillEntry(fill, fill.exchangeTimeMs));
    const rowsOf = async (period: { from: string | null; to: string | null }) => {
      const totals = emptyTotals();
      const rows = await all(
        taxRows(ledgerFacts(each(entries), each(fills)), {
          ...{ currency: 'USDT', basis: 'fifo', openingPrices: new Map<string, Decimal>(), zone: UTC },
          period,
          totals,
        }),
      );
      return { rows, totals };
    };
    const { rows, totals } = await rowsOf({ from: '2026-01-02', to: '2026-01-02' });
    t.match(rows, [
      {
        kind: 'sale',
        day: '2026-01-02',
        quantity: '1',
        cost: '100',
        proceeds: '110',
        gain: '10',
        acquired: UTC.textOf(bought.exchangeTimeMs),
      },
      { kind: 'residual lot', quantity: '1', cost: '100', proceeds: null },
    ]);
    t.same(
      rows.map((row) => Object.keys(row)),
      rows.map(() => [...TAX_COLUMNS]),
    );
    t.equal(totals.gain.toFixed(), '10');
    t.equal((await rowsOf(ALWAYS)).totals.gain.toFixed(), '30');
    t.equal((await rowsOf({ from: '2026-01-03', to: null })).totals.gain.toFixed(), '20');
    await t.rejects(all(ledgerFacts(each(entries), each([sold, bought]))), {
      code: 'ARB_INVARIANT',
      message: /fill:okx:t1/,
    });
    t.equal(
      (await all(ledgerFacts(each(entries), each(fills.slice(0, 2))))).length,
      2,
      'what is booked meanwhile comes next time',
    );
    const cooked = entries.map((entry, at) =>
      at !== 0
        ? entry
        : {
            ...entry,
            postings: entry.postings.map((one) => ({
              ...one,
              amount: new Decimal(one.amount).times(2).toFixed(),
            })),
          },
    );
    const facts = cooked.map((entry, at): LedgerFact => ({ entry, fill: fills[at]! }));
    t.throws(() => taxOf(facts, 'fifo'), {
      code: 'ARB_INVARIANT',
      message: /lots of BTC sum to 0, the ledger holds 2/,
    });
  },
);

t.test('the page shows what is written', async (t) => {
  const opening = openingEntries([{ exchange: 'bybit', asset: 'BTC', amount: '0.004' }], START_MS);
  const shared = { price: '60000.1', quantity: '0.01', fee: '0.6' };
  const fills = [
    fillOf({ ...shared, tradeId: '7001', clientOrderId: 'a1-0-0', exchangeTimeMs: START_MS + 1_250 }, 1),
    fillOf(
      {
        ...shared,
        ...{ exchange: 'bybit', instrument: 'bybit:BTC-USDT', tradeId: 'x-19', side: 'sell', price: '60090' },
        ...{ clientOrderId: 'a1-1-0', exchangeTimeMs: START_MS + 1_262 },
      },
      1,
    ),
    fillOf(
      {
        ...shared,
        ...{ tradeId: '7002', clientOrderId: 'a2-0-0', price: '60100', fee: '0.00001', feeAsset: 'BTC' },
        exchangeTimeMs: START_MS + 86_400_000,
      },
      2,
    ),
  ];
  const entries = [...opening, ...fills.map((fill) => fillEntry(fill, fill.exchangeTimeMs))];
  const zone = timeZone('Asia/Seoul');
  const options = { currency: 'USDT', basis: 'fifo', openingPrices: new Map<string, Decimal>() } as const;
  const shown = [
    ...readFileSync(new URL('../../docs/exports.md', import.meta.url), 'utf8').matchAll(
      /^```\n([^`]*,[^`]*)^```/gm,
    ),
  ].map(([, text = '']) => text);
  const written = async (columns: readonly string[], rows: AsyncIterable<ExportRow>) => {
    const writer = tableWriter('csv', columns);
    return (writer.head + (await all(rows)).map((row) => writer.row(row)).join('')).replaceAll('\r\n', '\n');
  };
  const disposals = taxRows(ledgerFacts(each(entries), each(fills)), {
    ...options,
    zone,
    period: ALWAYS,
    totals: emptyTotals(),
  });
  t.same(shown, [
    await written(TRADE_COLUMNS, tradeRows(each(fills), zone, ALWAYS)),
    await written(TRANSFER_COLUMNS, transferRows(each(entries), zone, ALWAYS)),
    await written(TAX_COLUMNS, disposals),
  ]);
});
