import type { ExchangeId } from '../../messages/primitives.js';
import { binanceReplay } from './binance.js';
import { bitgetReplay } from './bitget.js';
import { bybitReplay } from './bybit.js';
import { gateReplay } from './gate.js';
import { kucoinReplay } from './kucoin.js';
import { okxReplay } from './okx.js';
import { bithumbReplay, upbitReplay } from './upbit.js';
import { CONTROL, NOTHING_ASKED } from '../protocol.js';
import type { ReplayProtocol } from '../protocol.js';

/**
 * An exchange without its own replay protocol: any path is a socket, the first client frame starts the replay, every frame is sent
 * to everybody, nothing is acknowledged and no REST question is answered but from the recording.
 */
function plainReplay(exchange: ExchangeId): ReplayProtocol {
  const none = JSON.stringify({ error: 'not recorded' });
  return {
    exchange,
    snapshots: 'socket',
    isSocketPath: () => true,
    argumentsOfUrl: () => [],
    read: () => CONTROL,
    readClient: () => ({ ...NOTHING_ASKED, kind: 'subscribe' }),
    shape: (text) => text,
    snapshotFrame: () => null,
    question: () => ({ kind: 'unknown' }),
    timeAnswer: () => none,
    instrumentsAnswer: () => none,
    readDepth: () => null,
    depthAnswer: () => none,
    answers: () => false,
  };
}

/** The replay protocol of an exchange. */
export function protocolOf(exchange: ExchangeId): ReplayProtocol {
  if (exchange === 'binance') return binanceReplay;
  if (exchange === 'okx') return okxReplay;
  if (exchange === 'bybit') return bybitReplay;
  if (exchange === 'gate') return gateReplay;
  if (exchange === 'bitget') return bitgetReplay;
  if (exchange === 'kucoin') return kucoinReplay;
  if (exchange === 'upbit') return upbitReplay;
  if (exchange === 'bithumb') return bithumbReplay;
  return plainReplay(exchange);
}
