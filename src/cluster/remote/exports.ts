import { subjectOf, type MessageOf } from '../../messages/catalogue.js';
import { ArbotError } from '../../messages/errors.js';
import type { Subscription } from '../../ports/bus.js';
import type { TimerHandle } from '../../ports/time.js';
import type { Address, Reply, Terminated } from '../../runtime/actor.js';
import { fromText, toText, type RemoteCodec } from './codec.js';
import { REMOTE_TRACE, type RemoteOptions } from './options.js';

/** A watching node repeats its watches; one that has not for so long is gone. */
const WATCH_LIFE_MS = 20_000;
const MOST_WATCHES = 4_096;

type Call = MessageOf<'remoteCall'>;
type Answer = MessageOf<'remoteAnswer'>;

/** One exported actor without its types. */
interface Exported {
  tell(text: string): Answer['result'];
  ask(text: string, waitMs: number): Promise<string>;
}

interface Watch {
  readonly incarnation: number;
  forget(): void;
  expiresMs: number;
}

/** What other nodes may do to the actors of this one: those that are exported, by the messages that their codecs know. */
export class RemoteExports {
  private readonly options: RemoteOptions;
  private readonly exported = new Map<string, Exported>();
  /** By watching node and path. */
  private readonly watches = new Map<string, Watch>();
  private readonly subscriptions: readonly Subscription[];
  private sweep: TimerHandle | null = null;

  constructor(options: RemoteOptions) {
    this.options = options;
    const { bus, node } = options;
    this.subscriptions = [
      bus.respond(subjectOf('remoteCall', node), 'remoteCall', 'remoteAnswer', ({ message }) =>
        this.called(message),
      ),
      bus.respond(subjectOf('remoteWatch', node), 'remoteWatch', 'remoteWatched', ({ message }) =>
        Promise.resolve(this.watched(message)),
      ),
    ];
  }

  /** Lets other nodes reach the actor at `path`. A second export of a path replaces the first. */
  add<M, B, A>(path: string, codec: RemoteCodec<M, B, A>): void {
    const { system } = this.options;
    const address: Address<M> = system.address(path);
    const read = (text: string, reply: Reply<A> | null): M =>
      codec.join(fromText(codec.body, text, path), reply);
    this.exported.set(path, {
      tell: (text) => address.tell(read(text, null)),
      ask: async (text, waitMs) => {
        const answer = await system.ask<M, A>(address, (reply) => read(text, reply), waitMs);
        return toText(codec.answer, answer, path);
      },
    });
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    for (const watch of this.watches.values()) watch.forget();
    this.watches.clear();
    if (this.sweep !== null) this.options.timers.clearTimer(this.sweep);
  }

  private async called({ path, nonce, body, waitMs }: Call): Promise<Answer> {
    const own = this.options.nonce;
    if (nonce !== null && nonce !== own) return { nonce: own, result: 'dead', value: null };
    const actor = this.find(path);
    if (waitMs === null) return { nonce: own, result: actor.tell(body), value: null };
    return { nonce: own, result: 'queued', value: await actor.ask(body, waitMs) };
  }

  private find(path: string): Exported {
    const actor = this.exported.get(path);
    if (actor !== undefined) return actor;
    throw new ArbotError('ARB_ACTOR_UNKNOWN', `${path} is not open to other nodes`);
  }

  /** Asked about an incarnation that is gone, it says so; else it watches from now on, or goes on watching. */
  private watched({ path, watcher, incarnation }: MessageOf<'remoteWatch'>): MessageOf<'remoteWatched'> {
    this.find(path);
    const { nonce, system, clock } = this.options;
    const life = system.lifeOf(path);
    const isOther = incarnation !== null && incarnation !== life.incarnation;
    if (isOther) return { nonce, incarnation, ended: { reason: 'restart', error: null } };
    if (!life.isAlive) return { nonce, incarnation: life.incarnation, ended: this.endOf(path) };
    const key = `${watcher} ${path}`;
    const known = this.watches.get(key);
    if (known?.incarnation === life.incarnation) known.expiresMs = clock.monotonicMs() + WATCH_LIFE_MS;
    else this.watch(key, { path, watcher, incarnation: life.incarnation });
    return { nonce, incarnation: life.incarnation, ended: null };
  }

  private endOf(path: string): { reason: Terminated['reason']; error: string | null } {
    const ends: Terminated[] = [];
    this.options.system.watch(path, 'remote', (ended) => ends.push(ended))();
    const { reason, error } = ends[0] ?? { reason: 'shutdown' as const, error: null };
    return { reason, error: error?.slice(0, 500) ?? null };
  }

  private watch(key: string, of: { path: string; watcher: string; incarnation: number }): void {
    const { clock, system } = this.options;
    if (this.watches.size >= MOST_WATCHES && !this.watches.has(key))
      throw new ArbotError('ARB_MAILBOX_FULL', `${MOST_WATCHES} watches from other nodes`, {
        retryable: true,
      });
    this.watches.get(key)?.forget();
    const forget = system.watch(of.path, `node ${of.watcher}`, (ended) => {
      this.watches.delete(key);
      this.tellEnd(of.watcher, ended);
    });
    const expiresMs = clock.monotonicMs() + WATCH_LIFE_MS;
    this.watches.set(key, { incarnation: of.incarnation, forget, expiresMs });
    this.sweep ??= this.options.timers.setTimer(() => this.dropExpired(), WATCH_LIFE_MS);
  }

  private tellEnd(watcher: string, { path, incarnation, reason, error }: Terminated): void {
    const { bus, node, nonce, log } = this.options;
    const body = { node, nonce, path, incarnation, reason, error: error?.slice(0, 500) ?? null };
    try {
      bus.publish(subjectOf('remoteEnded', watcher), 'remoteEnded', body, REMOTE_TRACE);
    } catch (failure) {
      // The watching node asks again within seconds and learns it then.
      log.warn({ watcher, path, error: String(failure) }, 'the end of a watched actor could not be told');
    }
  }

  private dropExpired(): void {
    const nowMs = this.options.clock.monotonicMs();
    for (const [key, watch] of this.watches) {
      if (watch.expiresMs > nowMs) continue;
      watch.forget();
      this.watches.delete(key);
    }
    this.sweep =
      this.watches.size === 0 ? null : this.options.timers.setTimer(() => this.dropExpired(), WATCH_LIFE_MS);
  }
}
