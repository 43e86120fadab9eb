import { perLeg, refuse, type Rule } from '../question.js';
import { Decimal } from '../../market/decimal.js';

/**
 * An exchange that trades packs of an asset (1000SATS) counts orders and fills in packs, while holdings, exposure and ledger
 * count single units. Until fills are booked in canonical units such an instrument is watched and never traded.
 */
export const unitMultiplierRule: Rule = (question) =>
  perLeg(question, (leg) => {
    const units = question.instruments.get(leg.instrument)?.unitMultiplier ?? '1';
    if (units === '1' || new Decimal(units).eq(1)) return null;
    return refuse('UNIT_MULTIPLIER', 1, units, 'units', leg.instrument);
  });
