import {
  ceilToStep,
  commonStep,
  Decimal,
  floorToStep,
  ONE,
  roundForMessage,
  toText,
} from '../market/decimal.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';

const BPS = 10_000;

export interface Lots {
  readonly buy: Decimal;
  readonly sell: Decimal;
}

/**
 * The same trade at a smaller size, on both lots; null when nothing of it is left.
 *
 * The edge is scaled on the safe side: cost is convex and proceeds are concave in the size, so gross per unit only grows
 * when the size falls; fees and decay per unit hardly change; the transfer cost is kept whole, since a part of it may be
 * fixed. The result is a lower bound of the true net, rounded down.
 */
export function shrinkSignal(signal: Signal, cap: Decimal, lots: Lots): Signal | null {
  const quantity = floorToStep(cap, commonStep(lots.buy, lots.sell));
  if (quantity.lte(0)) return null;
  const legs = signal.legs.map((leg) => shrinkLeg(leg, quantity, lots));
  const ratio = quantity.div(signal.quantity);
  const edge = shrinkEdge(signal.edge, ratio);
  const notional = roundForMessage(ratio.times(signal.notional), 'up');
  return {
    ...signal,
    legs,
    edge,
    quantity: toText(quantity),
    notional: toText(notional),
    netBps: new Decimal(edge.net).times(BPS).div(notional).toNumber(),
  };
}

function shrinkLeg(leg: PlannedLeg, kept: Decimal, lots: Lots): PlannedLeg {
  const quantity = leg.side === 'sell' ? floorToStep(kept, lots.sell) : buyQuantity(leg, kept, lots.buy);
  // Never above what was asked, whatever the rounding of the one who asked.
  return { ...leg, quantity: toText(Decimal.min(quantity, leg.quantity)) };
}

/** Where the fee is taken from the coin bought, more is bought than is kept. */
function buyQuantity(leg: PlannedLeg, kept: Decimal, lot: Decimal): Decimal {
  if (leg.feeMode !== 'received') return floorToStep(kept, lot);
  return ceilToStep(kept.div(ONE.minus(leg.feeRate)), lot);
}

function shrinkEdge(edge: Signal['edge'], ratio: Decimal): Signal['edge'] {
  const scaled = (text: string, direction: 'down' | 'up') => roundForMessage(ratio.times(text), direction);
  const gross = scaled(edge.gross, 'down');
  const feeBuy = scaled(edge.feeBuy, 'up');
  const feeSell = scaled(edge.feeSell, 'up');
  const latencyDecay = scaled(edge.latencyDecay, 'up');
  const transfer = new Decimal(edge.transfer);
  const inventory = scaled(edge.inventory, 'down');
  const net = gross.minus(feeBuy).minus(feeSell).minus(latencyDecay).minus(transfer).plus(inventory);
  return {
    gross: toText(gross),
    feeBuy: toText(feeBuy),
    feeSell: toText(feeSell),
    latencyDecay: toText(latencyDecay),
    transfer: edge.transfer,
    inventory: toText(inventory),
    net: toText(net),
  };
}
