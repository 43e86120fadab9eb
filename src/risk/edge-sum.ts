import { Decimal, toText } from '../market/decimal.js';
import { fixedOf, fixedText } from '../market/fixed.js';
import type { DecimalText } from '../messages/primitives.js';
import type { EdgeBreakdown } from '../messages/signal.js';

/** The net that the named parts of an edge add up to, exact. */
export function netOf(parts: Omit<EdgeBreakdown, 'net'>): DecimalText {
  const net = fixedNetOf(parts);
  if (net !== null) return fixedText(net);
  return toText(exactNetOf(parts));
}

/** The same as a decimal, however many digits it needs. */
export function exactNetOf(parts: Omit<EdgeBreakdown, 'net'>): Decimal {
  const { gross, feeBuy, feeSell, latencyDecay, transfer, inventory, marked = '0' } = parts;
  const costs = new Decimal(feeBuy).plus(feeSell).plus(latencyDecay).plus(transfer);
  return new Decimal(gross).minus(costs).plus(inventory).plus(marked);
}

/** The same times 10^20; null where a part has to be read as a decimal. */
export function fixedNetOf(parts: Omit<EdgeBreakdown, 'net'>): bigint | null {
  const gross = fixedOf(parts.gross);
  const inventory = fixedOf(parts.inventory);
  const marked = parts.marked === undefined ? 0n : fixedOf(parts.marked);
  if (gross === null || inventory === null || marked === null) return null;
  let net = gross + inventory + marked;
  for (const cost of [parts.feeBuy, parts.feeSell, parts.latencyDecay, parts.transfer]) {
    const fixed = fixedOf(cost);
    if (fixed === null) return null;
    net -= fixed;
  }
  return net;
}
