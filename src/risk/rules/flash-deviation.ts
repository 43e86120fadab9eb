import { alarmRule } from '../alarm-rule.js';

/** The price is far from the median of all exchanges. */
export const flashDeviationRule = alarmRule('deviation', 'FLASH_DEVIATION');
