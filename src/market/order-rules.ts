import type { DecimalText, Side } from '../messages/primitives.js';
import { Decimal, isOnStep, parsePositive, parseUnsigned, toText, roundForMessage } from './decimal.js';
import { FIXED_ONE, fixedOf } from './fixed.js';
import type { Instrument } from './instrument.js';

/** An instrument's order rules as decimals, in the exchange's own units. Read once, used often. */
export interface OrderRules {
  readonly tick: Decimal;
  readonly lot: Decimal;
  readonly minQuantity: Decimal;
  readonly maxQuantity: Decimal | null;
  readonly minNotional: Decimal;
}

export type OrderRule =
  'NOT_TRADING' | 'PRICE_TICK' | 'LOT_SIZE' | 'MIN_QUANTITY' | 'MAX_QUANTITY' | 'MIN_NOTIONAL';

/** One rule an order would break, with what the rule asks and what the order has. */
export interface OrderViolation {
  readonly rule: OrderRule;
  readonly limit: string;
  readonly actual: string;
}

/** Rules that were read before; an instrument is a value and never changes. */
const KNOWN = new WeakMap<Instrument, OrderRules>();

/** @throws ArbotError ARB_DECIMAL_INVALID naming instrument and field. */
export function orderRulesOf(instrument: Instrument): OrderRules {
  const known = KNOWN.get(instrument);
  if (known !== undefined) return known;
  const rules = readRules(instrument);
  KNOWN.set(instrument, rules);
  return rules;
}

function readRules(instrument: Instrument): OrderRules {
  const field = (name: string) => `${instrument.id} ${name}`;
  return {
    tick: parsePositive(instrument.tickSize, field('tickSize')),
    lot: parsePositive(instrument.lotSize, field('lotSize')),
    minQuantity: parseUnsigned(instrument.minQuantity, field('minQuantity')),
    maxQuantity:
      instrument.maxQuantity === null ? null : parsePositive(instrument.maxQuantity, field('maxQuantity')),
    minNotional: parseUnsigned(instrument.minNotional, field('minNotional')),
  };
}

export interface PlannedOrder {
  readonly side: Side;
  readonly quantity: Decimal;
  readonly price: Decimal;
}

/**
 * Every rule the order would break at its exchange; empty = it passes. The notional is taken at the limit price, as
 * exchanges do.
 */
export function violationsOf(
  order: PlannedOrder,
  rules: OrderRules,
  state: Instrument['state'],
): readonly OrderViolation[] {
  const found: OrderViolation[] = [];
  const { quantity, price } = order;
  if (state !== 'trading') add(found, 'NOT_TRADING', 'trading', state);
  if (!price.greaterThan(0) || !isOnStep(price, rules.tick))
    add(found, 'PRICE_TICK', text(rules.tick), text(price));
  if (!quantity.greaterThan(0) || !isOnStep(quantity, rules.lot)) {
    add(found, 'LOT_SIZE', text(rules.lot), text(quantity));
  }
  if (quantity.lessThan(rules.minQuantity))
    add(found, 'MIN_QUANTITY', text(rules.minQuantity), text(quantity));
  if (rules.maxQuantity !== null && quantity.greaterThan(rules.maxQuantity)) {
    add(found, 'MAX_QUANTITY', text(rules.maxQuantity), text(quantity));
  }
  const notional = quantity.times(price);
  if (notional.lessThan(rules.minNotional))
    add(found, 'MIN_NOTIONAL', text(rules.minNotional), text(notional));
  return found;
}

function add(found: OrderViolation[], rule: OrderRule, limit: string, actual: string): void {
  found.push({ rule, limit, actual });
}

/** The same for the text of a message. Throws ARB_DECIMAL_INVALID for texts that are no decimals. */
export function violationsOfText(
  order: { readonly side: Side; readonly quantity: DecimalText; readonly limitPrice: DecimalText },
  instrument: Instrument,
): readonly OrderViolation[] {
  if (obeys(order, instrument)) return NO_VIOLATIONS;
  const planned = {
    side: order.side,
    quantity: parseUnsigned(order.quantity, 'quantity'),
    price: parseUnsigned(order.limitPrice, 'limitPrice'),
  };
  return violationsOf(planned, orderRulesOf(instrument), instrument.state);
}

const NO_VIOLATIONS: readonly OrderViolation[] = Object.freeze([]);

/** The rules as whole numbers of 10^-20. */
interface FixedRules {
  readonly tick: bigint;
  readonly lot: bigint;
  readonly minQuantity: bigint;
  readonly maxQuantity: bigint | null;
  readonly minNotional: bigint;
}

const KNOWN_FIXED = new WeakMap<Instrument, FixedRules | null>();

/** Null where a rule is no such number; whoever reads it as a decimal says why. */
function fixedRulesOf(instrument: Instrument): FixedRules | null {
  const known = KNOWN_FIXED.get(instrument);
  if (known !== undefined) return known;
  const { tickSize, lotSize, minQuantity, maxQuantity, minNotional } = instrument;
  const rules = {
    tick: fixedOf(tickSize) ?? 0n,
    lot: fixedOf(lotSize) ?? 0n,
    minQuantity: fixedOf(minQuantity) ?? -1n,
    maxQuantity: maxQuantity === null ? null : (fixedOf(maxQuantity) ?? 0n),
    minNotional: fixedOf(minNotional) ?? -1n,
  };
  const isSound =
    rules.tick > 0n &&
    rules.lot > 0n &&
    rules.minQuantity >= 0n &&
    rules.minNotional >= 0n &&
    (rules.maxQuantity === null || rules.maxQuantity > 0n);
  KNOWN_FIXED.set(instrument, isSound ? rules : null);
  return isSound ? rules : null;
}

/** Exact; false where it breaks a rule, and where the texts have to be read as decimals to tell. */
function obeys(
  order: { readonly quantity: DecimalText; readonly limitPrice: DecimalText },
  instrument: Instrument,
): boolean {
  const rules = fixedRulesOf(instrument);
  const quantity = fixedOf(order.quantity);
  const price = fixedOf(order.limitPrice);
  return (
    rules !== null &&
    quantity !== null &&
    price !== null &&
    instrument.state === 'trading' &&
    price > 0n &&
    price % rules.tick === 0n &&
    quantity > 0n &&
    quantity % rules.lot === 0n &&
    quantity >= rules.minQuantity &&
    (rules.maxQuantity === null || quantity <= rules.maxQuantity) &&
    quantity * price >= rules.minNotional * FIXED_ONE
  );
}

const text = (value: Decimal): string => toText(roundForMessage(value, 'down'));
