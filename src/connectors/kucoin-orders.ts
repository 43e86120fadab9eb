import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { kucoinKeyFacts, readKeyFacts } from './key-facts.js';
import {
  dataAt,
  KUCOIN_ENVELOPE,
  KUCOIN_OVERLOADED,
  readBalance,
  readDeposit,
  readFill,
  readOrder,
  readWithdrawal,
  rowsAt,
} from './kucoin-order-rows.js';
import { kucoinStream } from './kucoin-stream.js';
import {
  cancelRefusal,
  lookupRefusal,
  placeRefusal,
  readAnswer,
  rowsRefusal,
  type ErrorSaid,
} from './order-answers.js';
import { ORDER_CALL, privateCall } from './order-calls.js';
import type {
  CancelAnswer,
  ExchangeAnswer,
  NoAnswer,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  PlaceAnswer,
  PrivateCall,
  RowsAnswer,
} from './order-entry.js';
import { askedFor, callWith, clientIdAt } from './order-fields.js';
import { isNamed } from './order-lists.js';
import { encodedQuery, hmacBase64, jsonBody, plainQuery, wholeMs, withQuery } from './order-signing.js';

/**
 * Order entry of KuCoin spot by its fast endpoints (PROTOCOLS §1.1, §8). Placing and cancelling answer with a receipt; the window
 * after `clientTimestamp` is the fence against orders that are late on their way. Weights are those of the account's pools [C].
 */

/** Version of the key, as its page shows it; it goes with every call [D]. */
export type KucoinKeyVersion = '2' | '3';

const ROWS = 100;
const TRANSFER_ROWS = 500;
const MAX_WINDOW_MS = 5000;

const named = ({ clientOrderId, exchangeOrderId }: OrderReference): string =>
  exchangeOrderId === null
    ? `/api/v1/hf/orders/client-order/${encodeURIComponent(clientOrderId)}`
    : `/api/v1/hf/orders/${encodeURIComponent(exchangeOrderId)}`;

/** The window travels in the body: its start must be the stamp of the call [O]. */
function bodyOf({ method, parameters, expires }: PrivateCall, timeMs: number, validForMs: number | null) {
  if (method !== 'POST' || parameters.length === 0) return null;
  if (!expires || validForMs === null) return jsonBody(parameters);
  return jsonBody([
    ...parameters,
    ['clientTimestamp', timeMs],
    ['allowMaxTimeWindow', Math.min(validForMs, MAX_WINDOW_MS)],
  ]);
}

const signWith =
  (keyVersion: KucoinKeyVersion): OrderEntry['sign'] =>
  (asked, { apiKey, secret, passphrase }, moment) => {
    const { timeMs, validForMs } = wholeMs(moment);
    const isPost = asked.method === 'POST';
    const body = bodyOf(asked, timeMs, validForMs);
    // The address is signed as it reads, and sent percent-encoded [O].
    const read = isPost ? asked.path : withQuery(asked.path, plainQuery(asked.parameters));
    return {
      method: asked.method,
      path: isPost ? asked.path : withQuery(asked.path, encodedQuery(asked.parameters)),
      headers: {
        'KC-API-KEY': apiKey,
        'KC-API-SIGN': hmacBase64(secret, `${timeMs}${asked.method}${read}${body ?? ''}`),
        'KC-API-TIMESTAMP': String(timeMs),
        'KC-API-PASSPHRASE': hmacBase64(secret, passphrase ?? ''),
        'KC-API-KEY-VERSION': keyVersion,
        ...(isPost && { 'Content-Type': 'application/json' }),
      },
      body,
    };
  };

function read<Result>(
  answer: ExchangeAnswer,
  content: (value: unknown) => Result,
  said: (error: ErrorSaid) => Result,
): Result | NoAnswer {
  const hasBudget = Object.hasOwn(answer.headers, 'gw-ratelimit-limit');
  return readAnswer(answer, hasBudget ? KUCOIN_ENVELOPE : KUCOIN_OVERLOADED, content, said);
}

