import t from 'tap';
import fc from 'fast-check';
import { Decimal, floorToStep, roundForMessage, toText } from '../../src/market/decimal.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import type { Refusal, ApprovedVerdict } from '../../src/messages/risk.js';
import { verdict as verdictSchema } from '../../src/messages/risk.js';
import type { Signal } from '../../src/messages/signal.js';
import { arbitrageIdOf, admitVerdict } from '../../src/risk/approval.js';
import { SIZE_RULES } from '../../src/risk/evaluate.js';
import { valueAt } from '../../src/risk/exchange-value.js';
import { worstOf, type ExposureBook } from '../../src/risk/exposure.js';
import { startGate, stepGate, type GateState } from '../../src/risk/gate.js';
import type { NearSum } from '../../src/risk/near.js';
import { nearTradeOf } from '../../src/risk/near-trade.js';
import { legViewOf, type Question } from '../../src/risk/question.js';
import { shrinkSignal } from '../../src/risk/shrink.js';
import { decodeKillSwitch, encodeKillSwitch, newerSwitch } from '../../src/risk/kill-switch.js';
import type { RiskLimits } from '../../src/risk/limits.js';
import { isInWindow, localTimeText, type NoTradeWindow } from '../../src/risk/no-trade-window.js';
import { RecentIds } from '../../src/risk/recent-ids.js';
import {
  ask,
  book,
  gateWith,
  HOLDINGS,
  instrument,
  INSTRUMENTS,
  leg,
  LIMITS,
  NOW,
  rulesOf,
  signalEvent,
  signalOf,
} from './fixtures.js';

/** Net 7.99 on a notional of 1001: 79.82 bps. */
const plain = () => signalOf();

interface Case {
  readonly title: string;
  readonly rule: string;
  /** Just on the allowed side of the boundary, and just on the other. */
  readonly allowed: () => readonly Refusal[] | ApprovedVerdict;
  readonly refused: () => readonly Refusal[] | ApprovedVerdict;
  readonly told?: Partial<Refusal>;
}

const withLimits = (limits: Partial<RiskLimits>, signal: Signal = plain()) => ask(gateWith(limits), signal);
const withBook = (changes: Parameters<typeof book>[1]) =>
  ask(gateWith(), plain(), [book('alpha:BTC-USDT', changes), book('beta:BTC-USDT')]);
const withInstrument = (changes: Parameters<typeof instrument>[2]) =>
  ask(
    gateWith({}, [
      instrument('alpha', 'BTC', changes),
      ...INSTRUMENTS.filter((i) => i.id !== 'alpha:BTC-USDT'),
    ]),
    plain(),
  );
const halted = (engaged: boolean) => {
  const state = gateWith();
  stepGate(state, { kind: 'halt', halt: { engaged, reason: 'test', by: 'person', atMs: NOW + 1 } }, NOW);
  return ask(state, plain());
};
const held = (isHeld: boolean) => {
  const state = gateWith();
  stepGate(state, { kind: 'hold', hold: { source: 'ledger', held: true, reason: 'away', atMs: NOW } }, NOW);
  stepGate(state, { kind: 'hold', hold: { source: 'ledger', held: isHeld, reason: 'away', atMs: NOW } }, NOW);
  return ask(state, plain());
};
const reserveBtcBeta = (amount: string) =>
  withLimits({ reserve: [{ exchange: 'beta', asset: 'BTC', amount }] });
const reserveUsdtAlpha = (amount: string) =>
  withLimits({ reserve: [{ exchange: 'alpha', asset: 'USDT', amount }] });

const withClock = (skewMs: number | null, limits: Partial<RiskLimits> = {}, signal: Signal = plain()) =>
  ask(gateWith(limits), signal, undefined, NOW, [{ exchange: signal.legs[1]!.exchange, skewMs }]);
/** 15:06:40 UTC on a Sunday, 00:06:40 on Monday in Korea. */
const window = (changes: Partial<NoTradeWindow>): NoTradeWindow => ({
  name: '15:06-15:07 UTC: maintenance',
  fromMinute: 906,
  toMinute: 907,
  utcOffsetMinutes: 0,
  days: [0],
  ...changes,
});
const withWindow = (changes: Partial<NoTradeWindow>) => withLimits({ noTradeWindows: [window(changes)] });

