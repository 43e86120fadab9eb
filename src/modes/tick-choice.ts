import { secretOf, type ClusterConfig, type Environment } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';
import type { TickChoice } from '../storage/open-ticks.js';

function required(environment: Environment, variable: string, key: string): string {
  const value = secretOf(environment, variable);
  if (value === null) throw new ArbotError('ARB_CONFIG_INVALID', `${key}: ${variable} is not set`);
  return value;
}

/** The tick store of the cluster file. Throws ARB_CONFIG_INVALID naming the variable that is not set or holds no URL. */
export function tickChoiceOf(cluster: ClusterConfig, folder: string, environment: Environment): TickChoice {
  const { ticks } = cluster.stores;
  switch (ticks.kind) {
    case 'none':
      return { kind: 'none' };
    case 'chdb':
      return { kind: 'chdb', folder: `${folder}/ticks` };
    case 'clickhouse': {
      const { urlEnv, userEnv, passwordEnv, database } = ticks;
      const url = required(environment, urlEnv, 'stores.ticks.urlEnv');
      // The address stays out of the message: it may hold a password.
      if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
        throw new ArbotError('ARB_CONFIG_INVALID', `stores.ticks.urlEnv: ${urlEnv} holds no http(s) URL`);
      const user = userEnv === undefined ? null : required(environment, userEnv, 'stores.ticks.userEnv');
      const password =
        passwordEnv === undefined ? null : required(environment, passwordEnv, 'stores.ticks.passwordEnv');
      return { kind: 'clickhouse', server: { url, user, password, database } };
    }
  }
}
