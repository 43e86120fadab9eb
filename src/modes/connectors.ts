import { CONNECTED_EXCHANGES, hasConnector, type ConnectedExchange } from '../config/index.js';
import type { Connector, Endpoints } from '../connectors/base.js';
import { binance } from '../connectors/binance.js';
import { bithumb } from '../connectors/bithumb.js';
import { bitget } from '../connectors/bitget.js';
import { bybit } from '../connectors/bybit.js';
import { gate } from '../connectors/gate.js';
import { kucoin } from '../connectors/kucoin.js';
import { okx } from '../connectors/okx.js';
import { upbit } from '../connectors/upbit.js';
import { ArbotError } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';

/** Typed by the list that the configuration is checked against, so that neither can be longer than the other. */
const CONNECTORS: Readonly<Record<ConnectedExchange, (at: Partial<Endpoints>) => Connector>> = {
  binance: (endpoints) => binance({ endpoints }),
  okx: (endpoints) => okx({ endpoints }),
  bybit: (endpoints) => bybit({ endpoints }),
  gate: (endpoints) => gate({ endpoints }),
  bitget: (endpoints) => bitget({ endpoints }),
  kucoin: (endpoints) => kucoin({ endpoints }),
  upbit: (endpoints) => upbit({ endpoints }),
  bithumb: (endpoints) => bithumb({ endpoints }),
};

/** Exchanges whose signed requests carry an expiry, so that a clock skew binds them (TRADING §2). */
export const CLOCK_BOUND: readonly ExchangeId[] = CONNECTED_EXCHANGES.filter(
  (exchange) => CONNECTORS[exchange]({}).capabilities.orders.requestExpiry.kind !== 'none',
);

/** A new connector of an exchange. Throws ARB_CLI_USAGE when there is none yet. */
export function connectorOf(exchange: ExchangeId, endpoints: Partial<Endpoints>): Connector {
  if (hasConnector(exchange)) return CONNECTORS[exchange](endpoints);
  throw new ArbotError(
    'ARB_CLI_USAGE',
    `there is no connector for ${exchange} yet; enabled may be ${CONNECTED_EXCHANGES.join(', ')}`,
  );
}