const CASES: readonly Case[] = [
  {
    title: 'no-trade window',
    rule: 'NO_TRADE_WINDOW',
    allowed: () => withWindow({ days: [1, 2, 3, 4, 5, 6] }),
    refused: () => withWindow({}),
    told: { subject: '15:06-15:07 UTC: maintenance', actual: 'Sun 15:06' },
  },
  {
    title: 'no-trade window over midnight in another time zone',
    rule: 'NO_TRADE_WINDOW',
    allowed: () => withWindow({ fromMinute: 1_430, toMinute: 6, utcOffsetMinutes: 540, days: [0] }),
    refused: () => withWindow({ fromMinute: 1_430, toMinute: 7, utcOffsetMinutes: 540, days: [0] }),
    told: { actual: 'Mon 00:06' },
  },
  {
    title: 'clock skew',
    rule: 'CLOCK_SKEW',
    allowed: () => withClock(250),
    refused: () => withClock(250.5),
    told: { limit: '250', actual: '250.5', unit: 'ms', subject: 'beta' },
  },
  {
    title: 'clock skew of an exchange whose requests do not expire',
    rule: 'CLOCK_SKEW',
    allowed: () => withClock(10_000, {}, signalOf({ buy: 'alpha', sell: 'gamma' })),
    refused: () => withClock(10_000, { clockBound: ['gamma'] }, signalOf({ buy: 'alpha', sell: 'gamma' })),
    told: { subject: 'gamma' },
  },
  {
    title: 'unknown clock, with real orders',
    rule: 'CLOCK_SKEW',
    allowed: () => withClock(null, { refuseUnknownClock: false }),
    refused: () => withClock(null, { refuseUnknownClock: true, clockBound: ['beta'] }),
    told: { actual: 'unknown', subject: 'beta' },
  },
  {
    title: 'least size of a trade',
    rule: 'TRADE_MINIMUM',
    allowed: () => withLimits({ minTradeNotional: '1001' }),
    refused: () => withLimits({ minTradeNotional: '1001.01' }),
    told: { limit: '1001.01', actual: '1001', unit: 'USDT', subject: 'BTC-USDT' },
  },
  {
    title: 'kill switch',
    rule: 'KILL_SWITCH',
    allowed: () => halted(false),
    refused: () => halted(true),
    told: { limit: 'cleared', actual: 'engaged', subject: 'person' },
  },
  {
    title: 'risk hold',
    rule: 'RISK_HOLD',
    allowed: () => held(false),
    refused: () => held(true),
    told: { subject: 'ledger', actual: 'away' },
  },
  {
    title: 'signal expiry',
    rule: 'SIGNAL_EXPIRED',
    allowed: () => ask(gateWith(), signalOf({}, { expiresAtMs: NOW + 1 })),
    refused: () => ask(gateWith(), signalOf({}, { expiresAtMs: NOW })),
    told: { actual: '0', unit: 'ms late' },
  },
  {
    title: 'book trust',
    rule: 'BOOK_UNTRUSTED',
    allowed: () => withBook({}),
    refused: () => withBook({ trusted: false }),
    told: { subject: 'alpha:BTC-USDT' },
  },
  {
    title: 'a book that was resynchronised since',
    rule: 'BOOK_RESYNCED',
    allowed: () => withBook({ epoch: 1 }),
    refused: () => withBook({ epoch: 2 }),
    told: { limit: '1', actual: '2' },
  },
  {
    title: 'book age',
    rule: 'BOOK_AGE',
    allowed: () => withBook({ ageMs: 1_000 }),
    refused: () => withBook({ ageMs: 1_000.001 }),
    told: { limit: '1000', actual: '1000.001', unit: 'ms' },
  },
  {
    title: 'time since change',
    rule: 'BOOK_UNCHANGED',
    allowed: () => withBook({ unchangedMs: 60_000 }),
    refused: () => withBook({ unchangedMs: 60_001 }),
    told: { limit: '60000' },
  },
  {
    title: 'instrument state',
    rule: 'INSTRUMENT_STATE',
    allowed: () => withInstrument({}),
    refused: () => withInstrument({ state: 'halted' }),
    told: { limit: 'trading', actual: 'halted' },
  },
  {
    title: 'a book that nothing proves complete',
    rule: 'BOOK_OPAQUE',
    allowed: () => withInstrument({}),
    refused: () => withInstrument({ bookProof: 'opaque' }),
    told: { limit: 'checked or accepted', actual: 'opaque' },
  },
  {
    title: 'identity',
    rule: 'IDENTITY_UNKNOWN',
    allowed: () => withInstrument({}),
    refused: () => withInstrument({ identityKnown: false }),
  },
  {
    title: 'a namesake',
    rule: 'IDENTITY_MISMATCH',
    allowed: () => withInstrument({}),
    refused: () => withInstrument({ base: 'BTC2', pair: 'BTC2-USDT' }),
  },
  {
    title: 'net edge',
    rule: 'NET_EDGE',
    // 7.99 / 1001 = 79.820179… bps
    allowed: () => withLimits({ minNetEdgeBps: 79.82 }),
    refused: () => withLimits({ minNetEdgeBps: 79.83 }),
    told: { limit: '79.83', actual: '79.82018', unit: 'bps' },
  },
  {
    title: 'net profit',
    rule: 'NET_PROFIT',
    allowed: () => withLimits({ minNetProfit: '7.99' }),
    refused: () => withLimits({ minNetProfit: '7.990000000000000001' }),
    told: { actual: '7.99', unit: 'USDT' },
  },
  {
    title: 'an edge too good to be true',
    rule: 'TOO_GOOD',
    allowed: () => withLimits({ maxGrossEdgeBps: 100.01 }),
    refused: () => withLimits({ maxGrossEdgeBps: 100 }),
    told: { limit: '100', actual: '100' },
  },
  {
    title: 'lot size',
    rule: 'LOT_SIZE',
    allowed: () => withInstrument({ lotSize: '0.5' }),
    refused: () => withInstrument({ lotSize: '0.3' }),
  },
  {
    title: 'tick size',
    rule: 'PRICE_TICK',
    allowed: () => withInstrument({ tickSize: '500' }),
    refused: () => withInstrument({ tickSize: '300' }),
  },
  {
    title: 'smallest quantity',
    rule: 'MIN_QUANTITY',
    allowed: () => withInstrument({ minQuantity: '1' }),
    refused: () => withInstrument({ minQuantity: '1.001' }),
  },
  {
    title: 'largest quantity',
    rule: 'MAX_QUANTITY',
    allowed: () => withInstrument({ maxQuantity: '1' }),
    refused: () => withInstrument({ maxQuantity: '0.999' }),
  },
  {
    title: 'smallest value',
    rule: 'MIN_NOTIONAL',
    allowed: () => withInstrument({ minNotional: '1000' }),
    refused: () => withInstrument({ minNotional: '1000.01' }),
  },
  {
    title: 'base on the selling exchange',
    rule: 'INVENTORY',
    allowed: () => reserveBtcBeta('9'),
    refused: () => reserveBtcBeta('9.001'),
    told: { subject: 'beta', unit: 'BTC', actual: '1', limit: '0.999' },
  },
  // 1 at 1000 and 0.1 % fee on top: 1001 of 100000.
  {
    title: 'quote with fees on the buying exchange',
    rule: 'INVENTORY',
    allowed: () => reserveUsdtAlpha('98999'),
    refused: () => reserveUsdtAlpha('98999.01'),
    told: { subject: 'alpha', unit: 'USDT', actual: '1001' },
  },
  {
    title: 'exposure per order',
    rule: 'ORDER_EXPOSURE',
    allowed: () => withLimits({ maxOrderNotional: '1010' }),
    refused: () => withLimits({ maxOrderNotional: '1009.99' }),
    told: { subject: 'beta:BTC-USDT', actual: '1010' },
  },
  {
    title: 'exposure per asset',
    rule: 'ASSET_EXPOSURE',
    allowed: () => withLimits({ maxAssetExposure: '1000' }),
    refused: () => withLimits({ maxAssetExposure: '999.99' }),
    told: { subject: 'BTC', actual: '1000' },
  },
  {
    title: 'exposure of an asset with its own limit',
    rule: 'ASSET_EXPOSURE',
    allowed: () => withLimits({ assetExposureOverrides: { BTC: '1000' } }),
    refused: () => withLimits({ assetExposureOverrides: { BTC: '999' } }),
    told: { limit: '999' },
  },
  // alpha holds 10 000 + 10 000 + 100 000 and gets 1 BTC more; beta the same and 1010 USDT more.
  {
    title: 'holdings per exchange',
    rule: 'EXCHANGE_EXPOSURE',
    allowed: () => withLimits({ maxExchangeHoldings: '121010' }),
    refused: () => withLimits({ maxExchangeHoldings: '121009.99' }),
    told: { subject: 'beta', actual: '121010' },
  },
  {
    title: 'holdings of an exchange with its own limit',
    rule: 'EXCHANGE_EXPOSURE',
    allowed: () => withLimits({ exchangeHoldingsOverrides: { alpha: '121000' } }),
    refused: () => withLimits({ exchangeHoldingsOverrides: { alpha: '120999' } }),
    told: { subject: 'alpha' },
  },
  {
    title: 'exposure in total',
    rule: 'TOTAL_EXPOSURE',
    allowed: () => withLimits({ maxTotalExposure: '1000' }),
    refused: () => withLimits({ maxTotalExposure: '999.99' }),
    told: { subject: 'all', actual: '1000' },
  },
];

