import t from 'tap';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { Decimal } from '../../src/market/decimal.js';
import type { Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import { arbitrageClosed, submitLeg } from '../../src/messages/order.js';
import { clientOrderIdOf } from '../../src/execution/client-order-id.js';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import { fillEntryId } from '../../src/execution/ledger.js';
import { OrderAdmission } from '../../src/execution/order-admission.js';
import {
  isTerminal,
  mayTransit,
  ORDER_SIGNALS,
  ORDER_STATUSES,
  transit,
} from '../../src/execution/order-state.js';
import type { LegQuote } from '../../src/execution/recovery.js';
import { resumeSaga, startSaga } from '../../src/execution/saga-start.js';
import type { SagaEffect, SagaEvent, SagaState, SagaStep } from '../../src/execution/saga-state.js';
import { stepSaga } from '../../src/execution/saga.js';
import { sha256 } from '../../src/execution/sha256.js';
import { admitVerdict } from '../../src/risk/approval.js';
import { ask, gateWith, INSTRUMENTS, NOW, POLICY, SEAL, sealed, signalOf } from '../risk/fixtures.js';

const SETTING = { instruments: INSTRUMENTS, feeMarks: [], policy: POLICY };

function verdictOf(quantity = '1') {
  const answer = ask(gateWith(), signalOf({ quantity }));
  if (!('decision' in answer)) throw new Error('refused');
  const admitted = admitVerdict(sealed(answer), NOW);
  if (admitted === null) throw new Error('expired');
  return admitted;
}

let trades = 0;
function fillFor(leg: SubmitLeg, quantity: string, changes: Partial<Fill> = {}): Fill {
  const fee = new Decimal(leg.limitPrice).times(quantity).times('0.001').toFixed();
  return {
    exchange: leg.exchange,
    instrument: leg.instrument,
    tradeId: `t${++trades}`,
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    side: leg.side,
    price: leg.limitPrice,
    quantity,
    fee,
    feeAsset: 'USDT',
    liquidity: 'taker',
    exchangeTimeMs: NOW,
    ...changes,
  };
}

function resultFor(leg: SubmitLeg, quantity: string | null, changes: Partial<LegResult> = {}): LegResult {
  const filled = quantity ?? '0';
  const status = quantity === null ? 'expired' : filled === leg.quantity ? 'filled' : 'partially_filled';
  return {
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    legIndex: leg.legIndex,
    status,
    filledQuantity: filled,
    averagePrice: quantity === null ? null : leg.limitPrice,
    fills: quantity === null ? [] : [fillFor(leg, filled)],
    reason: '',
    acknowledgedAtMs: NOW,
    ...changes,
  };
}

/** Runs a saga by hand: every effect is kept, fills are confirmed at once unless told otherwise. */
class Run {
  state: SagaState;
  readonly effects: SagaEffect[] = [];
  now = NOW;
  private readonly confirm: boolean;
  constructor(step: SagaStep, confirm = true) {
    this.confirm = confirm;
    this.state = step.state;
    this.take(step.effects);
  }
  tell(event: SagaEvent): void {
    const step = stepSaga(this.state, event, this.now);
    this.state = step.state;
    this.take(step.effects);
  }
  private take(effects: readonly SagaEffect[]): void {
    this.effects.push(...effects);
    for (const effect of effects)
      if (effect.kind === 'bookFill' && this.confirm)
        this.tell({ kind: 'booked', entryId: fillEntryId(effect.fill) });
  }
  of<K extends SagaEffect['kind']>(kind: K): Extract<SagaEffect, { kind: K }>[] {
    return this.effects.filter((e): e is Extract<SagaEffect, { kind: K }> => e.kind === kind);
  }
  get legs(): SubmitLeg[] {
    return this.of('submit').map((e) => e.leg);
  }
  answer(index: number, quantity: string | null, changes: Partial<LegResult> = {}): void {
    this.tell({ kind: 'result', to: 'submit', result: resultFor(this.legs[index]!, quantity, changes) });
  }
}

const started = (confirm = true, quantity = '1') => {
  const run = new Run(startSaga(verdictOf(quantity), SETTING, NOW), confirm);
  run.tell({ kind: 'journalled' });
  return run;
};
const quotes = (
  alpha: [number, number] = [1000, 1001],
  beta: [number, number] = [1010, 1011],
  trusted = true,
): LegQuote[] => [
  { instrument: 'alpha:BTC-USDT', trusted, bid: alpha[0], ask: alpha[1] },
  { instrument: 'beta:BTC-USDT', trusted, bid: beta[0], ask: beta[1] },
];

t.test(
  'client order ids are a function of arbitrage, leg and attempt that every exchange accepts',
  async (t) => {
    for (const text of ['', 'abc', 'x'.repeat(55), 'x'.repeat(56), 'y'.repeat(200)]) {
      const own = [...sha256(text)].map((w) => w.toString(16).padStart(8, '0')).join('');
      t.equal(own, createHash('sha256').update(text).digest('hex'));
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ maxLength: 96, unit: 'grapheme-ascii' }), fc.nat(3), fc.nat(99)), {
          minLength: 2,
          maxLength: 30,
        }),
        (orders) => {
          const ids = new Map<string, string>();
          for (const [arbitrage, legIndex, attempt] of orders) {
            const id = clientOrderIdOf(arbitrage, legIndex, attempt);
            if (!/^a[0-9a-v]{24}\d{3}$/.test(id) || id !== clientOrderIdOf(arbitrage, legIndex, attempt))
              throw new Error(id);
            const key = JSON.stringify([arbitrage, legIndex, attempt]);
            if ((ids.get(id) ?? key) !== key) throw new Error('two orders, one id');
            ids.set(id, key);
          }
        },
      ),
    );
    t.throws(() => clientOrderIdOf('a', 0, 100), { code: 'ARB_INVARIANT' });
  },
);

