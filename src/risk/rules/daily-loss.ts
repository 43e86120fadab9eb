import { amountText, refuse, type Rule } from '../question.js';

/**
 * What trading has lost since the trading day began (KST or UTC), without the revaluation of what is held on purpose
 * (TRADING §1). Once reached, the day is over for trading.
 */
export const dailyLossRule: Rule = ({ monitors, limits, nowMs }) =>
  monitors.losses.isStoppedAt(nowMs)
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
