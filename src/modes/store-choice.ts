import { secretOf, type ClusterConfig, type Environment } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';
import type { ModeName } from '../messages/primitives.js';
import type { PriceChoice } from '../storage/open-prices.js';
import type { StoreChoice } from '../storage/open-stores.js';

/** The store of the cluster file for a mode. Throws ARB_CONFIG_INVALID naming the variable that is not set. */
export function storeChoiceOf(
  cluster: ClusterConfig,
  mode: ModeName,
  folder: string,
  environment: Environment,
): StoreChoice {
  const { trades } = cluster.stores;
  switch (trades.kind) {
    case 'pglite':
      return { kind: 'pglite', folder: `${folder}/pglite`, mode };
    case 'memory':
      return { kind: 'memory', mode };
    case 'postgres': {
      const url = secretOf(environment, trades.urlEnv);
      if (url === null)
        throw new ArbotError('ARB_CONFIG_INVALID', `stores.trades.urlEnv: ${trades.urlEnv} is not set`);
      return { kind: 'postgres', url, mode };
    }
  }
}

/**
 * The price store of the cluster file. Modes are never mixed, so each has keys of its own. Throws ARB_CONFIG_INVALID naming the
 * variable that is not set.
 */
export function priceChoiceOf(cluster: ClusterConfig, mode: ModeName, environment: Environment): PriceChoice {
  const { prices } = cluster.stores;
  if (prices.kind === 'in-process') return prices;
  const url = secretOf(environment, prices.urlEnv);
  if (url === null)
    throw new ArbotError('ARB_CONFIG_INVALID', `stores.prices.urlEnv: ${prices.urlEnv} is not set`);
  return { kind: 'redis', url, prefix: `${cluster.name}:${mode.toLowerCase()}:` };
}
