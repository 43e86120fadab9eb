import { Decimal, ONE } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { orderRulesOf, violationsOfText } from '../market/order-rules.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { ClosedPosition } from '../messages/order.js';
import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { PlannedLeg } from '../messages/signal.js';
import { isCertainlyAbove } from '../risk/near.js';
import { PLAIN, type ShapeTerms } from './shapes/shape-terms.js';

/** What is known when an arbitrage starts; absent = not told, and then not checked. */
export interface StartFacts {
  readonly holdings?: BalancesChanged['holdings'];
  /** Orders that the exchange takes now, a reserve for cancels and hedges set aside. */
  /** Of a pair: what its position holds. Absent = nothing. */
  readonly carried?: Pick<ClosedPosition, 'carried' | 'net'>;
  readonly orderRoom?: readonly { readonly exchange: ExchangeId; readonly orders: number }[];
}

/**
 * All legs are checked before the first is sent: tick, lot and minimums of each, whether a leg that fills partly can be
 * brought home, balances, and the budget of orders. Null lets them pass; a text names what forbids them.
 */
export function preCheck(
  legs: readonly PlannedLeg[],
  markets: {
    readonly legs: readonly Instrument[];
    readonly hedges: readonly Instrument[];
    /** Absent = plain. */
    readonly shape?: ShapeTerms;
  },
  facts: StartFacts,
): string | null {
  for (const [index, leg] of legs.entries()) {
    const broken = violationsOfText(leg, markets.legs[index]!)[0];
    if (broken !== undefined)
      return `${leg.exchange} ${broken.rule} ${broken.actual} against ${broken.limit}`;
  }
  const { shape = PLAIN } = markets;
  // What closes a position may be as small as the position is.
  const isExit = shape.kind === 'pair' && shape.position !== null && shape.position.action !== 'enter';
  const stuck =
    shape.kind === 'plain' ? stuckPart(legs, markets) : isExit ? null : stuckLeg(legs, markets.legs);
  const funded = shape.kind === 'chain' ? legs.filter((_, index) => !shape.follows.includes(index)) : legs;
  return stuck ?? missingBalance(funded, facts) ?? missingRoom(legs, facts);
}

/**
 * The worst partial fill leaves just too little for every market to take. That may not be more than half of the arbitrage:
 * otherwise most of it could be neither completed nor taken back.
 */
function stuckPart(
  legs: readonly PlannedLeg[],
  markets: { readonly legs: readonly Instrument[]; readonly hedges: readonly Instrument[] },
): string | null {
  if (isCertainlyMovable(legs, markets)) return null;
  const price = Decimal.min(...legs.map((leg) => leg.limitPrice));
  const least = [...markets.legs, ...markets.hedges].map((instrument) => {
    const rules = orderRulesOf(instrument);
    return Decimal.max(rules.minQuantity, rules.minNotional.div(price), rules.lot);
  });
  const stuck = Decimal.min(...least);
  const wanted = Decimal.min(...legs.map((leg) => leg.quantity));
  return stuck.times(2).gt(wanted)
    ? `WORST_PARTIAL_FILL ${stuck.toDecimalPlaces(8).toFixed()} of ${wanted.toFixed()} could not be traded on`
    : null;
}

/** The same where every leg is of its own pair: each can be completed and taken back on its own market. */
function stuckLeg(legs: readonly PlannedLeg[], instruments: readonly Instrument[]): string | null {
  for (const [index, leg] of legs.entries()) {
    const rules = orderRulesOf(instruments[index]!);
    const stuck = Decimal.max(rules.minQuantity, rules.minNotional.div(leg.limitPrice), rules.lot);
    if (stuck.times(2).gt(leg.quantity))
      return `WORST_PARTIAL_FILL ${stuck.toDecimalPlaces(8).toFixed()} of ${leg.quantity} on ${leg.instrument} could not be traded on`;
  }
  return null;
}

/** By floats: true only when half of the trade is certainly more than what could not be traded on. */
function isCertainlyMovable(
  legs: readonly PlannedLeg[],
  markets: { readonly legs: readonly Instrument[]; readonly hedges: readonly Instrument[] },
): boolean {
  let [price, wanted, stuck] = [Infinity, Infinity, Infinity];
  for (const leg of legs) {
    price = Math.min(price, Number(leg.limitPrice));
    wanted = Math.min(wanted, Number(leg.quantity));
  }
  for (const instruments of [markets.legs, markets.hedges])
    for (const { minQuantity, minNotional, lotSize } of instruments)
      stuck = Math.min(stuck, Math.max(Number(minQuantity), Number(minNotional) / price, Number(lotSize)));
  return isCertainlyAbove(wanted, stuck * 2);
}

function missingBalance(legs: readonly PlannedLeg[], { holdings }: StartFacts): string | null {
  if (holdings === undefined) return null;
  const held = (exchange: ExchangeId, asset: AssetId): Decimal =>
    new Decimal(holdings.find((one) => one.exchange === exchange && one.asset === asset)?.amount ?? 0);
  for (const leg of legs) {
    const [base = '', quote = ''] = leg.instrument.slice(leg.exchange.length + 1).split('-');
    const isBuy = leg.side === 'buy';
    const fee = isBuy && leg.feeMode === 'quote' ? ONE.plus(leg.feeRate) : ONE;
    const needed = isBuy
      ? new Decimal(leg.quantity).times(leg.limitPrice).times(fee)
      : new Decimal(leg.quantity);
    const asset = isBuy ? quote : base;
    if (held(leg.exchange, asset).lt(needed))
      return `${leg.exchange} BALANCE ${held(leg.exchange, asset).toFixed()} ${asset} against ${needed.toFixed()}`;
  }
  return null;
}

function missingRoom(legs: readonly PlannedLeg[], { orderRoom }: StartFacts): string | null {
  for (const { exchange, orders } of orderRoom ?? []) {
    const needed = legs.filter((leg) => leg.exchange === exchange).length;
    if (needed > orders) return `${exchange} RATE_BUDGET ${orders} orders against ${needed}`;
  }
  return null;
}
