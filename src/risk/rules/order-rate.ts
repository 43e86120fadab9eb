import { NO_REFUSALS, refuse, type Rule } from '../question.js';

/** Orders a second and a minute, this trade counted: a loop that runs wild ends here and not in a ban. */
export const orderRateRule: Rule = ({ monitors, limits, signal, nowMs }) => {
  const orders = signal.legs.length;
  const second = monitors.rate.inLastSecond(nowMs) + orders;
  const minute = monitors.rate.inLastMinute(nowMs) + orders;
  if (second <= limits.maxOrdersPerSecond && minute <= limits.maxOrdersPerMinute) return NO_REFUSALS;
  return [
    ...(second > limits.maxOrdersPerSecond
      ? [refuse('ORDER_RATE', limits.maxOrdersPerSecond, second, 'orders per second', 'all')]
      : []),
    ...(minute > limits.maxOrdersPerMinute
      ? [refuse('ORDER_RATE', limits.maxOrdersPerMinute, minute, 'orders per minute', 'all')]
      : []),
  ];
};
