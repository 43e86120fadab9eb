import { ArbotError } from '../messages/errors.js';
import * as f from './fields.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { readPushedOrder } from './kucoin-order-rows.js';
import { addressIn } from './kucoin-ticket.js';
import { privateCall } from './order-calls.js';
import type { PrivateSink, PrivateStream } from './order-entry.js';
import * as o from './order-fields.js';

/**
 * The private socket of KuCoin (PROTOCOLS §8): the classic one behind a signed ticket, which is the login; it greets first. A push
 * of a match has no fee [C], so that trades are not told: orders tell how much is filled, and `hf/fills` what it cost.
 */

export const KUCOIN_PRIVATE_SOCKET = 'wss://ws-api-spot.kucoin.com/';

const TOPICS = ['/spotMarket/tradeOrdersV2', '/account/balance'] as const;
/** What moved coins without a trade [C]. */
const MOVES = /(?:transfer|deposit|withdraw)/;

export const kucoinStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  ticket: {
    call: privateCall('POST', '/api/v1/bullet-private', { costs: { spot: 10 }, maxBodyBytes: 64 << 10 }),
    addressOf: ({ status, body }, connectionId, { privateUrl = '' }) => {
      if (status !== 200)
        throw new ArbotError('ARB_EXCHANGE_ERROR', `kucoin answered ${status} to /api/v1/bullet-private`);
      return addressIn(body, connectionId, { at: privateUrl, socketUrl: KUCOIN_PRIVATE_SOCKET });
    },
  },
  handshakeHeaders: () => ({}),
  login: () => [],
  subscribe: () =>
    TOPICS.map((topic, index) =>
      JSON.stringify({
        id: String(index + 1),
        type: 'subscribe',
        topic,
        privateChannel: true,
        response: true,
      }),
    ),
  acknowledgements: TOPICS.length,
  heartbeat: {
    everyMs: 10_000,
    probe: { kind: 'text', text: '{"id":"ping","type":"ping"}' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  maxFrameBytes: FRAME_LIMITS.maxBytes,
  lifetimeMs: 24 * 3_600_000,
  isOpenAuthorised: false,
  decode: (data, sink) => {
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    switch (f.member(frame, 'type')) {
      case 'welcome':
        return sink.authorised();
      case 'ack':
        return sink.subscribed();
      case 'pong':
        return sink.pong();
      case 'error':
        return refused(frame, sink);
      case 'message':
        return readMessage(frame, sink);
      default:
    }
  },
};

function refused(frame: f.Fields, sink: PrivateSink): void {
  const [code, text] = [f.member(frame, 'code'), f.member(frame, 'data')];
  sink.refused(
    typeof code === 'number' || typeof code === 'string' ? String(code).slice(0, 32) : 'error',
    typeof text === 'string' ? text.slice(0, 256) : '',
  );
}

function readMessage(frame: f.Fields, sink: PrivateSink): void {
  switch (f.textAt(frame, 'topic', '')) {
    case '/spotMarket/tradeOrdersV2':
    case '/spotMarket/tradeOrders':
      return sink.order(readPushedOrder(f.fieldsAt(frame, 'data', ''), 'data.'));
    case '/account/balance':
      return readBalance(f.fieldsAt(frame, 'data', ''), sink);
    default:
  }
}

/** `relationEvent` begins with the kind of account: `trade.hold`, `trade_hf.transfer`, `main.deposit` [C]. */
function readBalance(data: f.Fields, sink: PrivateSink): void {
  const event = f.textAt(data, 'relationEvent', 'data.');
  if (!event.startsWith('trade')) return;
  const timeMs = f.timeTextAt(data, 'time', 'data.');
  const ticker = f.symbolAt(data, 'currency', 'data.');
  const balance = {
    ticker,
    free: o.signedTextAt(data, 'available', 'data.'),
    locked: f.unsignedTextAt(data, 'hold', 'data.'),
    borrowed: '0',
  };
  sink.balance(balance, timeMs);
  if (MOVES.test(event)) sink.transferred(ticker, timeMs);
}
