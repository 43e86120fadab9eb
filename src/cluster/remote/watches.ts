import { subjectOf, type MessageOf } from '../../messages/catalogue.js';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { Subscription } from '../../ports/bus.js';
import type { TimerHandle } from '../../ports/time.js';
import type { Terminated } from '../../runtime/actor.js';
import { REMOTE_TRACE, type RemoteOptions } from './options.js';
import type { Peer, Waiting } from './peer.js';

/** Each watch is repeated so often: a lost word of an end is made good by it. */
const REPEAT_MS = 5_000;
const ANSWER_MS = 2_000;
/** Watches of actors of other nodes at once. */
const MOST_WATCHES = 4_096;

/** One watch of an actor of another node. Ends exactly once. */
class RemoteWatch implements Waiting {
  readonly path: string;
  readonly peer: Peer;
  nonce: string | null = null;
  /** Null until the node has answered. */
  incarnation: number | null = null;
  /** The newest end that was told before the answer. */
  early: Terminated | null = null;
  private readonly listener: (ended: Terminated) => void;
  private readonly forget: (watch: RemoteWatch) => void;
  private done = false;

  constructor(
    peer: Peer,
    path: string,
    end: { readonly listener: (ended: Terminated) => void; readonly forget: (watch: RemoteWatch) => void },
  ) {
    this.peer = peer;
    this.path = path;
    this.listener = end.listener;
    this.forget = end.forget;
    peer.waiting.add(this);
  }

  gone(reason: Terminated['reason']): void {
    this.end({ path: this.path, incarnation: this.incarnation ?? 0, reason, error: null });
  }

  end(ended: Terminated): void {
    if (this.cancel()) this.listener(ended);
  }

  /** False when it had ended before. */
  cancel(): boolean {
    if (this.done) return false;
    this.done = true;
    this.peer.waiting.delete(this);
    this.forget(this);
    return true;
  }
}

/** The watches that actors of this node keep on actors of others. */
export class RemoteWatches {
  private readonly options: RemoteOptions;
  private readonly peerOf: (node: string) => Peer;
  private readonly watches = new Set<RemoteWatch>();
  private readonly ends: Subscription;
  private repeat: TimerHandle | null = null;

  constructor(options: RemoteOptions, peerOf: (node: string) => Peer) {
    this.options = options;
    this.peerOf = peerOf;
    this.ends = options.bus.subscribe(subjectOf('remoteEnded', options.node), 'remoteEnded', ({ message }) =>
      this.ended(message),
    );
  }

  /** Told once. Throws ARB_MAILBOX_FULL when there are too many watches. */
  add(node: string, path: string, listener: (ended: Terminated) => void): () => void {
    if (this.watches.size >= MOST_WATCHES)
      throw new ArbotError('ARB_MAILBOX_FULL', `${MOST_WATCHES} watches of other nodes`, { retryable: true });
    const forget = (one: RemoteWatch): void => void this.watches.delete(one);
    const watch = new RemoteWatch(this.peerOf(node), path, { listener, forget });
    this.watches.add(watch);
    void this.ask(watch);
    this.repeat ??= this.options.timers.setTimer(() => this.repeatAll(), REPEAT_MS);
    return () => void watch.cancel();
  }

  close(): void {
    this.ends.unsubscribe();
    for (const watch of [...this.watches]) watch.cancel();
    if (this.repeat !== null) this.options.timers.clearTimer(this.repeat);
  }

  private ended({ node, nonce, path, incarnation, reason, error }: MessageOf<'remoteEnded'>): void {
    const peer = this.peerOf(node);
    if (!peer.heard(nonce)) return;
    for (const watch of [...this.watches]) {
      if (watch.peer !== peer || watch.path !== path) continue;
      const end = { path, incarnation, reason, error };
      if (watch.incarnation === null) watch.early = end;
      else if (watch.incarnation === incarnation) watch.end(end);
    }
  }

  private async ask(watch: RemoteWatch): Promise<void> {
    const { bus, node, log } = this.options;
    const { path, incarnation, peer } = watch;
    try {
      const body = { path, watcher: node, incarnation };
      const options = { ...REMOTE_TRACE, timeoutMs: ANSWER_MS };
      const subject = subjectOf('remoteWatch', peer.node);
      this.answered(watch, await bus.request(subject, 'remoteWatch', body, 'remoteWatched', options));
    } catch (error) {
      const code = error instanceof ArbotError ? error.code : null;
      // Nobody there to begin with is an answer; later it may be a reconnection, and membership says what it was.
      if (code === 'ARB_NO_RESPONDER' && watch.incarnation === null) watch.gone('node_lost');
      else if (code === 'ARB_ACTOR_UNKNOWN')
        watch.end({ path, incarnation: 0, reason: 'shutdown', error: errorText(error) });
      else log.debug({ node: peer.node, path, error: errorText(error) }, 'a watch was not answered');
    }
  }

  private answered(watch: RemoteWatch, { nonce, incarnation, ended }: MessageOf<'remoteWatched'>): void {
    if (!watch.peer.heard(nonce)) return;
    const { path, early } = watch;
    if (ended !== null) watch.end({ path, incarnation, ...ended });
    else if (early !== null && early.incarnation >= incarnation) watch.end(early);
    else {
      watch.nonce = nonce;
      watch.incarnation = incarnation;
    }
  }

  private repeatAll(): void {
    for (const watch of this.watches) void this.ask(watch);
    this.repeat =
      this.watches.size === 0 ? null : this.options.timers.setTimer(() => this.repeatAll(), REPEAT_MS);
  }
}
