import { amountText, refuse, type Rule } from '../question.js';

/** What trading stands below its peak, whatever the day. Once reached, a person has to look. */
export const drawdownRule: Rule = ({ monitors, limits }) =>
  monitors.losses.isDrawnDown
    ? [
        refuse(
          'DRAWDOWN',
          limits.maxDrawdown,
          amountText(monitors.losses.drawdown),
          limits.reportingCurrency,
          'all',
        ),
      ]
    : [];
