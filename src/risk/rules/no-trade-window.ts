import { isInWindow, localTimeText } from '../no-trade-window.js';
import { isExit, NO_REFUSALS, refuse, type Rule } from '../question.js';

/** No new trade while a window of the trader is in force; what is in flight is still completed (TRADING §8). */
export const noTradeWindowRule: Rule = ({ signal, limits, nowMs }) => {
  if (isExit({ signal })) return NO_REFUSALS;
  return limits.noTradeWindows
    .filter((window) => isInWindow(window, nowMs))
    .slice(0, 4)
    .map((window) =>
      refuse('NO_TRADE_WINDOW', 'outside the window', localTimeText(window, nowMs), 'time', window.name),
    );
};
