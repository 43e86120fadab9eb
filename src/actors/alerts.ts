import type { AlertDesk } from '../alerts/alert-desk.js';
import type { AlertFile } from '../alerts/alert-file.js';
import type { Amount } from '../alerts/inventory-watch.js';
import type { PremiumRow } from '../messages/premium.js';
import { errorText } from '../messages/errors.js';
import type { Messenger } from '../ports/messenger.js';
import type { TimerHandle, Timers } from '../ports/time.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, StopReason } from '../runtime/actor.js';
import { LEASE_PAUSE_MS, type AlertsLease, type AlertsRole } from './alerts-lease.js';
import { AlertListening, type ListeningOptions } from './alerts-listening.js';
import type { AlertsMessage } from './alerts-messages.js';
import { AlertSending, type SendingOptions } from './alerts-sending.js';

/**
 * Tells people what happens and listens to them. What to tell, when and to whom is decided in `src/alerts`; this shell keeps the lease,
 * the file and the lines to the messenger. It runs by the machine's own time, whatever the pace of the market is.
 */
export interface AlertsActorOptions extends SendingOptions, ListeningOptions {
  readonly desk: AlertDesk;
  readonly messenger: Messenger;
  readonly file: AlertFile;
  readonly lease: AlertsLease;
  readonly timers: Timers;
  /** Absent = `ALERTS_LOOK_MS`. */
  readonly lookMs?: number;
  /** What is held now, null = not known yet; asked only where a reserve is configured. */
  readonly holdings: () => Promise<readonly Amount[] | null>;
  /** Premiums of coins in local money on this node's books; asked only where they are to be told. */
  readonly premiums: () => Promise<readonly PremiumRow[]>;
}

const MAILBOX = 256;
const HANDLER_TIMEOUT_MS = 5_000;
/** Between two looks at what was heard and what is due: no message of the bus wakes this actor. */
export const ALERTS_LOOK_MS = 250;
const HOLDINGS_MS = 60_000;
const PREMIUMS_MS = 10_000;
const REWRITE_MS = 5_000;
/** A node that only stands by keeps what is not critical this long, for the time until it may have to tell. */
const STANDBY_KEEP_MS = 60_000;

/** One of each waiting is enough, and none may be lost. */
const BEATS: ReadonlySet<AlertsMessage['kind']> = new Set([
  'look',
  'askLease',
  'countHoldings',
  'countPremiums',
]);

const TELLS: Readonly<Record<AlertsRole, 'all' | 'critical' | 'none'>> = {
  owner: 'all',
  unsure: 'critical',
  waiting: 'none',
  standby: 'none',
};

