import type {
  NoAnswer,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  PrivateCall,
  RowsAnswer,
  ExchangeAnswer,
} from '../connectors/order-entry.js';
import type { CallPriority } from '../connectors/rate-limiter.js';
import type { Reference } from '../execution/gateway/gateway-state.js';
import type {
  BalanceWord,
  LookupWord,
  OrderWord,
  TradeWord,
  TransferWord,
} from '../execution/gateway/words.js';
import { errorText } from '../messages/errors.js';
import type { AccountWords } from './account-words.js';
import type { PrivateRest } from './private-rest.js';

/** How long a question waits for budget. */
const QUESTION_WAIT_MS = 10_000;
const MAX_PAGES = 50;

/** What is asked, for people, and what it may spend: questions about single orders leave budget to all the others. */
interface Asking {
  readonly what: string;
  readonly priority: CallPriority;
}

const LOOK_UP: Asking = { what: 'look-up', priority: 'question' };
const FILLS_OF_ORDER: Asking = { what: 'fills', priority: 'question' };
const FILLS: Asking = { what: 'fills', priority: 'normal' };

export interface AccountQuestionsOptions {
  readonly entry: OrderEntry;
  readonly rest: PrivateRest;
  readonly words: AccountWords;
  /** The exchange wants silence. */
  readonly onLimited: (pauseMs: number) => void;
  /** It answered, and refused: wrong key, wrong field. For people. */
  readonly onRefused: (what: string, reason: string) => void;
}

/**
 * The questions about one account, each as one promise that never rejects: what was not answered, or not in a form that can be
 * read, is null or `silent`, and therefore no evidence (R5).
 */
export class AccountQuestions {
  private readonly options: AccountQuestionsOptions;

  constructor(options: AccountQuestionsOptions) {
    this.options = options;
  }

  /** All the look-ups of one order; only when each of them says "not found" is it not there. */
  async lookUp(reference: Reference): Promise<LookupWord> {
    const { entry, words } = this.options;
    const symbol = words.symbolOf(reference.instrument);
    if (symbol === null) return { kind: 'unclear', reason: 'the market is not followed any more' };
    const order = orderReference(reference, symbol);
    const calls = entry.lookups(order);
    for (const [position, call] of calls.entries()) {
      const answer = await this.inList(order, position, call);
      if (answer === null) return { kind: 'silent', reason: 'no answer' };
      if (answer.kind === 'found') return { kind: 'found', order: words.order(answer.order) };
      if (answer.kind !== 'notFound')
        return { kind: answer.kind === 'refused' ? 'unclear' : 'silent', reason: textOf(answer) };
    }
    return calls.length === 0 ? { kind: 'silent', reason: 'there is no question' } : { kind: 'notFound' };
  }

