import type { Test } from 'tap';
import { ArbotError } from '../../src/messages/errors.js';
import type { Lease, LeaseAnswer, LeaseClaim, LeaseKey } from '../../src/ports/leases.js';
import type { Stores } from '../../src/ports/stores.js';
import { Prng } from '../../src/simulator/prng.js';
import * as s from './samples.js';
import { until } from './writer.js';

/** What every implementation of the leases must do, and what the journal asks of their fence. */

const LONG_MS = 600_000;
/** Short enough to be waited for, however slow the machine is. */
const SHORT_MS = 80;

const nonceOf = (owner: string): string => Buffer.from(owner.padEnd(16, '.')).toString('hex').slice(0, 32);

export function claimOf(resource: string, owner: string, change: Partial<LeaseClaim> = {}): LeaseClaim {
  return {
    resource,
    holder: owner,
    nonce: nonceOf(owner),
    ttlMs: LONG_MS,
    maxExpiryMs: 0,
    succeeds: false,
    ...change,
  };
}

const keyOf = ({ resource, fence }: Lease, owner: string): LeaseKey => ({
  resource,
  fence,
  nonce: nonceOf(owner),
});

/** The fence of the lease `trade`, acquired for the tests that only need one. */
export async function tradeFence(stores: Stores): Promise<number> {
  const { kind, lease } = await stores.leases.acquire(claimOf('trade', 'contract', { succeeds: true }));
  if (kind !== 'granted') throw new Error(`${lease.holder} holds the lease trade`);
  return lease.fence;
}

const granted = (t: Test, answer: LeaseAnswer, what: string): Lease => {
  t.equal(answer.kind, 'granted', what);
  return answer.lease;
};

const expired = (stores: Stores, resource: string): Promise<void> =>
  until('the lease expires', async () => (await stores.leases.current(resource))?.leftMs === 0);

