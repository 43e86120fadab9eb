import type { BreakerChanged, RiskMonitorRecord } from '../messages/risk-control.js';
import { ALL } from '../risk/breakers.js';

type Records = RiskMonitorRecord['breakers'];
type BreakerRecord = Records[string];

/** What changed between two looks at the breakers that are not closed. After a start those that are open are told again. */
export class BreakerNews {
  private before: Records = {};

  look(now: Records, atMs: number): BreakerChanged[] {
    const { before } = this;
    this.before = now;
    const opened = Object.entries(now).filter(([subject, record]) => {
      const known = before[subject];
      return known?.state !== record.state || known.openedAtMs !== record.openedAtMs;
    });
    const closed = Object.entries(before).filter(([subject]) => now[subject] === undefined);
    return [
      ...opened.map(([subject, record]) => changed(subject, record, record.state, atMs)),
      ...closed.map(([subject, record]) => changed(subject, record, 'CLOSED', atMs)),
    ];
  }
}

const changed = (
  subject: string,
  { reason, latched, openedAtMs }: BreakerRecord,
  state: BreakerChanged['state'],
  atMs: number,
): BreakerChanged => ({
  ...(subject !== ALL && { exchange: subject }),
  state,
  reason: state === 'CLOSED' ? null : reason,
  latched: state === 'OPEN' && latched,
  openedAtMs,
  atMs,
});
