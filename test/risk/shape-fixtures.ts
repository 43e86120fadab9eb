import { Decimal } from '../../src/market/decimal.js';
import type { Instrument } from '../../src/market/instrument.js';
import { assetsOf } from '../../src/market/leg-assets.js';
import { netFlows, plannedFlow } from '../../src/market/planned-flows.js';
import type { PlannedLeg, Signal } from '../../src/messages/signal.js';
import { startGate, stepGate, type GateState } from '../../src/risk/gate.js';
import type { RiskLimits } from '../../src/risk/limits.js';
import { LIMITS, NOW } from './fixtures.js';

/** Cycles, bridged trades and pairs in a small world whose numbers can be checked by head. */

const market = (id: string, changes: Partial<Instrument> = {}): Instrument => {
  const { base, quote } = assetsOf(id);
  const exchange = id.slice(0, id.indexOf(':'));
  return {
    ...{ id, exchange, symbol: `${base}${quote}`, pair: `${base}-${quote}`, base, quote },
    ...{ identityKnown: true, unitMultiplier: '1', tickSize: '0.01', lotSize: '0.001', minQuantity: '0.001' },
    ...{ maxQuantity: null, minNotional: '5', state: 'trading' as const },
    ...{ takerFeeRate: '0.001', makerFeeRate: '0.001', feeMode: 'quote' as const },
    ...changes,
  };
};

/** In BTC and ETH what 5 USDT are. */
const inCoin = (minNotional: string, tickSize = '0.000001') => ({ minNotional, tickSize });

export const SHAPE_INSTRUMENTS: readonly Instrument[] = [
  market('alpha:BTC-USDT'),
  market('alpha:ETH-USDT'),
  market('alpha:ETH-BTC', inCoin('0.005')),
  market('alpha:SOL-USDT', { lotSize: '0.01', minQuantity: '0.01' }),
  market('alpha:SOL-ETH', { ...inCoin('0.05'), lotSize: '0.01', minQuantity: '0.01' }),
  market('korea:BTC-KRW', { tickSize: '100', minNotional: '5000', lotSize: '0.0001', minQuantity: '0.0001' }),
  market('korea:USDT-KRW', { tickSize: '0.5', minNotional: '5000', lotSize: '0.01', minQuantity: '0.01' }),
];

/** What fees are taken in, everywhere. */
export const withFees = (feeMode: 'quote' | 'received'): Instrument[] =>
  SHAPE_INSTRUMENTS.map((one) => ({ ...one, feeMode }));

export const SHAPE_HOLDINGS = [
  { exchange: 'alpha', asset: 'USDT', amount: '100000' },
  { exchange: 'alpha', asset: 'BTC', amount: '10' },
  { exchange: 'alpha', asset: 'ETH', amount: '100' },
  { exchange: 'alpha', asset: 'SOL', amount: '1000' },
  { exchange: 'korea', asset: 'BTC', amount: '10' },
  { exchange: 'korea', asset: 'KRW', amount: '100000000' },
  { exchange: 'korea', asset: 'USDT', amount: '50000' },
];

export const SHAPE_MARKS = [
  { asset: 'BTC', price: '1000' },
  { asset: 'ETH', price: '100' },
  { asset: 'SOL', price: '10' },
  { asset: 'KRW', price: '0.0007' },
];

type Holdings = readonly { readonly exchange: string; readonly asset: string; readonly amount: string }[];

/** Everything that is held is held on purpose. */
const baselineOf = (holdings: Holdings) =>
  ['USDT', 'BTC', 'ETH', 'SOL', 'KRW'].map((asset) => ({
    asset,
    amount: holdings
      .filter((one) => one.asset === asset)
      .reduce((sum, one) => sum.plus(one.amount), new Decimal(0))
      .toFixed(),
  }));

export function shapeGate(
  limits: Partial<RiskLimits> = {},
  instruments: readonly Instrument[] = SHAPE_INSTRUMENTS,
  holdings: Holdings = SHAPE_HOLDINGS,
): GateState {
  const baseline = baselineOf(holdings);
  const state = startGate({ limits: { ...LIMITS, baseline, ...limits }, instruments, nowMs: NOW });
  stepGate(state, { kind: 'balances', changed: { version: 1, holdings: [...holdings] } }, NOW);
  return state;
}

