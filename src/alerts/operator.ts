import type { Action } from './commands.js';

/** What the bot asks of its node and may tell it to do. Answers are plain texts for people. */
export interface Operator {
  status(): Promise<string>;
  actors(): Promise<string>;
  pnl(): Promise<string>;
  positions(): Promise<string>;
  /** Audited by whoever implements it. Rejects when it could not be done; answers what was done. */
  act(action: Action, by: string): Promise<string>;
}
