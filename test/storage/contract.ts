import type { Test } from 'tap';
import { ArbotError } from '../../src/messages/errors.js';
import { dailyPerformance } from '../../src/execution/portfolio-day.js';
import type { LedgerEntry } from '../../src/messages/ledger.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import { dayStartMs } from '../../src/messages/performance.js';
import type { Thinning } from '../../src/ports/performance.js';
import type { Stores } from '../../src/ports/stores.js';
import { Exact } from '../../src/storage/ledger-rules.js';
import { leaseContract, tradeFence } from './lease-contract.js';
import * as s from './samples.js';

/**
 * What every implementation of the stores must do, on an engine that may already hold the rows of other tests. Asset names
 * here are used by one test only.
 */

/** The error a promise rejects with; fails the test when it resolves. */
async function rejection(t: Test, work: Promise<unknown>, name: string): Promise<ArbotError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ArbotError) return error;
    throw error;
  }
  t.fail(`${name}: was accepted`);
  throw new Error(`${name}: was accepted`);
}

async function refusedWith(
  t: Test,
  code: string,
  words: RegExp,
  work: Promise<unknown>,
  name: string,
): Promise<void> {
  const error = await rejection(t, work, name);
  t.equal(error.code, code, `${name}: ${error.message}`);
  t.match(error.message, words, `${name} is named`);
}

async function allEntries(stores: Stores): Promise<LedgerEntry[]> {
  const found: LedgerEntry[] = [];
  for (let after = 0; ;) {
    const page = await stores.ledger.entries(after, 500);
    found.push(...page.map((row) => row.entry));
    const last = page.at(-1);
    if (last === undefined) return found;
    after = last.position;
  }
}

async function held(stores: Stores, asset: string): Promise<string | undefined> {
  return (await stores.ledger.holdings()).find((holding) => holding.asset === asset)?.amount;
}

/** Under the fence of this test run. */
async function journal(stores: Stores, legs: readonly SubmitLeg[]): Promise<void> {
  await stores.trades.journalLegs(legs, await tradeFence(stores));
}

async function ledgerContract(t: Test, stores: Stores): Promise<void> {
  await t.test('an entry is booked once, comes back exactly and again is a duplicate', async (t) => {
    const entry = s.opening('once', 'ONCE', '1.500');
    t.equal(await stores.ledger.append(entry), 'booked');
    t.equal(await stores.ledger.append(entry), 'duplicate');
    t.equal(await stores.ledger.append({ ...entry, bookedAtMs: 5 }), 'duplicate', 'the first stays');
    t.strictSame(
      (await allEntries(stores)).filter((one) => one.entryId === entry.entryId),
      [entry],
    );
    t.equal(await held(stores, 'ONCE'), '1.5');
  });

  await t.test('amounts keep every digit, sign and trailing zero', async (t) => {
    const amounts = [
      '123456789012345678901234.12345678901234567890',
      '-999999999999999999999999.99999999999999999999',
      '0.00000000000000000001',
      '-0.00000000000000000001',
      '1.10',
      '-7',
      '0',
      '0.000',
    ];
    const entries = amounts.map((amount, index) => s.opening(`exact-${index}`, 'EXACT', amount));
    for (const entry of entries) t.equal(await stores.ledger.append(entry), 'booked');
    const kept = (await allEntries(stores)).filter((entry) => entry.entryId.startsWith('test:exact-'));
    t.strictSame(kept, entries);
    const sum = amounts.reduce((total, amount) => total.plus(amount), new Exact(0)).toFixed();
    t.equal(await held(stores, 'EXACT'), sum);
    const sums = await stores.ledger.balances();
    const opposite = sums.find((row) => row.account === 'opening' && row.asset === 'EXACT')?.amount;
    t.equal(opposite, new Exact(sum).neg().toFixed());
  });

  await t.test('an unbalanced entry is refused with asset and difference, and leaves nothing', async (t) => {
    const off = s.sampleEntry('off', [
      { account: 'exchange:okx', asset: 'OFF', amount: '1' },
      { account: 'opening', asset: 'OFF', amount: '-0.99999999999999999999' },
    ]);
    const words = /OFF sum to 0\.00000000000000000001,/;
    await refusedWith(t, 'ARB_LEDGER_UNBALANCED', words, stores.ledger.append(off), 'append');
    const crossed = s.sampleEntry('crossed', [
      { account: 'exchange:okx', asset: 'OFF', amount: '1' },
      { account: 'opening', asset: 'OFFX', amount: '-1' },
    ]);
    await refusedWith(t, 'ARB_LEDGER_UNBALANCED', /OFF/, stores.ledger.append(crossed), 'two assets');
    const fill = s.sampleFill('off');
    await refusedWith(t, 'ARB_LEDGER_UNBALANCED', words, stores.ledger.bookFill(fill, off), 'fill');
    t.equal(await held(stores, 'OFF'), undefined);
    t.equal(await stores.ledger.bookFill(fill, s.fillEntry(fill)), 'booked', 'the fill was not half booked');
  });

  await t.test(
    'a fill is applied exactly once by exchange and trade id, whatever else came along',
    async (t) => {
      const fill = s.sampleFill('fill', { fee: '-0.000010', feeAsset: 'USDT' });
      const before = new Exact((await held(stores, 'BTC')) ?? '0');
      const tries = Array.from({ length: 12 }, () => stores.ledger.bookFill(fill, s.fillEntry(fill)));
      const booked = await Promise.all(tries);
      t.equal(booked.filter((result) => result === 'booked').length, 1);
      t.equal(booked.filter((result) => result === 'duplicate').length, 11);
      t.equal(new Exact((await held(stores, 'BTC')) ?? '0').minus(before).toFixed(), '0.001');
      const later = { ...fill, exchangeTimeMs: fill.exchangeTimeMs + 1000, liquidity: 'maker' as const };
      t.equal(
        await stores.ledger.bookFill(later, s.fillEntry(later)),
        'duplicate',
        'told again in other words',
      );
      const elsewhere = s.sampleFill('fill', { exchange: 'okx', instrument: 'okx:BTC-USDT' });
      t.equal(
        await stores.ledger.bookFill(elsewhere, s.fillEntry(elsewhere)),
        'booked',
        'ids are per exchange',
      );
      const kept = (await stores.ledger.fills(0, 10_000)).filter((row) => row.fill.tradeId === 'trade-fill');
      t.strictSame(
        kept.map((row) => row.fill),
        [fill, elsewhere],
      );
    },
  );

  await t.test('a trade id that returns with another price or market is refused, not dropped', async (t) => {
    const fill = s.sampleFill('reused');
    t.equal(await stores.ledger.bookFill(fill, s.fillEntry(fill)), 'booked');
    const others = [
      { instrument: 'binance:ETH-USDT' },
      { price: '60000.2' },
      { quantity: '0.002' },
      { side: 'sell' },
    ];
    for (const other of others as Partial<typeof fill>[]) {
      const reused = { ...fill, ...other };
      const work = stores.ledger.bookFill(reused, s.fillEntry(reused));
      await refusedWith(t, 'ARB_STORE_CONFLICT', /trade-reused/, work, JSON.stringify(other));
    }
    const same = { ...fill, price: '60000.1', quantity: '0.001' };
    t.equal(await stores.ledger.bookFill(same, s.fillEntry(same)), 'duplicate', 'zeros make no difference');
  });

  await t.test('a fill whose entry id is taken by something else is refused whole', async (t) => {
    const fill = s.sampleFill('taken');
    const entry = s.fillEntry(fill);
    await stores.ledger.append({ ...s.opening('x', 'TAKEN', '1'), entryId: entry.entryId });
    const work = stores.ledger.bookFill(fill, entry);
    await refusedWith(t, 'ARB_STORE_CONFLICT', /entr/, work, 'fill');
    t.notOk((await stores.ledger.fills(0, 10_000)).some((row) => row.fill.tradeId === 'trade-taken'));
  });

  await t.test('concurrent bookings lose nothing and a reader that continues misses none', async (t) => {
    const entries = Array.from({ length: 60 }, (_, index) => s.opening(`many-${index}`, 'MANY', '0.1'));
    const seen = new Set<string>();
    let after = 0;
    const readOn = async (): Promise<void> => {
      const page = await stores.ledger.entries(after, 7);
      for (const row of page) {
        t.ok(row.position > after, 'positions grow');
        after = row.position;
        seen.add(row.entry.entryId);
      }
    };
    // Eight at a time, as many as a pool has connections: none waits for one so long that it is given up.
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      const booked: string[] = [];
      for (let at = lane; at < entries.length; at += 8) booked.push(await stores.ledger.append(entries[at]!));
      return booked;
    });
    const writing = Promise.all(lanes);
    for (let round = 0; round < 10; round++) await readOn();
    t.strictSame(new Set((await writing).flat()), new Set(['booked']));
    for (let known = -1; known !== seen.size;) {
      known = seen.size;
      await readOn();
    }
    t.equal(entries.filter((entry) => seen.has(entry.entryId)).length, 60);
    t.equal(await held(stores, 'MANY'), '6');
  });
}

