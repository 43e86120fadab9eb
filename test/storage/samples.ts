import type { LedgerEntry } from '../../src/messages/ledger.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { Verdict } from '../../src/messages/risk.js';
import type { OpportunityEvent, Signal } from '../../src/messages/signal.js';
import type { PortfolioSnapshot } from '../../src/ports/stores.js';

/** Valid messages whose ids derive from one key, so that tests on one database do not meet. */

const AT_MS = 1_790_000_000_123.25;

export function sampleEntry(key: string, postings: LedgerEntry['postings']): LedgerEntry {
  return { entryId: `test:${key}`, kind: 'adjustment', arbitrageId: null, postings, bookedAtMs: AT_MS };
}

/** Moves an amount of an asset from opening equity to an exchange. */
export function opening(key: string, asset: string, amount: string): LedgerEntry {
  const isZero = /^[-0.]*$/.test(amount);
  const negative = isZero ? amount : amount.startsWith('-') ? amount.slice(1) : `-${amount}`;
  return sampleEntry(key, [
    { account: 'exchange:binance', asset, amount },
    { account: 'opening', asset, amount: negative },
  ]);
}

export function sampleFill(key: string, change: Partial<Fill> = {}): Fill {
  return {
    exchange: 'binance',
    instrument: 'binance:BTC-USDT',
    tradeId: `trade-${key}`,
    clientOrderId: `order-${key}`,
    arbitrageId: `arb-${key}`,
    side: 'buy',
    price: '60000.10',
    quantity: '0.00100000',
    fee: '0.0600001',
    feeAsset: 'USDT',
    liquidity: 'taker',
    exchangeTimeMs: AT_MS,
    ...change,
  };
}

/** The entry of `sampleFill`: base in, quote and fee out. */
export function fillEntry(fill: Fill): LedgerEntry {
  const exchange = `exchange:${fill.exchange}`;
  return {
    entryId: `fill:${fill.exchange}:${fill.tradeId}`,
    kind: 'fill',
    arbitrageId: fill.arbitrageId,
    postings: [
      { account: exchange, asset: 'BTC', amount: '0.001' },
      { account: 'trading', asset: 'BTC', amount: '-0.001' },
      { account: exchange, asset: 'USDT', amount: '-60.0001' },
      { account: 'trading', asset: 'USDT', amount: '60.0001' },
      { account: exchange, asset: 'USDT', amount: '-0.0600001' },
      { account: 'fees', asset: 'USDT', amount: '0.0600001' },
    ],
    bookedAtMs: AT_MS,
  };
}

export function sampleLeg(key: string, change: Partial<SubmitLeg> = {}): SubmitLeg {
  return {
    clientOrderId: `order-${key}-${change.legIndex ?? 0}-${change.attempt ?? 0}`,
    arbitrageId: `arb-${key}`,
    legIndex: 0,
    attempt: 0,
    verdictId: `verdict-${key}`,
    nonce: '0123456789abcdef0123456789abcdef',
    verdictExpiresAtMs: AT_MS + 500,
    instrument: 'okx:BTC-USDT',
    exchange: 'okx',
    side: 'sell',
    quantity: '0.001',
    limitPrice: '60010.5',
    timeInForce: 'IOC',
    decisionPrice: '60011',
    submittedAtMs: AT_MS,
    ...change,
  };
}

export function sampleResult(leg: SubmitLeg, change: Partial<LegResult> = {}): LegResult {
  return {
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    legIndex: leg.legIndex,
    status: 'filled',
    filledQuantity: leg.quantity,
    averagePrice: leg.limitPrice,
    fills: [],
    reason: '',
    acknowledgedAtMs: AT_MS + 20,
    ...change,
  };
}

export function sampleClosed(key: string, change: Partial<ArbitrageClosed> = {}): ArbitrageClosed {
  return {
    arbitrageId: `arb-${key}`,
    opportunityId: `opp-${key}`,
    signalId: `sig-${key}`,
    pair: 'BTC-USDT',
    buyExchange: 'binance',
    sellExchange: 'okx',
    outcome: 'completed',
    boughtQuantity: '0.001',
    soldQuantity: '0.001',
    residualBase: '-0.00000000000000000001',
    expectedNet: '0.5',
    realisedNet: '0.480',
    fees: '0.12',
    openedAtMs: AT_MS,
    closedAtMs: AT_MS + 40,
    ...change,
  };
}

function plannedLeg(side: 'buy' | 'sell', exchange: string): Signal['legs'][number] {
  return {
    instrument: `${exchange}:BTC-USDT`,
    exchange,
    side,
    quantity: '0.001',
    limitPrice: '60000',
    expectedVwap: '60000.5',
    feeRate: '0.001',
    feeMode: 'quote',
    bookEpoch: 1,
    bookSequence: 77,
    exchangeTimeMs: AT_MS - 5,
    receiveTimeMs: AT_MS - 3,
    levels: [['60000', '0.5']],
  };
}

export function sampleSignal(key: string): Signal {
  return {
    signalId: `sig-${key}`,
    opportunityId: `opp-${key}`,
    strategy: 'spatial',
    pair: 'BTC-USDT',
    base: 'BTC',
    quote: 'USDT',
    legs: [plannedLeg('buy', 'binance'), plannedLeg('sell', 'okx')],
    quantity: '0.001',
    notional: '60.06',
    edge: {
      gross: '0.9',
      feeBuy: '0.06',
      feeSell: '0.06',
      latencyDecay: '0.01',
      transfer: '0.02',
      inventory: '-0.05',
      net: '0.7',
    },
    grossBps: 15.000000000000002,
    netBps: 11.66,
    detectedAtMs: AT_MS,
    exchangeToSignalMs: 4.5,
    expiresAtMs: AT_MS + 500,
  };
}

export function approved(signal: Signal): Verdict {
  return {
    verdictId: `verdict-${signal.signalId}`,
    signalId: signal.signalId,
    opportunityId: signal.opportunityId,
    decidedAtMs: AT_MS + 1,
    decision: 'approved',
    signal,
    expiresAtMs: AT_MS + 500,
    nonce: '0123456789abcdef0123456789abcdef',
  };
}

export function refused(signal: Signal): Verdict {
  return {
    verdictId: `verdict-${signal.signalId}`,
    signalId: signal.signalId,
    opportunityId: signal.opportunityId,
    decidedAtMs: AT_MS + 1,
    decision: 'refused',
    refusals: [{ rule: 'NET_EDGE', limit: '12', actual: '11.66', unit: 'bps', subject: 'BTC-USDT' }],
  };
}

export function sampleEvent(key: string, change: Partial<OpportunityEvent> = {}): OpportunityEvent {
  return {
    opportunityId: `opp-${key}`,
    phase: 'refused',
    strategy: 'spatial',
    pair: 'BTC-USDT',
    buyExchange: 'binance',
    sellExchange: 'okx',
    grossBps: 15,
    netBps: -1.5,
    quantity: '0.001',
    netProfit: '-0.09',
    reason: 'NET_EDGE',
    detail: 'net edge -1.5 bps is below 12 bps',
    openedAtMs: AT_MS,
    atMs: AT_MS + 2,
    ...change,
  };
}

export function sampleSnapshot(atMs: number, change: Partial<PortfolioSnapshot> = {}): PortfolioSnapshot {
  return {
    atMs,
    currency: 'USDT',
    equity: '100000.000000000000000001',
    realisedNet: '-0.10',
    holdings: [{ exchange: 'okx', asset: 'KRW', amount: '123456789012345678901234', mark: null }],
    ...change,
  };
}
