import { readFileSync } from 'node:fs';

const SCHEDULE = '/proc/thread-self/schedstat';

/**
 * Time this very thread has run on a processor, ms: what other threads and processes take does not count. Linux only, and
 * exact to one tick of the kernel (4 ms); null elsewhere.
 */
export function onProcessorMs(): number | null {
  try {
    return Number(readFileSync(SCHEDULE, 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return null;
  }
}

/** The longest time on a processor between two rounds of the event loop while `work` is under way; null where unknown. */
export async function longestTurnMs(work: () => Promise<unknown>): Promise<number | null> {
  let before = onProcessorMs();
  let [longest, isOver] = [0, false];
  const look = () => {
    const now = onProcessorMs();
    if (before !== null && now !== null) longest = Math.max(longest, now - before);
    before = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isOver = true;
  // The turn that took the result counts too.
  await new Promise((done) => setImmediate(done));
  look();
  return before === null ? null : longest;
}