async function tradeContract(t: Test, stores: Stores): Promise<void> {
  await t.test('the legs of one arbitrage are journalled together or not at all', async (t) => {
    const legs = [s.sampleLeg('legs'), s.sampleLeg('legs', { legIndex: 1 })];
    await journal(stores, legs);
    const again = journal(stores, [legs[0] as (typeof legs)[0]]);
    await refusedWith(t, 'ARB_STORE_CONFLICT', /./, again, 'the same leg');
    const renamed = s.sampleLeg('legs', { clientOrderId: 'order-other' });
    const work = journal(stores, [s.sampleLeg('legs', { attempt: 1 }), renamed]);
    await refusedWith(t, 'ARB_STORE_CONFLICT', /verdict/, work, 'verdict, leg and attempt used twice');
    const twice = [s.sampleLeg('twice'), s.sampleLeg('twice', { clientOrderId: 'order-twice-b' })];
    await refusedWith(t, 'ARB_STORE_CONFLICT', /./, journal(stores, twice), 'within one call');
    const open = (await stores.trades.openLegs()).filter((leg) => /-(legs|twice)-/.test(leg.clientOrderId));
    t.strictSame(open, legs, 'nothing of the refused calls stayed');
    for (const leg of legs) await stores.trades.saveLegResult(s.sampleResult(leg));
  });

  await t.test('of concurrent journals of one verdict exactly one wins', async (t) => {
    const tries = Array.from({ length: 8 }, (_, index) =>
      journal(stores, [s.sampleLeg('race', { clientOrderId: `order-race-${index}` })]).then(
        () => 'won',
        (error: ArbotError) => error.code,
      ),
    );
    const results = await Promise.all(tries);
    t.equal(results.filter((result) => result === 'won').length, 1);
    t.equal(results.filter((result) => result === 'ARB_STORE_CONFLICT').length, 7);
    const open = (await stores.trades.openLegs()).filter((leg) => leg.verdictId === 'verdict-race');
    t.equal(open.length, 1);
    await stores.trades.saveLegResult(s.sampleResult(open[0] as (typeof open)[0]));
  });

  await t.test('a leg is open until its outcome is known', async (t) => {
    const leg = s.sampleLeg('open');
    const isOpen = async (): Promise<boolean> =>
      (await stores.trades.openLegs()).some((one) => one.clientOrderId === leg.clientOrderId);
    await journal(stores, [leg]);
    t.ok(await isOpen(), 'journalled');
    const unknown = s.sampleResult(leg, { status: 'unknown', filledQuantity: '0', averagePrice: null });
    await stores.trades.saveLegResult(unknown);
    t.ok(await isOpen(), 'an unknown outcome is still to be settled');
    const partial = s.sampleResult(leg, { status: 'partially_filled', filledQuantity: '0.0004' });
    await stores.trades.saveLegResult(partial);
    t.notOk(await isOpen());
    await stores.trades.saveLegResult(partial);
    await stores.trades.saveLegResult(unknown);
    t.notOk(await isOpen(), 'a late unknown takes no knowledge away');
    const less = s.sampleResult(leg, { status: 'rejected', filledQuantity: '0', averagePrice: null });
    await refusedWith(t, 'ARB_STORE_CONFLICT', /rejected/, stores.trades.saveLegResult(less), 'less filled');
    await stores.trades.saveLegResult(s.sampleResult(leg));
    t.notOk(await isOpen(), 'a late fill is taken');
    const stranger = s.sampleResult(s.sampleLeg('never'));
    await refusedWith(
      t,
      'ARB_STORE_CONFLICT',
      /never journalled/,
      stores.trades.saveLegResult(stranger),
      'stranger',
    );
  });

  await t.test('concurrent results of one leg all succeed', async (t) => {
    const leg = s.sampleLeg('results');
    await journal(stores, [leg]);
    const quantities = ['0.0001', '0.0002', '0.0003', '0.0004'];
    const results = quantities.map((filledQuantity) =>
      s.sampleResult(leg, { status: 'unknown', filledQuantity, averagePrice: null }),
    );
    await Promise.all([...results, s.sampleResult(leg)].map((result) => stores.trades.saveLegResult(result)));
    t.notOk((await stores.trades.openLegs()).some((one) => one.clientOrderId === leg.clientOrderId));
  });

  await t.test('what a restart needs is found by its ids, however much came later', async (t) => {
    const fills = ['f1', 'f2'].map((key) => s.sampleFill(`by-${key}`, { arbitrageId: 'arb-by-id' }));
    for (const fill of fills) await stores.ledger.bookFill(fill, s.fillEntry(fill));
    t.strictSame(await stores.ledger.fillsOf(['arb-by-id', 'arb-none']), fills);
    t.strictSame(await stores.ledger.fillsOf([]), []);
    const closed = s.sampleClosed('by-id');
    await stores.trades.closeArbitrage(closed);
    await stores.trades.closeArbitrage(s.sampleClosed('by-id-later'));
    t.strictSame(await stores.trades.arbitragesOf(['arb-by-id']), [closed]);
    const signal = s.sampleSignal('by-id');
    await stores.signals.saveSignal(signal, s.approved(signal));
    t.strictSame(await stores.signals.signalsOf(['verdict-sig-by-id', 'verdict-none']), [
      { signal, verdict: s.approved(signal) },
    ]);
    for (const work of [
      stores.ledger.fillsOf(['']),
      stores.trades.arbitragesOf(['x'.repeat(97)]),
      stores.signals.signalsOf(Array.from({ length: 10_001 }, () => 'v')),
    ])
      await refusedWith(t, 'ARB_MESSAGE_INVALID', /ids/, work, 'ids');
  });

  await t.test('closed arbitrages come back newest first, once each', async (t) => {
    const closed = ['a', 'b', 'c'].map((key) => s.sampleClosed(`closed-${key}`));
    for (const one of closed) t.equal(await stores.trades.closeArbitrage(one), 'booked');
    t.equal(await stores.trades.closeArbitrage({ ...s.sampleClosed('closed-a'), fees: '9' }), 'duplicate');
    t.strictSame(await stores.trades.recentArbitrages(2), [closed[2], closed[1]]);
  });

  await t.test('every order of an arbitrage comes back with what is known of it', async (t) => {
    const legs = [
      s.sampleLeg('orders'),
      s.sampleLeg('orders', { legIndex: 1 }),
      s.sampleLeg('orders', { legIndex: 1, attempt: 1 }),
    ];
    await journal(stores, legs.slice(0, 2));
    await journal(stores, legs.slice(2));
    await stores.trades.saveLegResult(s.sampleResult(legs[0]!, { status: 'unknown', filledQuantity: '0' }));
    await stores.trades.saveLegResult(s.sampleResult(legs[0]!));
    await stores.trades.saveLegResult(s.sampleResult(legs[1]!, { status: 'expired', filledQuantity: '0' }));
    t.strictSame(await stores.trades.ordersOf(['arb-orders', 'arb-none']), [
      { leg: legs[0], result: s.sampleResult(legs[0]!) },
      { leg: legs[1], result: s.sampleResult(legs[1]!, { status: 'expired', filledQuantity: '0' }) },
      { leg: legs[2], result: null },
    ]);
    await refusedWith(t, 'ARB_MESSAGE_INVALID', /ids/, stores.trades.ordersOf(['']), 'ids');
  });

  await t.test(
    'why an arbitrage made something else is kept, summed, and adds up or is refused',
    async (t) => {
      const parts = { priceMove: '-0.5', fees: '0.1', slippage: '0', latency: '-0.02', legFailure: '0.4' };
      const told = (key: string, change: object = {}) =>
        s.sampleClosed(`why-${key}`, {
          pair: 'WHY-USDT',
          closedAtMs: 2_000_000_000_000,
          attribution: parts,
          ...change,
        });
      const rows = [
        told('a'),
        told('b', { closedAtMs: 2_000_000_000_999 }),
        told('c', { outcome: 'flagged', realisedNet: '-1', attribution: { ...parts, legFailure: '-1.08' } }),
        told('d', { outcome: 'flagged', attribution: undefined }),
        told('early', { closedAtMs: 1_999_999_999_999 }),
        told('late', { closedAtMs: 2_000_000_001_000 }),
      ];
      for (const row of rows) t.equal(await stores.trades.closeArbitrage(row), 'booked');
      t.match(await stores.trades.arbitragesOf(['arb-why-a']), [{ attribution: parts }]);
      const sums = await stores.trades.profitAndLoss(2_000_000_000_000, 2_000_000_001_000);
      t.strictSame(sums, [
        {
          pair: 'WHY-USDT',
          strategy: 'spatial',
          quote: 'USDT',
          outcome: 'completed',
          arbitrages: 2,
          expectedNet: '1',
          realisedNet: '0.96',
          fees: '0.24',
          attributed: 2,
          parts: { priceMove: '-1', fees: '0.2', slippage: '0', latency: '-0.04', legFailure: '0.8' },
        },
        {
          pair: 'WHY-USDT',
          strategy: 'spatial',
          quote: 'USDT',
          outcome: 'flagged',
          arbitrages: 2,
          expectedNet: '1',
          realisedNet: '-0.52',
          fees: '0.24',
          attributed: 1,
          parts: { ...parts, legFailure: '-1.08' },
        },
      ]);
      t.strictSame(await stores.trades.profitAndLoss(1, 2), []);
      const wrong = told('wrong', { attribution: { ...parts, fees: '0.11' } });
      await refusedWith(
        t,
        'ARB_MESSAGE_INVALID',
        /attribution/,
        stores.trades.closeArbitrage(wrong),
        'parts',
      );
      await refusedWith(t, 'ARB_MESSAGE_INVALID', /fromMs/, stores.trades.profitAndLoss(-1, 2), 'fromMs');
    },
  );

  await t.test(
    'what is left over follows from the fills, also from those that came after the end',
    async (t) => {
      const left = async () => (await stores.trades.residues()).find(({ asset }) => asset === 'LEFT');
      const fill = (key: string, change: object) =>
        s.sampleFill(`left-${key}`, {
          arbitrageId: 'arb-left-a',
          instrument: 'binance:LEFT-USDT',
          ...change,
        });
      const book = async (one: ReturnType<typeof fill>) => {
        await stores.ledger.bookFill(one, s.fillEntry(one));
      };
      await book(fill('buy', { side: 'buy', quantity: '1', fee: '0.001', feeAsset: 'LEFT' }));
      t.equal(await left(), undefined, 'it has not ended');
      await stores.trades.closeArbitrage(s.sampleClosed('left-a', { pair: 'LEFT-USDT', outcome: 'flagged' }));
      await stores.trades.closeArbitrage(s.sampleClosed('left-b', { pair: 'LEFT-USDT', outcome: 'failed' }));
      t.strictSame(await left(), { asset: 'LEFT', amount: '0.999', arbitrages: 2, flagged: 1 });
      await book(fill('late', { side: 'sell', quantity: '0.999', fee: '0.1', feeAsset: 'USDT' }));
      t.strictSame(await left(), { asset: 'LEFT', amount: '0', arbitrages: 2, flagged: 1 });
    },
  );

  await t.test('of legs in several pairs every asset is left over but the quote', async (t) => {
    const cycle = { shape: 'cycle' as const, strategy: 'triangular' as const, quote: 'CYQ' };
    const book = async (key: string, change: object) => {
      const one = s.sampleFill(`cy-${key}`, { arbitrageId: 'arb-cy', fee: '0', feeAsset: 'CYQ', ...change });
      await stores.ledger.bookFill(one, s.fillEntry(one));
    };
    await book('1', { instrument: 'okx:CYA-CYQ', exchange: 'okx', side: 'buy', quantity: '2', price: '10' });
    await book('2', {
      ...{ instrument: 'okx:CYB-CYA', exchange: 'okx', side: 'buy', quantity: '3', price: '0.5' },
      ...{ fee: '0.003', feeAsset: 'CYB' },
    });
    await book('3', {
      instrument: 'okx:CYB-CYQ',
      exchange: 'okx',
      side: 'sell',
      quantity: '2.9',
      price: '8',
    });
    const closedAtMs = 2_100_000_000_000;
    await stores.trades.closeArbitrage(s.sampleClosed('cy', { ...cycle, pair: 'CYA-CYQ', closedAtMs }));
    const left = (await stores.trades.residues()).filter(({ asset }) => asset.startsWith('CY'));
    t.strictSame(left, [
      { asset: 'CYA', amount: '0.5', arbitrages: 1, flagged: 0 },
      { asset: 'CYB', amount: '0.097', arbitrages: 1, flagged: 0 },
    ]);
    const [sums] = await stores.trades.profitAndLoss(closedAtMs, closedAtMs + 1);
    t.match(sums, { pair: 'CYA-CYQ', strategy: 'triangular', quote: 'CYQ', arbitrages: 1 });
  });

  await t.test('of each position the newest end that still holds something is found', async (t) => {
    const ended = (key: string, positionId: string, quantity: string | null) =>
      s.sampleClosed(key, {
        ...{ shape: 'pair', strategy: 'statistical', quote: 'USDT', pair: 'POS-USDT' },
        position: {
          ...{ positionId, action: quantity === null ? 'exit' : 'enter', net: '-1' },
          carried: quantity === null ? [] : [{ asset: 'POS', quantity, worth: '5' }],
        },
        ...(quantity === null && { residues: [{ asset: 'POS', quantity: '0.01', worth: '0' }] }),
      });
    const rows = [
      ended('pos-1', 'a~b', '1'),
      ended('pos-2', 'c~d', '2'),
      ended('pos-3', 'a~b', null),
      ended('pos-4', 'c~d', '3'),
    ];
    for (const row of rows) t.equal(await stores.trades.closeArbitrage(row), 'booked');
    t.strictSame(await stores.trades.openPositions(), [rows[3]]);
    await stores.trades.closeArbitrage(ended('pos-5', 'a~b', '-1'));
    const open = await stores.trades.openPositions();
    t.strictSame(
      open.map(({ arbitrageId }) => arbitrageId),
      ['arb-pos-5', 'arb-pos-4'],
      'newest first',
    );
    const left = (await stores.trades.residues()).find(({ asset }) => asset === 'POS');
    t.strictSame(
      left,
      { asset: 'POS', amount: '0.01', arbitrages: 1, flagged: 0 },
      'what is carried is not left over',
    );
  });
}

