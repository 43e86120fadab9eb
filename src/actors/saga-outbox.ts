import { subjectOf, type MessageKind, type MessageOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { ActorContext } from '../runtime/actor.js';
import { resultMessage, type SagaActorOptions, type SagaMessage } from './saga-messages.js';

/** A gate that judges by the journal answers within milliseconds; a hedge has no time to wait for longer. */
const PERMIT_TIMEOUT_MS = 1_000;

/** What the saga says on the bus. */
export class SagaOutbox {
  private readonly options: Pick<SagaActorOptions, 'bus' | 'answerTimeoutMs'>;
  private readonly context: ActorContext<SagaMessage>;
  private readonly traceOf: (arbitrageId: string) => string;

  constructor(
    options: SagaOutbox['options'],
    context: ActorContext<SagaMessage>,
    traceOf: (arbitrageId: string) => string,
  ) {
    this.options = options;
    this.context = context;
    this.traceOf = traceOf;
  }

  /** Sends an order or a question; silence is an event, never a second sending. */
  send(to: 'submit' | 'query', body: SubmitLeg | QueryOrder): void {
    const { arbitrageId, clientOrderId } = body;
    this.context.pipe(
      this.request(body),
      (result) => resultMessage(result, to),
      (error) => {
        const reason = errorText(error).slice(0, 200);
        return { kind: 'saga', arbitrageId, event: { kind: 'unanswered', clientOrderId, to, reason } };
      },
    );
  }

  private request(body: SubmitLeg | QueryOrder): Promise<LegResult> {
    const { bus, answerTimeoutMs: timeoutMs } = this.options;
    const options = { traceId: this.traceOf(body.arbitrageId), timeoutMs };
    return 'nonce' in body
      ? bus.request(subjectOf('submitLeg', body.exchange), 'submitLeg', body, 'legResult', options)
      : bus.request(subjectOf('queryOrder', body.exchange), 'queryOrder', body, 'legResult', options);
  }

  /** Asks the gate for leave; a gate that says nothing has refused. */
  askPermit(leg: SubmitLeg): void {
    const { arbitrageId, clientOrderId } = leg;
    const options = { traceId: this.traceOf(arbitrageId), timeoutMs: PERMIT_TIMEOUT_MS };
    const told = (permit: SubmitLeg['permit'] | null, reason: string): SagaMessage => ({
      kind: 'saga',
      arbitrageId,
      event: { kind: 'permitted', clientOrderId, permit: permit ?? null, reason },
    });
    this.context.pipe(
      this.options.bus.request('risk.recovery', 'askRecovery', { leg }, 'recoveryAnswer', options),
      ({ permit, reason }) => told(permit, reason),
      (error) => told(null, errorText(error).slice(0, 200)),
    );
  }

  publish<K extends MessageKind>(arbitrageId: string, subject: string, kind: K, body: MessageOf<K>): void {
    try {
      this.options.bus.publish(subject, kind, body, { traceId: this.traceOf(arbitrageId) });
    } catch (error) {
      // An end that is not told holds its reservation until a restart; a fill is repeated at the next tick.
      this.context.log.error({ arbitrageId, kind, error: errorText(error) }, 'could not publish');
      if (kind === 'arbitrageClosed') throw error;
    }
  }
}
