import type { Action } from './commands.js';

export interface Asker {
  readonly chat: string;
  readonly user: string;
}

export interface Question {
  readonly action: Action;
  /** In the data of its buttons. */
  readonly nonce: string;
  /** Instead of the button; null where a second factor is asked for. */
  readonly code: string | null;
  readonly askedMs: number;
}

interface Open extends Question {
  triesLeft: number;
}

export type Confirmed =
  | { readonly kind: 'confirmed'; readonly action: Action }
  | { readonly kind: 'cancelled' }
  /** Nothing to confirm: never asked, answered already, asked by somebody else, or too long ago. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong'; readonly triesLeft: number };

export const CONFIRM_WITHIN_MS = 60_000;
const TRIES = 3;
const MAX_OPEN = 64;

/**
 * Questions that wait for a yes: one per person and chat, the newest; good for a minute, for one answer, from the person who asked,
 * and only as long as this process lives. Times are monotonic ms.
 */
export class Confirmations {
  private readonly open = new Map<string, Open>();

  ask(asker: Asker, question: Question): void {
    const key = keyOf(asker);
    this.open.delete(key);
    this.open.set(key, { ...question, triesLeft: TRIES });
    const [oldest] = this.open.keys();
    if (this.open.size > MAX_OPEN && oldest !== undefined) this.open.delete(oldest);
  }

  /** A button was pressed. */
  press(asker: Asker, nonce: string, isYes: boolean, nowMs: number): Confirmed {
    const question = this.current(asker, nowMs);
    // A second factor cannot be pressed.
    if (question === null || question.nonce !== nonce || (isYes && question.code === null))
      return { kind: 'unknown' };
    this.open.delete(keyOf(asker));
    return isYes ? { kind: 'confirmed', action: question.action } : { kind: 'cancelled' };
  }

  /** A code was written. `isFactor` judges it where a second factor is asked for. */
  write(asker: Asker, code: string, isFactor: (code: string) => boolean, nowMs: number): Confirmed {
    const question = this.current(asker, nowMs);
    if (question === null) return { kind: 'unknown' };
    const isRight = question.code === null ? isFactor(code) : question.code === code;
    if (!isRight) question.triesLeft -= 1;
    if (isRight || question.triesLeft <= 0) this.open.delete(keyOf(asker));
    return isRight
      ? { kind: 'confirmed', action: question.action }
      : { kind: 'wrong', triesLeft: question.triesLeft };
  }

  private current(asker: Asker, nowMs: number): Open | null {
    const question = this.open.get(keyOf(asker));
    return question === undefined || nowMs - question.askedMs > CONFIRM_WITHIN_MS ? null : question;
  }
}

const keyOf = ({ chat, user }: Asker): string => `${chat}|${user}`;
