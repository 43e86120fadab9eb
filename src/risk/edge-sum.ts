import { Decimal, toText } from '../market/decimal.js';
import { fixedOf, fixedText } from '../market/fixed.js';
import type { DecimalText } from '../messages/primitives.js';
import type { EdgeBreakdown } from '../messages/signal.js';

/** The net that the named parts of an edge add up to, exact. */
export function netOf(parts: Omit<EdgeBreakdown, 'net'>): DecimalText {
  const net = fixedNetOf(parts);
  if (net !== null) return fixedText(net);
  const { gross, feeBuy, feeSell, latencyDecay, transfer, inventory } = parts;
  return toText(
    new Decimal(gross).minus(feeBuy).minus(feeSell).minus(latencyDecay).minus(transfer).plus(inventory),
  );
}

/** The same times 10^20; null where a part has to be read as a decimal. */
export function fixedNetOf(parts: Omit<EdgeBreakdown, 'net'>): bigint | null {
  const gross = fixedOf(parts.gross);
  const inventory = fixedOf(parts.inventory);
  if (gross === null || inventory === null) return null;
  let net = gross + inventory;
  for (const cost of [parts.feeBuy, parts.feeSell, parts.latencyDecay, parts.transfer]) {
    const fixed = fixedOf(cost);
    if (fixed === null) return null;
    net -= fixed;
  }
  return net;
}
