import { alarmRule } from '../alarm-rule.js';

/** The book has lost nearly all of its usual depth. */
export const flashDepthRule = alarmRule('depth', 'FLASH_DEPTH');
