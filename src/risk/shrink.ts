import {
  ceilToStep,
  commonStep,
  Decimal,
  floorToStep,
  ONE,
  roundForMessage,
  toText,
} from '../market/decimal.js';
import { divided, fixedOf, fixedText, nearestRatio } from '../market/fixed.js';
import type { DecimalText } from '../messages/primitives.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import { netOf } from './edge-sum.js';

const BPS = 10_000n;
/** So many digits of a ratio leave room for those of an amount. */
const RATIO_DIGITS = 10n ** 50n;

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
  const share = new Share(quantity, signal.quantity);
  const edge = shrinkEdge(signal.edge, share);
  const notional = share.of(signal.notional, 'up');
  // Field by field: a spread would be laid out anew whenever the last such signal was collected.
  return {
    signalId: signal.signalId,
    opportunityId: signal.opportunityId,
    strategy: signal.strategy,
    pair: signal.pair,
    base: signal.base,
    quote: signal.quote,
    legs,
    quantity: toText(quantity),
    notional,
    edge,
    grossBps: signal.grossBps,
    netBps: bpsOf(edge.net, notional),
    detectedAtMs: signal.detectedAtMs,
    exchangeToSignalMs: signal.exchangeToSignalMs,
    expiresAtMs: signal.expiresAtMs,
  };
}

/** Of a net over a notional. */
export function bpsOf(net: DecimalText, notional: DecimalText): number {
  const [part, whole] = [fixedOf(net), fixedOf(notional)];
  const near = part === null || whole === null || whole <= 0n ? null : nearestRatio(part * BPS, whole);
  return near ?? new Decimal(net).times(10_000).div(notional).toNumber();
}

/** What remains of an amount when a trade of `whole` becomes one of `part`, rounded to what a message carries. */
export class Share {
  private readonly part: Decimal;
  private readonly whole: DecimalText;
  private readonly fixedPart: bigint | null;
  private readonly fixedWhole: bigint | null;

  constructor(part: Decimal, whole: DecimalText) {
    this.part = part;
    this.whole = whole;
    this.fixedPart = fixedOf(toText(part));
    this.fixedWhole = fixedOf(whole);
  }

  of(text: DecimalText, direction: 'down' | 'up'): DecimalText {
    if (text === '0') return text;
    const amount = fixedOf(text);
    const { fixedPart, fixedWhole } = this;
    if (amount === null || fixedPart === null || fixedWhole === null || fixedWhole <= 0n)
      return this.ofDecimal(text, direction);
    const product = amount * fixedPart;
    // Without a rest it matters whether the ratio itself, which decimals round first, comes to an end.
    return product % fixedWhole === 0n && !this.hasEnd()
      ? this.ofDecimal(text, direction)
      : fixedText(divided(product, fixedWhole, direction));
  }

  private hasEnd(): boolean {
    return (this.fixedPart! * RATIO_DIGITS) % this.fixedWhole! === 0n;
  }

  private ofDecimal(text: DecimalText, direction: 'down' | 'up'): DecimalText {
    return toText(roundForMessage(this.part.div(this.whole).times(text), direction));
  }
}

function shrinkLeg(leg: PlannedLeg, kept: Decimal, lots: Lots): PlannedLeg {
  const quantity = leg.side === 'sell' ? floorToStep(kept, lots.sell) : buyQuantity(leg, kept, lots.buy);
  // Never above what was asked, whatever the rounding of the one who asked.
  return {
    instrument: leg.instrument,
    exchange: leg.exchange,
    side: leg.side,
    quantity: toText(Decimal.min(quantity, leg.quantity)),
    limitPrice: leg.limitPrice,
    expectedVwap: leg.expectedVwap,
    feeRate: leg.feeRate,
    feeMode: leg.feeMode,
    bookEpoch: leg.bookEpoch,
    bookSequence: leg.bookSequence,
    exchangeTimeMs: leg.exchangeTimeMs,
    receiveTimeMs: leg.receiveTimeMs,
    levels: leg.levels,
  };
}

/** Where the fee is taken from the coin bought, more is bought than is kept. */
function buyQuantity(leg: PlannedLeg, kept: Decimal, lot: Decimal): Decimal {
  if (leg.feeMode !== 'received') return floorToStep(kept, lot);
  return ceilToStep(kept.div(ONE.minus(leg.feeRate)), lot);
}

/** Parts of an edge for a share of the trade, each rounded to our disadvantage; without what is marked. */
export function shrinkEdge(whole: Signal['edge'], share: Share): Signal['edge'] {
  const edge = {
    gross: share.of(whole.gross, 'down'),
    feeBuy: share.of(whole.feeBuy, 'up'),
    feeSell: share.of(whole.feeSell, 'up'),
    latencyDecay: share.of(whole.latencyDecay, 'up'),
    transfer: whole.transfer,
    inventory: share.of(whole.inventory, 'down'),
    net: '0',
  };
  // What rounding leaves over does not shrink with the trade: a loss by it stays whole, and a gain is not counted on.
  const { marked } = whole;
  const parts = marked?.startsWith('-') === true ? { ...edge, marked } : edge;
  parts.net = netOf(parts);
  return parts;
}
