import type { z } from 'zod';
import { subjectOf, type MessageOf } from '../../messages/catalogue.js';
import { ArbotError } from '../../messages/errors.js';
import type {
  Address,
  EndReason,
  Reply,
  TellResult,
  Terminated,
  WatchableAddress,
} from '../../runtime/actor.js';
import { asError } from '../../runtime/services.js';
import { fromText, toText, type RemoteCodec } from './codec.js';
import { RemoteExports } from './exports.js';
import { REMOTE_TRACE, type RemoteOptions } from './options.js';
import { goneError, Peer, type Waiting } from './peer.js';
import { RemoteWatches } from './watches.js';

export { remoteCodec, type RemoteCodec } from './codec.js';
export type { RemoteOptions } from './options.js';

/** An ask has its own time-out; this is only how long a question may lie about when that is longer. */
const LONGEST_ANSWER_MS = 30_000;
/** A message that is told is confirmed by the other node, or counted as lost. */
const CONFIRM_MS = 5_000;
const MOST_CALLS = 1_024;

export interface RemoteStatistics {
  readonly called: number;
  /** Told to nobody: the node or the actor is gone, the mailbox was full, or nothing was confirmed in time. */
  readonly lost: number;
  /** Not sent, because too many calls wait for an answer. */
  readonly full: number;
  readonly waiting: number;
}

/**
 * The actors of other nodes as if they were of this one: an address is told, asked and watched by the same calls. What differs is what
 * a network cannot give: `tell` says that a message is on its way, not that it arrived; it arrives at most once, in order.
 */
export class RemoteNode {
  private readonly options: RemoteOptions;
  private readonly peers = new Map<string, Peer>();
  private readonly exports: RemoteExports;
  private readonly watches: RemoteWatches;
  private readonly counts = { called: 0, lost: 0, full: 0 };
  private waiting = 0;

  constructor(options: RemoteOptions) {
    this.options = options;
    this.exports = new RemoteExports(options);
    this.watches = new RemoteWatches(options, (node) => this.peerOf(node));
  }

  /** Lets other nodes reach the actor at `path` by the messages that the codec knows. */
  export<M, B, A>(path: string, codec: RemoteCodec<M, B, A>): void {
    this.exports.add(path, codec);
  }

  /** The address of an actor of any node; stable over restarts of both. */
  address<M, B, A>(node: string, path: string, codec: RemoteCodec<M, B, A>): Address<M> {
    if (node === this.options.node) return this.options.system.address(path);
    return new RemoteAddress<M, A>(this, this.peerOf(node), {
      path,
      encode: encoderOf(path, codec),
      answer: codec.answer,
    });
  }

  /** Membership saw the process end: asks reject at once and watchers are told. */
  onGone(node: string, nonce: string, reason: EndReason = 'node_lost'): void {
    const peer = this.peerOf(node);
    // What waits before the first answer waits for this process too.
    if (peer.nonce === null) peer.heard(nonce);
    peer.gone(nonce, reason);
  }

  statistics(): RemoteStatistics {
    return { ...this.counts, waiting: this.waiting };
  }

  close(): void {
    this.exports.close();
    this.watches.close();
    for (const peer of this.peers.values()) {
      for (const one of [...peer.waiting]) one.gone('node_lost', peer.node);
    }
  }

  watch(node: string, path: string, listener: (ended: Terminated) => void): () => void {
    return this.watches.add(node, path, listener);
  }

  /** Sends a call; null = too many wait already. */
  call(peer: Peer, call: Omit<MessageOf<'remoteCall'>, 'nonce'>): Promise<MessageOf<'remoteAnswer'>> | null {
    if (this.waiting >= MOST_CALLS) {
      this.counts.full++;
      return null;
    }
    this.waiting++;
    this.counts.called++;
    return this.answerOf(peer, call).finally(() => this.waiting--);
  }

  countLost(why: unknown, path: string): void {
    this.counts.lost++;
    this.options.log.debug({ path, error: String(why) }, 'a message to another node was lost');
  }

  /** The answer, unless the process is gone before it comes: then at once a rejection. */
  private answerOf(
    peer: Peer,
    call: Omit<MessageOf<'remoteCall'>, 'nonce'>,
  ): Promise<MessageOf<'remoteAnswer'>> {
    const { nonce } = peer;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { nonce, gone: (reason, node) => reject(goneError(node, reason)) };
      peer.waiting.add(waiting);
      this.request(peer, { ...call, nonce })
        .finally(() => peer.waiting.delete(waiting))
        .then(resolve, reject);
    });
  }

  private async request(peer: Peer, call: MessageOf<'remoteCall'>): Promise<MessageOf<'remoteAnswer'>> {
    const options = { ...REMOTE_TRACE, timeoutMs: call.waitMs ?? CONFIRM_MS };
    const subject = subjectOf('remoteCall', peer.node);
    try {
      const answer = await this.options.bus.request(subject, 'remoteCall', call, 'remoteAnswer', options);
      peer.heard(answer.nonce);
      return answer;
    } catch (error) {
      if (error instanceof ArbotError && error.code === 'ARB_NO_RESPONDER')
        throw goneError(peer.node, 'node_lost');
      throw error;
    }
  }

  private peerOf(node: string): Peer {
    let peer = this.peers.get(node);
    if (peer === undefined) this.peers.set(node, (peer = new Peer(node)));
    return peer;
  }
}

interface Encoded<A> {
  readonly body: string;
  readonly reply: Reply<A> | null;
}

function encoderOf<M, B, A>(path: string, codec: RemoteCodec<M, B, A>): (message: M) => Encoded<A> {
  return (message) => {
    const { body, reply } = codec.split(message);
    return { body: toText(codec.body, body, path), reply };
  };
}

interface Target<M, A> {
  readonly path: string;
  readonly encode: (message: M) => Encoded<A>;
  readonly answer: z.ZodType<A>;
}

class RemoteAddress<in M, A> implements Address<M>, WatchableAddress {
  readonly path: string;
  private readonly owner: RemoteNode;
  private readonly peer: Peer;
  private readonly target: Target<M, A>;

  constructor(owner: RemoteNode, peer: Peer, target: Target<M, A>) {
    this.owner = owner;
    this.peer = peer;
    this.path = target.path;
    this.target = target;
  }

  /** Throws ARB_MESSAGE_INVALID for what the actor's schema refuses. */
  tell(message: M): TellResult {
    const { path, owner, peer } = this;
    const { body, reply } = this.target.encode(message);
    const answer = owner.call(peer, { path, body, waitMs: reply === null ? null : LONGEST_ANSWER_MS });
    if (answer === null) return 'full';
    answer.then(
      (told) => (reply === null ? this.confirm(told) : this.answer(told, reply)),
      (error: unknown) => (reply === null ? owner.countLost(error, path) : reply.reject(asError(error))),
    );
    return 'queued';
  }

  onTerminated(listener: (ended: Terminated) => void): () => void {
    return this.owner.watch(this.peer.node, this.path, listener);
  }

  private confirm({ result }: MessageOf<'remoteAnswer'>): void {
    if (result === 'dead' || result === 'full') this.owner.countLost(result, this.path);
  }

  private answer({ value }: MessageOf<'remoteAnswer'>, reply: Reply<A>): void {
    if (value === null) {
      reply.reject(new ArbotError('ARB_ACTOR_STOPPED', `${this.path} is not running`, { retryable: true }));
      return;
    }
    try {
      reply.resolve(fromText(this.target.answer, value, this.path));
    } catch (error) {
      reply.reject(asError(error));
    }
  }
}