async function recordContract(t: Test, stores: Stores): Promise<void> {
  await t.test('signals and verdicts come back whole, newest first, once each', async (t) => {
    const first = s.sampleSignal('one');
    const second = s.sampleSignal('two');
    t.equal(await stores.signals.saveSignal(first, s.refused(first)), 'booked');
    t.equal(await stores.signals.saveSignal(second, s.approved(second)), 'booked');
    t.equal(await stores.signals.saveSignal(first, s.refused(first)), 'duplicate');
    t.strictSame(await stores.signals.recentSignals(2), [
      { signal: second, verdict: s.approved(second) },
      { signal: first, verdict: s.refused(first) },
    ]);
    const other = { ...s.sampleSignal('three'), signalId: 'sig-three' };
    const work = stores.signals.saveSignal(other, s.refused(first));
    await refusedWith(t, 'ARB_MESSAGE_INVALID', /verdict\.signalId/, work, "another signal's verdict");
    const stolen = { ...s.refused(other), verdictId: s.refused(first).verdictId };
    await refusedWith(
      t,
      'ARB_STORE_CONFLICT',
      /verdict/,
      stores.signals.saveSignal(other, stolen),
      'verdict used twice',
    );
    t.equal((await stores.signals.recentSignals(1))[0]?.signal.signalId, 'sig-two', 'nothing half saved');
  });

  await t.test('the end of an arbitrage is found by its signal', async (t) => {
    for (const [key, outcome] of [
      ['outcome-done', 'completed'],
      ['outcome-late', 'failed'],
    ] as const) {
      const signal = s.sampleSignal(key);
      await stores.signals.saveSignal(signal, s.approved(signal));
      t.equal(await stores.trades.closeArbitrage(s.sampleClosed(key, { outcome })), 'booked');
    }
    t.match(await stores.trades.recentArbitrages(1), [{ signalId: 'sig-outcome-late' }]);
  });

  await t.test('opportunity events and snapshots are kept once', async (t) => {
    const opened = s.sampleEvent('life', {
      phase: 'opened',
      reason: '',
      detail: 'O\'Brien "; drop table fills; -- 김치 🚀',
    });
    const closed = s.sampleEvent('life', { phase: 'closed', reason: 'EDGE_CLOSED' });
    for (const event of [opened, opened, closed]) await stores.signals.saveOpportunity(event);
    t.strictSame(await stores.signals.recentOpportunities(2), [closed, opened]);
    const snapshots = [s.sampleSnapshot(1000.5), s.sampleSnapshot(2000)];
    for (const snapshot of [...snapshots, ...snapshots]) await stores.portfolio.saveSnapshot(snapshot);
    t.strictSame(await stores.portfolio.recentSnapshots(5), [...snapshots].reverse());
  });

  await t.test('settings are read back as written and the last write wins', async (t) => {
    t.equal(await stores.settings.get('kill-switch'), null);
    await stores.settings.set('kill-switch', 'engaged');
    await stores.settings.set('kill-switch', '');
    t.equal(await stores.settings.get('kill-switch'), '');
    t.equal(await stores.settings.get('toString'), null, 'not a property of anything');
  });

  await t.test('the mode of the store cannot be changed', async (t) => {
    await stores.settings.claimMode('SIMULATED');
    for (const mode of ['PAPER', 'LIVE', 'REPLAY'] as const)
      await refusedWith(
        t,
        'ARB_MODE_MIXED',
        /SIMULATED.*(PAPER|LIVE|REPLAY)/,
        stores.settings.claimMode(mode),
        mode,
      );
  });
}