t.test('an order changes state only by its table, and an ended one never comes back', async (t) => {
  for (const from of ORDER_STATUSES)
    for (const signal of ORDER_SIGNALS) {
      if (!mayTransit(from, signal)) t.throws(() => transit(from, signal), { code: 'ARB_INVARIANT' });
      else if (isTerminal(from)) {
        t.equal(transit(from, signal), from, `${from} stays`);
        t.ok(signal === 'fill_part' || signal === 'fill_all', 'only a late fill is applied to it (R4)');
      }
    }
  t.equal(mayTransit('intent', 'fill_all'), false, 'nothing fills that was not sent');
  t.equal(transit('unknown', 'fill_part'), 'unknown', 'a part filled does not settle the rest');
  t.equal(mayTransit('acknowledged', 'disprove'), false, 'what the exchange confirmed cannot be disproved');
});

t.test('both legs fill: journalled first, sent at once, booked, and realised equals expected', async (t) => {
  const run = new Run(startSaga(verdictOf(), SETTING, NOW), false);
  t.strictSame(
    run.effects.map((e) => e.kind),
    ['journal'],
    'nothing leaves before the journal',
  );
  t.ok(run.of('journal')[0]!.legs.every((l) => submitLeg.safeParse(l).success));
  run.tell({ kind: 'journalled' });
  run.tell({ kind: 'journalled' });
  t.equal(run.legs.length, 2, 'each leg is sent once, however often the commit is told');
  run.answer(0, '1');
  run.answer(1, '1');
  t.equal(run.state.phase, 'booking', 'not ended before the ledger has both fills');
  for (const { fill } of run.of('bookFill')) run.tell({ kind: 'booked', entryId: fillEntryId(fill) });
  const closed = run.of('close')[0]!.closed;
  t.equal(arbitrageClosed.safeParse(closed).success, true);
  t.match(closed, {
    outcome: 'completed',
    boughtQuantity: '1',
    soldQuantity: '1',
    residualBase: '0',
    expectedNet: '7.99',
    realisedNet: '7.99',
    fees: '2.01',
  });
  t.strictSame(
    run.of('close')[0]!.results.map((r) => r.status),
    ['filled', 'filled'],
  );
});

t.test('a verdict that expired during the commit, or a journal that refused, sends nothing', async (t) => {
  const late = new Run(startSaga(verdictOf(), SETTING, NOW));
  late.now = NOW + 1_000;
  late.tell({ kind: 'journalled' });
  t.equal(late.legs.length, 0);
  t.match(late.of('close')[0], {
    closed: { outcome: 'failed' },
    results: [{ status: 'expired', reason: /VERDICT_EXPIRED/ }, { status: 'expired' }],
  });
  const refused = new Run(startSaga(verdictOf(), SETTING, NOW));
  refused.tell({ kind: 'journalRefused', reason: 'away' });
  refused.tell({ kind: 'journalled' });
  t.equal(refused.legs.length, 0);
  t.match(refused.of('close')[0], {
    closed: { outcome: 'failed' },
    results: [],
    // Where only the acknowledgement was lost, these end the rows that are there (simulation seed 27).
    unsure: [{ status: 'expired', reason: /JOURNAL_REFUSED/ }, { status: 'expired' }],
  });
});

