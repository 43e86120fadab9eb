import { ArbotError } from '../../messages/errors.js';
import type { EndReason } from '../../runtime/actor.js';

/** Processes of one node that are remembered as gone, so that a late word of them changes nothing. */
const REMEMBERED = 16;

/** Something that waits for a node and must hear when its process is gone. */
export interface Waiting {
  /** The process it waits for; null = whichever answers. */
  readonly nonce: string | null;
  gone(reason: EndReason, node: string): void;
}

/** Another node: the process that was heard of last, and what waits for it. */
export class Peer {
  readonly node: string;
  readonly waiting = new Set<Waiting>();
  private current: string | null = null;
  private readonly former: string[] = [];

  constructor(node: string) {
    this.node = node;
  }

  /** The process that was heard of last; null when none lives as far as is known. */
  get nonce(): string | null {
    return this.current;
  }

  /** Something came from this process. Another one than before means that the node began anew. False = it is a former one. */
  heard(nonce: string): boolean {
    if (this.former.includes(nonce)) return false;
    if (this.current !== null && this.current !== nonce) this.gone(this.current, 'node_restarted');
    this.current = nonce;
    return true;
  }

  /** The process is gone, and with it whatever waited for it or for whichever process answers. */
  gone(nonce: string, reason: EndReason): void {
    if (!this.former.includes(nonce)) this.former.push(nonce);
    if (this.former.length > REMEMBERED) this.former.shift();
    const isCurrent = this.current === nonce;
    if (isCurrent) this.current = null;
    for (const one of [...this.waiting]) {
      if (one.nonce !== nonce && !(one.nonce === null && isCurrent)) continue;
      this.waiting.delete(one);
      one.gone(reason, this.node);
    }
  }
}

export function goneError(node: string, reason: EndReason): ArbotError {
  const what = reason === 'node_restarted' ? 'began anew' : 'is gone';
  return new ArbotError('ARB_ACTOR_STOPPED', `node ${node} ${what}`, { retryable: true });
}
