import { secretOf } from '../config/index.js';
import type { StartOptions } from '../cli/options.js';
import type { BusOptions } from '../cluster/bus-options.js';
import { InProcessBus } from '../cluster/in-process-bus.js';
import { NatsBus } from '../cluster/nats-bus.js';
import { ArbotError } from '../messages/errors.js';
import type { Bus } from '../ports/bus.js';
import type { Random } from '../ports/random.js';

/** The bus of `cluster.config.ts`. Throws ARB_CONFIG_INVALID naming a variable that is not set. */
export function openBus(
  options: StartOptions,
  ports: Omit<BusOptions, 'sender'> & { readonly random: Random },
): Promise<Bus> {
  const { bus } = options.clusterConfig;
  const sender = options.node.name;
  switch (bus.kind) {
    case 'in-process':
      return Promise.resolve(new InProcessBus({ ...ports, sender }));
    case 'nats': {
      const { urls, pingIntervalMs, userEnv, passwordEnv } = bus;
      const auth =
        userEnv === undefined || passwordEnv === undefined
          ? {}
          : { auth: { user: required(userEnv), password: required(passwordEnv) } };
      return NatsBus.connect({
        ...ports,
        ...auth,
        sender,
        servers: urls,
        pingIntervalMs,
        prefix: `${options.clusterConfig.name}.${options.market}`,
      });
    }
  }
}

function required(variable: string): string {
  const value = secretOf(process.env, variable);
  if (value === null) throw new ArbotError('ARB_CONFIG_INVALID', `bus: ${variable} is not set`);
  return value;
}