export function alertsActor(options: AlertsActorOptions): ActorDefinition<AlertsMessage> {
  // Of the process: an actor that starts anew finds everything in the desk.
  const process = { isRestored: false };
  return {
    kind: 'alerts',
    mailbox: {
      capacity: MAILBOX,
      policyOf: ({ kind }) => (BEATS.has(kind) ? { kind: 'conflate', key: kind } : { kind: 'reject' }),
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: async (context) => {
      if (!process.isRestored) {
        const kept = await options.file.read();
        context.assertCurrent();
        options.desk.restore(kept, options.clock.monotonicMs());
        process.isRestored = true;
      }
      return new Alerts(options, context);
    },
  };
}

class Alerts implements ActorBehaviour<AlertsMessage> {
  private readonly options: AlertsActorOptions;
  private readonly context: ActorContext<AlertsMessage>;
  private readonly sending: AlertSending;
  private readonly listening: AlertListening;
  private readonly timers = new Map<string, TimerHandle>();
  private role: AlertsRole = 'waiting';
  private isWriting = false;
  private lastError: string | null = null;

  constructor(options: AlertsActorOptions, context: ActorContext<AlertsMessage>) {
    this.options = options;
    this.context = context;
    this.sending = new AlertSending(options, context);
    this.listening = new AlertListening(options, context, this.sending);
    context.onEnd(() => {
      for (const timer of this.timers.values()) options.timers.clearTimer(timer);
    });
    this.later('look', 0);
    this.later('askLease', 0);
    if (options.desk.watchesInventory) this.later('countHoldings', HOLDINGS_MS);
    if (options.desk.watchesPremium) this.later('countPremiums', PREMIUMS_MS);
  }

  handle(message: AlertsMessage): void {
    switch (message.kind) {
      case 'look':
        return this.look();
      case 'askLease':
        return this.context.pipe(
          this.options.lease.ask(),
          () => ({ kind: 'leased' }),
          () => ({ kind: 'leased' }),
        );
      case 'leased':
        this.look();
        return this.later('askLease', LEASE_PAUSE_MS);
      case 'sent':
        this.sending.settle(message);
        return this.look();
      case 'named':
        this.listening.named(message.me);
        return this.look();
      case 'heard':
        this.listening.heard(message.answer, this.options.lease.listens());
        return this.look();
      case 'answered':
        return this.listening.answered(message);
      case 'written':
        this.isWriting = false;
        return this.keep();
      case 'notWritten':
        return this.notWritten(message.error);
      case 'countHoldings':
        return this.countHoldings();
      case 'holdings':
        if (message.holdings !== null)
          this.options.desk.holdings(message.holdings, this.options.clock.nowMs());
        return this.later('countHoldings', HOLDINGS_MS);
      case 'noHoldings':
        this.context.log.warn({ error: message.error }, 'what is held is not known, it is looked at again');
        return this.later('countHoldings', HOLDINGS_MS);
      case 'countPremiums':
        return this.countPremiums();
      case 'premiums':
        this.options.desk.premiums(message.rows, this.options.clock.nowMs());
        return this.later('countPremiums', PREMIUMS_MS);
      case 'noPremiums':
        this.context.log.warn({ error: message.error }, 'premiums are not known, they are looked at again');
        return this.later('countPremiums', PREMIUMS_MS);
    }
  }

  /** What is critical is on the disk with the next start; whoever else wants the lease need not wait for it. */
  async stopping(reason: StopReason): Promise<void> {
    const { desk, file, lease } = this.options;
    while (desk.takeIn());
    await file.write(desk.kept()).catch((error: unknown) => {
      this.context.log.warn({ error: errorText(error) }, 'alerts were not written');
    });
    if (reason === 'shutdown') await lease.release();
  }

  private look(): void {
    const { desk, lease, clock } = this.options;
    const isMore = desk.takeIn();
    this.changeRole(lease.role());
    if (this.role === 'standby')
      for (const chat of desk.chats) chat.forgetOlderThan(clock.nowMs() - STANDBY_KEEP_MS);
    this.keep();
    this.sending.pump(TELLS[this.role]);
    if (lease.listens()) this.listening.poll();
    this.later('look', isMore ? 0 : (this.options.lookMs ?? ALERTS_LOOK_MS));
  }

  private changeRole(role: AlertsRole): void {
    if (role === this.role) return;
    const { holder, lastError } = this.options.lease;
    this.context.log.info(
      { from: this.role, role, holder, error: lastError },
      'who tells alerts has changed',
    );
    this.role = role;
  }

  private keep(): void {
    const { desk, file } = this.options;
    if (this.isWriting || !desk.takeChanged()) return;
    this.isWriting = true;
    this.context.pipe(
      file.write(desk.kept()),
      () => ({ kind: 'written' }),
      (error) => ({ kind: 'notWritten', error: errorText(error) }),
    );
  }

  private notWritten(error: string): void {
    this.lastError = error;
    this.context.log.error({ error }, 'alerts cannot be written; a restart would not know them');
    this.options.desk.changed();
    // Not at once: what is written is tried again with the next look after this.
    this.later('rewrite', REWRITE_MS);
  }

  private countHoldings(): void {
    this.context.pipe(
      this.options.holdings(),
      (holdings) => ({ kind: 'holdings', holdings }),
      (error) => ({ kind: 'noHoldings', error: errorText(error) }),
    );
  }

  private countPremiums(): void {
    this.context.pipe(
      this.options.premiums(),
      (rows) => ({ kind: 'premiums', rows }),
      (error) => ({ kind: 'noPremiums', error: errorText(error) }),
    );
  }

  private later(
    name: 'look' | 'askLease' | 'countHoldings' | 'countPremiums' | 'rewrite',
    delayMs: number,
  ): void {
    const { timers } = this.options;
    const pending = this.timers.get(name);
    if (pending !== undefined) timers.clearTimer(pending);
    const message: AlertsMessage = name === 'rewrite' ? { kind: 'written' } : { kind: name };
    this.timers.set(
      name,
      timers.setTimer(() => void this.context.self.tell(message), delayMs),
    );
  }

  summary() {
    const { lease, desk } = this.options;
    return {
      role: lease.role(),
      holder: lease.holder,
      leaseError: lease.lastError,
      ...desk.counts,
      ...this.sending.summary(),
      ...this.listening.summary(),
      lastWriteError: this.lastError,
    };
  }
}