export async function leaseContract(t: Test, stores: Stores): Promise<void> {
  const { leases } = stores;

  await t.test('one of two owners has the lease, until it is given back', async (t) => {
    t.equal(await leases.current('two'), null, 'never acquired');
    const first = granted(t, await leases.acquire(claimOf('two', 'a')), 'free');
    t.strictSame([first.fence, first.holder, first.renewals, first.formerExpiryMs], [1, 'a', 0, 0]);
    t.ok(first.leftMs > 0 && first.leftMs <= LONG_MS);
    const refused = await leases.acquire(claimOf('two', 'b'));
    t.strictSame([refused.kind, refused.lease.holder, refused.lease.fence], ['held', 'a', 1]);
    t.equal(await leases.renew(keyOf(first, 'b')), null, 'who does not have it renews nothing');
    await leases.release(keyOf(first, 'b'));
    t.equal((await leases.renew(keyOf(first, 'a')))?.renewals, 1, 'nor gives it back');
    await leases.release(keyOf(first, 'a'));
    t.strictSame((await leases.current('two'))?.holder, null);
    t.equal((await leases.current('two'))?.leftMs, 0);
    const second = granted(t, await leases.acquire(claimOf('two', 'b')), 'given back');
    t.strictSame([second.fence, second.renewals, second.formerExpiryMs], [2, 0, 0]);
    t.equal(await leases.renew(keyOf(first, 'a')), null, 'the former has lost it');
    await leases.release(keyOf(first, 'a'));
    t.equal((await leases.current('two'))?.holder, 'b', 'and cannot give back what is not its own');
  });

  await t.test('of owners that ask at the same moment exactly one gets it', async (t) => {
    for (const round of ['new', 'released']) {
      const owners = Array.from({ length: 8 }, (_, index) => `owner-${index}`);
      const answers = await Promise.all(owners.map((owner) => leases.acquire(claimOf('many', owner))));
      const winners = answers.filter(({ kind }) => kind === 'granted');
      t.equal(winners.length, 1, round);
      const lease = winners[0]!.lease;
      t.ok(answers.every((answer) => answer.lease.fence === lease.fence));
      await leases.release(keyOf(lease, lease.holder ?? ''));
    }
  });

  await t.test('an expired lease is acquired under the next fence and never revived', async (t) => {
    const first = granted(t, await leases.acquire(claimOf('short', 'a', { ttlMs: SHORT_MS })), 'free');
    await expired(stores, 'short');
    t.equal(await leases.renew(keyOf(first, 'a')), null, 'nobody took it, and it is over all the same');
    const again = granted(t, await leases.acquire(claimOf('short', 'a', { ttlMs: SHORT_MS })), 'its own');
    t.equal(again.fence, 2);
    await expired(stores, 'short');
    const other = granted(t, await leases.acquire(claimOf('short', 'b')), 'another');
    t.equal(other.fence, 3);
    t.equal(await leases.renew(keyOf(again, 'a')), null);
  });

  await t.test('a successor learns how long requests of all before it may still be valid', async (t) => {
    const short = { ttlMs: SHORT_MS };
    await leases.acquire(claimOf('wait', 'a', { ...short, maxExpiryMs: 5_000 }));
    await expired(stores, 'wait');
    const second = await leases.acquire(claimOf('wait', 'b', { ...short, maxExpiryMs: 1_000 }));
    t.equal(second.lease.formerExpiryMs, 5_000);
    await expired(stores, 'wait');
    const third = granted(t, await leases.acquire(claimOf('wait', 'c')), 'free');
    t.equal(third.formerExpiryMs, 5_000, 'who died while it waited shortens nothing');
    await leases.release(keyOf(third, 'c'));
    t.equal(
      (await leases.acquire(claimOf('wait', 'd'))).lease.formerExpiryMs,
      0,
      'who gave it back has waited',
    );
  });

  await t.test('a process whose former one is gone takes over at once, another node does not', async (t) => {
    await leases.acquire(claimOf('name', 'a'));
    const reborn = claimOf('name', 'a', { nonce: nonceOf('a again') });
    t.equal((await leases.acquire(reborn)).kind, 'held', 'not unless it says so');
    t.equal((await leases.acquire(claimOf('name', 'b', { succeeds: true }))).kind, 'held', 'another node');
    const lease = granted(t, await leases.acquire({ ...reborn, succeeds: true }), 'the same node');
    t.equal(lease.fence, 2);
    t.equal((await leases.acquire({ ...reborn, succeeds: true })).lease.fence, 2, 'once');
  });

  await t.test('a challenger takes what it watched, and a renewal meanwhile makes it fail', async (t) => {
    const first = granted(t, await leases.acquire(claimOf('seen', 'a', { maxExpiryMs: 700 })), 'free');
    const challenge = (fence: number, renewals: number) =>
      leases.acquire(claimOf('seen', 'b', { watched: { fence, renewals } }));
    t.equal((await leases.acquire(claimOf('seen', 'b', { watched: null }))).kind, 'held', 'nothing watched');
    await leases.renew(keyOf(first, 'a'));
    t.equal((await challenge(1, 0)).kind, 'held', 'it was renewed');
    t.equal((await challenge(2, 1)).kind, 'held', 'another fence');
    const second = granted(t, await challenge(1, 1), 'silent, whatever the clock of the store says');
    t.strictSame([second.fence, second.renewals, second.formerExpiryMs], [2, 0, 700]);
    t.equal(await leases.renew(keyOf(first, 'a')), null, 'the former has lost it');
    t.equal((await challenge(1, 1)).lease.fence, 2, 'asked again, after its answer was lost');
    await leases.release(keyOf(second, 'b'));
    granted(t, await leases.acquire(claimOf('seen', 'c', { watched: null })), 'what nobody holds');
    await leases.acquire(claimOf('seen-late', 'a', { ttlMs: SHORT_MS }));
    await expired(stores, 'seen-late');
    const late = await leases.acquire(claimOf('seen-late', 'b', { watched: null }));
    t.equal(late.kind, 'held', 'the clock of the store alone gives nothing to a challenger');
  });

  await t.test('whoever got no answer asks again, and nothing happened twice', async (t) => {
    const claim = claimOf('lost', 'a', { succeeds: true });
    const first = granted(t, await leases.acquire(claim), 'the answer of which is lost');
    const again = granted(t, await leases.acquire(claim), 'asked again');
    t.equal(again.fence, first.fence);
    t.ok(again.leftMs <= LONG_MS, 'what is left is told, not what was asked for');
    await leases.renew(keyOf(first, 'a'));
    t.equal((await leases.renew(keyOf(first, 'a')))?.fence, first.fence);
    await leases.release(keyOf(first, 'a'));
    await leases.release(keyOf(first, 'a'));
    t.equal((await leases.current('lost'))?.fence, first.fence, 'the fence is kept');
  });

  await t.test('whatever three owners do, a fence never shrinks and has one owner', async (t) => {
    const prng = Prng.of(7, 'owners');
    const ownerOf = new Map<number, string>();
    const keys = new Map<string, LeaseKey>();
    let highest = (await leases.acquire(claimOf('any', 'a', { ttlMs: 50 }))).lease.fence;
    const see = (lease: Lease | null): void => {
      if (lease === null) return;
      if (lease.fence < highest) t.fail(`fence ${lease.fence} after ${highest}`);
      highest = Math.max(highest, lease.fence);
      const owner = lease.nonce;
      if (owner === null) return;
      if ((ownerOf.get(lease.fence) ?? owner) !== owner) t.fail(`fence ${lease.fence} had two owners`);
      ownerOf.set(lease.fence, owner);
    };
    for (let step = 0; step < 120; step++) {
      const owner = prng.pick(['a', 'b', 'c']);
      const key = keys.get(owner);
      const what = prng.pick(['acquire', 'acquire', 'renew', 'release', 'expire']);
      if (what === 'acquire') {
        const { kind, lease } = await leases.acquire(claimOf('any', owner, { ttlMs: 50 }));
        see(lease);
        if (kind === 'granted') keys.set(owner, keyOf(lease, owner));
      } else if (what === 'expire') await expired(stores, 'any');
      else if (key !== undefined) {
        if (what === 'renew') see(await leases.renew(key));
        else await leases.release(key);
      }
      see(await leases.current('any'));
    }
    t.ok(highest > 5, `${highest} fences`);
  });

  await t.test('a claim that makes no sense is refused with the name of its field', async (t) => {
    const cases: readonly [Partial<LeaseClaim>, RegExp][] = [
      [{ resource: "x'; drop table leases; --" }, /claim\.resource/],
      [{ holder: 'a\u0000' }, /claim\.holder: .*NUL/],
      [{ holder: 'x'.repeat(10_000) }, /claim\.holder/],
      [{ nonce: 'mine' }, /claim\.nonce/],
      [{ ttlMs: 0 }, /claim\.ttlMs/],
      [{ ttlMs: NaN }, /claim\.ttlMs/],
      [{ maxExpiryMs: -1 }, /claim\.maxExpiryMs/],
    ];
    for (const [change, words] of cases)
      await t.rejects(leases.acquire(claimOf('bad', 'a', change)), {
        code: 'ARB_MESSAGE_INVALID',
        message: words,
      });
    await t.rejects(leases.renew({ resource: 'bad', fence: 0, nonce: nonceOf('a') }), {
      message: /lease\.fence/,
    });
  });

  await journalFence(t, stores);
}

