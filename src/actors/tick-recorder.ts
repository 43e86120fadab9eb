import type { DeliveryResult } from '../recording/delivery.js';
import type { TickRecording } from '../recording/tick-recording.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';

export type TickRecorderMessage =
  { readonly kind: 'look' } | { readonly kind: 'settled'; readonly result: DeliveryResult };

/** Between two looks at what changed, ms: the finest grain of books and of the highest spread of a second. */
const LOOK_MS = 100;
/** Looks conflate, and one insert, one append and one read are under way at most. */
const MAILBOX = 64;
const HANDLER_TIMEOUT_MS = 5_000;

/**
 * Drives a recording of ticks: looks at the markets ten times a second, sends batches, keeps them on the disk meanwhile. It
 * decides nothing, and nothing waits for it. A new incarnation asks again for whatever was under way, under the same batch ids.
 */
export function tickRecorderActor(recording: TickRecording): ActorDefinition<TickRecorderMessage> {
  return {
    kind: 'tick-recorder',
    mailbox: {
      capacity: MAILBOX,
      policyOf: ({ kind }) => (kind === 'look' ? { kind: 'conflate', key: kind } : { kind: 'reject' }),
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => new TickRecorder(recording, context),
  };
}

class TickRecorder implements ActorBehaviour<TickRecorderMessage> {
  private readonly recording: TickRecording;
  private readonly context: ActorContext<TickRecorderMessage>;
  private wasUp = true;

  constructor(recording: TickRecording, context: ActorContext<TickRecorderMessage>) {
    this.recording = recording;
    this.context = context;
    recording.resume();
    context.every('look', LOOK_MS, { kind: 'look' });
  }

  handle(message: TickRecorderMessage): void {
    if (message.kind === 'look') this.recording.look();
    else this.settled(message.result);
    for (const effect of this.recording.effects())
      this.context.pipe(
        this.recording.carryOut(effect),
        (result) => ({ kind: 'settled', result }),
        () => ({ kind: 'look' }),
      );
  }

  private settled(result: DeliveryResult): void {
    this.recording.settle(result);
    const { isStoreUp } = this.recording;
    if (isStoreUp === this.wasUp) return;
    this.wasUp = isStoreUp;
    const { log } = this.context;
    const error = this.recording.account().store.lastError;
    if (isStoreUp) log.info({}, 'the tick store answers again');
    else log.warn({ error }, 'the tick store does not answer, ticks go to the disk');
  }

  summary() {
    return { ...this.recording.account() };
  }
}
