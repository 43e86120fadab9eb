import { refuse, type Rule } from '../question.js';

/** So many losing arbitrages one after the other are no chance any more: a person has to look. */
export const lossStreakRule: Rule = ({ monitors, limits }) =>
  monitors.losses.streak >= limits.maxLossStreak
    ? [refuse('LOSS_STREAK', limits.maxLossStreak, monitors.losses.streak, 'losses in a row', 'all')]
    : [];