const rows = <Row>(
  answer: ExchangeAnswer,
  content: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => read<RowsAnswer<Row>>(answer, content, rowsRefusal);

/** The id that a receipt repeats; older answers have only the exchange's own. @throws FrameError when it is of another order. */
function receiptOf(value: unknown, clientOrderId: string): string {
  const data = dataAt(value);
  const echo = clientIdAt(data, 'clientOid', 'data.');
  if (echo !== '' && echo !== clientOrderId)
    throw new FrameError('data.clientOid', `'${clientOrderId}'`, echo);
  return f.idAt(data, 'orderId', 'data.');
}

/** A cancel repeats whichever id it was given. @throws FrameError */
function cancelledOf(value: unknown): CancelAnswer {
  const data = dataAt(value);
  f.idAt(data, Object.hasOwn(data, 'orderId') ? 'orderId' : 'clientOid', 'data.');
  return { kind: 'accepted' };
}

/** Ended orders, of the time in which it can have been placed. */
const doneCall = ({ symbol, placedAtMs, placedUntilMs }: OrderReference): PrivateCall =>
  privateCall('GET', '/api/v1/hf/orders/done', {
    costs: { spot: 2 },
    parameters: [
      ['symbol', symbol],
      ...(placedAtMs === undefined ? [] : [['startAt', placedAtMs] as const]),
      ...(placedUntilMs === undefined ? [] : [['endAt', placedUntilMs] as const]),
      ['limit', ROWS],
    ],
  });

/** Lists are newest first; `lastId` asks for older ones than a page ended with [O]. */
function olderThan(asked: PrivateCall, value: unknown, received: number): readonly PrivateCall[] {
  return received < ROWS ? [] : [callWith(asked, { lastId: f.idAt(dataAt(value), 'lastId', 'data.') })];
}

function foundAlone(value: unknown, reference: OrderReference): OrderAnswer {
  // Null is said of an order that is not there [C].
  if (f.member(f.asFields(value, 'answer'), 'data') === null) return { kind: 'notFound', code: 'no data' };
  return { kind: 'found', order: askedFor(readOrder(dataAt(value), 'data.'), reference) };
}

function foundInDone(value: unknown, reference: OrderReference): OrderAnswer {
  const list = rowsAt(value, 'items').map(({ row, path }) => readOrder(row, path));
  const found = list.find(isNamed(reference));
  if (found !== undefined) return { kind: 'found', order: askedFor(found, reference) };
  const [next] = olderThan(doneCall(reference), value, list.length);
  return next === undefined ? { kind: 'notFound', code: 'not in the list' } : { kind: 'more', next };
}

/** Pages of deposits and withdrawals are counted. */
function nextPage(asked: PrivateCall, value: unknown): readonly PrivateCall[] {
  const data = dataAt(value);
  const page = f.counterAt(data, 'currentPage', 'data.', 1);
  return page < f.counterAt(data, 'totalPage', 'data.') ? [callWith(asked, { currentPage: page + 1 })] : [];
}

const SYMBOLS_PATH = '/api/v1/hf/orders/active/symbols';
const activeCall = (symbol: string): PrivateCall =>
  privateCall('GET', '/api/v1/hf/orders/active', { costs: { spot: 2 }, parameters: [['symbol', symbol]] });

/** First the markets that have any, then those of each market [C]. */
function openMarkets(value: unknown): readonly PrivateCall[] {
  const symbols = f.listAt(dataAt(value), 'symbols', 'data.', 1000);
  return symbols.map((_, index) =>
    activeCall(f.symbolAt({ symbol: symbols[index] }, 'symbol', `data.symbols[${index}].`)),
  );
}

const dead = (timeoutMs: number): number =>
  // Whole seconds, 5 to a day; -1 switches it off [O].
  timeoutMs === 0 ? -1 : Math.min(86_400, Math.max(5, Math.ceil(timeoutMs / 1000)));

export function kucoinOrders(keyVersion: KucoinKeyVersion = '2'): OrderEntry {
  return {
    // Pools of the account in 30 s, of the lowest tier [O].
    limits: [
      { kind: 'window', name: 'spot', capacity: 4000, windowMs: 30_000 },
      { kind: 'window', name: 'management', capacity: 2000, windowMs: 30_000 },
    ],
    sign: signWith(keyVersion),

    place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
      privateCall('POST', '/api/v1/hf/orders', {
        ...ORDER_CALL,
        costs: { spot: 1 },
        expires: true,
        parameters: [
          ['clientOid', clientOrderId],
          ['symbol', symbol],
          ['side', side],
          ['type', 'limit'],
          ['price', limitPrice],
          ['size', quantity],
          ['timeInForce', 'IOC'],
          // Cancels the newest, which is ours [O].
          ['stp', 'CN'],
        ],
      }),
    parsePlace: (answer, { clientOrderId }) =>
      read<PlaceAnswer>(
        answer,
        (value) => ({ kind: 'accepted', exchangeOrderId: receiptOf(value, clientOrderId), report: null }),
        placeRefusal,
      ),

    cancel: (order) =>
      privateCall('DELETE', named(order), {
        ...ORDER_CALL,
        costs: { spot: 1 },
        parameters: [['symbol', order.symbol]],
      }),
    parseCancel: (answer) => read(answer, cancelledOf, cancelRefusal),

    lookups: (order) => [
      privateCall('GET', named(order), { costs: { spot: 2 }, parameters: [['symbol', order.symbol]] }),
      doneCall(order),
    ],
    parseLookup: (answer, reference, position) =>
      read<OrderAnswer>(
        answer,
        (value) => (position === 0 ? foundAlone(value, reference) : foundInDone(value, reference)),
        lookupRefusal,
      ),

    openOrders: () => privateCall('GET', SYMBOLS_PATH, { costs: { spot: 2 } }),
    parseOpenOrders: (answer, asked) =>
      rows(answer, (value) =>
        asked.path === SYMBOLS_PATH
          ? { kind: 'rows', rows: [], next: openMarkets(value) }
          : {
              kind: 'rows',
              rows: rowsAt(value, null).map(({ row, path }) => readOrder(row, path)),
              next: [],
            },
      ),

    // A start alone reaches seven days forward [C].
    fills: ({ symbol, sinceMs, exchangeOrderId }) =>
      privateCall('GET', '/api/v1/hf/fills', {
        costs: { spot: 2 },
        parameters: [
          ['symbol', symbol],
          exchangeOrderId === null ? ['startAt', Math.floor(sinceMs)] : ['orderId', exchangeOrderId],
          ['limit', ROWS],
        ],
      }),
    parseFills: (answer, { symbol, exchangeOrderId }, asked) =>
      rows(answer, (value) => {
        const list = rowsAt(value, 'items').map(({ row, path }) => readFill(row, path));
        const isWanted = (one: (typeof list)[number]) =>
          one.symbol === symbol && (exchangeOrderId === null || one.exchangeOrderId === exchangeOrderId);
        return { kind: 'rows', rows: list.filter(isWanted), next: olderThan(asked, value, list.length) };
      }),

    balances: () =>
      privateCall('GET', '/api/v1/accounts', { costs: { management: 5 }, parameters: [['type', 'trade']] }),
    parseBalances: (answer) =>
      rows(answer, (value) => ({
        kind: 'rows',
        rows: rowsAt(value, null).flatMap(({ row, path }) => readBalance(row, path) ?? []),
        next: [],
      })),

    transfers: (sinceMs) =>
      ['/api/v1/deposits', '/api/v1/withdrawals'].map((path) =>
        privateCall('GET', path, {
          costs: { management: 20 },
          parameters: [
            ['startAt', Math.floor(sinceMs)],
            ['currentPage', 1],
            ['pageSize', TRANSFER_ROWS],
          ],
        }),
      ),
    parseTransfers: (answer, _sinceMs, asked) =>
      rows(answer, (value) => {
        const readOne = asked.path.endsWith('/deposits') ? readDeposit : readWithdrawal;
        return {
          kind: 'rows',
          rows: rowsAt(value, 'items').flatMap(({ row, path }) => readOne(row, path) ?? []),
          next: nextPage(asked, value),
        };
      }),

    feeRates: (symbol) =>
      privateCall('GET', '/api/v1/trade-fees', { costs: { spot: 3 }, parameters: [['symbols', symbol]] }),
    // What is really paid: the market's coefficient is in it [O].
    parseFeeRates: (answer, symbol) =>
      rows(answer, (value) => {
        const found = rowsAt(value, null).find(({ row }) => f.member(row, 'symbol') === symbol);
        if (found === undefined) throw new FrameError('data', `the rates of '${symbol}'`, value);
        const { row, path } = found;
        return {
          kind: 'rows',
          rows: [
            {
              takerFeeRate: f.unsignedTextAt(row, 'takerFeeRate', path),
              makerFeeRate: f.unsignedTextAt(row, 'makerFeeRate', path),
            },
          ],
          next: [],
        };
      }),

    keyFacts: {
      call: () => privateCall('GET', '/api/v1/user/api-key', { costs: { management: 20 } }),
      parse: (answer) => readKeyFacts(answer, KUCOIN_ENVELOPE, (value) => kucoinKeyFacts(dataAt(value))),
    },

    deadMan: {
      call: (timeoutMs) =>
        privateCall('POST', '/api/v1/hf/orders/dead-cancel-all', {
          ...ORDER_CALL,
          costs: { spot: 2 },
          parameters: [['timeout', dead(timeoutMs)]],
        }),
      parse: (answer) =>
        read<CancelAnswer>(
          answer,
          (value) => {
            f.counterAt(dataAt(value), 'currentTime', 'data.');
            return { kind: 'accepted' };
          },
          cancelRefusal,
        ),
    },
    stream: kucoinStream,
  };
}
