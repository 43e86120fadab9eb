import { SIDES, STATUS_WORDS, tradeIdOf } from './binance-order-rows.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import type { OrderReport, PrivateSink, PrivateStream, TradeReport } from './order-entry.js';
import * as o from './order-fields.js';
import { encodedQuery, hmacHex, type Parameters } from './order-signing.js';

/**
 * The private stream of Binance (PROTOCOLS §3): a subscription on the WebSocket API, signed with the HMAC key. Listen keys answer
 * no more [O]. Events come as `{"subscriptionId","event":{…}}`.
 */

const REQUEST_ID = 'private';

export const binanceStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  handshakeHeaders: () => ({}),
  // Parameters are sorted by name before they are signed [O].
  login: ({ apiKey, secret }, { timeMs }) => {
    const parameters: Parameters = [
      ['apiKey', apiKey],
      ['timestamp', Math.floor(timeMs)],
    ];
    return [
      JSON.stringify({
        id: REQUEST_ID,
        method: 'userDataStream.subscribe.signature',
        params: { ...Object.fromEntries(parameters), signature: hmacHex(secret, encodedQuery(parameters)) },
      }),
    ];
  },
  // The login is the subscription.
  subscribe: () => [],
  acknowledgements: 1,
  heartbeat: { everyMs: null, probe: { kind: 'ping' }, probeAfterSilenceMs: 4000, deadAfterSilenceMs: 9000 },
  maxFrameBytes: FRAME_LIMITS.maxBytes,
  lifetimeMs: 24 * 3_600_000,
  isOpenAuthorised: false,
  decode: (data, sink) => {
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'event')) readEvent(f.fieldsAt(frame, 'event', ''), sink);
    else if (Object.hasOwn(frame, 'status')) readAnswer(frame, sink);
    else if (f.member(frame, 'e') === 'serverShutdown') sink.closing('serverShutdown');
  },
};

/** `{"id","status":200,"result":{"subscriptionId":0}}`, or an `error` of `code` and `msg`. */
function readAnswer(frame: f.Fields, sink: PrivateSink): void {
  const status = f.counterAt(frame, 'status', '');
  if (status === 200) {
    f.counterAt(f.fieldsAt(frame, 'result', ''), 'subscriptionId', 'result.');
    sink.authorised();
    sink.subscribed();
    return;
  }
  const error = f.fieldsAt(frame, 'error', '');
  const code = f.member(error, 'code');
  if (typeof code !== 'number') throw new FrameError('error.code', 'a number', code);
  sink.refused(String(code), f.textAt(error, 'msg', 'error.'));
}

function readEvent(event: f.Fields, sink: PrivateSink): void {
  switch (f.textAt(event, 'e', 'event.')) {
    case 'executionReport':
      return readExecution(event, 'event.', sink);
    case 'outboundAccountPosition':
      return readPosition(event, 'event.', sink);
    // A deposit, a withdrawal or a transfer between own accounts [O].
    case 'balanceUpdate':
      o.signedTextAt(event, 'd', 'event.');
      return sink.transferred(f.symbolAt(event, 'a', 'event.'), f.timeAt(event, 'T', 'event.'));
    case 'eventStreamTerminated':
      return sink.closing('eventStreamTerminated');
    case 'serverShutdown':
      return sink.closing('serverShutdown');
    // `listStatus` and `externalLockUpdate`: of orders that are not ours, and told by `outboundAccountPosition` too.
    default:
  }
}

/** All is read before anything is told, so that a refused frame leaves nothing behind. */
function readExecution(event: f.Fields, path: string, sink: PrivateSink): void {
  const symbol = f.symbolAt(event, 's', path);
  const exchangeOrderId = f.idAt(event, 'i', path);
  // `C` is the order's own id when `c` is that of its cancel [O].
  const original = o.clientIdAt(event, 'C', path);
  const clientOrderId = original === '' ? o.clientIdAt(event, 'c', path) : original;
  const side = o.sideAt(event, 'S', path, SIDES);
  const quantity = f.unsignedTextAt(event, 'q', path);
  const filledQuantity = f.unsignedTextAt(event, 'z', path);
  const statusWord = f.textAt(event, 'X', path);
  const timeMs = f.timeAt(event, 'T', path);
  const report: OrderReport = {
    clientOrderId,
    exchangeOrderId,
    symbol,
    side,
    status: o.statusOf(statusWord, STATUS_WORDS, quantity, filledQuantity),
    statusWord,
    quantity,
    filledQuantity,
    trades: [],
    updatedAtMs: timeMs,
  };
  if (f.member(event, 'x') === 'TRADE') {
    const trade: TradeReport = {
      tradeId: tradeIdOf(symbol, o.countedIdAt(event, 't', path)),
      exchangeOrderId,
      clientOrderId,
      symbol,
      side,
      price: f.positiveTextAt(event, 'L', path),
      quantity: f.positiveTextAt(event, 'l', path),
      fee: o.signedTextAt(event, 'n', path),
      feeTicker: o.isAbsent(event, 'N') ? null : f.symbolAt(event, 'N', path),
      liquidity: f.booleanAt(event, 'm', path) ? 'maker' : 'taker',
      timeMs,
    };
    sink.trade(trade);
  }
  sink.order(report);
}

function readPosition(event: f.Fields, path: string, sink: PrivateSink): void {
  const timeMs = f.timeAt(event, 'u', path);
  const balances = f.listAt(event, 'B', path, 10_000).map((row, index) => {
    const fields = f.asFields(row, `${path}B[${index}]`);
    const at = `${path}B[${index}].`;
    return {
      ticker: f.symbolAt(fields, 'a', at),
      free: o.signedTextAt(fields, 'f', at),
      locked: f.unsignedTextAt(fields, 'l', at),
      borrowed: '0',
    };
  });
  for (const balance of balances) sink.balance(balance, timeMs);
}
