import { isExit, refuse, type Rule } from '../question.js';

/** So many losing arbitrages one after the other are no chance any more: a person has to look. */
export const lossStreakRule: Rule = ({ signal, monitors, limits }) =>
  monitors.losses.streak >= limits.maxLossStreak && !isExit({ signal })
    ? [refuse('LOSS_STREAK', limits.maxLossStreak, monitors.losses.streak, 'losses in a row', 'all')]
    : [];
