import t from 'tap';
import fc from 'fast-check';
import { Decimal } from '../../src/market/decimal.js';
import { ledgerEntry } from '../../src/messages/ledger.js';
import type { Fill } from '../../src/messages/order.js';
import { assetsOf, fillEntry, fillEntryId, LedgerBook, openingEntries } from '../../src/execution/ledger.js';
import { dayNet, dayNumber, midPrice, valueHoldings } from '../../src/execution/portfolio.js';
import { ResidueLedger } from '../../src/execution/residue.js';

const NOW = 1_750_000_000_000;

function fillOf(changes: Partial<Fill> = {}): Fill {
  return {
    exchange: 'alpha',
    instrument: 'alpha:BTC-USDT',
    tradeId: 't-1',
    clientOrderId: 'c-1',
    arbitrageId: 'arb-1',
    side: 'buy',
    price: '1000.5',
    quantity: '0.3',
    fee: '0.30015',
    feeAsset: 'USDT',
    liquidity: 'taker',
    exchangeTimeMs: NOW,
    ...changes,
  };
}

t.test(
  'a fill becomes one balanced entry, exact to the last decimal, with the fee in the coin it was paid in',
  async (t) => {
    t.strictSame(assetsOf('alpha:BTC-USDT'), { base: 'BTC', quote: 'USDT' });
    const entry = fillEntry(fillOf(), NOW);
    t.equal(ledgerEntry.safeParse(entry).success, true);
    t.equal(entry.entryId, 'fill:alpha:t-1');
    t.strictSame(
      entry.postings.map((p) => `${p.account} ${p.asset} ${p.amount}`),
      [
        'exchange:alpha BTC 0.3',
        'trading BTC -0.3',
        'exchange:alpha USDT -300.15',
        'trading USDT 300.15',
        'exchange:alpha USDT -0.30015',
        'fees USDT 0.30015',
      ],
    );
    const book = new LedgerBook();
    book.book(fillEntry(fillOf({ side: 'sell', fee: '-0.001', feeAsset: 'BNB', tradeId: 't-2' }), NOW));
    t.strictSame(book.holdings(), [
      { exchange: 'alpha', asset: 'BNB', amount: '0.001' },
      { exchange: 'alpha', asset: 'BTC', amount: '-0.3' },
      { exchange: 'alpha', asset: 'USDT', amount: '300.15' },
    ]);
    t.equal(fillEntry(fillOf({ fee: '0' }), NOW).postings.length, 4, 'a fee of nothing is no posting');
  },
);

t.test('an unbalanced entry and digits that money does not have are refused by name', async (t) => {
  const entry = fillEntry(fillOf(), NOW);
  const broken = {
    ...entry,
    postings: entry.postings.map((p, i) => (i === 0 ? { ...p, amount: '0.30000001' } : p)),
  };
  t.throws(() => new LedgerBook().book(broken), {
    code: 'ARB_LEDGER_UNBALANCED',
    message: /BTC sum to 0\.00000001/,
  });
  const fine = '0.000000000000001';
  t.throws(() => fillEntry(fillOf({ price: fine, quantity: fine }), NOW), { code: 'ARB_DECIMAL_INVALID' });
});

t.test('opening balances are one entry per exchange and asset, and book once', async (t) => {
  const entries = openingEntries(
    [
      { exchange: 'alpha', asset: 'USDT', amount: '100' },
      { exchange: 'beta', asset: 'BTC', amount: '0' },
    ],
    NOW,
  );
  t.equal(entries.length, 1);
  const book = new LedgerBook();
  t.strictSame(
    [...entries, ...entries].map((e) => book.book(e)),
    ['booked', 'duplicate'],
  );
  t.equal(book.version, 1);
});

const amount = fc
  .tuple(fc.bigInt({ min: 1n, max: 10n ** 11n }), fc.integer({ min: 0, max: 8 }))
  .map(([n, places]) => new Decimal(n.toString()).div(new Decimal(10).pow(places)).toFixed());
const anyFill = fc
  .record({
    exchange: fc.constantFrom('alpha', 'beta'),
    base: fc.constantFrom('BTC', 'ETH'),
    trade: fc.integer({ min: 1, max: 12 }),
    side: fc.constantFrom('buy' as const, 'sell' as const),
    price: amount,
    quantity: amount,
    fee: fc.tuple(fc.boolean(), amount).map(([rebate, text]) => (rebate ? `-${text}` : text)),
    feeAsset: fc.constantFrom('BTC', 'USDT', 'BNB'),
  })
  .map(({ base, trade, ...rest }) =>
    fillOf({ ...rest, instrument: `${rest.exchange}:${base}-USDT`, tradeId: `t${trade}` }),
  );

