import { secretOf, type BusConfig } from '../config/index.js';
import type { StartOptions } from '../cli/options.js';
import type { BusOptions } from '../cluster/bus-options.js';
import { InProcessBus } from '../cluster/in-process-bus.js';
import { NatsBus, type NatsBusOptions } from '../cluster/nats-bus.js';
import { ArbotError } from '../messages/errors.js';
import type { Bus } from '../ports/bus.js';
import type { NodeServices } from '../ports/node-services.js';
import type { Random } from '../ports/random.js';

type Ports = Omit<BusOptions, 'sender'> & { readonly random: Random };

/** A node's two buses. In process they are one; over NATS each is a connection of its own, so that no order waits behind books. */
export interface Buses {
  /** Orders, commands and events: whatever concerns money or control. */
  readonly orders: Bus;
  /** Books and trades of the market. */
  readonly market: Bus;
  /** How nodes find and ask each other; null in process, where there is one. */
  readonly services: NodeServices | null;
}

/** The buses of `cluster.config.ts`. Throws ARB_CONFIG_INVALID naming a variable that is not set. */
export async function openBuses(options: StartOptions, ports: Ports): Promise<Buses> {
  const { bus } = options.clusterConfig;
  if (bus.kind === 'in-process') {
    const both = new InProcessBus({ ...ports, sender: options.node.name });
    return { orders: both, market: both, services: null };
  }
  const shared = natsOptions(options, bus, ports);
  const orders = await NatsBus.connect({ ...shared, connection: 'orders' });
  try {
    const market = await NatsBus.connect({ ...shared, connection: 'market' });
    // Whole documents are asked for: they may wait behind books, and no order behind them.
    return { orders, market, services: market.services() };
  } catch (error) {
    await orders.close();
    throw error;
  }
}

function natsOptions(options: StartOptions, bus: BusConfig & { kind: 'nats' }, ports: Ports): NatsBusOptions {
  const { urls, pingIntervalMs, tls } = bus;
  const auth = authOf(bus);
  return {
    ...ports,
    ...(auth === null ? {} : { auth }),
    ...(tls === undefined ? {} : { tls }),
    sender: options.node.name,
    servers: urls,
    pingIntervalMs,
    prefix: `${options.clusterConfig.name}.${options.market}`,
  };
}

function authOf({
  userEnv,
  passwordEnv,
  nkeySeedEnv,
}: BusConfig & { kind: 'nats' }): NonNullable<NatsBusOptions['auth']> | null {
  if (nkeySeedEnv !== undefined) return { nkeySeed: required(nkeySeedEnv) };
  if (userEnv === undefined || passwordEnv === undefined) return null;
  return { user: required(userEnv), password: required(passwordEnv) };
}

function required(variable: string): string {
  const value = secretOf(process.env, variable);
  if (value === null) throw new ArbotError('ARB_CONFIG_INVALID', `bus: ${variable} is not set`);
  return value;
}
