import { Decimal } from '../market/decimal.js';
import type { AssetId } from '../messages/primitives.js';
import { refuse, type SizeCap } from './question.js';

/** A limit in money cannot be judged without a price: nothing fits. `rule` names the limit that could not be judged. */
export const markUnknown = (rule: string, asset: AssetId): SizeCap => ({
  cap: new Decimal(0),
  refusal() {
    return refuse('MARK_UNKNOWN', 'known', 'unknown', `price for ${rule}`, asset);
  },
});
