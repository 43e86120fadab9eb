import { TradeFence } from '../../../src/actors/trade-fence.js';
import { MemoryLeases } from '../../../src/storage/memory/memory-leases.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

export const LEASE_BUGS: readonly PlantedBug[] = [
  {
    name: 'fence-unchecked',
    area: 'execution',
    what: 'a process goes on under the fence of its first lease, and the journal takes any',
    plant: () => {
      const first = new Map<TradeFence, number>();
      const undo = [
        replaceMethod(MemoryLeases, 'requireFence', () => () => undefined),
        replaceMethod(TradeFence.prototype, 'hold', (real) => {
          return function (this: TradeFence, fence, from, until) {
            if (!first.has(this)) first.set(this, fence);
            real.call(this, first.get(this)!, from, until);
          };
        }),
      ];
      return () => undo.forEach((restore) => restore());
    },
  },
  {
    name: 'lease-revived',
    area: 'execution',
    what: 'a lease is renewed after it has run out',
    plant: () =>
      replaceMethod(MemoryLeases.prototype, 'renew', (real) => {
        return async function (this: MemoryLeases, key) {
          const { engine } = this as unknown as {
            engine: { write: (change: (db: Leased, nowMs: number) => void) => Promise<void> };
          };
          await engine.write((db, nowMs) => {
            const known = db.leases.get(key.resource);
            if (known?.fence === key.fence && known.nonce === key.nonce)
              db.leases.set(key.resource, { ...known, expiresAtMs: nowMs + known.ttlMs });
          });
          return real.call(this, key);
        };
      }),
  },
];

type Leased = {
  readonly leases: Map<
    string,
    {
      readonly fence: number;
      readonly nonce: string | null;
      readonly ttlMs: number;
      readonly expiresAtMs: number;
    }
  >;
};
