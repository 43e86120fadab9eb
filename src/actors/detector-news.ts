import type { DetectorEffect } from '../detectors/detector.js';
import { subjectOf } from '../messages/catalogue.js';
import type { RefusedVerdict } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';

/** What detectors say on the bus, and how much of it. */
export class DetectorNews {
  private readonly bus: Bus;
  private signals = 0;
  private opportunities = 0;
  private latencyMs = 0;

  constructor(bus: Bus) {
    this.bus = bus;
  }

  send(effect: DetectorEffect): void {
    if (effect.kind === 'signal') {
      const { signal } = effect;
      this.signals++;
      this.latencyMs = signal.exchangeToSignalMs;
      const subject = subjectOf('signal', signal.strategy);
      this.bus.publish(subject, 'signal', signal, { traceId: signal.opportunityId });
    } else {
      const { event } = effect;
      this.opportunities++;
      const subject = subjectOf('opportunityEvent', event.strategy);
      this.bus.publish(subject, 'opportunityEvent', event, { traceId: event.opportunityId });
    }
  }

  figures() {
    return {
      signals: this.signals,
      opportunityEvents: this.opportunities,
      lastExchangeToSignalMs: Math.round(this.latencyMs * 10) / 10,
    };
  }
}

/** The first refusal of a verdict, as an opportunity tells it. */
export function refusalOf({ refusals: [first] }: RefusedVerdict): {
  readonly reason: string;
  readonly detail: string;
} {
  const detail = `${first?.subject ?? ''}: ${first?.actual ?? ''} against ${first?.limit ?? ''} ${first?.unit ?? ''}`;
  return { reason: first?.rule ?? 'REFUSED', detail };
}