async function exchangeContract(t: Test, stores: Stores): Promise<void> {
  await t.test('exchanges are kept on their terms, and since when', async (t) => {
    const { exchanges } = stores;
    const terms = (exchange: string, takerFee: string, change = {}) => ({
      exchange,
      tier: 'default',
      makerFee: '-0.0001',
      takerFee,
      active: true,
      ...change,
    });
    await exchanges.saveExchanges(
      [terms('okx', '0.001'), terms('binance', '0.00075', { tier: 'configured' })],
      1_000,
    );
    await exchanges.saveExchanges([terms('okx', '0.0010'), terms('binance', '0.0007')], 2_000.5);
    const rows = await exchanges.exchanges();
    t.strictSame(
      rows.map(({ exchange, tier, sinceMs }) => [exchange, tier, sinceMs]),
      [
        ['binance', 'default', 2_000.5],
        ['okx', 'default', 1_000],
      ],
      'only what changed is newer',
    );
    t.ok(new Exact(rows[0]!.takerFee).eq('0.0007') && new Exact(rows[0]!.makerFee).eq('-0.0001'), 'exact');
    await exchanges.saveExchanges([terms('binance', '0.0007')], 3_000);
    t.strictSame(
      (await exchanges.exchanges()).map(({ exchange, active, sinceMs }) => [exchange, active, sinceMs]),
      [
        ['binance', true, 2_000.5],
        ['okx', false, 3_000],
      ],
      'who is not named is not traded any more',
    );
    const refused = { code: 'ARB_MESSAGE_INVALID', message: /exchanges/ };
    for (const bad of [
      [terms('okx', '0.1')],
      [terms("o'kx", '0.001')],
      [terms('okx', '0'), terms('okx', '0')],
    ])
      await t.rejects(exchanges.saveExchanges(bad, 1), refused);
  });
}

