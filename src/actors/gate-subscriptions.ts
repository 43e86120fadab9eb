import { ArbotError } from '../messages/errors.js';
import type { LedgerEntry } from '../messages/ledger.js';
import type { LegResult } from '../messages/order.js';
import type { Instrument } from '../market/instrument.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { Bus, Subscription } from '../ports/bus.js';
import { closedEvent } from '../risk/closed-event.js';
import type { GateEvent } from '../risk/gate.js';
import type { OrderOutcome } from '../risk/monitors.js';
import type { ActorContext } from '../runtime/actor.js';
import type { GateMessage } from './gate-messages.js';

/** What the gate hears on the bus, as messages to itself; ends with its incarnation. */
export function subscribeGate(
  { bus, node }: { readonly bus: Bus; readonly node?: string },
  context: ActorContext<GateMessage>,
  instrumentOf: (id: InstrumentId) => Instrument | undefined,
): void {
  const on = (subscription: Subscription) => context.onEnd(() => subscription.unsubscribe());
  /** A fact that does not fit the mailbox would be lost for ever: start again from the stores instead. */
  const fact = (event: GateEvent) => {
    if (context.self.tell({ kind: 'fact', event }) === 'full')
      context.crash(new ArbotError('ARB_MAILBOX_FULL', `the gate lost a ${event.kind}`));
  };
  on(
    bus.subscribe(
      'signal.*',
      'signal',
      ({ message, traceId }) => void context.self.tell({ kind: 'signal', signal: message, traceId }),
    ),
  );
  on(
    bus.subscribe('ledger.balances', 'balancesChanged', (d) =>
      fact({ kind: 'balances', changed: d.message }),
    ),
  );
  on(bus.subscribe('risk.halt', 'haltChanged', (d) => fact({ kind: 'halt', halt: d.message })));
  on(
    bus.subscribe('ledger.entry', 'ledgerEntry', ({ message }) => {
      if (message.kind !== 'external') return;
      fact({ kind: 'external', entryId: message.entryId, flows: flowsOf(message) });
    }),
  );
  on(
    // Answered once it is in force: a person who stops something has to know that it stopped.
    bus.respond(
      'risk.control',
      'controlRisk',
      'controlRisk',
      ({ message: command }) =>
        new Promise((resolve, reject) => {
          const told = context.self.tell({ kind: 'control', command, answer: { resolve, reject } });
          if (told === 'full' || told === 'dead')
            reject(new ArbotError('ARB_MAILBOX_FULL', 'the gate cannot take a command'));
        }),
    ),
  );
  on(
    bus.respond(
      'risk.recovery',
      'askRecovery',
      'recoveryAnswer',
      ({ message: { leg } }) =>
        new Promise((resolve, reject) => {
          const told = context.self.tell({ kind: 'recovery', leg, answer: { resolve, reject } });
          if (told === 'full' || told === 'dead')
            reject(new ArbotError('ARB_MAILBOX_FULL', 'the gate cannot judge a recovery order'));
        }),
    ),
  );
  on(
    bus.subscribe('risk.limits', 'limitsChanged', ({ message: changed }) => {
      if (context.self.tell({ kind: 'limits', changed }) === 'full')
        context.crash(new ArbotError('ARB_MAILBOX_FULL', 'the gate lost a change of limits'));
    }),
  );
  on(
    bus.subscribe('risk.hold', 'riskHold', ({ message: hold, sender }) => {
      // A former holder of the lease may go on holding a gate that it has no more.
      if (node === undefined || sender === node) fact({ kind: 'hold', hold });
    }),
  );
  on(
    bus.subscribe('feed.instrument.*', 'instrumentStateChanged', ({ message: { instrument: id, state } }) => {
      // The rules are where all instruments are kept; the message says the state.
      const found = instrumentOf(id);
      if (found !== undefined) fact({ kind: 'instrument', instrument: { ...found, state } });
    }),
  );
  on(
    bus.subscribe('order.result.*', 'legResult', (d) =>
      fact(
        isInterim(d.message)
          ? { kind: 'claimed', arbitrageId: d.message.arbitrageId }
          : { kind: 'ordered', outcome: outcomeOf(d.message, d.subject) },
      ),
    ),
  );
  on(bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => fact(closedEvent(message))));
}

/** Words about an order that goes on: nothing to hold against its exchange yet. */
const INTERIM = new Set(['ORDER_SENT', 'ORDER_OPEN', 'FILLS_MISSING', 'MORE_FILLS']);
const isInterim = ({ status, reason }: LegResult): boolean => status === 'unknown' && INTERIM.has(reason);

/** The exchange is the last token of the subject. */
function outcomeOf(result: LegResult, subject: string): OrderOutcome {
  const { arbitrageId, legIndex, status, acknowledgedAtMs } = result;
  const exchange = subject.slice(subject.lastIndexOf('.') + 1);
  return { exchange, arbitrageId, legIndex, status, acknowledgedAtMs };
}

/** What a ledger entry moved from outside into accounts of exchanges, or out of them. */
function flowsOf({ postings }: LedgerEntry): { asset: string; amount: string }[] {
  return postings
    .filter(({ account }) => account.startsWith('exchange:'))
    .map(({ asset, amount }) => ({ asset, amount }));
}
