import { Decimal } from 'decimal.js';
import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { BalancesChanged } from '../../../src/messages/ledger.js';
import type { ApprovedVerdict, Verdict } from '../../../src/messages/risk.js';
import type { Bus } from '../../../src/ports/bus.js';
import type { Stores } from '../../../src/ports/stores.js';
import { HaltMemory } from '../../../src/actors/halt-memory.js';
import { ExposureBook } from '../../../src/risk/exposure.js';
import { NearSum } from '../../../src/risk/near.js';
import { RecentIds } from '../../../src/risk/recent-ids.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

/** The same bus but for the methods given; `inner` keeps its own `this`. */
const busWith = (inner: Bus, changes: Partial<Bus>): Bus => ({
  publish: (subject, kind, body, options) => inner.publish(subject, kind, body, options),
  subscribe: (subject, kind, handler, options) => inner.subscribe(subject, kind, handler, options),
  request: (subject, kind, body, replyKind, options) =>
    inner.request(subject, kind, body, replyKind, options),
  respond: (subject, kind, replyKind, handler) => inner.respond(subject, kind, replyKind, handler),
  statistics: () => inner.statistics(),
  flush: () => inner.flush(),
  close: () => inner.close(),
  ...changes,
});

/** Publishes what `change` makes of each message. */
const publishing =
  (inner: Bus, change: (kind: MessageKind, body: unknown) => unknown): Bus['publish'] =>
  (subject, kind, body, options) =>
    inner.publish(subject, kind, change(kind, body) as typeof body, options);

const ledgerWith = (inner: Stores, changes: Partial<Stores['ledger']>): Stores => ({
  ...inner,
  ledger: { ...inner.ledger, ...changes },
});
const tradesWith = (inner: Stores, changes: Partial<Stores['trades']>): Stores => ({
  ...inner,
  trades: { ...inner.trades, ...changes },
});

function inflated(verdict: ApprovedVerdict): ApprovedVerdict {
  const legs = verdict.signal.legs.map((leg) => ({
    ...leg,
    quantity: new Decimal(leg.quantity).times(2).toFixed(),
  }));
  return { ...verdict, signal: { ...verdict.signal, legs } };
}

export const RISK_BUGS: readonly PlantedBug[] = [
  {
    name: 'in-flight-forgotten',
    area: 'risk',
    what: 'what was approved and is on its way does not count as exposure',
    plant: () => replaceMethod(ExposureBook.prototype, 'reserveFor', () => () => undefined),
  },
  {
    name: 'total-uncounted',
    area: 'risk',
    // What one strategy has in flight has the same limit, and refuses for most of it.
    what: 'no asset counts towards the limit over all assets, nor towards that of a strategy',
    plant: () => {
      const mends = [
        replaceMethod(ExposureBook.prototype, 'exposedAssets', () => () => []),
        replaceMethod(ExposureBook.prototype, 'inFlightOf', () => () => new Map()),
        replaceMethod(ExposureBook.prototype, 'nearInFlightOf', () => () => new NearSum()),
      ];
      return () => {
        for (const mend of mends) mend();
      };
    },
  },
  {
    name: 'exchange-uncounted',
    area: 'risk',
    what: 'what is held at an exchange does not count towards its limit',
    plant: () => replaceMethod(ExposureBook.prototype, 'worstAt', () => () => []),
  },
  {
    name: 'inventory-unchecked',
    area: 'risk',
    what: 'every exchange is thought to hold enough',
    plant: () => replaceMethod(ExposureBook.prototype, 'available', () => () => new Decimal(1e9)),
  },
  {
    name: 'reservation-kept',
    area: 'risk',
    what: 'the end of an arbitrage does not release what it had reserved',
    plant: () => replaceMethod(ExposureBook.prototype, 'release', () => () => true),
  },
  {
    name: 'repeats-approved',
    area: 'risk',
    what: 'nobody remembers which opportunities were traded',
    plant: () => replaceMethod(RecentIds.prototype, 'has', () => () => false),
  },
  {
    name: 'halt-unheard',
    area: 'risk',
    what: 'the kill switch reaches nobody',
    ports: {
      bus: (inner) =>
        busWith(inner, {
          subscribe: (subject, kind, handler, options) =>
            inner.subscribe(subject, kind, kind === 'haltChanged' ? () => undefined : handler, options),
        }),
    },
  },
  {
    name: 'halt-forgotten',
    area: 'risk',
    what: 'a gate that starts again takes the kill switch for cleared',
    plant: () =>
      replaceMethod(HaltMemory.prototype, 'over', () => (written) => ({ ...written, engaged: false })),
  },
  {
    name: 'approval-doubled',
    area: 'risk',
    what: 'legs of an approval are twice what the gate judged',
    ports: {
      bus: (inner) =>
        busWith(inner, {
          publish: publishing(inner, (kind, body) => {
            const verdict = kind === 'verdict' ? (body as Verdict) : null;
            return verdict?.decision === 'approved' ? inflated(verdict) : body;
          }),
        }),
    },
  },
];

