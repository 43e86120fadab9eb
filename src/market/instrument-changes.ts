import type { Instrument } from './instrument.js';

/** Rules that sizes and prices are computed from; who computed with others must compute anew. */
const RULES = [
  'symbol',
  'identityKnown',
  'unitMultiplier',
  'tickSize',
  'lotSize',
  'minQuantity',
  'maxQuantity',
  'minNotional',
  'takerFeeRate',
  'makerFeeRate',
  'feeMode',
  'feeCoin',
  'feeDiscount',
] as const satisfies readonly (keyof Instrument)[];

/** The rules that changed, as `tickSize 0.01 → 0.001`; empty when none did. */
export function changedRules(before: Instrument, after: Instrument): readonly string[] {
  return RULES.filter((rule) => before[rule] !== after[rule]).map(
    (rule) => `${rule} ${String(before[rule])} → ${String(after[rule])}`,
  );
}