t.test(
  'each rule allows up to its boundary and refuses beyond it, by name, limit and actual value',
  async (t) => {
    for (const { title, rule, allowed, refused, told } of CASES) {
      t.strictSame(rulesOf(allowed()), [], `${title}: the boundary itself is allowed`);
      const answer = refused();
      t.strictSame(rulesOf(answer), [rule], `${title}: only ${rule} refuses beyond it`);
      if (!('decision' in answer)) t.match(answer[0], told ?? {}, `${title}: says what it measured`);
    }
  },
);

t.test('a quote that the limits are not in is refused by name, whatever is known of its price', async (t) => {
  const told = withLimits({ reportingCurrency: 'KRW' });
  t.match(
    (told as readonly Refusal[]).find(({ rule }) => rule === 'QUOTE_CURRENCY'),
    { limit: 'KRW', actual: 'USDT', unit: 'quote', subject: 'BTC-USDT' },
  );
  t.notOk(rulesOf(withLimits({})).includes('QUOTE_CURRENCY'));
  const least = (profit: string) =>
    withLimits({ reportingCurrency: 'KRW', minNetProfit: '700', quoteProfits: { USDT: profit } });
  t.notOk(rulesOf(least('0')).includes('QUOTE_CURRENCY'), 'it has a least profit of its own');
  t.notOk(rulesOf(least('0')).includes('NET_PROFIT'), 'by which it is judged');
  t.match(
    (least('1000000') as readonly Refusal[]).find(({ rule }) => rule === 'NET_PROFIT'),
    { limit: '1000000', unit: 'USDT' },
  );
});

t.test('every rule that refuses is named, not only the first', async (t) => {
  const state = gateWith({ minNetEdgeBps: 500, maxTotalExposure: '1' });
  stepGate(state, { kind: 'halt', halt: { engaged: true, reason: 'r', by: 'b', atMs: NOW + 1 } }, NOW);
  const answer = ask(state, plain(), [book('alpha:BTC-USDT', { ageMs: 5_000 })]);
  t.strictSame(
    new Set(rulesOf(answer)),
    new Set(['KILL_SWITCH', 'BOOK_UNTRUSTED', 'BOOK_AGE', 'BOOK_UNCHANGED', 'NET_EDGE', 'TOTAL_EXPOSURE']),
  );
});