  /** One of the look-ups, through as many pages as it takes; null = no answer. */
  private async inList(
    order: OrderReference,
    position: number,
    first: PrivateCall,
  ): Promise<OrderAnswer | null> {
    const { entry } = this.options;
    let call = first;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.ask(LOOK_UP, call, (got) => entry.parseLookup(got, order, position));
      if (answer?.kind !== 'more') return answer;
      call = answer.next;
    }
    return { kind: 'refused', code: 'LIST', reason: `more than ${MAX_PAGES} pages` };
  }

  async cancel(reference: Reference): Promise<'accepted' | 'gone' | 'failed'> {
    const { entry, words, rest } = this.options;
    const symbol = words.symbolOf(reference.instrument);
    if (symbol === null) return 'failed';
    try {
      const call = entry.cancel(orderReference(reference, symbol));
      const answer = entry.parseCancel(await rest.ask(call, 'urgent', QUESTION_WAIT_MS));
      if (answer.kind === 'limited') this.limited(answer);
      if (answer.kind === 'refused') this.options.onRefused('cancel', `${answer.code} ${answer.reason}`);
      return answer.kind === 'accepted' || answer.kind === 'gone' ? answer.kind : 'failed';
    } catch {
      // Sent or not: the order's own report says what became of it, and a second cancel does no harm.
      return 'failed';
    }
  }

  async openOrders(): Promise<readonly OrderWord[] | null> {
    const { entry, words } = this.options;
    const rows = await this.rows(
      { what: 'open orders', priority: 'normal' },
      entry.openOrders(),
      (got, call) => entry.parseOpenOrders(got, call),
    );
    return rows?.map((row) => words.order(row)) ?? null;
  }

  async balances(): Promise<readonly BalanceWord[] | null> {
    const { entry, words } = this.options;
    const rows = await this.rows({ what: 'balances', priority: 'normal' }, entry.balances(), (got) =>
      entry.parseBalances(got),
    );
    return rows?.map((row) => words.balance(row)) ?? null;
  }

  async fills(asked: {
    readonly instrument: string;
    readonly exchangeOrderId: string | null;
    readonly sinceMs: number;
  }): Promise<readonly TradeWord[] | null> {
    const { entry, words } = this.options;
    const { instrument, exchangeOrderId, sinceMs } = asked;
    const symbol = words.symbolOf(instrument);
    if (symbol === null) return null;
    const query = { symbol, sinceMs: Math.max(0, Math.floor(sinceMs)), exchangeOrderId };
    const asking = exchangeOrderId === null ? FILLS : FILLS_OF_ORDER;
    const rows = await this.rows(asking, entry.fills(query), (got, call) =>
      entry.parseFills(got, query, call),
    );
    return rows?.map((row) => words.trade(row)) ?? null;
  }

  /** Settled deposits and withdrawals; null when one of the lists was not answered. */
  async transfers(sinceMs: number): Promise<readonly TransferWord[] | null> {
    const { entry, words } = this.options;
    const found: TransferWord[] = [];
    const fromMs = Math.max(0, Math.floor(sinceMs));
    for (const first of entry.transfers(fromMs)) {
      const rows = await this.rows({ what: 'transfers', priority: 'normal' }, first, (got, call) =>
        entry.parseTransfers(got, fromMs, call),
      );
      if (rows === null) return null;
      found.push(...rows.filter(({ isSettled }) => isSettled).map((row) => words.transfer(row)));
    }
    return found;
  }

  /** All pages, or null: half a list proves nothing. */
  private async rows<Row>(
    asking: Asking,
    first: PrivateCall,
    parse: (answer: ExchangeAnswer, call: PrivateCall) => RowsAnswer<Row>,
  ): Promise<readonly Row[] | null> {
    const rows: Row[] = [];
    const calls = [first];
    for (let page = 0; page < MAX_PAGES; page++) {
      const call = calls.shift();
      if (call === undefined) return rows;
      const answer = await this.ask(asking, call, (got) => parse(got, call));
      if (answer?.kind !== 'rows') return null;
      rows.push(...answer.rows);
      calls.push(...answer.next);
    }
    if (calls.length === 0) return rows;
    this.options.onRefused(asking.what, `more than ${MAX_PAGES} pages`);
    return null;
  }

  private async ask<A extends { readonly kind: string }>(
    { what, priority }: Asking,
    call: PrivateCall,
    parse: (answer: ExchangeAnswer) => A | NoAnswer,
  ): Promise<A | NoAnswer | null> {
    try {
      const answer = parse(await this.options.rest.ask(call, priority, QUESTION_WAIT_MS));
      if (answer.kind === 'limited') this.limited(answer as Extract<NoAnswer, { kind: 'limited' }>);
      if (answer.kind === 'refused') this.options.onRefused(what, textOf(answer));
      return answer;
    } catch (error) {
      this.options.onRefused(what, errorText(error));
      return null;
    }
  }

  private limited({ pauseMs }: { readonly pauseMs: number | null }): void {
    this.options.onLimited(this.options.rest.limited(pauseMs));
  }
}

const orderReference = (
  { clientOrderId, exchangeOrderId, placedAtMs, placedUntilMs }: Reference,
  symbol: string,
): OrderReference => ({
  ...{ symbol, clientOrderId, exchangeOrderId },
  ...(placedAtMs !== null && { placedAtMs }),
  ...(placedUntilMs !== null && { placedUntilMs }),
});

const textOf = (answer: object): string =>
  ['code', 'reason']
    .flatMap((name) => (name in answer ? [String(answer[name as keyof typeof answer])] : []))
    .join(' ');
