import {
  BINANCE_ENVELOPE,
  readBalance,
  readDeposit,
  readOrder,
  readTrade,
  readWithdrawal,
} from './binance-order-rows.js';
import { binanceStream } from './binance-stream.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { binanceKeyFacts, readKeyFacts } from './key-facts.js';
import { cancelRefusal, lookupRefusal, placeRefusal, readAnswer, rowsRefusal } from './order-answers.js';
import type {
  ExchangeAnswer,
  FeeRate,
  OrderEntry,
  OrderReference,
  PrivateCall,
  RowsAnswer,
} from './order-entry.js';
import { askedFor, callWith, largest, sumOf } from './order-fields.js';
import { encodedQuery, hmacHex, wholeMs, withQuery, type Parameters } from './order-signing.js';
import type { Costs } from './rate-limiter.js';
import { binanceNetworks, WALLET_BODY_BYTES } from './signed-wallets.js';

/**
 * Order entry of Binance spot (PROTOCOLS §1.1, §3). Placing answers with status and fills; a query is fenced by `timestamp` and
 * `recvWindow`, which the exchange checks on arrival and once more before the matching engine [O].
 */

const ROWS = 1000;

const call = (
  method: PrivateCall['method'],
  path: string,
  costs: Costs,
  parameters: Parameters,
  more: Partial<PrivateCall> = {},
): PrivateCall => ({
  method,
  path,
  parameters,
  expires: false,
  costs,
  timeoutMs: 10_000,
  maxBodyBytes: 2 << 20,
  ...more,
});

const named = (order: OrderReference): Parameters => [
  ['symbol', order.symbol],
  order.exchangeOrderId === null
    ? ['origClientOrderId', order.clientOrderId]
    : ['orderId', order.exchangeOrderId],
];

/** The parameters as sent, with their signature: non-ASCII text is percent-encoded before it is signed [O]. */
export function signedParameters(parameters: Parameters, secret: string): string {
  const query = encodedQuery(parameters);
  return `${query}&signature=${hmacHex(secret, query)}`;
}

