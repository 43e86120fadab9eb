import type { SimulatedExchange } from '../../../src/simulator/listings.js';
import { SIMULATED_EXCHANGES } from '../../../src/simulator/listings.js';
import type { Check } from './check.js';
import { FaceSession } from './face-session.js';
import { begin, load, needsDeltas } from './subject.js';
import { withBooks } from './tamper.js';

/** Whole lives of a connection: C30 and C31. */

const isSimulated = (exchange: string): boolean =>
  SIMULATED_EXCHANGES.includes(exchange as SimulatedExchange);

/** Lost levels show only once a feed has run for so long. */
const LATE_FRAMES = 300;

export const LIFE_CHECKS: readonly Check[] = [
  {
    id: 'C30',
    title: 'a lost connection leaves nothing behind: only a new book is trusted (F2)',
    applies: needsDeltas,
    run: (kit) => {
      const { subject, capabilities } = kit;
      const rig = kit.rig();
      begin(rig, subject, capabilities.snapshotSource);
      rig.reconnect();
      kit.that(!rig.trusted, 'distrusted with the connection');
      rig.give(subject.delta!(102, [['100', '1']], []));
      kit.that(!rig.trusted, 'a change alone is no book');
      load(rig, subject, capabilities.snapshotSource, 200, [['90', '1']], [['91', '2']]);
      kit.that(rig.trusted, 'a new book is');
      kit.equal(rig.top(), [90, 1, 91, 2], 'and it is the new one');
    },
    broken: (connector) => {
      let connections = 0;
      const careless = withBooks(connector, (event) => {
        // As if the first frame of a second connection were always whole.
        if (connections === 2 && !event.snapshot && event.last > 101) event.snapshot = true;
      });
      return {
        ...careless,
        subscribe: (symbols, scope, ...rest) => {
          if (scope === 'all') connections++;
          return connector.subscribe(symbols, scope, ...rest);
        },
      };
    },
  },
  {
    id: 'C31',
    title: 'against the simulated exchange under faults every book heals and equals the engine’s (F2 to F8)',
    slow: true,
    applies: (_, { exchange }) => isSimulated(exchange),
    run: (kit) => {
      const pairs = kit.subject.simulatedPairs;
      const one = new FaceSession({ seed: 17, connector: kit.connect(), pairs });
      const { faults } = one.face;
      one.run(4000);
      kit.that(one.allTrusted, 'live');
      for (const kind of ['drop', 'duplicate', 'reorder', 'truncate', 'garbage'] as const) {
        const stop = faults.add({ kind, probability: 0.03 });
        one.run(5000);
        stop();
      }
      const speak = faults.add({ kind: 'mute' });
      one.run(25_000);
      speak();
      faults.makeHalfOpen(one.connectionId);
      one.run(25_000);
      one.face.disconnect();
      one.run(25_000);
      kit.that(one.allTrusted, 'every book is trusted again');
      kit.equal(one.differences(), [], 'differences from the engine');
      kit.equal(one.failures, [], 'nothing crashed');
      kit.that(one.trades.length > 0, 'trades came');
    },
    broken: (connector) => {
      let frames = 0;
      const isWhole = connector.capabilities.syncRule === 'whole';
      return withBooks(connector, ({ snapshot, asks }) => {
        const isOurs = isWhole || (!snapshot && frames % 5 === 0);
        if (++frames > LATE_FRAMES && isOurs) asks.clear();
      });
    },
  },
];