t.test('outcomes: partial when both filled the same part, failed when none did', async (t) => {
  const partial = started();
  partial.answer(0, '0.4');
  partial.answer(1, '0.4');
  t.match(partial.state.closed, { outcome: 'partial', residualBase: '0', realisedNet: '3.196' });
  const none = started();
  none.answer(0, null);
  none.answer(1, null, { status: 'rejected', reason: 'NO_BOOK' });
  t.match(none.state.closed, { outcome: 'failed', realisedNet: '0' });
});

t.test('one leg short is completed at the better of both exchanges, once', async (t) => {
  const run = started();
  run.answer(0, '1');
  run.answer(1, '0.4');
  t.strictSame(run.of('readQuotes')[0]!.instruments, ['alpha:BTC-USDT', 'beta:BTC-USDT']);
  run.tell({ kind: 'quotes', quotes: quotes() });
  t.equal(run.legs.length, 2, 'the recovery order is journalled before it is sent');
  run.tell({ kind: 'journalled' });
  const recovery = run.legs[2]!;
  // 0.2 % under the best bid of 1010, and far from the loss cap.
  t.match(recovery, {
    side: 'sell',
    exchange: 'beta',
    quantity: '0.6',
    attempt: 1,
    legIndex: 1,
    limitPrice: '1007.98',
    decisionPrice: '1010',
  });
  t.not(recovery.clientOrderId, run.legs[1]!.clientOrderId);
  run.answer(2, '0.6');
  t.match(run.state.closed, {
    outcome: 'completed',
    boughtQuantity: '1',
    soldQuantity: '1',
    residualBase: '0',
  });
});

t.test(
  'what is bought in recovery is kept in full where the fee is taken from the coin bought',
  async (t) => {
    const instruments = INSTRUMENTS.map((one) => ({ ...one, feeMode: 'received' as const }));
    const signal = signalOf();
    const legs = signal.legs.map((leg) => ({ ...leg, feeMode: 'received' as const }));
    legs[0] = { ...legs[0]!, quantity: '1.002' };
    const sold = (alpha: [number, number], beta: [number, number]) => {
      const answer = ask(gateWith({}, instruments), { ...signal, legs });
      if (!('decision' in answer)) throw new Error(JSON.stringify(answer));
      const run = new Run(startSaga(admitVerdict(answer, NOW)!, { ...SETTING, instruments }, NOW));
      run.tell({ kind: 'journalled' });
      run.answer(0, null);
      run.answer(1, '1');
      run.tell({ kind: 'quotes', quotes: quotes(alpha, beta) });
      run.tell({ kind: 'journalled' });
      return run;
    };
    const completed = sold([999, 1000], [1010, 1011]);
    const order = completed.legs[2]!;
    t.match(order, { side: 'buy', exchange: 'alpha', quantity: '1.002' });
    const fill = fillFor(order, '1.002', { fee: '0.001002', feeAsset: 'BTC' });
    completed.answer(2, '1.002', { fills: [fill] });
    t.match(completed.state.closed, { outcome: 'completed', residualBase: '0.000998' });
    // Taken back where it was sold, no more than was approved there.
    t.match(sold([1012, 1013], [1009, 1010]).legs[2], { side: 'buy', exchange: 'beta', quantity: '1' });
  },
);

t.test('one leg short is taken back where that is cheaper, and a second imbalance is flagged', async (t) => {
  const back = started();
  back.answer(0, '1');
  back.answer(1, null);
  back.tell({ kind: 'quotes', quotes: quotes([999, 1000], [995, 996]) });
  back.tell({ kind: 'journalled' });
  t.match(back.legs[2], { side: 'sell', exchange: 'alpha', quantity: '1', legIndex: 0, attempt: 1 });
  back.answer(2, '1');
  t.match(back.state.closed, { outcome: 'unwound', residualBase: '0' });

  const short = started();
  short.answer(0, null);
  short.answer(1, '1');
  short.tell({ kind: 'quotes', quotes: quotes() });
  short.tell({ kind: 'journalled' });
  t.match(
    short.legs[2],
    { side: 'buy', exchange: 'alpha', quantity: '1' },
    'sold too much: bought where it is cheap',
  );
  short.answer(2, '0.3');
  t.match(short.state.closed, { outcome: 'flagged', residualBase: '-0.7' });
  t.equal(short.legs.length, 3, 'recovery is tried once');
  t.match(short.of('alert').at(-1), { code: 'FLAGGED' });
});

