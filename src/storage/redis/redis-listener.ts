import { ArbotError, errorText } from '../../messages/errors.js';
import { instrumentId, type InstrumentId } from '../../messages/primitives.js';
import type { BestQuote } from '../../ports/price-cache.js';
import { NewestQuotes } from '../prices/newest-quotes.js';
import type { RedisConnection, RedisPorts } from './redis-connection.js';

const MAX_SUBSCRIBERS = 64;
const CONNECT_WITHIN_MS = 1_000;

export interface RedisListenerOptions extends RedisPorts {
  /** What comes before the instrument in a channel's name. */
  readonly channelPrefix: string;
  /** A connection that may do nothing but listen. */
  readonly listening: () => RedisConnection;
  /** Null for what no ArBot can have published so; counted there. */
  readonly restore: (text: string, instrument: InstrumentId) => BestQuote | null;
}

interface Subscriber {
  readonly wants: ReadonlySet<InstrumentId>;
  readonly quotes: NewestQuotes;
}

/**
 * Hears all published quotes over one connection of its own while anybody wants any, and hands each to who asked for it. A
 * connection that was lost subscribes again; the driver's own way of doing so would leave a failure uncaught.
 */
export class RedisListener {
  private readonly options: RedisListenerOptions;
  private readonly subscribers = new Set<Subscriber>();
  private connection: RedisConnection | null = null;
  private subscribed: Promise<void> = Promise.resolve();

  constructor(options: RedisListenerOptions) {
    this.options = options;
  }

  async subscribe(
    wants: ReadonlySet<InstrumentId>,
    listener: (quote: BestQuote) => void,
  ): Promise<() => void> {
    if (this.subscribers.size >= MAX_SUBSCRIBERS)
      throw new ArbotError(
        'ARB_STORE_UNAVAILABLE',
        `prices: ${MAX_SUBSCRIBERS} subscribers, which is the most`,
      );
    const subscriber = { wants, quotes: new NewestQuotes(this.options.timers, listener) };
    this.subscribers.add(subscriber);
    if (this.connection === null) this.subscribed = this.open();
    try {
      await this.subscribed;
    } catch (error) {
      this.leave(subscriber);
      throw error;
    }
    return () => this.leave(subscriber);
  }

  private async open(): Promise<void> {
    const connection = this.options.listening();
    this.connection = connection;
    connection.client.on('pmessage', (_pattern: string, channel: string, text: string) =>
      this.heard(channel, text),
    );
    await connection.settled(CONNECT_WITHIN_MS);
    await this.listen(connection);
    connection.client.on('ready', () => {
      // It is away again: the next connection subscribes.
      this.listen(connection).catch((error: unknown) =>
        this.options.log.debug({ error: errorText(error) }, 'not subscribed again'),
      );
    });
  }

  private async listen(connection: RedisConnection): Promise<void> {
    // The pattern's own signs stand for themselves.
    const prefix = this.options.channelPrefix.replaceAll(/[*?[\]\\]/g, '\\$&');
    await connection.call((client) => client.psubscribe(`${prefix}*`));
  }

  private heard(channel: string, text: string): void {
    const instrument = channel.slice(this.options.channelPrefix.length);
    const interested = [...this.subscribers].filter(({ wants }) => wants.size === 0 || wants.has(instrument));
    if (interested.length === 0 || !instrumentId.safeParse(instrument).success) return;
    const quote = this.options.restore(text, instrument);
    if (quote !== null) for (const { quotes } of interested) quotes.add(quote);
  }

  private leave(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
    subscriber.quotes.end();
    if (this.subscribers.size === 0) this.disconnect();
  }

  private disconnect(): void {
    this.connection?.close();
    this.connection = null;
  }

  close(): void {
    for (const { quotes } of this.subscribers) quotes.end();
    this.subscribers.clear();
    this.disconnect();
  }
}
