import type { EdgeBreakdown, Signal } from '../../messages/signal.js';
import { Decimal, roundForMessage, toText, ZERO } from '../../market/decimal.js';
import { buyFactor, effectiveRate } from '../../market/fees.js';
import type { BridgeOrders } from './bridge-orders.js';
import type { BridgeRoute } from './bridge-route.js';

/** The edge of a bridged trade by parts, all in dollars; what is paid in local money counts at the average price of the conversion. */
export interface BridgeMoney {
  readonly gross: Decimal;
  readonly feeBuy: Decimal;
  readonly feeSell: Decimal;
  readonly latencyDecay: Decimal;
  readonly transfer: Decimal;
  readonly inventory: Decimal;
  /** Worth of what lots leave over. */
  readonly marked: Decimal;
  readonly net: Decimal;
  /** Dollars that the trade begins with, fees included. */
  readonly notional: Decimal;
  /** What the coin trades for where it is bought, without fees. */
  readonly asked: Decimal;
  readonly residues: readonly Residue[];
}

type ResidueText = NonNullable<Signal['residues']>[number];

interface Residue {
  readonly asset: string;
  readonly quantity: Decimal;
  readonly worth: Decimal;
}

const up = (value: Decimal): Decimal => roundForMessage(value, 'up');
const down = (value: Decimal): Decimal => roundForMessage(value, 'down');

/**
 * Each part is rounded against us to what a message carries, and the net is their exact sum. `dollarAsk`: what a dollar costs in local money now,
 * for the local money that is left over; null = that counts nothing.
 */
export function bridgeMoney(
  route: BridgeRoute,
  orders: BridgeOrders,
  dollarAsk: Decimal | null,
): BridgeMoney {
  const sellsLocal = route.direction === 'sell-local';
  const { dollar, local, rate, kind, costs } = route;
  const average = orders.rate.quote.div(orders.rate.ordered);
  const bought = sellsLocal ? orders.dollar : orders.local;
  const boughtFee = sellsLocal ? dollar.fee : local.fee;
  const inCoin = boughtFee.mode === 'received';
  // In the money of the leg that buys; a fee taken from the coin is what the larger order costs, less what it leaves over.
  const coinWorth = orders.coinResidue.times(bought.quote).div(bought.ordered);
  const buyCost = inCoin
    ? bought.quote.minus(orders.boughtQuote).minus(coinWorth)
    : bought.quote.times(effectiveRate(boughtFee));
  const inDollars = (money: Decimal, isLocal: boolean) => (isLocal ? money.div(average) : money);
  const conversion = up(orders.rate.ordered.times(effectiveRate(rate.fee)));
  const coinFee = up(inDollars(buyCost, !sellsLocal));
  const coinMark = down(inDollars(coinWorth, !sellsLocal));
  const sold = sellsLocal ? orders.local : orders.dollar;
  const soldFee = up(
    inDollars(sold.quote.times(effectiveRate(sellsLocal ? local.fee : dollar.fee)), sellsLocal),
  );
  const localMark = localWorth(route, orders, dollarAsk);
  // What is earned before any fee: the fees are taken out of the dollars that really come and go.
  const earned = sellsLocal
    ? orders.rate.ordered.times(buyFactor(rate.fee).keep).minus(orders.boughtQuote).minus(coinMark)
    : sold.quote.minus(orders.rate.ordered);
  const feesWithin = sellsLocal ? soldFee.plus(conversion) : coinFee.plus(conversion);
  const gross = down(earned.plus(feesWithin));
  const costBase = sellsLocal ? orders.boughtQuote : orders.dollar.quote;
  const isOrdered = kind === 'leg';
  const parts = {
    gross,
    feeBuy: sellsLocal && isOrdered ? coinFee.plus(conversion) : coinFee,
    feeSell: !sellsLocal && isOrdered ? soldFee.plus(conversion) : soldFee,
    latencyDecay: up(costBase.times(costs.latencyDecay)),
    transfer: up(costBase.times(costs.transfer)).plus(isOrdered ? ZERO : conversion),
    inventory: down(costBase.times(costs.inventory)),
    marked: coinMark.plus(localMark),
  };
  const quoteFee = inCoin ? ZERO : coinFee;
  return {
    ...parts,
    net: netOf(parts),
    notional: sellsLocal ? up(bought.quote.plus(quoteFee)) : up(orders.rate.ordered),
    asked: sellsLocal ? orders.boughtQuote : orders.boughtQuote.div(average),
    residues: [
      { asset: dollar.instrument.base, quantity: orders.coinResidue, worth: coinMark },
      { asset: local.instrument.quote, quantity: orders.localResidue, worth: localMark },
    ].filter(({ quantity }) => quantity.greaterThan(0)),
  };
}

/** What is left over buys dollars at their ask, less the fee. */
function localWorth(
  { rate }: BridgeRoute,
  { localResidue }: BridgeOrders,
  dollarAsk: Decimal | null,
): Decimal {
  if (dollarAsk === null || !localResidue.greaterThan(0)) return ZERO;
  const { numerator, keep } = buyFactor(rate.fee);
  return down(localResidue.times(keep).div(dollarAsk.times(numerator)));
}

const netOf = (parts: Omit<BridgeMoney, 'net' | 'notional' | 'asked' | 'residues'>): Decimal =>
  parts.gross
    .minus(parts.feeBuy)
    .minus(parts.feeSell)
    .minus(parts.latencyDecay)
    .minus(parts.transfer)
    .plus(parts.inventory)
    .plus(parts.marked);

export function bridgeEdgeText(money: BridgeMoney): EdgeBreakdown {
  return {
    gross: toText(money.gross),
    feeBuy: toText(money.feeBuy),
    feeSell: toText(money.feeSell),
    latencyDecay: toText(money.latencyDecay),
    transfer: toText(money.transfer),
    inventory: toText(money.inventory),
    ...(money.residues.length > 0 && { marked: toText(money.marked) }),
    net: toText(money.net),
  };
}

/** Residues too small for a message are nothing. */
export const residueTexts = (money: BridgeMoney): ResidueText[] =>
  money.residues
    .map(({ asset, quantity, worth }) => ({ asset, quantity: down(quantity), worth }))
    .filter(({ quantity }) => quantity.greaterThan(0))
    .map(({ asset, quantity, worth }) => ({ asset, quantity: toText(quantity), worth: toText(worth) }));