t.test(
  'beyond the loss cap, without a trusted price or below a minimum the residue is for a person',
  async (t) => {
    for (const [quoted, why] of [
      [quotes([980, 981], [985, 986]), /LOSS_CAP.*LOSS_CAP/],
      [quotes([1000, 1001], [1010, 1011], false), /NO_TRUSTED_PRICE/],
    ] as const) {
      const run = started();
      run.answer(0, '1');
      run.answer(1, null);
      run.tell({ kind: 'quotes', quotes: quoted });
      t.equal(run.legs.length, 2);
      t.match(run.state.closed, { outcome: 'flagged', residualBase: '1' });
      t.match(run.state.notes.join(' '), why);
    }
    const dust = started();
    dust.answer(0, '1');
    dust.answer(1, '0.998');
    dust.tell({ kind: 'quotes', quotes: quotes() });
    t.match(dust.state.notes.join(' '), /MIN_NOTIONAL/);
    const lot = started();
    lot.answer(0, '1');
    lot.answer(1, '0.999');
    t.match(
      lot.state.closed,
      { outcome: 'completed', residualBase: '0.001' },
      'one lot is a residue, not an imbalance',
    );
  },
);

t.test(
  'silence is asked about and never sent again; not found counts only past expiry and apart in time',
  async (t) => {
    const run = started();
    run.answer(0, null);
    const id = run.legs[1]!.clientOrderId;
    const notFound = () =>
      run.tell({
        kind: 'result',
        to: 'query',
        result: resultFor(run.legs[1]!, null, { status: 'unknown', reason: ORDER_NOT_FOUND }),
      });
    run.tell({ kind: 'unanswered', clientOrderId: id, to: 'submit', reason: 'timeout' });
    t.match(run.of('query'), [{ delayMs: 1_000 }]);
    notFound();
    t.equal(run.of('query').length, 2, 'before the expiry it is no evidence');
    run.now = NOW + 1_250;
    notFound();
    notFound();
    t.equal(run.state.phase, 'working', 'two answers of one moment are one');
    run.now = NOW + 2_250;
    notFound();
    t.match(run.state.closed, { outcome: 'failed' });
    t.equal(run.legs.length, 2);
    t.match(run.of('close')[0]!.results[1], { status: 'expired', reason: /NOT_PLACED ORDER_NOT_FOUND/ });
  },
);

t.test(
  'an order that stays unknown is handed over as flagged, and what it fills later is booked once',
  async (t) => {
    const run = started();
    run.answer(0, '1');
    const leg = run.legs[1]!;
    for (let i = 0; i <= POLICY.maxQueries; i++)
      run.tell({
        kind: 'unanswered',
        clientOrderId: leg.clientOrderId,
        to: i === 0 ? 'submit' : 'query',
        reason: 'timeout',
      });
    t.equal(run.of('query').length, POLICY.maxQueries);
    t.match(run.state.closed, { outcome: 'flagged', residualBase: '1' });
    t.equal(run.legs.length, 2, 'nothing is hedged while a leg is unknown: it may have filled');
    const late = resultFor(leg, '1');
    run.tell({ kind: 'result', to: 'nothing', result: late });
    run.tell({ kind: 'result', to: 'nothing', result: late });
    t.equal(run.of('bookFill').filter((e) => e.fill.clientOrderId === leg.clientOrderId).length, 1);
    t.equal(run.of('close').length, 1, 'an arbitrage ends once');
  },
);

t.test('contradictions of an exchange are flagged and their fills applied', async (t) => {
  const over = started();
  over.answer(0, '1');
  const leg = over.legs[1]!;
  over.answer(1, '1', { fills: [fillFor(leg, '1'), fillFor(leg, '0.5')], filledQuantity: '1.5' });
  t.match(over.state.closed, { outcome: 'flagged', soldQuantity: '1.5' });
  const foreign = started();
  foreign.answer(0, '1');
  foreign.answer(1, '1', {
    fills: [
      fillFor(foreign.legs[1]!, '1'),
      fillFor(foreign.legs[1]!, '1', { exchange: 'gamma', instrument: 'gamma:BTC-USDT' }),
    ],
  });
  t.match(foreign.state.closed, { outcome: 'flagged', soldQuantity: '1' });
  const missing = started();
  missing.answer(0, '1');
  missing.answer(1, '1', { fills: [] });
  t.equal(missing.of('query').length, 1, 'an end without its fills is asked about');
  missing.tell({ kind: 'result', to: 'query', result: resultFor(missing.legs[1]!, '1') });
  t.match(missing.state.closed, { outcome: 'completed' });
});

