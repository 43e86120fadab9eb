import { AccountQuestions } from '../../../src/actors/account-questions.js';
import { AccountWords } from '../../../src/actors/account-words.js';
import { PrivateRest } from '../../../src/actors/private-rest.js';
import { isSettled } from '../../../src/execution/gateway/account-order.js';
import { OrderSet } from '../../../src/execution/gateway/order-set.js';
import { OrderAdmission } from '../../../src/execution/order-admission.js';
import type { LegResult } from '../../../src/messages/order.js';
import type { Bus } from '../../../src/ports/bus.js';
import { HmacSeal } from '../../../src/security/hmac-seal.js';
import { WORLD_START_MS } from '../virtual-time.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

/** Defects of order entry, gateway, saga and gate that only worlds with signed orders can show. */

const bus = (inner: Bus, changes: Partial<Bus>): Bus => ({
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

/** A private call that places. */
const places = ({ expires }: { readonly expires: boolean }): boolean => expires;

const BUGS: readonly PlantedBug[] = [
  {
    name: 'resent-blindly',
    area: 'execution',
    what: 'an order whose answer did not come is sent once more',
    plant: () =>
      replaceMethod(PrivateRest.prototype, 'write', (real) => {
        return function (this: PrivateRest, call, priority, validForMs) {
          const sent = real.call(this, call, priority, validForMs);
          if (typeof sent === 'number' || !places(call)) return sent;
          return sent.catch(async (error: unknown) => {
            const again = real.call(this, call, priority, validForMs);
            if (typeof again === 'number') throw error;
            return again;
          });
        };
      }),
  },
  {
    name: 'expiry-unsigned',
    area: 'execution',
    what: 'orders are signed without an end of their validity',
    plant: () =>
      replaceMethod(PrivateRest.prototype, 'write', (real) => {
        return function (this: PrivateRest, call, priority) {
          return real.call(this, call, priority, null);
        };
      }),
  },
  {
    name: 'ioc-left-to-rest',
    area: 'execution',
    what: 'orders that must not rest are placed to rest',
    plant: () =>
      replaceMethod(PrivateRest.prototype, 'write', (real) => {
        return function (this: PrivateRest, call, priority, validForMs) {
          if (!places(call)) return real.call(this, call, priority, validForMs);
          const resting = new Map<unknown, string>([
            ['IOC', 'GTC'],
            ['ioc', 'limit'],
          ]);
          const parameters = call.parameters.map(
            ([name, value]) => [name, resting.get(value) ?? value] as const,
          );
          return real.call(this, { ...call, parameters }, priority, validForMs);
        };
      }),
  },
  {
    name: 'name-not-journalled',
    area: 'execution',
    what: 'an order leaves under another name than the journal has',
    plant: () =>
      replaceMethod(PrivateRest.prototype, 'write', (real) => {
        return function (this: PrivateRest, call, priority, validForMs) {
          if (!places(call)) return real.call(this, call, priority, validForMs);
          const parameters = call.parameters.map(
            ([name, value]) =>
              [
                name,
                /cl(ient)?or?d(er)?(id|link)|orderlinkid/i.test(name)
                  ? `${String(value).slice(0, -1)}9`
                  : value,
              ] as const,
          );
          return real.call(this, { ...call, parameters }, priority, validForMs);
        };
      }),
  },
  {
    name: 'tellings-counted',
    area: 'execution',
    what: 'a fill that is told twice counts as two',
    plant: () => {
      let told = 0;
      return replaceMethod(AccountWords.prototype, 'trade', (real) => {
        return function (this: AccountWords, report) {
          const word = real.call(this, report);
          return { ...word, tradeId: `${word.tradeId}x${++told}` };
        };
      });
    },
  },
  {
    name: 'fee-unread',
    area: 'execution',
    what: 'fees that an exchange tells with a fill are not read',
    plant: () =>
      replaceMethod(AccountWords.prototype, 'trade', (real) => {
        return function (this: AccountWords, report) {
          return { ...real.call(this, report), fee: '0' };
        };
      }),
  },
  {
    name: 'silence-is-refusal',
    area: 'execution',
    // Without the second half nothing is seen: a fill that is told later is applied all the same (R4).
    what: 'an order whose outcome is unknown counts as never placed, and what is told of it later is not heard',
    ports: {
      bus: (inner) => {
        const refused = new Set<string>();
        return bus(inner, {
          request: async (subject, kind, body, replyKind, options) => {
            const reply = await inner.request(subject, kind, body, replyKind, options);
            if (kind !== 'submitLeg' || replyKind !== 'legResult') return reply;
            const result = reply as unknown as LegResult;
            if (result.status !== 'unknown') return reply;
            refused.add(result.clientOrderId);
            return { ...reply, status: 'rejected', reason: 'NO_ANSWER' };
          },
          publish: (subject, kind, body, options) => {
            const isRefused = kind === 'legResult' && refused.has((body as LegResult).clientOrderId);
            if (!isRefused) inner.publish(subject, kind, body, options);
          },
        });
      },
    },
  },
  {
    name: 'open-orders-assumed',
    area: 'execution',
    what: 'trading begins without having asked what is open',
    plant: () => replaceMethod(AccountQuestions.prototype, 'openOrders', () => () => Promise.resolve([])),
  },
  {
    name: 'seal-unverified',
    area: 'execution',
    what: 'every approval is taken for one of the gate',
    plant: () => replaceMethod(HmacSeal.prototype, 'verify', () => () => true),
  },
  {
    name: 'permit-assumed',
    area: 'execution',
    // A gateway that verifies takes no such order.
    what: 'a recovery order after a restart leaves under a permit that the gate never gave',
    plant: () => replaceMethod(HmacSeal.prototype, 'verify', () => () => true),
    ports: {
      bus: (inner) =>
        bus(inner, {
          request: async (subject, kind, body, replyKind, options) => {
            const reply = await inner.request(subject, kind, body, replyKind, options);
            if (replyKind !== 'recoveryAnswer') return reply;
            const permit = { permitId: 'assumed', expiresAtMs: WORLD_START_MS * 2, seal: '0'.repeat(64) };
            return { ...reply, permit, reason: '' };
          },
        }),
    },
  },
  {
    name: 'switch-only-in-gate',
    area: 'execution',
    what: 'the kill switch stops approvals and not the orders that are approved already',
    plant: () => replaceMethod(OrderAdmission.prototype, 'onHalt', () => () => undefined),
  },
  {
    name: 'absence-assumed',
    area: 'execution',
    // Alone it shows next to nothing: the first question waits for as long as a request lives.
    what: 'an order is asked about at once, and one "not found" is believed before the request has expired',
    plant: () =>
      replaceMethod(OrderSet.prototype, 'set', (real) => {
        return function (this: OrderSet, order) {
          const { inquiry, sentAtMs } = order;
          const isNew = order.phase === 'sent' && inquiry.tries === 0 && !inquiry.isOut;
          const hasty = {
            ...inquiry,
            notFound: Math.max(1, inquiry.notFound),
            lastNotFoundAtMs: inquiry.notFound > 1 ? inquiry.lastNotFoundAtMs : -Infinity,
            dueAtMs: isNew ? sentAtMs : inquiry.dueAtMs,
          };
          real.call(this, { ...order, goneAtMs: 0, inquiry: hasty });
        };
      }),
  },
  {
    name: 'late-fills-ignored',
    area: 'execution',
    what: 'what an exchange tells of an order after its end is dropped',
    plant: () =>
      replaceMethod(OrderSet.prototype, 'find', (real) => {
        return function (this: OrderSet, named) {
          const order = real.call(this, named);
          return order !== undefined && isSettled(order) ? undefined : order;
        };
      }),
  },
  {
    name: 'cancel-unsent',
    area: 'execution',
    what: 'cancels are noted and not sent',
    plant: () =>
      replaceMethod(AccountQuestions.prototype, 'cancel', () => () => Promise.resolve('failed' as const)),
  },
  {
    name: 'unknown-released',
    area: 'risk',
    what: 'what was handed to a person is released though an order of it has no known end',
    ports: {
      bus: (inner) =>
        bus(inner, {
          subscribe: (subject, kind, handler, options) =>
            inner.subscribe(
              subject,
              kind,
              kind === 'arbitrageClosed'
                ? (delivery) => handler({ ...delivery, message: { ...delivery.message, outcome: 'partial' } })
                : handler,
              options,
            ),
        }),
    },
  },
  {
    name: 'fills-unasked',
    area: 'execution',
    what: 'fills that are missing are not asked for',
    plant: () => replaceMethod(AccountQuestions.prototype, 'fills', () => () => Promise.resolve(null)),
  },
  {
    name: 'end-undone',
    area: 'execution',
    what: 'one stored end in four is doubted again',
    ports: {
      stores: (inner, database) => {
        let saved = 0;
        let last: LegResult | null = null;
        return {
          ...inner,
          trades: {
            ...inner.trades,
            saveLegResult: async (result) => {
              await inner.trades.saveLegResult(result);
              if (++saved % 4 === 0 && last !== null)
                database.results.set(last.clientOrderId, JSON.stringify({ ...last, status: 'unknown' }));
              last = result;
            },
          },
        };
      },
    },
  },
  {
    name: 'end-embellished',
    area: 'execution',
    what: 'what ended in part is told as completed',
    ports: {
      bus: (inner) =>
        bus(inner, {
          publish: (subject, kind, body, options) => {
            const isPart = kind === 'arbitrageClosed' && 'outcome' in body && body.outcome === 'partial';
            inner.publish(subject, kind, isPart ? { ...body, outcome: 'completed' } : body, options);
          },
        }),
    },
  },
  {
    name: 'residue-overlooked',
    area: 'execution',
    what: 'an arbitrage that leaves something over ends without a person',
    ports: {
      stores: (inner) => ({
        ...inner,
        trades: {
          ...inner.trades,
          closeArbitrage: (closed) => {
            if (closed.outcome === 'flagged') Object.assign(closed, { outcome: 'partial' });
            return inner.trades.closeArbitrage(closed);
          },
        },
      }),
    },
  },
  {
    name: 'flow-booked-twice',
    area: 'ledger',
    what: 'a deposit or withdrawal is booked again under another name',
    ports: {
      stores: (inner) => ({
        ...inner,
        ledger: {
          ...inner.ledger,
          append: async (entry) => {
            const booked = await inner.ledger.append(entry);
            if (entry.kind === 'external')
              await inner.ledger.append({ ...entry, entryId: `${entry.entryId}+` });
            return booked;
          },
        },
      }),
    },
  },
];

export const ORDER_ENTRY_BUGS = BUGS.map((bug): PlantedBug => ({ ...bug, isOfSignedOrders: true }));
