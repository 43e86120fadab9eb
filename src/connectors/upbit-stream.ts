import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import type { OrderReport, PrivateSink, PrivateStream, TradeReport } from './order-entry.js';
import * as o from './order-fields.js';
import { jsonWebToken, type JwtAlgorithm } from './order-signing.js';
import { amountAt, amountOrZeroAt, positiveAmountAt, quoteOf, STATUS_WORDS } from './upbit-order-rows.js';

/**
 * The private socket of Upbit (PROTOCOLS §6): the token stands in the handshake, so that an open connection is logged in;
 * `myOrder` and `myAsset`, of which nothing is sent while nothing happens.
 */

const SIDES = { buy: 'BID', sell: 'ASK' } as const;

export function upbitStream(algorithm: JwtAlgorithm): PrivateStream {
  return {
    url: ({ privateUrl }) => privateUrl ?? '',
    handshakeHeaders: ({ apiKey, secret }, { nonce }) => ({
      Authorization: `Bearer ${jsonWebToken({ access_key: apiKey, nonce }, secret, algorithm)}`,
    }),
    login: () => [],
    // Without codes: orders of every market, also those that are not ours.
    subscribe: () => [
      JSON.stringify([
        { ticket: 'arbot-private' },
        { type: 'myOrder' },
        { type: 'myAsset' },
        { format: 'DEFAULT' },
      ]),
    ],
    acknowledgements: 0,
    // Closed after 60 s without a word of the client [P].
    heartbeat: {
      everyMs: 20_000,
      probe: { kind: 'ping' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    maxFrameBytes: FRAME_LIMITS.maxBytes,
    lifetimeMs: null,
    isOpenAuthorised: true,
    decode: (data, sink) => {
      const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
      if (Object.hasOwn(frame, 'error')) return readRefusal(frame, sink);
      if (f.member(frame, 'status') === 'UP') return sink.pong();
      const type = f.member(frame, 'type');
      if (type === 'myOrder') readOrder(frame, sink);
      else if (type === 'myAsset') readAssets(frame, sink);
    },
  };
}

/** The socket's word for what it does not take. */
export function readRefusal(frame: f.Fields, sink: PrivateSink): void {
  const error = f.fieldsAt(frame, 'error', '');
  const message = f.member(error, 'message');
  sink.refused(f.textAt(error, 'name', 'error.'), typeof message === 'string' ? message.slice(0, 256) : '');
}

/**
 * The order, and in state `trade` the execution: `price` and `volume` are the execution's then, so that the order's own quantity
 * is what was executed and what remains.
 */
function readOrder(frame: f.Fields, sink: PrivateSink): void {
  const statusWord = f.textAt(frame, 'state', '');
  const filledQuantity = amountAt(frame, 'executed_volume', '');
  const remaining = amountOrZeroAt(frame, 'remaining_volume', '');
  const quantity = o.sumOf([filledQuantity, remaining]);
  // A market order that names an amount of money tells no remainder: only its last word ends it.
  const isWhole = o.isAbsent(frame, 'remaining_volume');
  const order: OrderReport = {
    clientOrderId: o.clientIdAt(frame, 'identifier', ''),
    exchangeOrderId: f.idAt(frame, 'uuid', ''),
    symbol: f.symbolAt(frame, 'code', ''),
    side: o.sideAt(frame, 'ask_bid', '', SIDES),
    status: o.statusOf(statusWord, STATUS_WORDS, isWhole ? '0' : quantity, filledQuantity),
    statusWord,
    quantity,
    filledQuantity,
    trades: [],
    updatedAtMs: f.timeAt(frame, 'timestamp', ''),
  };
  const trade = statusWord === 'trade' ? readTrade(frame, order) : null;
  if (trade !== null) sink.trade(trade);
  sink.order(order);
}

/** Null where the fee of this one trade is not told: the order's filled amount then says that something has to be asked for. */
function readTrade(frame: f.Fields, order: OrderReport): TradeReport | null {
  const quantity = positiveAmountAt(frame, 'volume', '');
  const price = positiveAmountAt(frame, 'price', '');
  const tradeId = f.idAt(frame, 'trade_uuid', '');
  const timeMs = f.timeAt(frame, o.isAbsent(frame, 'trade_timestamp') ? 'timestamp' : 'trade_timestamp', '');
  const isFirst = quantity === order.filledQuantity;
  if (o.isAbsent(frame, 'trade_fee') && !isFirst) return null;
  return {
    tradeId,
    exchangeOrderId: order.exchangeOrderId,
    clientOrderId: order.clientOrderId === '' ? null : order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    price,
    quantity,
    fee: amountAt(frame, o.isAbsent(frame, 'trade_fee') ? 'paid_fee' : 'trade_fee', ''),
    feeTicker: quoteOf(order.symbol, 'code'),
    liquidity: f.member(frame, 'is_maker') === true ? 'maker' : 'taker',
    timeMs,
  };
}

/** What is held of the assets that changed. */
export function readAssets(frame: f.Fields, sink: PrivateSink): void {
  const timeMs = f.timeAt(frame, 'timestamp', '');
  const balances = f.listAt(frame, 'assets', '', 10_000).map((asset, index) => {
    const fields = f.asFields(asset, `assets[${index}]`);
    const path = `assets[${index}].`;
    return {
      ticker: f.symbolAt(fields, 'currency', path),
      free: amountAt(fields, 'balance', path),
      locked: amountAt(fields, 'locked', path),
      borrowed: '0',
    };
  });
  if (balances.length === 0) throw new FrameError('assets', 'the assets that changed', balances);
  for (const balance of balances) sink.balance(balance, timeMs);
}
