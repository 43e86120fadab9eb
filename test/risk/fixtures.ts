import type { Instrument } from '../../src/market/instrument.js';
import type { ApprovedVerdict, Refusal } from '../../src/messages/risk.js';
import type { PlannedLeg, Signal } from '../../src/messages/signal.js';
import type { SagaPolicy } from '../../src/execution/saga-state.js';
import { startGate, stepGate, type GateEvent, type GateState } from '../../src/risk/gate.js';
import { approve, type Approved } from '../../src/risk/approval.js';
import type { RiskLimits } from '../../src/risk/limits.js';
import { verdictText } from '../../src/risk/verdict-text.js';
import { HmacSeal } from '../../src/security/hmac-seal.js';
import type { BookCondition, ClockCondition } from '../../src/risk/question.js';

/** The key of these tests. */
export const SEAL = new HmacSeal(new Uint8Array(32).fill(7));

/** As the gate's actor publishes it. */
export const sealed = (verdict: ApprovedVerdict): Approved<ApprovedVerdict> =>
  approve({ ...verdict, seal: SEAL.sign(verdictText(verdict)) });

/** A small world: BTC and ETH against USDT on three exchanges. */

export const NOW = 1_750_000_000_000;

export function instrument(exchange: string, base = 'BTC', changes: Partial<Instrument> = {}): Instrument {
  return {
    id: `${exchange}:${base}-USDT`,
    exchange,
    symbol: `${base}USDT`,
    pair: `${base}-USDT`,
    base,
    quote: 'USDT',
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: '0.01',
    lotSize: '0.001',
    minQuantity: '0.001',
    maxQuantity: null,
    minNotional: '5',
    state: 'trading',
    takerFeeRate: '0.001',
    makerFeeRate: '0.001',
    feeMode: 'quote',
    ...changes,
  };
}

export const INSTRUMENTS = ['alpha', 'beta', 'gamma'].flatMap((exchange) => [
  instrument(exchange),
  instrument(exchange, 'ETH'),
]);

export const LIMITS: RiskLimits = {
  reportingCurrency: 'USDT',
  minNetEdgeBps: 5,
  minNetProfit: '0.5',
  maxGrossEdgeBps: 500,
  maxBookAgeMs: 1_000,
  maxUnchangedMs: 60_000,
  maxClockSkewMs: 250,
  clockBound: ['alpha', 'beta'],
  refuseUnknownClock: false,
  noTradeWindows: [],
  minTradeNotional: '10',
  maxOrderNotional: '5000',
  maxAssetExposure: '20000',
  assetExposureOverrides: {},
  maxExchangeHoldings: '1000000',
  exchangeHoldingsOverrides: {},
  maxTotalExposure: '50000',
  maxStrategyExposure: '50000',
  strategyExposureOverrides: {},
  maxDailyLoss: '500',
  maxDrawdown: '1000',
  maxLossStreak: 10,
  dayOffsetMs: 0,
  maxOrdersPerSecond: 1_000,
  maxOrdersPerMinute: 10_000,
  slowOrderMs: 5_000,
  silentOrderMs: 5_000,
  breaker: {
    maxConsecutiveLosses: 5,
    maxDrawdown: null,
    errorWindowMs: 60_000,
    minCalls: 6,
    errorRate: 0.5,
    cooldownMs: 60_000,
    backoffFactor: 2,
    maxCooldownMs: 900_000,
    halfOpenProbes: 2,
    probeSizeFactor: '0.1',
  },
  health: { goodLatencyMs: 1_000, badLatencyMs: 5_000, full: 0.8, cutOff: 0.3, halfLifeMs: 60_000 },
  flash: {
    windowMs: 5_000,
    move: 0.05,
    returnScore: 8,
    returnFloor: 0.005,
    band: 0.1,
    deviation: 0.05,
    depthRatio: 0.1,
    holdMs: 2_000,
  },
  baseline: [
    { asset: 'BTC', amount: '30' },
    { asset: 'ETH', amount: '300' },
    { asset: 'USDT', amount: '300000' },
  ],
  reserve: [],
  shrinkToFit: false,
  recoverySlackBps: 0,
  approvalLifetimeMs: 1_000,
  unclaimedGraceMs: 10_000,
  maxReservations: 64,
};

export const HOLDINGS = ['alpha', 'beta', 'gamma'].flatMap((exchange) => [
  { exchange, asset: 'BTC', amount: '10' },
  { exchange, asset: 'ETH', amount: '100' },
  { exchange, asset: 'USDT', amount: '100000' },
]);

export const MARKS = [
  { asset: 'BTC', price: '1000' },
  { asset: 'ETH', price: '100' },
];