t.test(
  'after a restart every leg is asked about, the ledger\u2019s fills count, and nothing is sent again',
  async (t) => {
    const before = started(false);
    const known = fillFor(before.legs[0]!, '1');
    const run = new Run(
      resumeSaga({ legs: before.legs, fills: [known], signal: signalOf() }, SETTING, NOW + 5_000),
    );
    run.now = NOW + 5_000;
    t.equal(run.legs.length, 0);
    t.equal(run.of('query').length, 2);
    run.tell({ kind: 'result', to: 'query', result: resultFor(before.legs[0]!, '1', { fills: [known] }) });
    t.equal(run.of('bookFill').length, 0, 'what the ledger has is not booked again');
    run.tell({ kind: 'result', to: 'query', result: resultFor(before.legs[1]!, '1') });
    t.match(run.state.closed, {
      outcome: 'completed',
      opportunityId: 'o-s-1',
      expectedNet: '7.99',
      realisedNet: '7.99',
    });
  },
);

/** A world that answers late, twice, out of order, with silence or not at all, until it is told to settle. */
t.test(
  'whatever the interleaving, a saga ends once, applies each fill once and its money adds up',
  async () => {
    const fate = fc.record({
      filled: fc.integer({ min: 0, max: 1000 }),
      silent: fc.boolean(),
      copies: fc.integer({ min: 1, max: 3 }),
      split: fc.boolean(),
      lost: fc.boolean(),
    });
    const chaos = fc.record({
      fates: fc.array(fate, { minLength: 3, maxLength: 3 }),
      order: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
      journalFails: fc.integer({ min: 0, max: 9 }),
      bid: fc.integer({ min: 900, max: 1100 }),
    });
    fc.assert(
      fc.property(chaos, ({ fates, order, journalFails, bid }) => {
        const run = new Run(startSaga(verdictOf(), SETTING, NOW), false);
        const placed = new Map<string, LegResult>();
        const seenFills = new Map<string, Fill>();
        let queue: SagaEvent[] = [];
        let handled = 0;
        let journals = 0;
        const react = () => {
          for (const effect of run.effects.slice(handled)) {
            if (effect.kind === 'journal')
              queue.push(
                journalFails === journals++
                  ? { kind: 'journalRefused', reason: 'x' }
                  : { kind: 'journalled' },
              );
            if (effect.kind === 'submit') {
              if (placed.has(effect.leg.clientOrderId)) throw new Error('sent twice');
              const f = fates[placed.size % fates.length]!;
              const quantity = new Decimal(effect.leg.quantity)
                .times(f.filled)
                .div(1000)
                .toDecimalPlaces(3, Decimal.ROUND_DOWN);
              const result = resultFor(effect.leg, quantity.isZero() ? null : quantity.toFixed());
              placed.set(
                effect.leg.clientOrderId,
                f.lost ? resultFor(effect.leg, null, { status: 'unknown', reason: ORDER_NOT_FOUND }) : result,
              );
              if (f.silent || f.lost)
                queue.push({
                  kind: 'unanswered',
                  clientOrderId: effect.leg.clientOrderId,
                  to: 'submit',
                  reason: 'timeout',
                });
              if (!f.lost)
                for (let i = 0; i < f.copies; i++)
                  queue.push({ kind: 'result', to: i === 0 && !f.silent ? 'submit' : 'nothing', result });
            }
            if (effect.kind === 'query')
              queue.push({ kind: 'result', to: 'query', result: placed.get(effect.query.clientOrderId)! });
            if (effect.kind === 'readQuotes')
              queue.push({ kind: 'quotes', quotes: quotes([bid, bid + 1], [bid + 2, bid + 3]) });
            if (effect.kind === 'bookFill') {
              const key = fillEntryId(effect.fill);
              seenFills.set(key, effect.fill);
              queue.push({ kind: 'booked', entryId: key }, { kind: 'booked', entryId: key });
            }
          }
          handled = run.effects.length;
        };
        react();
        for (let i = 0; queue.length > 0 && i < 400; i++) {
          const at = (order[i % order.length]! + i) % queue.length;
          const [event] = queue.splice(at, 1);
          run.now += 600;
          // The commit is answered before it expires in some runs and after it in others.
          if (i === 0) run.now = NOW + (order[0]! % 3 === 0 ? 2_000 : 10);
          run.tell(event!);
          react();
        }
        queue = [];
        const closes = run.of('close');
        if (run.state.phase !== 'closed' || closes.length !== 1)
          throw new Error(`ended ${closes.length} times, is ${run.state.phase}`);
        const books = run.of('bookFill').map((e) => fillEntryId(e.fill));
        if (new Set(books).size !== books.length) throw new Error('a fill was booked twice');
        const fills = [...seenFills.values()];
        const sum = (side: string) =>
          fills.filter((f) => f.side === side).reduce((s, f) => s.plus(f.quantity), new Decimal(0));
        const closed = closes[0]!.closed;
        const inTime = run.of('alert').every((a) => a.code !== 'LATE_FILL');
        if (inTime && (!sum('buy').eq(closed.boughtQuantity) || !sum('sell').eq(closed.soldQuantity)))
          throw new Error('fills are missing in the end');
        const residue = new Decimal(closed.boughtQuantity).minus(closed.soldQuantity);
        if (!residue.eq(closed.residualBase)) throw new Error('residue');
        if (residue.abs().gt('0.001') && closed.outcome !== 'flagged')
          throw new Error(`${closed.outcome} with residue ${residue.toFixed()}`);
        if (run.legs.length > 3) throw new Error('recovered more than once');
      }),
      { numRuns: 300 },
    );
  },
);

