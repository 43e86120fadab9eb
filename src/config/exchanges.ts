/** The exchanges that ArBot has a connector of its own for. Others may be listed but not enabled; `modes` builds the connectors. */
export const CONNECTED_EXCHANGES = [
  'binance',
  'okx',
  'bybit',
  'gate',
  'bitget',
  'kucoin',
  'upbit',
  'bithumb',
] as const;
export type ConnectedExchange = (typeof CONNECTED_EXCHANGES)[number];

export const hasConnector = (exchange: string): exchange is ConnectedExchange =>
  (CONNECTED_EXCHANGES as readonly string[]).includes(exchange);