const sign: OrderEntry['sign'] = ({ method, path, parameters, expires }, { apiKey, secret }, moment) => {
  const { timeMs, validForMs } = wholeMs(moment);
  const signed = signedParameters(
    [
      ...parameters,
      ...(expires && validForMs !== null ? ([['recvWindow', Math.min(validForMs, 60_000)]] as const) : []),
      ['timestamp', timeMs],
    ],
    secret,
  );
  const headers = { 'X-MBX-APIKEY': apiKey };
  if (method !== 'POST') return { method, path: withQuery(path, signed), headers, body: null };
  return {
    method,
    path,
    headers: { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: signed,
  };
};

function rowsOf<Row>(
  value: unknown,
  read: (row: f.Fields, path: string) => Row | null,
): { readonly rows: Row[]; readonly received: number } {
  if (!Array.isArray(value)) throw new FrameError('answer', 'an array', value);
  const rows = value.flatMap((row, index) => {
    const one = read(f.asFields(row, `[${index}]`), `[${index}].`);
    return one === null ? [] : [one];
  });
  return { rows, received: value.length };
}

function readFeeRate(value: unknown, symbol: string): FeeRate {
  const answer = f.asFields(value, 'answer');
  if (f.symbolAt(answer, 'symbol', '') !== symbol)
    throw new FrameError('symbol', `'${symbol}'`, f.member(answer, 'symbol'));
  // The parts add up; buyers and sellers may pay differently, and the dearer of the two is told [O].
  const parts = ['standardCommission', 'specialCommission', 'taxCommission']
    .filter((name) => name === 'standardCommission' || Object.hasOwn(answer, name))
    .map((name) => ({ fields: f.fieldsAt(answer, name, ''), path: `${name}.` }));
  const total = (kind: 'maker' | 'taker') =>
    sumOf(
      parts.flatMap(({ fields, path }) => [
        f.unsignedTextAt(fields, kind, path),
        largest([f.unsignedTextAt(fields, 'buyer', path), f.unsignedTextAt(fields, 'seller', path)]),
      ]),
    );
  return { takerFeeRate: total('taker'), makerFeeRate: total('maker') };
}

const rows = <Row>(
  answer: ExchangeAnswer,
  read: (value: unknown) => Extract<RowsAnswer<Row>, { kind: 'rows' }>,
): RowsAnswer<Row> => readAnswer<RowsAnswer<Row>>(answer, BINANCE_ENVELOPE, read, rowsRefusal);

export const BINANCE_ORDERS: OrderEntry = {
  limits: [
    // Unfilled orders per account; fills give the count back, so that this is too careful [D].
    { kind: 'window', name: 'orders', capacity: 100, windowMs: 10_000 },
    { kind: 'window', name: 'ordersOfDay', capacity: 200_000, windowMs: 86_400_000 },
    // Wallet endpoints have budgets of their own, by address and by account [C].
    { kind: 'window', name: 'wallet', capacity: 12_000, windowMs: 60_000 },
    { kind: 'window', name: 'walletOfAccount', capacity: 180_000, windowMs: 60_000 },
  ],
  sign,

  place: ({ symbol, side, quantity, limitPrice, clientOrderId }) =>
    call(
      'POST',
      '/api/v3/order',
      { weight: 1, orders: 1, ordersOfDay: 1 },
      [
        ['symbol', symbol],
        ['side', side === 'buy' ? 'BUY' : 'SELL'],
        ['type', 'LIMIT'],
        ['timeInForce', 'IOC'],
        ['quantity', quantity],
        ['price', limitPrice],
        ['newClientOrderId', clientOrderId],
        ['newOrderRespType', 'FULL'],
        ['selfTradePreventionMode', 'EXPIRE_TAKER'],
      ],
      { expires: true, timeoutMs: 5000, maxBodyBytes: 1 << 20 },
    ),
  parsePlace: (answer, { symbol, clientOrderId }) =>
    readAnswer(
      answer,
      BINANCE_ENVELOPE,
      (value) => {
        const order = readOrder(f.asFields(value, 'answer'), '');
        const report = askedFor(order, { symbol, clientOrderId, exchangeOrderId: null });
        return { kind: 'accepted', exchangeOrderId: report.exchangeOrderId, report };
      },
      placeRefusal,
    ),

  cancel: (order) => call('DELETE', '/api/v3/order', { weight: 1 }, named(order), { timeoutMs: 5000 }),
  parseCancel: (answer) =>
    readAnswer(
      answer,
      BINANCE_ENVELOPE,
      (value) => {
        readOrder(f.asFields(value, 'answer'), '');
        return { kind: 'accepted' };
      },
      cancelRefusal,
    ),

  lookups: (order) => [call('GET', '/api/v3/order', { weight: 4 }, named(order))],
  parseLookup: (answer, reference) =>
    readAnswer(
      answer,
      BINANCE_ENVELOPE,
      (value) => ({
        kind: 'found',
        order: askedFor(readOrder(f.asFields(value, 'answer'), ''), reference),
      }),
      lookupRefusal,
    ),

  openOrders: () => call('GET', '/api/v3/openOrders', { weight: 80 }, []),
  parseOpenOrders: (answer) =>
    rows(answer, (value) => ({ kind: 'rows', rows: rowsOf(value, readOrder).rows, next: [] })),

  // An order cannot be combined with a time [O].
  fills: ({ symbol, sinceMs, exchangeOrderId }) =>
    call('GET', '/api/v3/myTrades', { weight: 20 }, [
      ['symbol', symbol],
      exchangeOrderId === null ? ['startTime', Math.floor(sinceMs)] : ['orderId', exchangeOrderId],
      ['limit', ROWS],
    ]),
  parseFills: (answer, { symbol, exchangeOrderId }, asked) =>
    rows(answer, (value) => {
      const { rows: trades, received } = rowsOf(value, readTrade);
      if (trades.some((trade) => trade.symbol !== symbol))
        throw new FrameError('symbol', `'${symbol}'`, value);
      const wanted = trades.filter(
        (trade) => exchangeOrderId === null || trade.exchangeOrderId === exchangeOrderId,
      );
      const last = trades.at(-1)?.tradeId.slice(symbol.length + 1);
      const next =
        received < ROWS || last === undefined
          ? []
          : [callWith(asked, { fromId: (BigInt(last) + 1n).toString() }, ['startTime'])];
      return { kind: 'rows', rows: wanted, next };
    }),

  balances: () => call('GET', '/api/v3/account', { weight: 20 }, [['omitZeroBalances', true]]),
  parseBalances: (answer) =>
    rows(answer, (value) => {
      const list = f.listAt(f.asFields(value, 'answer'), 'balances', '', 10_000);
      const balances = list.map((row, index) =>
        readBalance(f.asFields(row, `balances[${index}]`), `balances[${index}].`),
      );
      return { kind: 'rows', rows: balances, next: [] };
    }),

  transfers: (sinceMs) => [
    call('GET', '/sapi/v1/capital/deposit/hisrec', { wallet: 1 }, [
      ['startTime', Math.floor(sinceMs)],
      ['limit', ROWS],
    ]),
    // 18,000 of 180,000 a minute: rarely asked for [C].
    call('GET', '/sapi/v1/capital/withdraw/history', { walletOfAccount: 18_000 }, [
      ['startTime', Math.floor(sinceMs)],
      ['limit', ROWS],
    ]),
  ],
  parseTransfers: (answer, _sinceMs, asked) =>
    rows(answer, (value) => {
      const read = asked.path.endsWith('/hisrec') ? readDeposit : readWithdrawal;
      const { rows: transfers, received } = rowsOf(value, read);
      const offset = Number(asked.parameters.find(([name]) => name === 'offset')?.[1] ?? 0);
      return {
        kind: 'rows',
        rows: transfers,
        next: received < ROWS ? [] : [callWith(asked, { offset: offset + received })],
      };
    }),

  feeRates: (symbol) => call('GET', '/api/v3/account/commission', { weight: 20 }, [['symbol', symbol]]),
  parseFeeRates: (answer, symbol) =>
    rows(answer, (value) => ({ kind: 'rows', rows: [readFeeRate(value, symbol)], next: [] })),

  keyFacts: {
    call: () => call('GET', '/sapi/v1/account/apiRestrictions', { wallet: 1 }, []),
    parse: (answer) => readKeyFacts(answer, BINANCE_ENVELOPE, binanceKeyFacts),
  },

  wallets: {
    call: () =>
      call('GET', '/sapi/v1/capital/config/getall', { wallet: 10 }, [], { maxBodyBytes: WALLET_BODY_BYTES }),
    parse: (answer, lookup) =>
      rows(answer, (value) => ({ kind: 'rows', rows: binanceNetworks(value, lookup), next: [] })),
  },

  // Only futures have one [O].
  deadMan: null,
  stream: binanceStream,
};
