import type { DecimalText, Side } from '../messages/primitives.js';
import { Decimal, isOnStep, parsePositive, parseUnsigned, toText, roundForMessage } from './decimal.js';
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

/** @throws ArbotError ARB_DECIMAL_INVALID naming instrument and field. */
export function orderRulesOf(instrument: Instrument): OrderRules {
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
): OrderViolation[] {
  const found: OrderViolation[] = [];
  const add = (rule: OrderRule, limit: string, actual: string) => found.push({ rule, limit, actual });
  const { quantity, price } = order;
  if (state !== 'trading') add('NOT_TRADING', 'trading', state);
  if (!price.greaterThan(0) || !isOnStep(price, rules.tick)) add('PRICE_TICK', text(rules.tick), text(price));
  if (!quantity.greaterThan(0) || !isOnStep(quantity, rules.lot)) {
    add('LOT_SIZE', text(rules.lot), text(quantity));
  }
  if (quantity.lessThan(rules.minQuantity)) add('MIN_QUANTITY', text(rules.minQuantity), text(quantity));
  if (rules.maxQuantity !== null && quantity.greaterThan(rules.maxQuantity)) {
    add('MAX_QUANTITY', text(rules.maxQuantity), text(quantity));
  }
  const notional = quantity.times(price);
  if (notional.lessThan(rules.minNotional)) add('MIN_NOTIONAL', text(rules.minNotional), text(notional));
  return found;
}

/** The same for the text of a message. Throws ARB_DECIMAL_INVALID for texts that are no decimals. */
export function violationsOfText(
  order: { readonly side: Side; readonly quantity: DecimalText; readonly limitPrice: DecimalText },
  instrument: Instrument,
): OrderViolation[] {
  const planned = {
    side: order.side,
    quantity: parseUnsigned(order.quantity, 'quantity'),
    price: parseUnsigned(order.limitPrice, 'limitPrice'),
  };
  return violationsOf(planned, orderRulesOf(instrument), instrument.state);
}

const text = (value: Decimal): string => toText(roundForMessage(value, 'down'));