t.test('nothing trades before the ledger has spoken, or without a price to measure by', async (t) => {
  const state = startGate({ limits: LIMITS, instruments: INSTRUMENTS, nowMs: NOW });
  t.ok(rulesOf(ask(state, plain())).includes('RISK_HOLD'));
  const blind = gateWith();
  const [effect] = stepGate(
    blind,
    { ...signalEvent(plain()), marks: [{ asset: 'BTC', price: '1000' }] },
    NOW,
  );
  t.ok(
    effect?.kind === 'refused' &&
      effect.refusals.some((r) => r.rule === 'MARK_UNKNOWN' && r.subject === 'ETH'),
  );
});

t.test('a signal is judged once and a life of an opportunity is traded once', async (t) => {
  const state = gateWith();
  t.ok('decision' in ask(state, plain()));
  t.strictSame(rulesOf(ask(state, plain())), ['DUPLICATE_SIGNAL', 'DUPLICATE_OPPORTUNITY']);
  t.strictSame(rulesOf(ask(state, signalOf({ id: 's-2', opportunity: 'o-s-1' }))), ['DUPLICATE_OPPORTUNITY']);

  const unfilled = gateWith();
  const first = ask(unfilled, plain());
  if (!('decision' in first)) throw new Error('refused');
  const arbitrageId = arbitrageIdOf(first.verdictId);
  stepGate(
    unfilled,
    { kind: 'closed', arbitrageId, opportunityId: 'o-s-1', filled: false, flagged: false, realisedNet: '1' },
    NOW,
  );
  t.ok(
    'decision' in ask(unfilled, signalOf({ id: 's-2', opportunity: 'o-s-1' })),
    'nothing was taken of it: it may trade yet',
  );

  const flagged = gateWith();
  const unknown = ask(flagged, plain());
  if (!('decision' in unknown)) throw new Error('refused');
  const closed = { arbitrageId: arbitrageIdOf(unknown.verdictId), opportunityId: 'o-s-1', realisedNet: '0' };
  stepGate(flagged, { kind: 'closed', ...closed, filled: false, flagged: true }, NOW);
  t.strictSame(
    rulesOf(ask(flagged, signalOf({ id: 's-2', opportunity: 'o-s-1' }))),
    ['DUPLICATE_OPPORTUNITY'],
    'an order of it without a known end may have filled',
  );
});

t.test('legs that are no pair of one bought and one sold on two exchanges are refused', async (t) => {
  const three = signalOf({}, { legs: [...plain().legs, leg('buy', 'gamma', 'BTC', '1', '1000')] });
  t.ok(rulesOf(ask(gateWith(), three)).includes('LEG_SHAPE'));
  t.ok(rulesOf(ask(gateWith(), signalOf({ sell: 'alpha' }))).includes('SELF_TRADE'));
});

t.test('a net that is not the sum of its named parts is refused', async (t) => {
  const signal = plain();
  const lie = { ...signal, edge: { ...signal.edge, net: '9' } };
  t.strictSame(rulesOf(ask(gateWith(), lie)), ['NET_PARTS']);
});

t.test(
  'an approval is a valid message that expires with the signal or the gate, whichever is first',
  async (t) => {
    const answer = ask(gateWith({ approvalLifetimeMs: 300 }), plain());
    if (!('decision' in answer)) throw new Error('refused');
    t.equal(verdictSchema.safeParse(answer).success, true);
    t.equal(answer.expiresAtMs, NOW + 300);
    t.ok(admitVerdict(answer, NOW + 299));
    t.equal(admitVerdict(answer, NOW + 300), null);
    const short = ask(gateWith({ approvalLifetimeMs: 5_000 }), plain());
    t.ok('decision' in short && short.expiresAtMs === NOW + 1_000);
  },
);

t.test('a trade too large is made to fit when it may, and its minimums are checked again', async (t) => {
  const shrunk = ask(gateWith({ shrinkToFit: true, maxOrderNotional: '505' }), plain());
  if (!('decision' in shrunk)) throw new Error('refused');
  t.equal(shrunk.signal.quantity, '0.5');
  t.strictSame(
    shrunk.signal.legs.map((l) => l.quantity),
    ['0.5', '0.5'],
  );
  t.ok(new Decimal(shrunk.signal.edge.net).lte('3.995'), 'never more than the proportional net');
  t.strictSame(
    rulesOf(ask(gateWith({ shrinkToFit: true, maxOrderNotional: '505', minNetProfit: '4' }), plain())),
    ['ORDER_EXPOSURE', 'ORDER_EXPOSURE', 'NET_PROFIT'],
    'what is left must still be worth it',
  );
  const small = ask(gateWith({ shrinkToFit: true, maxOrderNotional: '1', minNetProfit: '0' }), plain());
  t.ok(rulesOf(small).includes('ORDER_EXPOSURE'));
});

t.test(
  'an exchange that takes its fee from the coin bought gets an order larger than what is kept',
  async (t) => {
    const signal = signalOf({}, {});
    const legs = [{ ...signal.legs[0]!, feeMode: 'received' as const, quantity: '1.002' }, signal.legs[1]!];
    const answer = ask(gateWith({ shrinkToFit: true, maxOrderNotional: '500' }), { ...signal, legs });
    if (!('decision' in answer)) throw new Error(JSON.stringify(answer));
    const [buy, sell] = answer.signal.legs;
    t.ok(new Decimal(buy!.quantity).times('0.999').gte(sell!.quantity), 'kept covers sold');
    t.ok(new Decimal(buy!.quantity).times(1000).lte(500));
  },
);