async function journalFence(t: Test, stores: Stores): Promise<void> {
  const { leases, trades } = stores;
  const journal = (name: string, fence: number): Promise<string> =>
    trades.journalLegs([s.sampleLeg(name), s.sampleLeg(name, { legIndex: 1 })], fence).then(
      () => 'journalled',
      (error: unknown) => (error instanceof ArbotError ? error.code : String(error)),
    );
  const openOf = async (name: string): Promise<number> =>
    (await trades.openLegs()).filter((leg) => leg.arbitrageId === `arb-${name}`).length;

  await t.test('the journal takes rows under the fence in force and under no other', async (t) => {
    const before = await leases.current('trade');
    if (before !== null && before.nonce !== null)
      await leases.release({ resource: 'trade', fence: before.fence, nonce: before.nonce });
    const fence = (before?.fence ?? 0) + 1;
    t.equal(await journal('fence-none', fence), 'ARB_FENCE_STALE', 'nobody holds the lease');
    const first = granted(t, await leases.acquire(claimOf('trade', 'a')), 'free');
    t.equal(first.fence, fence);
    t.equal(await journal('fence-right', fence), 'journalled');
    t.equal(await openOf('fence-right'), 2);
    for (const [name, wrong] of [
      ['older', fence - 1],
      ['newer', fence + 1],
      ['largest', Number.MAX_SAFE_INTEGER],
    ] as const)
      if (wrong > 0) t.equal(await journal(`fence-${name}`, wrong), 'ARB_FENCE_STALE', name);
    await t.rejects(trades.journalLegs([s.sampleLeg('fence-zero')], 0), {
      code: 'ARB_MESSAGE_INVALID',
      message: /fence/,
    });
    await leases.release(keyOf(first, 'a'));
    t.equal(await journal('fence-released', fence), 'ARB_FENCE_STALE', 'given back');
    const second = granted(t, await leases.acquire(claimOf('trade', 'b', { ttlMs: SHORT_MS })), 'free');
    await expired(stores, 'trade');
    t.equal(await journal('fence-expired', second.fence), 'ARB_FENCE_STALE', 'expired, and nobody took over');
    const third = granted(t, await leases.acquire(claimOf('trade', 'c')), 'expired');
    t.equal(await journal('fence-former', second.fence), 'ARB_FENCE_STALE', 'the former owner comes back');
    t.equal(await journal('fence-third', third.fence), 'journalled');
    const open = (await trades.openLegs()).filter(({ arbitrageId }) => arbitrageId.startsWith('arb-fence-'));
    t.strictSame(
      [...new Set(open.map(({ arbitrageId }) => arbitrageId))],
      ['arb-fence-right', 'arb-fence-third'],
      'what was refused left nothing',
    );
    for (const leg of open) await trades.saveLegResult(s.sampleResult(leg));
    await leases.release(keyOf(third, 'c'));
  });

  await t.test(
    'a result is taken whoever holds the lease: what is known of an order is a fact',
    async (t) => {
      const { lease } = await leases.acquire(claimOf('trade', 'a'));
      const leg = s.sampleLeg('fact');
      await trades.journalLegs([leg], lease.fence);
      await leases.release(keyOf(lease, 'a'));
      await trades.saveLegResult(s.sampleResult(leg));
      t.equal(await openOf('fact'), 0);
    },
  );
}