t.test(
  'the last gate takes an order once, within its verdict, before its expiry, and not while halted',
  async (t) => {
    const verdict = verdictOf();
    const limits = { recoveryWindowMs: 5_000, recoveryCollarBps: 100, recoverWhileHalted: false };
    const [legs] = [new Run(startSaga(verdict, SETTING, NOW)).of('journal')[0]!.legs];
    const buy = legs[0]!;
    const fresh = () => {
      const admission = new OrderAdmission(limits, SEAL);
      admission.onVerdict(verdict);
      return admission;
    };
    const cases: [Partial<SubmitLeg>, string | null, number?][] = [
      [{}, null],
      [{ verdictId: 'v-none' }, 'VERDICT_UNKNOWN'],
      [{ nonce: '0'.repeat(32) }, 'NONCE_WRONG'],
      [{}, null, verdict.expiresAtMs - 1],
      [{}, 'VERDICT_EXPIRED', verdict.expiresAtMs],
      [{ legIndex: 1 }, 'LEG_NOT_APPROVED'],
      [{ legIndex: 3 }, 'LEG_NOT_APPROVED'],
      [{ side: 'sell' }, 'SIDE_NOT_APPROVED'],
      [{ quantity: '1.001' }, 'SIZE_NOT_APPROVED'],
      [{ limitPrice: '1000.01' }, 'PRICE_NOT_APPROVED'],
      [{ limitPrice: '999' }, null],
      [{ attempt: 1, side: 'sell', limitPrice: '990' }, null, verdict.expiresAtMs + 4_999],
      [{ attempt: 1 }, 'VERDICT_EXPIRED', verdict.expiresAtMs + 5_000],
      [{ attempt: 1, limitPrice: '989.9' }, 'PRICE_COLLAR'],
      [{ attempt: 1, quantity: '1.001' }, 'SIZE_NOT_APPROVED'],
    ];
    for (const [changes, expected, at] of cases)
      t.equal(fresh().admit({ ...buy, ...changes }, at ?? NOW), expected, JSON.stringify(changes));
    const once = fresh();
    t.strictSame(
      [once.admit(buy, NOW), once.admit(buy, NOW), once.admit(legs[1]!, NOW)],
      [null, 'VERDICT_USED', null],
    );
    const halted = fresh();
    halted.onHalt({ engaged: true, reason: 'r', by: 'b', atMs: NOW });
    t.strictSame(
      [halted.admit(buy, NOW), halted.admit({ ...buy, attempt: 1 }, NOW)],
      ['KILL_SWITCH', 'KILL_SWITCH'],
    );
  },
);