export const POLICY: SagaPolicy = {
  recoverySlackBps: 20,
  maxRecoveryLossBps: 100,
  maxQueries: 6,
  queryIntervalMs: 1_000,
  minNotFound: 2,
  expirySkewMs: 250,
  lateOrderMs: 60_000,
  maxRecoveries: 4,
  recoveryDeadlineMs: 2_000,
  resumedDeadlineMs: 12_000,
  recoveryGiveUpMs: 12_000,
  requoteMs: 200,
  legLifeMs: 50,
  followLifeMs: 300,
  recoveryWindowMs: 90_000,
};

export interface SignalAsk {
  readonly id?: string;
  readonly opportunity?: string;
  readonly quantity?: string;
  readonly buy?: string;
  readonly sell?: string;
  readonly buyPrice?: string;
  readonly sellPrice?: string;
  readonly base?: string;
}

/** Buys 1 at 1000 and sells it at 1010: gross 10, fees 2.01, net 7.99, all of which can be checked by head. */
export function signalOf(ask: SignalAsk = {}, changes: Partial<Signal> = {}): Signal {
  const { id = 's-1', quantity = '1', buy = 'alpha', sell = 'beta', base = 'BTC' } = ask;
  const buyPrice = ask.buyPrice ?? '1000';
  const sellPrice = ask.sellPrice ?? '1010';
  const q = Number(quantity);
  const money = (x: number) => x.toFixed(8).replace(/\.?0+$/, '');
  const gross = q * (Number(sellPrice) - Number(buyPrice));
  const feeBuy = q * Number(buyPrice) * 0.001;
  const feeSell = q * Number(sellPrice) * 0.001;
  const edge = {
    gross: money(gross),
    feeBuy: money(feeBuy),
    feeSell: money(feeSell),
    latencyDecay: '0',
    transfer: '0',
    inventory: '0',
    net: money(Number(money(gross)) - Number(money(feeBuy)) - Number(money(feeSell))),
  };
  const notional = q * Number(buyPrice) * 1.001;
  return {
    signalId: id,
    opportunityId: ask.opportunity ?? `o-${id}`,
    strategy: 'spatial',
    pair: `${base}-USDT`,
    base,
    quote: 'USDT',
    legs: [leg('buy', buy, base, quantity, buyPrice), leg('sell', sell, base, quantity, sellPrice)],
    quantity,
    notional: money(notional),
    edge,
    grossBps: (Number(sellPrice) / Number(buyPrice) - 1) * 10_000,
    netBps: (Number(edge.net) / notional) * 10_000,
    detectedAtMs: NOW - 5,
    exchangeToSignalMs: 20,
    expiresAtMs: NOW + 1_000,
    ...changes,
  };
}

export function leg(
  side: 'buy' | 'sell',
  exchange: string,
  base: string,
  quantity: string,
  price: string,
  changes: Partial<PlannedLeg> = {},
): PlannedLeg {
  return {
    instrument: `${exchange}:${base}-USDT`,
    exchange,
    side,
    quantity,
    limitPrice: price,
    expectedVwap: price,
    feeRate: '0.001',
    feeMode: 'quote',
    bookEpoch: 1,
    bookSequence: 7,
    exchangeTimeMs: NOW - 20,
    receiveTimeMs: NOW - 10,
    levels: [[price, quantity]],
    ...changes,
  };
}

export const book = (instrumentId: string, changes: Partial<BookCondition> = {}): BookCondition => ({
  instrument: instrumentId,
  trusted: true,
  epoch: 1,
  ageMs: 50,
  unchangedMs: 50,
  ...changes,
});

let verdicts = 0;

export function signalEvent(
  signal: Signal,
  books: readonly BookCondition[] = signal.legs.map((l) => book(l.instrument)),
  clocks: readonly ClockCondition[] = signal.legs.map(({ exchange }) => ({ exchange, skewMs: 0 })),
): Extract<GateEvent, { kind: 'signal' }> {
  return {
    kind: 'signal',
    signal,
    books,
    clocks,
    marks: MARKS,
    verdictId: `v-${++verdicts}`,
    nonce: 'ab'.repeat(16),
  };
}

export function gateWith(
  limits: Partial<RiskLimits> = {},
  instruments: readonly Instrument[] = INSTRUMENTS,
): GateState {
  const state = startGate({ limits: { ...LIMITS, ...limits }, instruments, nowMs: NOW });
  stepGate(state, { kind: 'balances', changed: { version: 1, holdings: HOLDINGS } }, NOW);
  return state;
}

/** The refusals of one signal, or the approved verdict. */
export function ask(
  state: GateState,
  signal: Signal,
  books?: readonly BookCondition[],
  nowMs = NOW,
  clocks?: readonly ClockCondition[],
): readonly Refusal[] | ApprovedVerdict {
  const [effect] = stepGate(state, signalEvent(signal, books, clocks), nowMs);
  if (effect?.kind === 'approved') return effect.verdict;
  if (effect?.kind === 'refused') return effect.refusals;
  throw new Error('the gate did not answer');
}

export const rulesOf = (answer: readonly Refusal[] | ApprovedVerdict): string[] =>
  'decision' in answer ? [] : answer.map((refusal) => refusal.rule);