t.test(
  'the kill switch: the newer report wins, a tie stays engaged, and it survives being written down',
  async (t) => {
    const on = { engaged: true, reason: 'r', by: 'b', atMs: 5 };
    const off = { engaged: false, reason: '', by: 'b', atMs: 5 };
    t.equal(newerSwitch(on, off), on);
    t.equal(newerSwitch(off, on), on);
    t.equal(newerSwitch(on, { ...off, atMs: 6 }).engaged, false);
    t.equal(newerSwitch({ ...off, atMs: 6 }, on).engaged, false);
    t.strictSame(decodeKillSwitch(encodeKillSwitch(on)), on);
    t.equal(decodeKillSwitch(null).engaged, false);
    for (const bad of ['', '{', 'true', '{"engaged":"no"}'])
      t.throws(() => decodeKillSwitch(bad), { code: 'ARB_CONFIG_INVALID' });
    const state = gateWith();
    const effects = stepGate(state, { kind: 'halt', halt: { ...on, atMs: NOW + 1 } }, NOW);
    t.match(effects, [{ kind: 'persistHalt', killSwitch: { engaged: true } }]);
    t.strictSame(
      stepGate(state, { kind: 'halt', halt: { ...on, atMs: NOW } }, NOW),
      [],
      'old news changes nothing',
    );
  },
);

function journalledLeg(
  arbitrageId: string,
  { verdictId, nonce, expiresAtMs }: ApprovedVerdict,
  { instrument, exchange, side, quantity, limitPrice }: Signal['legs'][number],
): SubmitLeg {
  return {
    clientOrderId: 'c-1',
    arbitrageId,
    legIndex: 1,
    attempt: 0,
    verdictId,
    nonce,
    verdictExpiresAtMs: expiresAtMs,
    instrument,
    exchange,
    side,
    quantity,
    limitPrice,
    timeInForce: 'IOC',
    decisionPrice: limitPrice,
    submittedAtMs: NOW,
  };
}

t.test(
  'a reservation is released once, lapses only unclaimed, and legs found in the journal count again',
  async (t) => {
    const state = gateWith();
    const answer = ask(state, plain());
    if (!('decision' in answer)) throw new Error('refused');
    const arbitrageId = arbitrageIdOf(answer.verdictId);
    t.equal(state.exposure.available('beta', 'BTC').toFixed(), '9');
    t.equal(state.exposure.available('alpha', 'USDT').toFixed(), '98999');
    t.strictSame(stepGate(state, { kind: 'tick' }, answer.expiresAtMs + 9_999), []);
    const closed = {
      kind: 'closed',
      arbitrageId,
      opportunityId: 'o-s-1',
      filled: true,
      flagged: false,
      realisedNet: '1',
    } as const;
    t.match(stepGate(state, closed, NOW), [{ kind: 'released' }]);
    t.match(stepGate(state, closed, NOW), [{ kind: 'releaseIgnored' }]);
    t.equal(state.exposure.available('beta', 'BTC').toFixed(), '10');

    const doubtful = ask(state, signalOf({ id: 's-1b' }));
    if (!('decision' in doubtful)) throw new Error('refused');
    const flaggedId = arbitrageIdOf(doubtful.verdictId);
    const handed = { kind: 'closed', arbitrageId: flaggedId, opportunityId: 'o', filled: true } as const;
    t.strictSame(
      stepGate(state, { ...handed, flagged: true, realisedNet: '1' }, NOW),
      [],
      'an order of it may yet fill',
    );
    const sold = journalledLeg(flaggedId, doubtful, doubtful.signal.legs[1]!);
    const asked = { kind: 'journal', arbitrageIds: [flaggedId] } as const;
    t.strictSame(stepGate(state, { ...asked, openLegs: [sold] }, NOW), []);
    t.equal(state.exposure.available('beta', 'BTC').toFixed(), '9', 'the unknown sale stays promised');
    t.equal(state.exposure.available('alpha', 'USDT').toFixed(), '100000', 'the known purchase does not');
    t.match(stepGate(state, { ...asked, openLegs: [] }, NOW), [{ kind: 'released' }]);
    t.strictSame(stepGate(state, { ...asked, openLegs: [] }, NOW), [], 'once');
    t.equal(state.exposure.available('beta', 'BTC').toFixed(), '10');

    const lost = ask(state, signalOf({ id: 's-2' }));
    if (!('decision' in lost)) throw new Error('refused');
    t.match(stepGate(state, { kind: 'tick' }, lost.expiresAtMs + 10_000), [{ kind: 'lapsed' }]);
    const used = ask(state, signalOf({ id: 's-3' }));
    if (!('decision' in used)) throw new Error('refused');
    stepGate(state, { kind: 'claimed', arbitrageId: arbitrageIdOf(used.verdictId) }, NOW);
    t.strictSame(stepGate(state, { kind: 'tick' }, NOW + 1e9), [], 'an order that left is never forgotten');
  },
);

t.test('a trade is never shrunk below the least size the trader wants', async (t) => {
  const limits = { shrinkToFit: true, maxOrderNotional: '510' };
  t.same(rulesOf(withLimits({ ...limits, minTradeNotional: '500' })), []);
  const refused = rulesOf(withLimits({ ...limits, minTradeNotional: '506' }));
  t.ok(refused.includes('ORDER_EXPOSURE') && refused.includes('TRADE_MINIMUM'), refused.join(' '));
});

