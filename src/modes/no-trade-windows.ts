import type { TradingConfig } from '../config/index.js';
import type { NoTradeWindow } from '../risk/no-trade-window.js';

const UTC_OFFSET_MINUTES = { UTC: 0, KST: 540 } as const;
const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** The trader's windows as the risk gate takes them. */
export function noTradeWindowsOf(trading: TradingConfig): NoTradeWindow[] {
  return trading.noTradeWindows.map(({ from, to, timeZone, days, reason }) => {
    const on = days.length === 0 ? '' : ` on ${days.map((day) => DAY_NAMES[day]!).join(' ')}`;
    return {
      name: `${from}-${to} ${timeZone}${on}${reason === '' ? '' : `: ${reason}`}`,
      fromMinute: minuteOf(from),
      toMinute: minuteOf(to),
      utcOffsetMinutes: UTC_OFFSET_MINUTES[timeZone],
      days,
    };
  });
}
