import { loadWallets, type RestContext } from '../connectors/rest-client.js';
import type { InstrumentList, TickerLookup, WalletList } from '../connectors/base.js';
import type { Instrument } from '../market/instrument.js';
import type { InstrumentChange, LiveInstruments } from '../market/live-instruments.js';
import type { NetworkStatus } from '../market/wallet.js';
import { changedWallets, type WalletStatuses } from '../market/wallet-statuses.js';
import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';

/**
 * Asks every exchange again and again for the state and the rules of what is followed, and for its wallets. What changed is
 * first written where everybody reads it, then told. Asking is background work: it takes what books and orders leave of the
 * REST budget.
 */
export interface InstrumentWatchOptions {
  readonly bus: Bus;
  readonly live: LiveInstruments;
  readonly wallets: WalletStatuses;
  readonly exchanges: () => readonly Omit<RestContext, 'signal' | 'priority'>[];
  /** What an exchange lists now of what the configuration wants; `symbols` narrows the question, null = its whole list. */
  readonly load: (rest: RestContext, symbols: readonly string[] | null) => Promise<InstrumentList>;
  readonly tickerLookup: TickerLookup;
  readonly everyMs?: number;
}

export type InstrumentWatchMessage =
  | { readonly kind: 'ask'; readonly exchange: ExchangeId }
  | {
      readonly kind: 'listed';
      readonly exchange: ExchangeId;
      readonly list: InstrumentList;
      readonly askedMs: number;
      readonly isWhole: boolean;
    }
  | { readonly kind: 'wallets'; readonly exchange: ExchangeId; readonly list: WalletList | null }
  | {
      readonly kind: 'failed';
      readonly exchange: ExchangeId;
      readonly what: 'instruments' | 'wallets';
      readonly reason: string;
    }
  | { readonly kind: 'look' };

const EVERY_MS = 60_000;
const RETRY_MS = 15_000;
/** The whole list, which shows what is new, once in so many times: some have several megabytes. */
const WHOLE_EVERY = 60;
const LOOK_MS = 5000;
const RECENT = 20;
/** Wallets of one answer; an exchange that closes everything is told by these. */
const MAX_TOLD = 100;

interface Progress {
  asked: number;
  /** The next answer must be of the whole list: the narrowed one was refused. */
  wantsWhole: boolean;
  refreshes: number;
  changes: number;
  refusedWallets: number;
  readonly errors: Partial<Record<'instruments' | 'wallets', string>>;
}

export function instrumentWatchActor(
  options: InstrumentWatchOptions,
): ActorDefinition<InstrumentWatchMessage> {
  return {
    kind: 'instruments',
    mailbox: {
      capacity: 256,
      policyOf: (message) =>
        message.kind === 'look' ? { kind: 'conflate', key: 'look' } : { kind: 'reject' },
    },
    handlerTimeoutMs: 5000,
    create: (context) => new InstrumentWatch(options, context),
  };
}

class InstrumentWatch implements ActorBehaviour<InstrumentWatchMessage> {
  private readonly options: InstrumentWatchOptions;
  private readonly context: ActorContext<InstrumentWatchMessage>;
  private readonly everyMs: number;
  private readonly progress = new Map<ExchangeId, Progress>();
  private readonly recent: { readonly instrument: string; readonly reason: string; readonly atMs: number }[] =
    [];
  private newListings = 0;

  constructor(options: InstrumentWatchOptions, context: ActorContext<InstrumentWatchMessage>) {
    this.options = options;
    this.context = context;
    this.everyMs = options.everyMs ?? EVERY_MS;
    // Exchanges that list their markets late join later.
    context.every('look', LOOK_MS, { kind: 'look' });
    this.look();
  }