t.test('a window is in force exactly in its minutes and on its days, whatever the moment', async () => {
  const minute = fc.integer({ min: 0, max: 1_439 });
  const offset = fc.constantFrom(0, 540);
  const days = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 6 });
  const at = fc.integer({ min: 0, max: 4e12 });
  fc.assert(
    fc.property(minute, minute, offset, days, at, (fromMinute, to, utcOffsetMinutes, on, nowMs) => {
      const toMinute = to + 1;
      // By the calendar instead of by arithmetic: today's and yesterday's window as two spans of time.
      const local = new Date(nowMs + utcOffsetMinutes * 60_000);
      const midnightMs = Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate());
      const lengthMs =
        (toMinute > fromMinute ? toMinute - fromMinute : toMinute + 1_440 - fromMinute) * 60_000;
      const expected = [0, 1].some((daysAgo) => {
        const begun = new Date(midnightMs - daysAgo * 86_400_000);
        const sinceMs = local.getTime() - begun.getTime() - fromMinute * 60_000;
        return (on.length === 0 || on.includes(begun.getUTCDay())) && sinceMs >= 0 && sinceMs < lengthMs;
      });
      const tested = window({ fromMinute, toMinute, utcOffsetMinutes, days: on });
      const named = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][local.getUTCDay()];
      const text = `${named} ${local.toISOString().slice(11, 16)}`;
      return isInWindow(tested, nowMs) === expected && localTimeText(tested, nowMs) === text;
    }),
    { numRuns: 2_000 },
  );
});

t.test('RecentIds forgets the oldest and nothing else', async (t) => {
  const ids = new RecentIds(2);
  t.strictSame(
    ['a', 'b', 'a', 'c', 'a'].map((id) => ids.add(id)),
    [true, true, false, true, true],
  );
  t.equal(ids.size, 2);
});

/** Worst exposure of an asset, from what this test itself knows: not from the book that is judged. */
function worstExposure(asset: string, held: ReadonlyMap<string, Decimal>, open: Iterable<Signal>): Decimal {
  const baseline = LIMITS.baseline.find((b) => b.asset === asset)?.amount ?? '0';
  let current = new Decimal(0).minus(baseline);
  for (const [key, amount] of held) if (key.endsWith(`|${asset}`)) current = current.plus(amount);
  let [low, high] = [current, current];
  for (const signal of open) {
    if (signal.base !== asset) continue;
    for (const l of signal.legs) {
      if (l.side === 'buy') high = high.plus(l.quantity);
      else low = low.minus(l.quantity);
    }
  }
  return Decimal.max(low.abs(), high.abs());
}

t.test('what is in flight counts in both directions against the next signal', async (t) => {
  const state = gateWith({ maxAssetExposure: '1999' });
  t.ok('decision' in ask(state, plain()));
  const second = ask(state, signalOf({ id: 's-2' }));
  t.match(second, [{ rule: 'ASSET_EXPOSURE', actual: '2000', limit: '1999' }]);
  // One BTC more or less than the baseline: then only one direction is the worst.
  for (const [held, side] of [
    ['29', 'bought'],
    ['31', 'sold'],
  ] as const) {
    const skewed = gateWith({
      maxAssetExposure: '2999',
      baseline: [{ asset: 'BTC', amount: held }, ...LIMITS.baseline.slice(1)],
    });
    t.ok('decision' in ask(skewed, plain()));
    t.match(ask(skewed, signalOf({ id: 's-2' })), [{ rule: 'ASSET_EXPOSURE', actual: '3000' }], side);
  }
  const total = gateWith({ maxTotalExposure: '1999' });
  ask(total, plain());
  t.match(ask(total, signalOf({ id: 's-2' })), [{ rule: 'TOTAL_EXPOSURE', actual: '2000' }]);
  const venue = gateWith({ exchangeHoldingsOverrides: { alpha: '121999' } });
  ask(venue, plain());
  t.match(ask(venue, signalOf({ id: 's-2' })), [{ rule: 'EXCHANGE_EXPOSURE', actual: '122000' }]);
  const stock = gateWith({ reserve: [{ exchange: 'beta', asset: 'BTC', amount: '8.5' }] });
  ask(stock, plain());
  t.match(ask(stock, signalOf({ id: 's-2' })), [{ rule: 'INVENTORY', limit: '0.5', actual: '1' }]);
});

