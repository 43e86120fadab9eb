import type { LedgerEntry } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { LedgerStore } from '../ports/stores.js';

/** Read and let go of; what holds a page in memory holds no more than this. */
const PAGE = 1_000;

async function* pages<T extends { readonly position: number }>(
  read: (after: number, limit: number) => Promise<readonly T[]>,
): AsyncGenerator<T> {
  for (let after = 0; ;) {
    const page = await read(after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.position;
  }
}

/** All entries in booking order, page by page. */
export async function* ledgerEntries(store: LedgerStore): AsyncGenerator<LedgerEntry> {
  for await (const { entry } of pages((after, limit) => store.entries(after, limit))) yield entry;
}

/** All fills in booking order, page by page. */
export async function* ledgerFills(store: LedgerStore): AsyncGenerator<Fill> {
  for await (const { fill } of pages((after, limit) => store.fills(after, limit))) yield fill;
}
