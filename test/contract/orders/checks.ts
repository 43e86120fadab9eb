import { deepEqual, equal, match } from 'node:assert/strict';
import { restLimiterOf } from '../../../src/connectors/limit-answers.js';
import type {
  OrderAnswer,
  OrderEntry,
  OrderReference,
  OrderTicket,
  PlaceAnswer,
  PrivateCall,
} from '../../../src/connectors/order-entry.js';
import { Decimal } from '../../../src/market/decimal.js';
import type { TradeCheck } from './check.js';
import type { TraderDesk } from './trader-desk.js';

/**
 * What order entry promises on every exchange, by number. The words of an exchange are nowhere here: what is compared is what the simulated
 * exchange itself remembers.
 */

/** An assertion that says nothing more: those of Node read the source to word it. */
function holds(condition: boolean, what = 'it does not hold'): asserts condition {
  if (!condition) throw new Error(what);
}

const byClient = ({ symbol, clientOrderId }: OrderTicket): OrderReference => ({
  symbol,
  clientOrderId,
  exchangeOrderId: null,
});
/** Longer than any answer of an exchange lags behind what it did. */
const A_WHILE_MS = 1_000;

const recordOf = (desk: TraderDesk, { clientOrderId }: OrderTicket) =>
  desk.account.orders().find((one) => one.clientOrderId === clientOrderId);

/** Places one that fills in part, and lets the exchange come to rest. */
function traded(desk: TraderDesk): OrderTicket {
  const ticket = desk.ticket(1);
  equal(desk.place(ticket)?.kind, 'accepted');
  desk.exchanges.run(A_WHILE_MS);
  return ticket;
}

const kinds = (answers: readonly (OrderAnswer | null)[]) => new Set(answers.map((answer) => answer?.kind));
const openOf = (desk: TraderDesk) =>
  desk.all(desk.orders.openOrders(), (answer, call) => desk.orders.parseOpenOrders(answer, call));

/** A limit below the other side: nothing is there to take. */
const unreachable = (desk: TraderDesk): OrderTicket => ({
  ...desk.ticket(1),
  limitPrice: desk.ticket(6, 'sell').limitPrice,
});

const placing =
  (change: (answer: PlaceAnswer) => PlaceAnswer) =>
  (orders: OrderEntry): OrderEntry => ({
    ...orders,
    parsePlace: (answer, ticket) => change(orders.parsePlace(answer, ticket)),
  });

const looking =
  (change: (answer: OrderAnswer) => OrderAnswer) =>
  (orders: OrderEntry): OrderEntry => ({
    ...orders,
    parseLookup: (answer, reference, at) => change(orders.parseLookup(answer, reference, at)),
  });

const asking =
  (change: (call: PrivateCall) => PrivateCall) =>
  (orders: OrderEntry): OrderEntry => ({ ...orders, place: (ticket) => change(orders.place(ticket)) });

const REJECTED: PlaceAnswer = { kind: 'rejected', code: 'x', reason: 'x', fault: 'order' };

/** An order that may rest, whatever the word for it. */
const thatRests = (call: PrivateCall): PrivateCall => ({
  ...call,
  parameters: call.parameters.flatMap(([name, value]): PrivateCall['parameters'][number][] => {
    if (!/^ioc$/i.test(String(value))) return [[name, value]];
    if (name === 'time_in_force' && call.path.includes('/orders') && !call.path.includes('/spot/')) return [];
    return [[name, name === 'ordType' ? 'limit' : value === 'IOC' ? 'GTC' : 'gtc']];
  }),
});