t.test(
  'exposure never exceeds a limit, in flight included, whatever is asked, filled, repeated or left open',
  async () => {
    const trade = fc.record({
      kind: fc.constantFrom('signal', 'fill', 'close', 'closeTwice', 'tick'),
      base: fc.constantFrom('BTC', 'ETH'),
      pair: fc.constantFrom(['alpha', 'beta'], ['beta', 'gamma'], ['gamma', 'alpha']),
      thousandths: fc.integer({ min: 1, max: 20_000 }),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 60 }), fc.boolean(), (steps, shrinkToFit) => {
        const limits = {
          shrinkToFit,
          minNetProfit: '0',
          maxOrderNotional: '9000',
          maxAssetExposure: '12000',
          maxTotalExposure: '20000',
          maxExchangeHoldings: '130000',
        };
        const state = gateWith(limits);
        const held = new Map<string, Decimal>();
        for (const h of HOLDINGS) held.set(`${h.exchange}|${h.asset}`, new Decimal(h.amount));
        const open = new Map<string, Signal>();
        const released = new Map<string, number>();
        let version = 1;
        steps.forEach((step, i) => {
          const ids = [...open.keys()];
          const id = ids[step.pick % Math.max(1, ids.length)];
          if (step.kind === 'signal') {
            const price = step.base === 'BTC' ? ['1000', '1010'] : ['100', '101'];
            const quantity = new Decimal(step.thousandths).div(1000).toFixed();
            const [buy, sell] = step.pair;
            const answer = ask(
              state,
              signalOf({
                id: `p-${i}`,
                base: step.base,
                quantity,
                buy: buy,
                sell: sell,
                buyPrice: price[0]!,
                sellPrice: price[1]!,
              }),
            );
            if ('decision' in answer) open.set(arbitrageIdOf(answer.verdictId), answer.signal);
          } else if (step.kind === 'tick') {
            stepGate(state, { kind: 'tick' }, NOW);
          } else if (id !== undefined) {
            const signal = open.get(id)!;
            // One leg or both fill; the other is left behind: an unbalanced outcome moves the holdings.
            for (const l of signal.legs.slice(step.pick % 2)) applyLeg(held, l, signal);
            const holdings = [...held].map(([key, amount]) => ({
              exchange: key.split('|')[0]!,
              asset: key.split('|')[1]!,
              amount: amount.toFixed(),
            }));
            stepGate(state, { kind: 'balances', changed: { version: ++version, holdings } }, NOW);
            const times = step.kind === 'closeTwice' ? 2 : 1;
            for (let n = 0; n < times; n++) {
              const [effect] = stepGate(
                state,
                {
                  kind: 'closed',
                  arbitrageId: id,
                  opportunityId: signal.opportunityId,
                  filled: true,
                  flagged: false,
                  realisedNet: '1',
                },
                NOW,
              );
              if (effect?.kind === 'released') released.set(id, (released.get(id) ?? 0) + 1);
            }
            open.delete(id);
          }
          const btc = worstExposure('BTC', held, open.values()).times(1000);
          const eth = worstExposure('ETH', held, open.values()).times(100);
          if (btc.gt('12000') || eth.gt('12000'))
            throw new Error(`BTC ${btc.toFixed()} ETH ${eth.toFixed()}`);
          if (btc.plus(eth).gt('20000')) throw new Error(`total ${btc.plus(eth).toFixed()}`);
          for (const exchange of ['alpha', 'beta', 'gamma'])
            for (const asset of ['BTC', 'ETH', 'USDT'])
              if (state.exposure.available(exchange, asset).lt(0))
                throw new Error(`${exchange} ${asset} promised twice`);
          if (state.exposure.reservationCount !== open.size) throw new Error('a reservation leaks');
          compareSums(state.exposure);
        });
        for (const count of released.values()) if (count !== 1) throw new Error('released twice');
        for (const id of open.keys())
          stepGate(
            state,
            {
              kind: 'closed',
              arbitrageId: id,
              opportunityId: 'x',
              filled: true,
              flagged: false,
              realisedNet: '1',
            },
            NOW,
          );
        for (const asset of ['BTC', 'ETH', 'USDT']) {
          const interval = state.exposure.intervalOf(asset);
          if (!interval.low.eq(interval.high)) throw new Error(`${asset} stays reserved`);
        }
      }),
      { numRuns: 150 },
    );
  },
);

function applyLeg(held: Map<string, Decimal>, l: Signal['legs'][number], signal: Signal): void {
  const sign = l.side === 'buy' ? 1 : -1;
  const cost = new Decimal(l.quantity).times(l.limitPrice);
  const fee = cost.times('0.001');
  const move = (asset: string, amount: Decimal) =>
    held.set(`${l.exchange}|${asset}`, (held.get(`${l.exchange}|${asset}`) ?? new Decimal(0)).plus(amount));
  move(signal.base, new Decimal(l.quantity).times(sign));
  move('USDT', cost.times(-sign).minus(fee));
}

/** The float sums that are kept against exact ones, made anew. */
function compareSums(exposure: ExposureBook): void {
  const isSame = (near: NearSum, exact: Decimal): boolean =>
    Math.abs(near.value - exact.toNumber()) <= near.size * 1e-12;
  const priced = (asset: string, amount: Decimal) => amount.times(exposure.markOf(asset) ?? NaN);
  const total = exposure
    .exposedAssets()
    .reduce((sum, asset) => sum.plus(priced(asset, worstOf(exposure.intervalOf(asset)))), new Decimal(0));
  // Before the first signal there is no price, and no sum either.
  if (exposure.markOf('BTC') === null) return;
  if (!isSame(exposure.nearTotal(), total)) throw new Error('the total differs');
  const inFlight = [...exposure.inFlightOf('spatial')].reduce(
    (sum, [asset, amount]) => sum.plus(priced(asset, amount)),
    new Decimal(0),
  );
  if (!isSame(exposure.nearInFlightOf('spatial'), inFlight)) throw new Error('what is in flight differs');
  for (const exchange of ['alpha', 'beta', 'gamma']) {
    const held = valueAt(exposure, exchange);
    if (!('value' in held) || !isSame(exposure.nearWorthAt(exchange), held.value))
      throw new Error(`what is at ${exchange} differs`);
    for (const asset of ['BTC', 'ETH', 'USDT']) {
      const short = exposure.nearShortage(exchange, asset, 1);
      if (!isSame(short, new Decimal(1).minus(exposure.available(exchange, asset))))
        throw new Error(`what is left of ${asset} at ${exchange} differs`);
    }
  }
}

