import { alarmRule } from '../alarm-rule.js';

/** The price fell or rose too far within seconds. */
export const flashVelocityRule = alarmRule('velocity', 'FLASH_VELOCITY');