  handle(message: InstrumentWatchMessage): void {
    switch (message.kind) {
      case 'look':
        return this.look();
      case 'ask':
        return this.ask(message.exchange);
      case 'listed':
        return this.listed(message);
      case 'wallets':
        return this.walletsAre(message.exchange, message.list);
      case 'failed': {
        const { exchange, what, reason } = message;
        const progress = this.progressOf(exchange);
        progress.errors[what] = reason;
        this.context.log.warn({ exchange, what, error: reason }, 'instruments could not be refreshed');
        if (what !== 'instruments') return;
        progress.wantsWhole = true;
        this.plan(exchange, RETRY_MS);
      }
    }
  }

  /** Exchanges not seen before: their markets were just loaded, their wallets were not. */
  private look(): void {
    for (const { connector } of this.options.exchanges()) {
      const { exchange } = connector;
      if (this.progress.has(exchange)) continue;
      this.progressOf(exchange);
      this.askWallets(exchange);
      this.plan(exchange, this.everyMs * (0.5 + this.context.random.next() / 2));
    }
  }

  private ask(exchange: ExchangeId): void {
    const rest = this.restOf(exchange);
    if (rest === undefined) return;
    const progress = this.progressOf(exchange);
    const isWhole = progress.wantsWhole || progress.asked % WHOLE_EVERY === 0;
    progress.asked++;
    progress.wantsWhole = false;
    const symbols = this.options.live.of(exchange).map(({ symbol }) => symbol);
    const askedMs = this.context.clock.monotonicMs();
    this.context.pipe(
      this.options.load(rest, isWhole ? null : symbols),
      (list) => ({ kind: 'listed', exchange, list, askedMs, isWhole }),
      (error) => ({ kind: 'failed', exchange, what: 'instruments', reason: errorText(error) }),
    );
    this.askWallets(exchange);
  }

  private askWallets(exchange: ExchangeId): void {
    const rest = this.restOf(exchange);
    if (rest === undefined || rest.connector.rest.wallets === null) return;
    this.context.pipe(
      loadWallets(rest, this.options.tickerLookup),
      (list) => ({ kind: 'wallets', exchange, list }),
      (error) => ({ kind: 'failed', exchange, what: 'wallets', reason: errorText(error) }),
    );
  }

  private listed(message: Extract<InstrumentWatchMessage, { kind: 'listed' }>): void {
    const { exchange, list, askedMs, isWhole } = message;
    const { live } = this.options;
    const omitsHalts = this.restOf(exchange)?.connector.rest.listOmitsHalts === true;
    const answer = { ...list, askedMs, isWhole, omitsHalts };
    const progress = this.progressOf(exchange);
    delete progress.errors.instruments;
    progress.refreshes++;
    for (const change of live.refresh(exchange, answer, this.context.clock.monotonicMs())) {
      progress.changes++;
      this.tell(change);
    }
    this.newOnes(exchange, live.newlyListed(exchange, answer));
    this.plan(exchange, this.everyMs * (0.9 + this.context.random.next() / 5));
  }

  private tell({ instrument, reason }: InstrumentChange): void {
    const { exchange, id, state } = instrument;
    this.note(id, `${state}: ${reason}`);
    this.context.log.warn({ exchange, instrument: id, state, reason }, 'instrument changed');
    const change = { instrument: id, state, reason, atMs: this.context.clock.nowMs() };
    const subject = subjectOf('instrumentStateChanged', exchange);
    const traceId = this.context.ids.next('state');
    this.options.bus.publish(subject, 'instrumentStateChanged', change, { traceId });
  }

  /** They are followed from the next start on, when the configuration wants their pair. */
  private newOnes(exchange: ExchangeId, instruments: readonly Instrument[]): void {
    if (instruments.length === 0) return;
    this.newListings += instruments.length;
    const ids = instruments.slice(0, RECENT).map(({ id }) => id);
    for (const id of ids) this.note(id, 'newly listed');
    this.context.log.info({ exchange, count: instruments.length, instruments: ids }, 'newly listed');
  }

