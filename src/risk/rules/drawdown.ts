import { amountText, isExit, refuse, type Rule } from '../question.js';

/** What trading stands below its peak, whatever the day. Once reached, a person has to look. */
export const drawdownRule: Rule = ({ signal, monitors, limits }) =>
  monitors.losses.isDrawnDown && !isExit({ signal })
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