export const CHECKS: readonly TradeCheck[] = [
  {
    id: 'E01',
    promise: 'an order that the exchange takes is told as accepted, by its own id',
    run(desk) {
      const ticket = desk.ticket(1);
      const answer = desk.place(ticket);
      const record = recordOf(desk, ticket);
      holds(record !== undefined && answer?.kind === 'accepted');
      equal(answer.exchangeOrderId, record.exchangeOrderId);
    },
    broken: placing(() => REJECTED),
  },
  {
    id: 'E02',
    promise: 'it is sent under the client’s id',
    run(desk) {
      const ticket = desk.ticket(1);
      desk.place(ticket);
      holds(recordOf(desk, ticket) !== undefined);
    },
    broken: (orders) => ({
      ...orders,
      place: (ticket) => orders.place({ ...ticket, clientOrderId: `x${ticket.clientOrderId}` }),
    }),
  },
  {
    id: 'E03',
    promise: 'it never rests',
    run(desk) {
      const ticket = unreachable(desk);
      desk.place(ticket);
      desk.exchanges.run(A_WHILE_MS);
      equal(recordOf(desk, ticket)?.state, 'cancelled');
    },
    broken: asking(thatRests),
  },
  {
    id: 'E04',
    promise: 'a look-up by the client’s id tells the end and the amount that filled',
    run(desk) {
      const ticket = traded(desk);
      const found = desk.lookUp(byClient(ticket)).find((answer) => answer?.kind === 'found');
      const record = recordOf(desk, ticket)!;
      holds(found?.kind === 'found' && found.order.status === 'ended');
      equal(found.order.exchangeOrderId, record.exchangeOrderId);
      holds(new Decimal(found.order.filledQuantity).eq(record.filledQuantity));
    },
    broken: looking((answer) =>
      answer.kind === 'found' ? { ...answer, order: { ...answer.order, filledQuantity: '0' } } : answer,
    ),
  },
  {
    id: 'E05',
    promise: 'fills are all there, each with what it cost',
    run(desk) {
      const { symbol } = traded(desk);
      const fills = desk.fills(symbol);
      const sum = (texts: readonly string[]) =>
        texts.reduce((total, text) => total.plus(text), new Decimal(0)).toNumber();
      const records = desk.account.trades();
      holds(records.length > 0);
      equal(fills.length, records.length);
      equal(sum(fills.map(({ fee }) => fee)), sum(records.map(({ fee }) => fee)));
      equal(sum(fills.map(({ quantity }) => quantity)), sum(records.map(({ quantity }) => quantity)));
      deepEqual(new Set(fills.map(({ feeTicker }) => feeTicker)), new Set([records[0]!.feeAsset]));
    },
    broken: (orders) => ({
      ...orders,
      parseFills: (answer, query, call) => {
        const read = orders.parseFills(answer, query, call);
        return read.kind === 'rows'
          ? { ...read, rows: read.rows.map((row) => ({ ...row, fee: '0' })) }
          : read;
      },
    }),
  },
  {
    id: 'E06',
    promise: 'the private stream tells the end without being asked',
    run(desk) {
      const { sink, hear } = desk.listen();
      const ticket = traded(desk);
      hear();
      const told = sink.orders.filter(({ clientOrderId }) => clientOrderId === ticket.clientOrderId).at(-1);
      equal(told?.status, 'ended');
      holds(new Decimal(told.filledQuantity).eq(recordOf(desk, ticket)!.filledQuantity));
    },
    broken: (orders) => ({ ...orders, stream: { ...orders.stream, decode: () => undefined } }),
  },
  {
    id: 'E07',
    promise: 'a fill that is pushed twice has one id',
    run(desk) {
      const { sink, hear } = desk.listen();
      desk.account.misbehave({ kind: 'duplicate-fill-push', count: 1 });
      traded(desk);
      hear();
      const ids = new Set(sink.trades.map(({ tradeId }) => tradeId));
      holds(ids.size <= desk.account.trades().length);
    },
    // Some streams tell amounts and no trades.
    applies: (desk) => {
      const { sink, hear } = desk.listen();
      traded(desk);
      hear();
      return sink.trades.length > 0;
    },
    broken: (orders) => {
      let count = 0;
      const decode: OrderEntry['stream']['decode'] = (data, sink) =>
        orders.stream.decode(data, {
          authorised: () => sink.authorised(),
          subscribed: () => sink.subscribed(),
          refused: (code, message) => sink.refused(code, message),
          order: (report) => sink.order(report),
          trade: (report) => sink.trade({ ...report, tradeId: `${report.tradeId}-${++count}` }),
          balance: (report, timeMs) => sink.balance(report, timeMs),
          transferred: (ticker, timeMs) => sink.transferred(ticker, timeMs),
          pong: () => sink.pong(),
          closing: (reason) => sink.closing(reason),
        });
      return { ...orders, stream: { ...orders.stream, decode } };
    },
  },
  {
    id: 'E08',
    promise: 'balances are what the account holds',
    run(desk) {
      traded(desk);
      const told = desk.all(desk.orders.balances(), (answer) => desk.orders.parseBalances(answer));
      for (const { asset, free, locked } of desk.account.balances()) {
        const row = told.find(({ ticker }) => ticker === asset);
        holds(row !== undefined && new Decimal(row.free).eq(free) && new Decimal(row.locked).eq(locked));
      }
    },
    broken: (orders) => ({
      ...orders,
      parseBalances: (answer) => {
        const read = orders.parseBalances(answer);
        return read.kind === 'rows' ? { ...read, rows: read.rows.slice(1) } : read;
      },
    }),
  },
  {
    id: 'E09',
    promise: 'what stays open is listed, and cancelled by its id',
    run(desk) {
      desk.account.misbehave({ kind: 'leave-ioc-open', count: 1 });
      const ticket = unreachable(desk);
      desk.place(ticket);
      desk.exchanges.run(A_WHILE_MS);
      const [open] = openOf(desk);
      equal(open?.clientOrderId, ticket.clientOrderId);
      const { exchangeOrderId } = open;
      const answer = desk.ask(desk.orders.cancel({ ...byClient(ticket), exchangeOrderId }))!;
      equal(desk.orders.parseCancel(answer).kind, 'accepted');
      desk.exchanges.run(A_WHILE_MS);
      deepEqual(openOf(desk), []);
      equal(recordOf(desk, ticket)?.state, 'cancelled');
    },
    broken: (orders) => ({ ...orders, parseOpenOrders: () => ({ kind: 'rows', rows: [], next: [] }) }),
  },
  {
    id: 'E10',
    promise: 'a cancel of what has ended says that it is gone',
    run(desk) {
      const ticket = traded(desk);
      const answer = desk.ask(desk.orders.cancel(byClient(ticket)))!;
      equal(desk.orders.parseCancel(answer).kind, 'gone');
    },
    broken: (orders) => ({ ...orders, parseCancel: () => ({ kind: 'accepted' }) }),
  },
  {
    id: 'E11',
    promise: 'an order whose answer was lost is found by its id',
    run(desk) {
      desk.account.misbehave({ kind: 'accept-then-timeout', count: 1 });
      const ticket = desk.ticket(1);
      equal(desk.place(ticket), null);
      desk.exchanges.run(A_WHILE_MS);
      holds(kinds(desk.lookUp(byClient(ticket))).has('found'));
    },
    broken: looking((answer) => (answer.kind === 'found' ? { kind: 'notFound', code: 'x' } : answer)),
  },
  {
    id: 'E12',
    promise: 'an order that never came is not found, by the exchange’s own word',
    run(desk) {
      desk.account.misbehave({ kind: 'lose-request', count: 1 });
      const ticket = desk.ticket(1);
      equal(desk.place(ticket), null);
      desk.exchanges.run(A_WHILE_MS);
      deepEqual(kinds(desk.lookUp(byClient(ticket))), new Set(['notFound']));
    },
    broken: looking((answer) =>
      answer.kind === 'notFound' ? { kind: 'unknown', code: 'x', reason: 'x' } : answer,
    ),
  },
  {
    id: 'E13',
    promise: 'a server error is no refusal, whatever its words',
    run(desk) {
      const end = desk.account.misbehave({ kind: 'error-5xx-placed' });
      for (let n = 0; n < 12; n++) {
        desk.exchanges.run(A_WHILE_MS);
        const answer = desk.place(desk.ticket(1));
        equal(answer?.kind, 'unknown');
      }
      end();
    },
    broken: placing((answer) => (answer.kind === 'unknown' ? REJECTED : answer)),
  },
  {
    id: 'E14',
    promise: 'during a ban and during maintenance nothing is concluded',
    run(desk) {
      for (const kind of ['ban', 'maintenance'] as const) {
        const end = desk.account.misbehave({ kind });
        const ticket = desk.ticket(1);
        match(desk.place(ticket)?.kind ?? 'unknown', /^(?:unknown|limited)$/);
        for (const looked of kinds(desk.lookUp(byClient(ticket)))) match(looked!, /^(?:unknown|limited)$/);
        end();
      }
    },
    broken: looking((answer) => (answer.kind === 'found' ? answer : { kind: 'notFound', code: 'x' })),
  },
  {
    id: 'E15',
    promise: 'what comes too late is refused where requests can expire',
    run(desk) {
      const late = { ...desk.moment(), timeMs: desk.exchanges.world.nowMs - 4_000 };
      const answer = desk.place(desk.ticket(1), { moment: late });
      holds(answer?.kind === 'rejected' && answer.fault === 'expired');
      deepEqual(desk.account.orders(), []);
    },
    applies: (desk) => desk.connector.capabilities.orders.requestExpiry.kind !== 'none',
    broken: (orders) => ({
      ...orders,
      sign: (call, credentials, moment) => orders.sign(call, credentials, { ...moment, validForMs: 20_000 }),
    }),
  },
  {
    id: 'E16',
    promise: 'a signature that is wrong is a fault of the account, of the keys and not of the order',
    run(desk) {
      const credentials = { ...desk.account.credentials, secret: 'wrong' };
      const answer = desk.place(desk.ticket(1), { credentials });
      holds(answer?.kind === 'rejected' && answer.fault === 'account');
      const refused = desk.ask(desk.orders.balances(), { credentials })!;
      equal(desk.orders.parseBalances(refused).kind, 'refused');
    },
    broken: placing((answer) => (answer.kind === 'rejected' ? { ...answer, fault: 'order' } : answer)),
  },
  {
    id: 'E17',
    promise: 'want of funds is told apart from an order that is wrong',
    run(desk) {
      const ticket = desk.ticket(1, 'sell');
      const faultOf = (change: Partial<OrderTicket>) => {
        const answer = desk.place({ ...ticket, ...change });
        return answer?.kind === 'rejected' ? answer.fault : answer?.kind;
      };
      equal(faultOf({ clientOrderId: 'more1', quantity: '100' }), 'funds');
      equal(faultOf({ clientOrderId: 'less1', quantity: '0.000000001' }), 'order');
    },
    broken: placing((answer) => (answer.kind === 'rejected' ? REJECTED : answer)),
  },
  {
    id: 'E18',
    promise: 'deposits and withdrawals are told with their sign',
    run(desk) {
      const sinceMs = desk.exchanges.world.nowMs - 2_000;
      desk.account.transfer('BTC', '0.5');
      desk.account.transfer('BTC', '-0.25');
      const moved = desk.orders
        .transfers(sinceMs)
        .flatMap((call) =>
          desk.all(call, (answer, asked) => desk.orders.parseTransfers(answer, sinceMs, asked)),
        );
      deepEqual(moved.map(({ amount }) => Number(amount)).sort(), [-0.25, 0.5]);
    },
    broken: (orders) => ({
      ...orders,
      parseTransfers: (answer, sinceMs, call) => {
        const read = orders.parseTransfers(answer, sinceMs, call);
        const unsigned = (text: string) => text.replace('-', '');
        return read.kind === 'rows'
          ? { ...read, rows: read.rows.map((row) => ({ ...row, amount: unsigned(row.amount) })) }
          : read;
      },
    }),
  },
  {
    id: 'E19',
    promise: 'the fee rates are those that a trade pays',
    run(desk) {
      const { symbol } = traded(desk);
      const [rates] = desk.all(desk.orders.feeRates(symbol), (answer) =>
        desk.orders.parseFeeRates(answer, symbol),
      );
      const [trade] = desk.account.trades();
      const received = trade!.feeAsset === 'BTC' ? trade!.quantity : trade!.quote;
      const paid = new Decimal(trade!.fee).div(received).toNumber();
      holds(Math.abs(Number(rates!.takerFeeRate) - paid) < 1e-5, `${rates!.takerFeeRate} and ${paid}`);
    },
    broken: (orders) => ({
      ...orders,
      parseFeeRates: (answer, symbol) => {
        const read = orders.parseFeeRates(answer, symbol);
        return read.kind === 'rows'
          ? { ...read, rows: read.rows.map((row) => ({ ...row, takerFeeRate: '0' })) }
          : read;
      },
    }),
  },
  {
    id: 'E20',
    promise: 'its budgets are within those of the exchange, which never says “too fast”',
    run(desk) {
      const { orders, exchanges } = desk;
      const limiter = restLimiterOf(desk.connector);
      const symbol = desk.ticket(1).symbol;
      const reference: OrderReference = { symbol, clientOrderId: 'nobody', exchangeOrderId: null };
      for (let step = 0; step < 25; step++) {
        const calls = [
          orders.place({ ...unreachable(desk), clientOrderId: `b${step}` }),
          orders.cancel(reference),
          ...orders.lookups(reference),
          orders.openOrders(),
          orders.balances(),
          orders.fills({ symbol, sinceMs: exchanges.world.nowMs, exchangeOrderId: null }),
        ];
        for (const call of calls)
          for (let n = 0; n < 15 && limiter.tryAcquire(call.costs, exchanges.world.nowMs) === 0; n++) {
            const { status, body } = desk.ask(call)!;
            holds(![403, 418, 429].includes(status) && !isTooFast(body), `${call.path}: ${status}`);
          }
        exchanges.run(100);
      }
    },
    broken: (orders) => ({ ...orders, limits: orders.limits.map((one) => ({ ...one, capacity: 1e6 })) }),
    // There the budgets of public calls bind first, and stand elsewhere; KuCoin's pools are too large to be emptied in so short a time.
    applies: (desk) => !['binance', 'kucoin'].includes(desk.connector.exchange),
  },
];

/** Some say it in a body under 200. */
const isTooFast = (body: Buffer): boolean =>
  /\b(?:50011|10006|10018|TOO_MANY_REQUESTS)\b/.test(body.toString());