/** A currency and days that no other test uses. */
const DAY_COIN = 'DAYCOIN';
const DAY = '2001-03-09';

async function performanceContract(t: Test, stores: Stores): Promise<void> {
  const startMs = dayStartMs(DAY);
  const hour = 3_600_000;
  const at = (hours: number, equity: string) =>
    s.sampleSnapshot(startMs + hours * hour, {
      currency: DAY_COIN,
      equity,
      holdings: [{ exchange: 'okx', asset: DAY_COIN, amount: equity, mark: '1' }],
      baseline: [{ asset: DAY_COIN, amount: '90', mark: '1' }],
    });

  await t.test(
    'the facts of a day are its first and last mark, sums of what closed, and flows',
    async (t) => {
      t.equal(await stores.performance.firstDay(DAY_COIN), null);
      const nothing = await stores.performance.facts(DAY, DAY_COIN);
      t.same(nothing, {
        day: DAY,
        currency: DAY_COIN,
        before: null,
        first: null,
        last: null,
        closed: [],
        flows: [],
      });
      t.equal(dailyPerformance(nothing, []), null);
      // Not in order of time, and each end of the day by a hair.
      for (const [hours, equity] of [
        [24, '999'],
        [23.99, '120'],
        [0, '100'],
        [12, '7'],
        [-0.01, '98'],
      ] as const)
        await stores.portfolio.saveSnapshot(at(hours, equity));
      const closed = (key: string, hours: number, change: object) =>
        stores.trades.closeArbitrage(
          s.sampleClosed(`day-${key}`, {
            pair: `BTC-${DAY_COIN}`,
            closedAtMs: startMs + hours * hour,
            ...change,
          }),
        );
      await closed('a', 0, { realisedNet: '0.10000000000000000001', fees: '1' });
      await closed('b', 23.9, { realisedNet: '-0.3', fees: '0.5' });
      await closed('c', 5, { outcome: 'flagged', realisedNet: '7' });
      await closed('d', 6, { pair: 'BTC-OTHER', realisedNet: '1000' });
      await closed('e', 24, { realisedNet: '55' });
      await closed('f', -0.1, { realisedNet: '55' });
      for (const [key, hours, amount] of [
        ['in', 1, '15'],
        ['out', 2, '-3'],
        ['late', 23.999, '77'],
        ['early', -1, '77'],
      ] as const)
        await stores.ledger.append({
          ...s.opening(`flow-${key}`, DAY_COIN, amount),
          bookedAtMs: startMs + hours * hour,
        });
      t.equal(await stores.performance.firstDay(DAY_COIN), '2001-03-08');
      const facts = await stores.performance.facts(DAY, DAY_COIN);
      t.match(facts, { before: { equity: '98' }, first: { equity: '100' }, last: { equity: '120' } });
      t.same(
        facts.flows,
        [{ asset: DAY_COIN, amount: '12' }],
        'between the marks, not between the midnights',
      );
      t.same(facts.closed, [
        {
          outcome: 'completed',
          quote: DAY_COIN,
          arbitrages: 2,
          realisedNet: '-0.19999999999999999999',
          fees: '1.5',
        },
        { outcome: 'completed', quote: 'OTHER', arbitrages: 1, realisedNet: '1000', fees: '0.12' },
        { outcome: 'flagged', quote: DAY_COIN, arbitrages: 1, realisedNet: '7', fees: '0.12' },
      ]);
    },
  );

  await t.test(
    'the row of a day is written once; the same again changes nothing, another is refused',
    async (t) => {
      const eve = dailyPerformance(await stores.performance.facts('2001-03-08', DAY_COIN), [])!;
      const rowOf = async () => dailyPerformance(await stores.performance.facts(DAY, DAY_COIN), [eve])!;
      const row = await rowOf();
      t.match(row, {
        tradingNet: '10',
        flows: '12',
        revaluation: '0',
        unconverted: 1,
        realisedNet: '6.80000000000000000001',
      });
      const saved = await Promise.all(
        [eve, eve, row, await rowOf()].map((one) => stores.performance.saveDay(one)),
      );
      t.same(saved.sort(), ['booked', 'booked', 'duplicate', 'duplicate']);
      const other = { ...row, fees: '9' };
      await refusedWith(
        t,
        'ARB_STORE_CONFLICT',
        /2001-03-09 in DAYCOIN/,
        stores.performance.saveDay(other),
        'other',
      );
      const carried = dailyPerformance(await stores.performance.facts('2001-03-12', 'NOSUCH'), []);
      t.equal(carried, null, 'nothing is made up for a currency without marks');
      t.strictSame(await stores.performance.days(DAY_COIN, null, 5), [row, eve]);
      t.strictSame(await stores.performance.days(DAY_COIN, DAY, 5), [eve]);
      t.strictSame(await stores.performance.days(DAY_COIN, null, 1), [row]);
      for (const [name, words, work] of [
        ['no day', /day/, () => stores.performance.facts('2001-02-29', DAY_COIN)],
        ['no currency', /currency/, () => stores.performance.days('x', null, 1)],
        ['no row', /row\.drawdown/, () => stores.performance.saveDay({ ...row, drawdown: 'deep' })],
      ] as const)
        await refusedWith(t, 'ARB_MESSAGE_INVALID', words, work(), name);
    },
  );
}