t.test(
  'the ledger is the sum of the fills, sums to zero per entry and asset, and replays to the same state',
  async () => {
    fc.assert(
      fc.property(fc.array(anyFill, { maxLength: 40 }), (fills) => {
        const book = new LedgerBook();
        const expected = new Map<string, Decimal>();
        const seen = new Set<string>();
        const entries = fills.map((fill) => fillEntry(fill, NOW));
        fills.forEach((fill, i) => {
          const first = !seen.has(fillEntryId(fill));
          seen.add(fillEntryId(fill));
          if (book.book(entries[i]!) !== (first ? 'booked' : 'duplicate')) throw new Error('booked twice');
          if (!first) return;
          const { base, quote } = assetsOf(fill.instrument);
          const sign = fill.side === 'buy' ? 1 : -1;
          const move = (asset: string, by: Decimal) =>
            expected.set(
              `${fill.exchange}|${asset}`,
              (expected.get(`${fill.exchange}|${asset}`) ?? new Decimal(0)).plus(by),
            );
          move(base, new Decimal(fill.quantity).times(sign));
          move(quote, new Decimal(fill.price).times(fill.quantity).times(-sign));
          move(fill.feeAsset, new Decimal(fill.fee).negated());
        });
        const wanted = [...expected]
          .filter(([, sum]) => !sum.isZero())
          .map(([key, sum]) => `${key}|${sum.toFixed()}`)
          .sort();
        const held = book
          .holdings()
          .map((h) => `${h.exchange}|${h.asset}|${h.amount}`)
          .sort();
        if (JSON.stringify(wanted) !== JSON.stringify(held))
          throw new Error('holdings are not the sum of fills');
        for (const asset of ['BTC', 'ETH', 'USDT', 'BNB'])
          if (!book.totalOf(asset).isZero()) throw new Error(`${asset} does not sum to zero`);
        const replayed = new LedgerBook();
        for (const entry of entries) replayed.book(entry);
        const restored = LedgerBook.fromBalances(book.balances());
        const text = JSON.stringify(book.balances());
        if (JSON.stringify(replayed.balances()) !== text || JSON.stringify(restored.balances()) !== text)
          throw new Error('replay differs');
      }),
      { numRuns: 200 },
    );
  },
);

t.test('a market that falls 30 % without a trade is no loss of the day', async (t) => {
  const holdings = [
    { exchange: 'alpha', asset: 'BTC', amount: '10' },
    { exchange: 'beta', asset: 'USDT', amount: '5000' },
  ];
  const baseline = new Map([
    ['BTC', new Decimal(10)],
    ['USDT', new Decimal(5000)],
  ]);
  const before = valueHoldings(holdings, new Map([['BTC', new Decimal(1000)]]), baseline, 'USDT');
  const after = valueHoldings(holdings, new Map([['BTC', new Decimal(700)]]), baseline, 'USDT');
  t.equal(after.equity.minus(before.equity).toFixed(), '-3000');
  t.equal(dayNet(after, before.tradingValue).toFixed(), '0');
  const traded = valueHoldings(
    [...holdings, { exchange: 'alpha', asset: 'USDT', amount: '7.99' }],
    new Map([['BTC', new Decimal(700)]]),
    baseline,
    'USDT',
  );
  t.equal(dayNet(traded, before.tradingValue).toFixed(), '7.99');
  t.strictSame(valueHoldings(holdings, new Map(), baseline, 'USDT').unmarked, ['BTC']);
  t.equal(midPrice(100, 101)?.toFixed(), '100.5');
  t.equal(midPrice(0, 101), null);
  t.equal(dayNumber(Date.UTC(2026, 0, 2, 14, 59), -9 * 3_600_000), dayNumber(Date.UTC(2026, 0, 2, 0), 0));
  t.equal(
    dayNumber(Date.UTC(2026, 0, 2, 15), -9 * 3_600_000),
    dayNumber(Date.UTC(2026, 0, 3, 0), 0),
    'a Korean day begins at 15:00 UTC',
  );
});

t.test('the residue ledger counts each arbitrage once', async (t) => {
  const residues = new ResidueLedger();
  const closed = {
    arbitrageId: 'arb-1',
    opportunityId: 'o',
    signalId: 's',
    pair: 'BTC-USDT',
    buyExchange: 'alpha',
    sellExchange: 'beta',
    outcome: 'flagged',
    boughtQuantity: '1',
    soldQuantity: '0',
    residualBase: '1',
    expectedNet: '1',
    realisedNet: '-1',
    fees: '1',
    openedAtMs: NOW,
    closedAtMs: NOW,
  } as const;
  t.strictSame([residues.add(closed), residues.add(closed)], [true, false]);
  residues.add({ ...closed, arbitrageId: 'arb-2', outcome: 'completed', residualBase: '-0.25' });
  t.strictSame(residues.list(), [{ asset: 'BTC', amount: '0.75', flagged: 1 }]);
});