  private walletsAre(exchange: ExchangeId, list: WalletList | null): void {
    if (list === null) return;
    const progress = this.progressOf(exchange);
    delete progress.errors.wallets;
    progress.refusedWallets = list.refused.length;
    const { wallets, live } = this.options;
    const before = wallets.of(exchange)?.networks ?? [];
    wallets.set(exchange, list.networks, this.context.clock.monotonicMs());
    const assets = new Set(live.of(exchange).flatMap(({ base, quote }) => [base, quote]));
    for (const network of changedWallets(before, list.networks, assets).slice(0, MAX_TOLD))
      this.tellWallet(network);
  }

  private tellWallet({ exchange, asset, network, canDeposit, canWithdraw }: NetworkStatus): void {
    const open = { exchange, asset, network: network.slice(0, 64), canDeposit, canWithdraw };
    this.context.log.warn(open, 'a wallet opened or closed');
    const change = { ...open, atMs: this.context.clock.nowMs() };
    const traceId = this.context.ids.next('wallet');
    this.options.bus.publish(subjectOf('walletStateChanged', exchange), 'walletStateChanged', change, {
      traceId,
    });
  }

  private note(instrument: string, reason: string): void {
    this.recent.unshift({ instrument, reason: reason.slice(0, 120), atMs: this.context.clock.nowMs() });
    this.recent.length = Math.min(this.recent.length, RECENT);
  }

  private plan(exchange: ExchangeId, delayMs: number): void {
    this.context.timer(exchange, delayMs, { kind: 'ask', exchange });
  }

  private restOf(exchange: ExchangeId): RestContext | undefined {
    const rest = this.options.exchanges().find(({ connector }) => connector.exchange === exchange);
    return rest && { ...rest, signal: this.context.signal, priority: 'background' };
  }

  private progressOf(exchange: ExchangeId): Progress {
    const known = this.progress.get(exchange);
    if (known !== undefined) return known;
    const fresh = { asked: 0, wantsWhole: false, refreshes: 0, changes: 0, refusedWallets: 0, errors: {} };
    this.progress.set(exchange, fresh);
    return fresh;
  }

  summary() {
    return {
      exchanges: Object.fromEntries(
        [...this.progress].map(([exchange, progress]) => [
          exchange,
          this.exchangeSummary(exchange, progress),
        ]),
      ),
      newListings: this.newListings,
      recent: [...this.recent],
    };
  }

  private exchangeSummary(exchange: ExchangeId, progress: Progress) {
    const { live, wallets } = this.options;
    const nowMs = this.context.clock.monotonicMs();
    const { refreshes, changes, errors } = progress;
    const instruments = live.of(exchange);
    return {
      instruments: instruments.length,
      notTrading: instruments
        .filter(({ state }) => state !== 'trading')
        .slice(0, RECENT)
        .map(({ id, state }) => `${id} ${state}`),
      ageMs: rounded(live.ageMs(exchange, nowMs)),
      refreshes,
      changes,
      errors: { ...errors },
      wallets: walletSummary(wallets, exchange, nowMs, progress.refusedWallets),
    };
  }
}

const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));

/** Null where the exchange tells its wallets only with a key, or has not told them yet. */
function walletSummary(wallets: WalletStatuses, exchange: ExchangeId, nowMs: number, refused: number) {
  const picture = wallets.of(exchange);
  if (picture === null) return null;
  const closed = picture.networks.filter(({ canDeposit, canWithdraw }) => !canDeposit || !canWithdraw);
  return {
    networks: picture.networks.length,
    refused,
    ageMs: rounded(wallets.ageMs(exchange, nowMs)),
    closedNetworks: closed.length,
    closed: closed
      .slice(0, RECENT)
      .map(
        ({ ticker, network, canDeposit, canWithdraw }) =>
          `${ticker} ${network}${canDeposit ? '' : ' no deposits'}${canWithdraw ? '' : ' no withdrawals'}`,
      ),
  };
}
