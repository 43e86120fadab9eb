/** What the user's two files import, and what the rest of ArBot reads. */
export { defineCluster, LOOPBACK_HOSTS } from './cluster.js';
export type { BusConfig, ClusterConfig, ClusterConfigInput, NodeConfig, NodeRole } from './cluster.js';
export type { DeploymentConfig } from './deployment.js';
export { CONNECTED_EXCHANGES, hasConnector } from './exchanges.js';
export type { ConnectedExchange } from './exchanges.js';
export { defineTrading } from './trading.js';
export type { ExchangeConfig, PairConfig, TradingConfig, TradingConfigInput } from './trading.js';
export { assetsOfPair } from './trading-relations.js';
export { checkCluster, checkTrading, loadConfig } from './load.js';
export type { FlagOverride, LoadedConfig, LoadOptions } from './load.js';
export { ConfigInvalid } from './problems.js';
export type { ConfigProblem } from './problems.js';
export { OVERRIDES, secretOf } from './overrides.js';
export type { Environment } from './overrides.js';