async function retentionContract(t: Test, stores: Stores): Promise<void> {
  const day = 86_400_000;
  const thin = (table: Thinning['table'], change: Partial<Thinning> = {}) =>
    stores.retention.thin({ table, keepDays: 10, nowMs: dayStartMs('1999-01-01'), limit: 10_000, ...change });

  await t.test(
    'old telemetry is forgotten in steps; what explains money and the daily rows stays',
    async (t) => {
      const oldMs = dayStartMs('1998-01-05');
      const ids: string[] = [];
      for (const [index, decide] of [s.refused, s.refused, s.approved, s.refused].entries()) {
        const signal = s.sampleSignal(`old-${index}`);
        const decidedAtMs = index === 3 ? dayStartMs('1998-12-25') : oldMs + index;
        await stores.signals.saveSignal(signal, { ...decide(signal), decidedAtMs });
        ids.push(`verdict-${signal.signalId}`);
        await stores.signals.saveOpportunity(s.sampleEvent(`old-${index}`, { atMs: decidedAtMs }));
      }
      for (const step of [0, 1, 2, 30, 31])
        await stores.portfolio.saveSnapshot(
          s.sampleSnapshot(oldMs + step * (day / 24), { currency: 'OLDCOIN' }),
        );
      t.equal(await thin('arbitrage_signals', { keepDays: 400 }), 0, 'nothing is that old');
      t.equal(await thin('arbitrage_signals', { limit: 1 }), 1);
      t.equal(await thin('arbitrage_signals', { limit: 5 }), 1);
      t.equal(await thin('arbitrage_signals'), 0);
      const left = (await stores.signals.signalsOf(ids)).map(({ verdict }) => verdict.verdictId);
      t.same(left.sort(), [ids[2], ids[3]], 'the approved and the young');
      t.equal(await thin('opportunity_events'), 3);
      t.equal(await thin('portfolio_snapshots'), 2);
      await stores.retention.compact();
      const snapshots = await stores.portfolio.recentSnapshots(10_000);
      t.same(
        snapshots
          .filter(({ currency }) => currency === 'OLDCOIN')
          .map(({ atMs }) => (atMs - oldMs) / (day / 24)),
        [31, 2, 0],
        'the first ever, and the last of each day',
      );
      t.equal(await stores.performance.firstDay('OLDCOIN'), '1998-01-05');
      t.ok((await stores.ledger.entries(0, 10)).length > 0, 'no money went');
    },
  );

  await t.test('a clock that jumped ahead forgets nothing that is young among its own rows', async (t) => {
    const nowMs = dayStartMs('2999-01-01');
    const young = async () =>
      (await stores.signals.recentOpportunities(10_000)).filter((one) => one.opportunityId === 'opp-life');
    const before = await young();
    t.ok(before.length > 0);
    await thin('opportunity_events', { nowMs, keepDays: 1 });
    t.strictSame(await young(), before);
    for (const [name, words, change] of [
      ['money', /table/, { table: 'fills' as never }],
      ['no days', /keepDays/, { keepDays: 0 }],
      ['half days', /keepDays/, { keepDays: 1.5 }],
      ['everything at once', /limit/, { limit: 10_001 }],
    ] as const)
      await refusedWith(t, 'ARB_MESSAGE_INVALID', words, thin('opportunity_events', change), name);
  });
}

