import type { DeadMan } from '../connectors/order-entry.js';
import { errorText } from '../messages/errors.js';
import type { ActorContext, StopReason } from '../runtime/actor.js';
import type { OrderGatewayMessage } from './order-gateway-messages.js';
import type { PrivateRest } from './private-rest.js';

/** It is armed anew three times before it would fire. */
const DEAD_MAN_SHARE = 3;
const ANSWER_MS = 1_000;

export interface DeadManKeeperOptions {
  readonly deadMan: DeadMan;
  readonly timeoutMs: number;
  readonly rest: PrivateRest;
  readonly context: ActorContext<OrderGatewayMessage>;
  readonly nowMs: () => number;
  /** The exchange did not arm it: for people. */
  readonly refused: (reason: string) => void;
}

/** Arms the exchange's own dead-man switch again and again: it cancels everything when this process does not come back to it. */
export class DeadManKeeper {
  private readonly options: DeadManKeeperOptions;
  private last: { readonly outcome: string; readonly atMs: number } | null = null;

  constructor(options: DeadManKeeperOptions) {
    this.options = options;
  }

  begin(): void {
    const everyMs = Math.floor(this.options.timeoutMs / DEAD_MAN_SHARE);
    this.options.context.every('dead-man', everyMs, { kind: 'deadMan' });
  }

  arm(): void {
    const { deadMan, timeoutMs, rest, context } = this.options;
    context.pipe(
      rest.ask(deadMan.call(timeoutMs), 'normal', ANSWER_MS),
      (got) => this.armed(deadMan.parse(got).kind),
      (error) => this.armed(errorText(error)),
    );
  }

  private armed(outcome: string): OrderGatewayMessage {
    this.last = { outcome: outcome.slice(0, 100), atMs: this.options.nowMs() };
    if (outcome !== 'accepted') this.options.refused(`dead-man switch: ${outcome}`);
    return { kind: 'tick' };
  }

  /** Switched off in order: it would cancel what the next one sends. */
  async stop(reason: StopReason): Promise<void> {
    if (reason !== 'shutdown') return;
    const { deadMan, rest, context } = this.options;
    await rest.ask(deadMan.call(0), 'urgent', ANSWER_MS).catch((error: unknown) => {
      context.log.warn({ error: errorText(error) }, 'the dead-man switch was not switched off');
    });
  }

  summary(): { readonly outcome: string; readonly atMs: number } | null {
    return this.last;
  }
}
