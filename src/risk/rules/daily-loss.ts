import { amountText, isExit, refuse, type Rule } from '../question.js';

/**
 * What trading has lost since the trading day began (KST or UTC), without the revaluation of what is held on purpose
 * (TRADING §1). Once reached, the day is over for trading; a position may still be closed.
 */
export const dailyLossRule: Rule = ({ signal, monitors, limits, nowMs }) =>
  monitors.losses.isStoppedAt(nowMs) && !isExit({ signal })
    ? [
        refuse(
          'DAILY_LOSS',
          limits.maxDailyLoss,
          amountText(monitors.losses.todaysLoss),
          limits.reportingCurrency,
          'today',
        ),
      ]
    : [];
