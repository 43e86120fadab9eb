import type { FlashDetector } from './flash/watch.js';
import { legsOf, refuse, type Rule } from './question.js';

/** A rule that refuses while one detector of the market watch calls one of the two markets too wild. */
export function alarmRule(detector: FlashDetector, code: string): Rule {
  return (question) =>
    legsOf(question).flatMap((leg) =>
      question.monitors.alarms
        .filter((alarm) => alarm.detector === detector && alarm.instrument === leg.instrument)
        .map(({ limit, actual, unit, instrument }) => refuse(code, limit, actual, unit, instrument)),
    );
}