export const plannedLeg = (
  instrument: string,
  side: 'buy' | 'sell',
  quantity: string,
  price: string,
  instruments: readonly Instrument[] = SHAPE_INSTRUMENTS,
): PlannedLeg => {
  const known = instruments.find(({ id }) => id === instrument)!;
  return {
    instrument,
    exchange: known.exchange,
    ...{ side, quantity, limitPrice: price, expectedVwap: price },
    ...{ feeRate: known.takerFeeRate, feeMode: known.feeMode },
    ...{ bookEpoch: 1, bookSequence: 7, exchangeTimeMs: NOW - 20, receiveTimeMs: NOW - 10 },
    levels: [[price, quantity]],
  };
};

const text = (value: Decimal, way: 'down' | 'up' = 'down'): string =>
  value.toDecimalPlaces(18, way === 'down' ? Decimal.ROUND_FLOOR : Decimal.ROUND_CEIL).toFixed();

/** Gross before fees; every fee at what it costs in the quote; what is left over at what it cost. */
export function cycleSignal(legs: readonly PlannedLeg[], changes: Partial<Signal> = {}): Signal {
  const quote = 'USDT';
  const worth = new Map<string, Decimal>([[quote, new Decimal(1)]]);
  const flows = legs.map((leg) => plannedFlow(leg, new Decimal(leg.quantity), leg.expectedVwap));
  const free = legs.map((leg) =>
    plannedFlow({ ...leg, feeRate: '0' }, new Decimal(leg.quantity), leg.expectedVwap),
  );
  for (const { from, to, given, brought } of free.slice(0, -1))
    worth.set(to, worth.get(from)!.times(given).div(brought));
  const valued = (changes: Map<string, Decimal>): Decimal =>
    [...changes].reduce((sum, [asset, amount]) => sum.plus(amount.times(worth.get(asset)!)), new Decimal(0));
  const gross = valued(netFlows(free));
  const net = valued(netFlows(flows));
  const fees = text(gross.minus(net), 'up');
  const first = legs[0]!;
  const { base } = assetsOf(first.instrument);
  const edge = {
    ...{ gross: text(gross), feeBuy: fees, feeSell: '0', latencyDecay: '0', transfer: '0', inventory: '0' },
    net: new Decimal(text(gross)).minus(fees).toFixed(),
  };
  const notional = text(flows[0]!.given, 'up');
  return {
    ...{ signalId: 'c-1', opportunityId: 'o-c-1', strategy: 'triangular', shape: 'cycle' },
    ...{ pair: first.instrument.slice(first.exchange.length + 1), base, quote },
    legs: [...legs],
    ...{ quantity: first.quantity, notional, edge },
    grossBps: gross.div(notional).times(10_000).toNumber(),
    netBps: net.div(notional).times(10_000).toNumber(),
    ...{ detectedAtMs: NOW - 5, exchangeToSignalMs: 20, expiresAtMs: NOW + 1_000 },
    ...changes,
  };
}

/** USDT → BTC → ETH → USDT: bought at 1000 and 0.1, sold at 101; gross one percent, three fees of a tenth. */
export const threeLegs = (instruments?: readonly Instrument[]): PlannedLeg[] => [
  plannedLeg('alpha:BTC-USDT', 'buy', '1', '1000', instruments),
  plannedLeg('alpha:ETH-BTC', 'buy', '9.98', '0.1', instruments),
  plannedLeg('alpha:ETH-USDT', 'sell', '9.97', '101', instruments),
];

/** The other way round, along the bids of ETH-BTC. */
export const threeBack = (instruments?: readonly Instrument[]): PlannedLeg[] => [
  plannedLeg('alpha:ETH-USDT', 'buy', '10', '99', instruments),
  plannedLeg('alpha:ETH-BTC', 'sell', '9.98', '0.1', instruments),
  plannedLeg('alpha:BTC-USDT', 'sell', '0.996', '1000', instruments),
];

