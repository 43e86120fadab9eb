import type { StartNode } from './options.js';
import type { Terminal } from './output.js';

/** What commands reach through, so that tests put their own in. */
export interface CommandWorld {
  readonly terminal: Terminal;
  readonly importStartNode: () => Promise<StartNode>;
}