t.test(
  'property: what floats let through is inside the limit in decimals too, ever so close to it',
  async (t) => {
    const counts = { let: 0, within: 0 };
    const closeness = fc.constantFrom(0, 1e-13, -1e-13, 1e-11, -1e-11, 1e-6, -1e-6, 0.2, -0.2);
    const thousandths = fc.integer({ min: 1, max: 9_999 });
    fc.assert(
      fc.property(thousandths, thousandths, closeness, (size, before, off) => {
        const close = (exact: string | Decimal) =>
          new Decimal(exact).times(new Decimal(1).plus(off)).toFixed(20);
        const quantity = new Decimal(size).div(1_000).toFixed();
        const earlier = signalOf({ id: 'earlier', quantity: new Decimal(before).div(1_000).toFixed() });
        const signal = signalOf({ id: 'later', quantity });
        const huge = '99999999';
        const wide = {
          ...{ maxOrderNotional: huge, maxAssetExposure: huge, maxExchangeHoldings: huge },
          ...{ maxTotalExposure: huge, maxStrategyExposure: huge, minNetProfit: '0', minTradeNotional: '0' },
          recoverySlackBps: 7,
        };
        const probe = gateWith(wide);
        if (!('decision' in ask(probe, earlier))) return;
        const told = new Map(
          SIZE_RULES.flatMap((rule) => rule.caps(questionAt(probe, signal)))
            .map((cap) => cap.refusal())
            .map((refusal) => [`${refusal.rule} ${refusal.subject}`, refusal]),
        );
        const actual = (name: string) => told.get(name)!.actual;
        const reserve = [
          { exchange: 'alpha', asset: 'USDT' },
          { exchange: 'beta', asset: 'BTC' },
        ].map(({ exchange, asset }) => {
          const { limit, actual: needed } = told.get(`INVENTORY ${exchange}`)!;
          return {
            exchange,
            asset,
            amount: Decimal.max(0, new Decimal(limit).minus(close(needed))).toFixed(),
          };
        });
        const state = gateWith({ ...wide, reserve });
        if (!('decision' in ask(state, earlier))) return;
        state.limits = {
          ...state.limits,
          maxOrderNotional: close(new Decimal(quantity).times(1_010)),
          maxAssetExposure: close(actual('ASSET_EXPOSURE BTC')),
          maxTotalExposure: close(actual('TOTAL_EXPOSURE all')),
          maxStrategyExposure: close(actual('STRATEGY_EXPOSURE spatial')),
          exchangeHoldingsOverrides: {
            alpha: close(actual('EXCHANGE_EXPOSURE alpha')),
            beta: close(actual('EXCHANGE_EXPOSURE beta')),
          },
        };
        const question = questionAt(state, signal);
        const near = nearTradeOf(question);
        for (const rule of SIZE_RULES) {
          const isWithin = rule.caps(question).every(({ cap }) => cap.gte(signal.quantity));
          if (isWithin) counts.within++;
          if (!rule.fits(question, near)) continue;
          counts.let++;
          if (!isWithin)
            throw new Error(`${rule.caps(question)[0]?.refusal().rule} lets ${quantity} through`);
        }
      }),
      { numRuns: 400 },
    );
    t.ok(counts.let > counts.within / 3, `${counts.let} of ${counts.within} were told by floats`);
  },
);

function questionAt(state: GateState, signal: Signal): Question {
  const { books, clocks } = signalEvent(signal);
  return {
    ...state,
    ...{ signal, ...legViewOf(signal, state.limits) },
    books: new Map(books.map((one) => [one.instrument, one])),
    clockSkewMs: new Map(clocks.map((one) => [one.exchange, one.skewMs])),
    ...{ signalSeen: false, opportunityTaken: false, nowMs: NOW },
  };
}

t.test('property: a smaller trade has the texts that decimals give it', async () => {
  const thousandths = fc.integer({ min: 1, max: 9_999 });
  fc.assert(
    fc.property(thousandths, thousandths, fc.constantFrom('1000', '977.7', '3'), (size, cap, buyPrice) => {
      const quantity = new Decimal(size).div(1_000).toFixed();
      const signal = signalOf({
        quantity,
        buyPrice,
        sellPrice: new Decimal(buyPrice).times('1.0113').toFixed(),
      });
      const lots = { buy: new Decimal('0.001'), sell: new Decimal('0.002') };
      const smaller = shrinkSignal(signal, new Decimal(cap).div(1_000), lots);
      const kept = floorToStep(new Decimal(cap).div(1_000), new Decimal('0.002'));
      if (smaller === null) return kept.isZero();
      const ratio = kept.div(quantity);
      const scaled = (text: string, way: 'down' | 'up') => toText(roundForMessage(ratio.times(text), way));
      const { edge } = signal;
      const notional = scaled(signal.notional, 'up');
      return (
        smaller.quantity === kept.toFixed() &&
        smaller.notional === notional &&
        smaller.edge.gross === scaled(edge.gross, 'down') &&
        smaller.edge.feeBuy === scaled(edge.feeBuy, 'up') &&
        smaller.edge.feeSell === scaled(edge.feeSell, 'up') &&
        smaller.edge.inventory === '0' &&
        smaller.netBps === new Decimal(smaller.edge.net).times(10_000).div(notional).toNumber()
      );
    }),
    { numRuns: 600 },
  );
});