/** USDT → BTC → ETH → SOL → USDT. */
export const fourLegs = (instruments?: readonly Instrument[]): PlannedLeg[] => [
  plannedLeg('alpha:BTC-USDT', 'buy', '1', '1000', instruments),
  plannedLeg('alpha:ETH-BTC', 'buy', '9.98', '0.1', instruments),
  plannedLeg('alpha:SOL-ETH', 'buy', '99.5', '0.1', instruments),
  plannedLeg('alpha:SOL-USDT', 'sell', '99.3', '10.2', instruments),
];

/** Bought for USDT on one exchange, sold for KRW on the other, and the KRW turned back there. */
export const bridgedLegs = (instruments?: readonly Instrument[]): PlannedLeg[] => [
  plannedLeg('alpha:BTC-USDT', 'buy', '1', '1000', instruments),
  plannedLeg('korea:BTC-KRW', 'sell', '0.998', '1450000', instruments),
  plannedLeg('korea:USDT-KRW', 'buy', '1030', '1400', instruments),
];

export const bridgedSignal = (instruments?: readonly Instrument[]): Signal =>
  cycleSignal(bridgedLegs(instruments), { strategy: 'spatial' });

/** The same with the KRW kept: 1 KRW counts as 1/1400 USDT. */
export function inventorySignal(changes: Partial<Signal> = {}): Signal {
  const [buy, sell] = [
    plannedLeg('alpha:BTC-USDT', 'buy', '1', '1000'),
    plannedLeg('korea:BTC-KRW', 'sell', '1', '1428000'),
  ];
  const edge = {
    ...{ gross: '20', feeBuy: '1', feeSell: '1.02', latencyDecay: '0', transfer: '0', inventory: '0' },
    net: '17.98',
  };
  return {
    ...{
      signalId: 'i-1',
      opportunityId: 'o-i-1',
      strategy: 'spatial',
      pair: 'BTC-USDT',
      base: 'BTC',
      quote: 'USDT',
    },
    legs: [buy, sell],
    ...{ quantity: '1', notional: '1001', edge, grossBps: 200, netBps: 179 },
    ...{ detectedAtMs: NOW - 5, exchangeToSignalMs: 20, expiresAtMs: NOW + 1_000 },
    ...changes,
  };
}

export const POSITION_ID = 'alpha:BTC-USDT~alpha:ETH-USDT';

/** Buys 1 BTC at 1000 and sells 10 ETH at 100, in the hope of 12; or the other way round. */
export function pairSignal(
  action: 'enter' | 'exit' | 'stop' = 'enter',
  prices: readonly [string, string] = ['1000', '100'],
  changes: Partial<Signal> = {},
): Signal {
  const isEntry = action === 'enter';
  const legs = [
    plannedLeg('alpha:BTC-USDT', isEntry ? 'buy' : 'sell', '1', prices[0]),
    plannedLeg('alpha:ETH-USDT', isEntry ? 'sell' : 'buy', '10', prices[1]),
  ];
  // As the detector says it: an entry counts the way back too.
  const fees = new Decimal(prices[0])
    .plus(new Decimal(prices[1]).times(10))
    .times(isEntry ? '0.002' : '0.001');
  const gross = isEntry ? '12' : '0';
  const edge = {
    ...{ gross, feeBuy: fees.toFixed(), feeSell: '0', latencyDecay: '0', transfer: '0', inventory: '0' },
    net: new Decimal(gross).minus(fees).toFixed(),
  };
  return {
    ...{ signalId: `p-${action}`, opportunityId: `o-p-${action}`, strategy: 'statistical', shape: 'pair' },
    ...{ pair: 'BTC-USDT', base: 'BTC', quote: 'USDT', legs, quantity: '1', notional: '2000', edge },
    position: {
      ...{ positionId: POSITION_ID, action, direction: 'long' },
      ...{ hedgeRatio: 10, zScore: isEntry ? -2.5 : 0.1, halfLifeMs: 60_000, pValue: 0.01 },
    },
    ...{ grossBps: 60, netBps: 50, detectedAtMs: NOW - 5, exchangeToSignalMs: 20, expiresAtMs: NOW + 1_000 },
    ...changes,
  };
}
