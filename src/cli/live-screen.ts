import { ArbotError } from '../messages/errors.js';
import type { ApiLoop, NodeApi } from './node-api.js';
import { CLEAR, type Terminal } from './output.js';

/** A table of a running node that is drawn anew each second and sorted by keys. */

const REFRESH_MS = 1_000;

export interface ScreenSize {
  readonly rows: number;
  readonly columns: number;
}
/** What a pipe gets. */
export const PLAIN_SIZE: ScreenSize = { rows: 44, columns: 1_000 };

export interface LiveScreen<Sort> {
  readonly api: NodeApi;
  readonly terminal: Terminal;
  readonly loop: ApiLoop & { readonly stop: () => void; readonly wake: () => void };
  /** Print once and end, as it does without a terminal. */
  readonly once: boolean;
  readonly sort: Sort;
  /** Which key sorts by what; `q` ends it. */
  readonly keyOf: Readonly<Record<string, Sort>>;
  /** What the keys do, for the last line. */
  readonly keys: string;
  readonly lines: (sort: Sort, size: ScreenSize) => Promise<readonly string[]>;
}

/** Ends with `q` or Ctrl-C. A node that does not answer is said and asked again. */
export async function showLive<Sort>(parts: LiveScreen<Sort>): Promise<void> {
  const { terminal, loop, lines } = parts;
  const { screen } = terminal;
  if (parts.once || screen === null || screen === undefined) {
    terminal.print((await lines(parts.sort, PLAIN_SIZE)).join('\n'));
    return;
  }
  let { sort } = parts;
  const forget = screen.onKey((key) => {
    if (key === 'q') loop.stop();
    sort = parts.keyOf[key] ?? sort;
    loop.wake();
  });
  try {
    while (!loop.isOver()) {
      const size = screen.size();
      const drawn = await lines(sort, { ...size, rows: size.rows - 1 }).catch((error: unknown) => {
        if (!(error instanceof ArbotError)) throw error;
        return [`${parts.api.url} does not answer: ${error.message}`.slice(0, size.columns)];
      });
      if (loop.isOver()) return;
      terminal.print(`${CLEAR}${[...drawn, parts.keys.slice(0, size.columns)].join('\n')}`);
      await loop.pause(REFRESH_MS);
    }
  } finally {
    forget();
  }
}