async function hostileContract(t: Test, stores: Stores): Promise<void> {
  await t.test('hostile texts come back exactly', async (t) => {
    const texts = [
      "'; drop table ledger_entries; --",
      '"$1" \\ %s ${x} \n\t\r',
      '한글 ☃ 🚀 e\u0301 \u202e',
      '__proto__',
    ];
    for (const [index, text] of texts.entries()) {
      await stores.settings.set(`hostile-${index}`, text);
      t.equal(await stores.settings.get(`hostile-${index}`), text);
      const entry = { ...s.opening('x', 'HOSTILE', '1'), entryId: text };
      t.equal(await stores.ledger.append(entry), 'booked');
      t.equal(await stores.ledger.append(entry), 'duplicate');
    }
    t.equal(await held(stores, 'HOSTILE'), String(texts.length));
  });

  await t.test('38 digits, texts of every script and the largest numbers come back exactly', async (t) => {
    const digits = '123456789012345678.12345678901234567891';
    const text = '\'"; drop table order_legs; -- \\ %s 김치 🚀👩‍👩‍👧 \u202e \ufffd \u0001 ｱ'.slice(0, 80);
    const leg = s.sampleLeg('exact', { quantity: digits, limitPrice: '0.00000000000000000001' });
    await journal(stores, [leg]);
    const open = (await stores.trades.openLegs()).filter((one) => one.clientOrderId === leg.clientOrderId);
    t.strictSame(open, [leg]);
    await stores.trades.saveLegResult(s.sampleResult(leg, { reason: text }));
    const fill = s.sampleFill('exact-38', { quantity: digits, price: digits, fee: `-${digits}` });
    await stores.ledger.bookFill(fill, s.fillEntry(fill));
    t.strictSame(await stores.ledger.fillsOf([fill.arbitrageId]), [fill]);
    const signal = {
      ...s.sampleSignal('exact-38'),
      quantity: digits,
      grossBps: 1.7976931348623157e308,
      netBps: -5e-324,
    };
    await stores.signals.saveSignal(signal, s.approved(signal));
    t.match(await stores.signals.recentSignals(1), [
      { signal: { quantity: digits, grossBps: 1.7976931348623157e308 } },
    ]);
    const event = s.sampleEvent('exact-38', { detail: text });
    await stores.signals.saveOpportunity(event);
    t.strictSame((await stores.signals.recentOpportunities(1))[0], event);
    const closed = s.sampleClosed('exact-38', { realisedNet: `-${digits}`, fees: digits });
    await stores.trades.closeArbitrage(closed);
    t.strictSame(await stores.trades.arbitragesOf([closed.arbitrageId]), [closed]);
    const holding = { exchange: 'okx', asset: 'HUGE', amount: `-${digits}`, mark: digits };
    const snapshot = s.sampleSnapshot(8.64e15, { equity: digits, holdings: [holding] });
    await stores.portfolio.saveSnapshot(snapshot);
    t.strictSame((await stores.portfolio.recentSnapshots(1))[0], snapshot);
  });

  await t.test('what cannot be kept exactly is refused with the name of its field', async (t) => {
    const huge = 'x'.repeat(10_000);
    const put = (value: string): Promise<void> => stores.settings.set('k', value);
    const cases: readonly [string, RegExp, () => Promise<unknown>][] = [
      ['NUL in a value', /value: .*NUL/, () => put('a\u0000b')],
      ['half a surrogate pair', /value: .*Unicode/, () => put('a\ud800')],
      ['10 kB', /value: larger than 8192 bytes/, () => put(huge)],
      ['10 kB key', /key/, () => stores.settings.get(huge)],
      ['empty key', /key/, () => stores.settings.set('', 'x')],
      [
        'NUL in an entry id',
        /entry\.entryId: .*NUL/,
        () => stores.ledger.append({ ...s.opening('x', 'BAD', '1'), entryId: 'a\u0000' }),
      ],
      [
        '10 kB entry id',
        /entry\.entryId/,
        () => stores.ledger.append({ ...s.opening('x', 'BAD', '1'), entryId: huge }),
      ],
      ['10 kB asset', /entry\.postings\[0\]\.asset/, () => stores.ledger.append(s.opening('big', huge, '1'))],
      [
        'one posting',
        /entry\.postings/,
        () => stores.ledger.append(s.sampleEntry('single', [{ account: 'fees', asset: 'BAD', amount: '0' }])),
      ],
      [
        'foreign account',
        /entry\.postings\[1\]\.account/,
        () =>
          stores.ledger.append(
            s.sampleEntry('foreign', [
              { account: 'fees', asset: 'BAD', amount: '0' },
              { account: 'pocket', asset: 'BAD', amount: '0' },
            ]),
          ),
      ],
      [
        'NUL in a reason',
        /result\.reason: .*NUL/,
        () => stores.trades.saveLegResult(s.sampleResult(s.sampleLeg('open'), { reason: '\u0000' })),
      ],
      [
        'half a surrogate pair in a detail',
        /event\.detail: .*Unicode/,
        () => stores.signals.saveOpportunity(s.sampleEvent('p', { detail: 'a\udc00' })),
      ],
      [
        '10 kB instrument',
        /legs\[0\]\.instrument/,
        () => journal(stores, [s.sampleLeg('p', { instrument: `okx:${'X'.repeat(10_000)}-USDT` })]),
      ],
      [
        'a symbol in quotes',
        /fill\.instrument/,
        () => {
          const fill = s.sampleFill('p', { instrument: `okx:"B'TC"-USDT` });
          return stores.ledger.bookFill(fill, s.fillEntry(fill));
        },
      ],
      [
        'negative zero',
        /closed\.realisedNet/,
        () => stores.trades.closeArbitrage(s.sampleClosed('p', { realisedNet: '-0.000' })),
      ],
      [
        'emoji for an asset',
        /snapshot\.currency/,
        () => stores.portfolio.saveSnapshot(s.sampleSnapshot(1, { currency: '🚀' })),
      ],
      ['no legs', /legs/, () => journal(stores, [])],
      [
        'legs of two arbitrages',
        /legs: more than one arbitrage/,
        () => journal(stores, [s.sampleLeg('p'), s.sampleLeg('q')]),
      ],
      ['zero quantity', /legs\[0\]\.quantity/, () => journal(stores, [s.sampleLeg('p', { quantity: '0' })])],
      [
        'infinite basis points',
        /event\.netBps/,
        () => stores.signals.saveOpportunity(s.sampleEvent('p', { netBps: Infinity })),
      ],
      ['limit 0', /limit/, () => stores.trades.recentArbitrages(0)],
      ['limit beyond the bound', /limit/, () => stores.ledger.entries(0, 10_001)],
      ['fractional cursor', /afterPosition/, () => stores.ledger.fills(0.5, 1)],
      ['negative time', /snapshot\.atMs/, () => stores.portfolio.saveSnapshot(s.sampleSnapshot(-1))],
    ];
    for (const [name, words, work] of cases) await refusedWith(t, 'ARB_MESSAGE_INVALID', words, work(), name);
    for (const amount of [
      'NaN',
      'Infinity',
      '1e400',
      '1e3',
      '',
      ' 1',
      '+1',
      '01',
      '0x10',
      '1,5',
      `1${'0'.repeat(24)}`,
      '-0',
      '-0.00',
    ])
      await refusedWith(
        t,
        'ARB_MESSAGE_INVALID',
        /entry\.postings\[0\]\.amount/,
        stores.ledger.append(s.opening('bad', 'BAD', amount)),
        `amount ${JSON.stringify(amount)}`,
      );
    t.equal(await held(stores, 'BAD'), undefined, 'nothing of it was booked');
  });
}

/** The whole contract on freshly opened, empty stores in SIMULATED mode. */
export async function storeContract(t: Test, stores: Stores): Promise<void> {
  await ledgerContract(t, stores);
  await tradeContract(t, stores);
  await recordContract(t, stores);
  await exchangeContract(t, stores);
  await leaseContract(t, stores);
  await performanceContract(t, stores);
  await retentionContract(t, stores);
  await hostileContract(t, stores);
  await t.test('the store tells what it is and answers a ping', async (t) => {
    const description = await stores.describe();
    t.match(description.engine, /^(memory|pglite \d|postgresql \d)/);
    t.ok(description.location.length > 0);
    t.ok((await stores.ping()) >= 0);
  });
}
