import { alarmRule } from '../alarm-rule.js';

/** The last return is far outside of what is usual there. */
export const flashReturnRule = alarmRule('return', 'FLASH_RETURN');