export const EXECUTION_BUGS: readonly PlantedBug[] = [
  {
    name: 'journal-skipped',
    area: 'execution',
    what: 'orders leave without a journal row',
    ports: { stores: (inner) => tradesWith(inner, { journalLegs: () => Promise.resolve() }) },
  },
  {
    name: 'blind-retry',
    area: 'execution',
    what: 'an order that is not answered within 100 ms is sent again',
    ports: {
      bus: (inner) =>
        busWith(inner, {
          request: (subject, kind, body, replyKind, options) => {
            if (kind !== 'submitLeg') return inner.request(subject, kind, body, replyKind, options);
            const impatient = { ...options, timeoutMs: 100 };
            return inner
              .request(subject, kind, body, replyKind, impatient)
              .catch(() => inner.request(subject, kind, body, replyKind, options));
          },
        }),
    },
  },
  {
    name: 'unknown-forgotten',
    area: 'execution',
    what: 'a restart does not look for orders without an end',
    ports: { stores: (inner) => tradesWith(inner, { openLegs: () => Promise.resolve([]) }) },
  },
  {
    name: 'result-beautified',
    area: 'execution',
    what: 'an arbitrage is said to have made more than it did',
    ports: {
      stores: (inner) =>
        tradesWith(inner, {
          closeArbitrage: (closed) =>
            inner.trades.closeArbitrage({
              ...closed,
              realisedNet: new Decimal(closed.realisedNet).plus('0.01').toFixed(),
            }),
        }),
    },
  },
  {
    name: 'result-unsaved',
    area: 'execution',
    what: 'the end of an order is acknowledged and not stored',
    ports: { stores: (inner) => tradesWith(inner, { saveLegResult: () => Promise.resolve() }) },
  },
];

export const LEDGER_BUGS: readonly PlantedBug[] = [
  {
    name: 'duplicates-booked',
    area: 'ledger',
    what: 'a fill that is told again is booked again',
    ports: {
      stores: (inner, database) =>
        ledgerWith(inner, {
          bookFill: (fill, entry) => {
            database.fillKeys.delete(`${fill.exchange} ${fill.tradeId}`);
            database.entryIds.delete(entry.entryId);
            return inner.ledger.bookFill(fill, entry);
          },
        }),
    },
  },
  {
    name: 'amounts-rounded',
    area: 'ledger',
    what: 'postings are rounded to three places',
    ports: {
      stores: (inner) =>
        ledgerWith(inner, {
          bookFill: (fill, entry) => {
            const postings = entry.postings.map((posting) => ({
              ...posting,
              amount: new Decimal(posting.amount).toDecimalPlaces(3).toFixed(),
            }));
            return inner.ledger.bookFill(fill, { ...entry, postings });
          },
        }),
    },
  },
  {
    name: 'fees-forgotten',
    area: 'ledger',
    what: 'what is charged as a fee is not booked',
    ports: {
      stores: (inner) =>
        ledgerWith(inner, { bookFill: (fill, entry) => inner.ledger.bookFill({ ...fill, fee: '0' }, entry) }),
    },
  },
  {
    name: 'balances-stale',
    area: 'ledger',
    what: 'the ledger goes on telling the balances that it began with',
    ports: {
      bus: (inner) => {
        let first: unknown = null;
        return busWith(inner, {
          publish: publishing(inner, (kind, body) => {
            if (kind !== 'balancesChanged') return body;
            first ??= (body as BalancesChanged).holdings;
            return { ...(body as BalancesChanged), holdings: first };
          }),
        });
      },
    },
  },
  {
    name: 'acknowledged-unwritten',
    area: 'ledger',
    what: 'one fill in eight is acknowledged before it is written, and then lost',
    ports: {
      stores: (inner) => {
        let told = 0;
        return ledgerWith(inner, {
          bookFill: (fill, entry) =>
            ++told % 8 === 0 ? Promise.resolve('booked' as const) : inner.ledger.bookFill(fill, entry),
        });
      },
    },
  },
];
