import { CONNECTED_EXCHANGES, hasConnector, type ConnectedExchange } from '../config/index.js';
import type { Connector, Endpoints } from '../connectors/base.js';
import { binance } from '../connectors/binance.js';
import { bybit } from '../connectors/bybit.js';
import { okx } from '../connectors/okx.js';
import { ArbotError } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';

/** Typed by the list that the configuration is checked against, so that neither can be longer than the other. */
const CONNECTORS: Readonly<Record<ConnectedExchange, (at: Partial<Endpoints>) => Connector>> = {
  binance: (endpoints) => binance({ endpoints }),
  okx: (endpoints) => okx({ endpoints }),
  bybit: (endpoints) => bybit({ endpoints }),
};

/** A new connector of an exchange. Throws ARB_CLI_USAGE when there is none yet. */
export function connectorOf(exchange: ExchangeId, endpoints: Partial<Endpoints>): Connector {
  if (hasConnector(exchange)) return CONNECTORS[exchange](endpoints);
  throw new ArbotError(
    'ARB_CLI_USAGE',
    `there is no connector for ${exchange} yet; enabled may be ${CONNECTED_EXCHANGES.join(', ')}`,
  );
}
