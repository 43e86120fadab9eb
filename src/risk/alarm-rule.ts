import type { FlashDetector } from './flash/watch.js';
import { legsOf, NO_REFUSALS, refuse, type Rule } from './question.js';

/** A rule that refuses while one detector of the market watch calls one of the two markets too wild. */
export function alarmRule(detector: FlashDetector, code: string): Rule {
  return (question) => {
    const { alarms } = question.monitors;
    if (alarms.length === 0) return NO_REFUSALS;
    return legsOf(question).flatMap((leg) =>
      alarms
        .filter((alarm) => alarm.detector === detector && alarm.instrument === leg.instrument)
        .map(({ limit, actual, unit, instrument }) => refuse(code, limit, actual, unit, instrument)),
    );
  };
}
