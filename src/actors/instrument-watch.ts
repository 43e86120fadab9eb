import { loadWallets, type RestContext } from '../connectors/rest-client.js';
import type { InstrumentList, TickerLookup, WalletList } from '../connectors/base.js';
import type { FeeRate } from '../connectors/order-entry.js';
import type { AccountRates } from '../market/account-rates.js';
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
  /** What only accounts are told; absent = nothing of it is asked for. */
  readonly account?: AccountWatch;
}

/** The questions that need a key. */
export interface AccountWatch {
  /** Null where there is no account. */
  readonly of: (exchange: ExchangeId, signal: AbortSignal) => AccountTerms | null;
  /** Exchanges whose own rates decide, and where they go. */
  readonly feesOf: ReadonlySet<ExchangeId>;
  readonly rates: AccountRates;
  /** Whether wallets are asked for where that needs a key. */
  readonly wantsWallets: boolean;
}

/** What one account is told. Both reject with what the network or the exchange said. */
export interface AccountTerms {
  feeRates(symbol: string): Promise<FeeRate>;
  /** Null where the exchange tells its wallets without a key, or not at all. */
  readonly wallets: (() => Promise<WalletList>) | null;
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
  | { readonly kind: 'rates'; readonly exchange: ExchangeId; readonly answer: RatesAnswer }
  | {
      readonly kind: 'failed';
      readonly exchange: ExchangeId;
      readonly what: Asked;
      readonly reason: string;
    }
  | { readonly kind: 'look' };

type Asked = 'instruments' | 'wallets' | 'fees';

interface RatesAnswer {
  readonly rates: ReadonlyMap<string, FeeRate>;
  /** Why it ended before the last market; null = it did not. */
  readonly failure: string | null;
}

const EVERY_MS = 60_000;
const RETRY_MS = 15_000;
/** The whole list, which shows what is new, once in so many times: some have several megabytes. */
const WHOLE_EVERY = 60;
/** An account's rates change at midnight at most, once they are known. */
const FEES_EVERY = 60;
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
  /** Whether the rates of every market that is followed are known. */
  hasRates: boolean;
  readonly errors: Partial<Record<Asked, string>>;
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
      case 'rates':
        return this.ratesAre(message.exchange, message.answer);
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
      this.askRates(exchange);
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
    if (progress.asked % FEES_EVERY === 0 || !progress.hasRates) this.askRates(exchange);
  }

  /** One market after the other: nothing waits for the rates but trading there. */
  private askRates(exchange: ExchangeId): void {
    const { account, live } = this.options;
    if (account?.feesOf.has(exchange) !== true) return;
    const terms = account.of(exchange, this.context.signal);
    if (terms === null) return;
    const symbols = live.of(exchange).map(({ symbol }) => symbol);
    this.context.pipe(
      askedRates(terms, symbols),
      (answer) => ({ kind: 'rates', exchange, answer }),
      (error) => ({ kind: 'failed', exchange, what: 'fees', reason: errorText(error) }),
    );
  }

  /** The instruments are on the new rates once they are listed again. */
  private ratesAre(exchange: ExchangeId, { rates, failure }: RatesAnswer): void {
    const { account } = this.options;
    const progress = this.progressOf(exchange);
    let isNew = false;
    for (const [symbol, rate] of rates) {
      const known = account?.rates.of(exchange, symbol);
      isNew ||= known?.takerFeeRate !== rate.takerFeeRate || known.makerFeeRate !== rate.makerFeeRate;
      account?.rates.set(exchange, symbol, rate);
    }
    progress.hasRates = failure === null;
    if (failure === null) delete progress.errors.fees;
    else {
      progress.errors.fees = failure;
      this.context.log.warn({ exchange, error: failure }, 'rates of the account are not known');
    }
    if (isNew) this.plan(exchange, 0);
  }

  private askWallets(exchange: ExchangeId): void {
    const rest = this.restOf(exchange);
    if (rest === undefined) return;
    const { account } = this.options;
    const asksPublicly = rest.connector.rest.wallets !== null;
    const signed =
      asksPublicly || account?.wantsWallets !== true ? null : account.of(exchange, this.context.signal);
    const ask = asksPublicly ? () => loadWallets(rest, this.options.tickerLookup) : signed?.wallets;
    if (ask === undefined || ask === null) return;
    this.context.pipe(
      ask(),
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
    const fresh = {
      ...{ asked: 0, wantsWhole: false, refreshes: 0, changes: 0, refusedWallets: 0, errors: {} },
      hasRates: this.options.account?.feesOf.has(exchange) !== true,
    };
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

/** Those that were answered before the first that was not. */
async function askedRates(terms: AccountTerms, symbols: readonly string[]): Promise<RatesAnswer> {
  const rates = new Map<string, FeeRate>();
  try {
    for (const symbol of symbols) rates.set(symbol, await terms.feeRates(symbol));
    return { rates, failure: null };
  } catch (error) {
    return { rates, failure: errorText(error) };
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
