import { ArbotError } from '../../src/messages/errors.js';
import { NO_NONCE } from '../../src/messages/streams.js';
import type { PriceStore } from '../../src/ports/price-cache.js';
import type { Prng } from '../../src/simulator/prng.js';
import { InProcessStore } from '../../src/storage/prices/in-process-store.js';
import type { VirtualTime } from './virtual-time.js';

/**
 * The store of prices of a world: a server that answers, is away, hangs, refuses, or does what it was asked and loses the answer, each
 * for some seconds. It draws from the seed apart from all other faults, and never heals: nothing may depend on it.
 */

type Phase = 'answers' | 'away' | 'hangs' | 'refuses' | 'loses-answers';
const PHASES: readonly Phase[] = ['answers', 'answers', 'away', 'hangs', 'refuses', 'loses-answers'];
const MAX_DELAY_MS = 50;
/** As the driver gives up a call. */
const CALL_TIMEOUT_MS = 1_000;

export interface Told {
  readonly reached: (point: string) => void;
  readonly violated: (name: string, detail: string) => void;
}

export const PRICE_POINTS: readonly string[] = [...new Set(PHASES)].map((phase) => `prices ${phase}`);

export function unsteadyPrices(prng: Prng, time: VirtualTime, told: Told): PriceStore {
  const inner = new InProcessStore({ clock: time, timers: time, ttlMs: 3_000, maxEntries: 200 });
  let [phase, untilMs]: [Phase, number] = ['answers', 0];
  const now = (): Phase => {
    while (time.monotonicMs() >= untilMs) {
      phase = prng.pick(PHASES);
      untilMs = Math.max(untilMs, time.monotonicMs()) + prng.between(1_000, 15_000);
      told.reached(`prices ${phase}`);
    }
    return phase;
  };
  const later = (ms: number): Promise<void> => new Promise((done) => void time.setTimer(done, ms));
  const gone = (): ArbotError => new ArbotError('ARB_STORE_UNAVAILABLE', 'the simulated server is gone');

  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const at = now();
    if (at === 'away') throw gone();
    await later(at === 'hangs' ? CALL_TIMEOUT_MS : prng.between(0, MAX_DELAY_MS));
    if (at === 'hangs' || at === 'refuses') throw gone();
    const done = await work();
    if (at === 'loses-answers') throw gone();
    return done;
  };
  return {
    prices: {
      put: (books) => call(() => inner.prices.put(books)),
      book: (instrument) => inner.prices.book(instrument),
      quotes: (instruments) => inner.prices.quotes(instruments),
      subscribe: (instruments, listener) => inner.prices.subscribe(instruments, listener),
    },
    events: {
      append: (records) => {
        for (const { body } of records)
          if (body.includes('"nonce"') && !body.includes(NO_NONCE))
            told.violated('approval-not-shown', 'a stream has the nonce of an approval');
        return call(() => inner.events.append(records));
      },
      read: (stream, after, limit) => inner.events.read(stream, after, limit),
      readGroup: (stream, reader, limit) => inner.events.readGroup(stream, reader, limit),
      acknowledge: (stream, group, ids) => inner.events.acknowledge(stream, group, ids),
      length: (stream) => inner.events.length(stream),
    },
    isUp: () => now() !== 'away',
    state: () => ({ ...inner.state(), connected: phase !== 'away' }),
    describe: () => inner.describe(),
    ping: () => inner.ping(),
    close: () => inner.close(),
  };
}
