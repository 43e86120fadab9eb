import { alarmRule } from '../alarm-rule.js';

/** The price is at or outside the band around its slow reference, or pauses after that. */
export const flashBandRule = alarmRule('band', 'FLASH_BAND');
