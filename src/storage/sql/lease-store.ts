import { invariant } from '../../messages/errors.js';
import type { Lease, LeaseAnswer, LeaseClaim, Leases } from '../../ports/leases.js';
import { only, textOf } from './columns.js';
import type { Db, Row } from './db.js';

/**
 * Leases over SQL, each call one statement. `former_gone`: as long as a process of a node lives, its session holds an
 * advisory lock of the node's name; where this session can have it, the former process is gone. The embedded database has
 * one session and one process, so there it always is.
 */
const LEASE = `
  resource, holder, nonce, fence::text, renewals::text, ttl_ms::text, former_expiry_ms::text,
  case when nonce is null then '0'
       else greatest(0, extract(epoch from expires_at - clock_timestamp()) * 1000)::text end as left_ms`;

const HOLD_NAME = (holder: string): string => `pg_try_advisory_lock(hashtextextended(${holder}, 8202102))`;
const EXPIRY = (ttl: string): string => `clock_timestamp() + ${ttl} * interval '1 millisecond'`;

const ACQUIRE = `
  with former as materialized (select ${HOLD_NAME('$2::text')} as is_gone)
  insert into leases as known (resource, holder, nonce, fence, renewals, ttl_ms, max_expiry_ms, former_expiry_ms, expires_at)
  select $1::text, $2::text, $3::text, 1, 0, $4::text::int, $5::text::int, 0, ${EXPIRY('$4::text::int')} from former
  on conflict (resource) do update set
    holder = excluded.holder, nonce = excluded.nonce, fence = known.fence + 1, renewals = 0, ttl_ms = excluded.ttl_ms,
    max_expiry_ms = case when known.nonce is null then excluded.max_expiry_ms
                         else greatest(known.max_expiry_ms, excluded.max_expiry_ms) end,
    former_expiry_ms = case when known.nonce is null then 0 else known.max_expiry_ms end,
    expires_at = ${EXPIRY('excluded.ttl_ms')}
  where known.nonce is null
     or ($7::text = '' and known.expires_at <= clock_timestamp())
     or $7::text = known.fence || ':' || known.renewals
     or ($6::text = 'true' and known.holder = excluded.holder and known.nonce <> excluded.nonce
         and (select is_gone from former))
  returning ${LEASE}`;

/** A connection that was made anew holds the name again from here on. */
const RENEW = `
  with mine as materialized (
    select ${HOLD_NAME('holder')} as is_named from leases
    where resource = $1::text and fence = $2::text::bigint and nonce = $3::text
  )
  update leases set renewals = renewals + 1, expires_at = ${EXPIRY('ttl_ms')}
  where resource = $1::text and fence = $2::text::bigint and nonce = $3::text and expires_at > clock_timestamp()
    and exists (select is_named from mine)
  returning ${LEASE}`;

const RELEASE = `
  update leases set holder = null, nonce = null
  where resource = $1::text and fence = $2::text::bigint and nonce = $3::text`;

const CURRENT = `select ${LEASE} from leases where resource = $1::text`;

function leaseOf(row: Row): Lease {
  return {
    resource: textOf(row, 'resource'),
    holder: row['holder'] ?? null,
    nonce: row['nonce'] ?? null,
    fence: Number(textOf(row, 'fence')),
    renewals: Number(textOf(row, 'renewals')),
    ttlMs: Number(textOf(row, 'ttl_ms')),
    leftMs: Number(textOf(row, 'left_ms')),
    formerExpiryMs: Number(textOf(row, 'former_expiry_ms')),
  };
}

async function current(db: Db, resource: string): Promise<Lease | null> {
  const rows = await db.aside(CURRENT, [resource]);
  return rows.length === 0 ? null : leaseOf(only(rows));
}

/** Empty = the store's clock decides. */
function watchedText({ watched }: LeaseClaim): string {
  if (watched === undefined) return '';
  return watched === null ? 'none' : `${watched.fence}:${watched.renewals}`;
}

async function acquire(db: Db, claim: LeaseClaim): Promise<LeaseAnswer> {
  const { resource, holder, nonce, ttlMs, maxExpiryMs, succeeds } = claim;
  const numbers = [String(ttlMs), String(maxExpiryMs), String(succeeds)];
  const rows = await db.aside(ACQUIRE, [resource, holder, nonce, ...numbers, watchedText(claim)]);
  if (rows.length === 1) return { kind: 'granted', lease: leaseOf(only(rows)) };
  const lease = await current(db, resource);
  invariant(lease !== null, `lease ${resource} could not be acquired and does not exist`);
  return { kind: lease.nonce === nonce && lease.leftMs > 0 ? 'granted' : 'held', lease };
}

export function sqlLeases(db: Db): Leases {
  return {
    acquire: (claim) => acquire(db, claim),
    renew: async ({ resource, fence, nonce }) => {
      const rows = await db.aside(RENEW, [resource, String(fence), nonce]);
      return rows.length === 0 ? null : leaseOf(only(rows));
    },
    release: async ({ resource, fence, nonce }) => {
      await db.aside(RELEASE, [resource, String(fence), nonce]);
    },
    current: (resource) => current(db, resource),
  };
}
