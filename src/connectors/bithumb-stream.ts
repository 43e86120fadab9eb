import { readPushedOrder, readPushedTrade } from './bithumb-order-rows.js';
import * as f from './fields.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import type { PrivateSink, PrivateStream } from './order-entry.js';
import { jsonWebToken } from './order-signing.js';
import { readAssets, readRefusal } from './upbit-stream.js';

/** The private socket v2 of Bithumb (PROTOCOLS §7): a token in the handshake, `myOrder` in words of its own, `myAsset` as on Upbit. */
export const bithumbStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  handshakeHeaders: ({ apiKey, secret }, { nonce, timeMs }) => {
    const claims = { access_key: apiKey, nonce, timestamp: Math.floor(timeMs) };
    return { Authorization: `Bearer ${jsonWebToken(claims, secret, 'HS256')}` };
  },
  login: () => [],
  // Without codes: orders of every market, also those that are not ours. A second request would replace this one.
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

/** Both are read before one is told, so that a refused frame leaves nothing behind. */
function readOrder(frame: f.Fields, sink: PrivateSink): void {
  const order = readPushedOrder(frame);
  const trade = order.statusWord === 'trade' ? readPushedTrade(frame, order) : null;
  if (trade !== null) sink.trade(trade);
  sink.order(order);
}
