import { ArbotError } from '../../src/messages/errors.js';

/** Tasks for the tests of Compute. */
export const tasks = {
  square: (input: number) => input * input,
  total: (input: { values: Float64Array }) => input.values.reduce((sum, value) => sum + value, 0),
  refuse: () => {
    throw new ArbotError('ARB_DECIMAL_INVALID', 'not a decimal');
  },
  fail: () => {
    throw new TypeError('x is undefined');
  },
  endThread: () => process.exit(7),
  environment: () => Object.keys(process.env),
  spin: (untilMs: number) => {
    const deadline = Date.now() + untilMs;
    while (Date.now() < deadline);
    return 'done';
  },
};
