import { join } from 'node:path';
import type { StartOptions } from '../cli/options.js';
import type { Logger } from '../ports/log.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Stores } from '../ports/stores.js';
import type { TickStore } from '../ports/tick-store.js';
import { LocalFiles } from '../runtime/platform/files.js';
import { openLog, type OpenedLog } from '../runtime/platform/log.js';
import { CryptoRandom } from '../runtime/platform/random.js';
import { openPrices } from '../storage/open-prices.js';
import { openStores } from '../storage/open-stores.js';
import { ticksOfNode } from '../storage/open-ticks.js';
import { MachineTime } from './machine-time.js';
import { MODE_OF } from './mode-of.js';
import type { StartedNode } from './run.js';
import { priceChoiceOf, storeChoiceOf } from './store-choice.js';
import { Teardown } from './teardown.js';
import { tickChoiceOf } from './tick-choice.js';

export type { StartedNode } from './run.js';

/** A log file never grows beyond this; the one before it is kept beside it. */
const LOG_FILE_BYTES = 10 << 20;

/**
 * Starts a node: stores, market, bus, actors, page. What was opened before a failure is closed again, newest first, and the
 * failure is the caller's. Everything it starts ends with `stop`.
 */
export async function startNode(options: StartOptions): Promise<StartedNode> {
  const teardown = new Teardown();
  try {
    return await openNode(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function openNode(options: StartOptions, teardown: Teardown): Promise<StartedNode> {
  const machine = new MachineTime();
  const files = new LocalFiles();
  const folder = join(options.dataFolder, MODE_OF[options.market].toLowerCase());
  await files.makeFolder(folder);
  const logPath = options.log.to === 'file' ? join(folder, 'arbot.log') : null;
  const opened = openNodeLog(options, logPath, machine);
  teardown.add('log', () => opened.close());
  const { log } = opened;

  // The slowest first: the database starts in a process of its own while this one loads everything else.
  const opening = options.recordFolder === null ? openNodeStores(options, log, folder, machine) : null;
  teardown.add('stores', async () => (await opening?.catch(() => null))?.close());
  // Nothing waits for these: they open beside everything else, and again later when they are away.
  const ticks = openNodeTicks(options, log, folder, machine);
  teardown.add('ticks', () => ticks?.close());
  const pricing = options.recordFolder === null ? openNodePrices(options, log, machine) : null;
  teardown.add('prices', async () => (await pricing?.catch(() => null))?.close());
  const [stores, prices, { startPrepared }] = await Promise.all([opening, pricing, loadRest()]);
  const logPlace = logPath ?? 'standard error';
  return startPrepared({ options, machine, log, logPlace, files, folder, stores, prices, ticks, teardown });
}

/** Everything else of the program, with its decoders compiled before frames wait for them. */
async function loadRest(): Promise<typeof import('./run.js')> {
  const [rest, { warmUpDecoders }] = await Promise.all([
    import('./run.js'),
    import('../connectors/warm-up.js'),
  ]);
  warmUpDecoders();
  return rest;
}

function openNodeLog(options: StartOptions, path: string | null, clock: MachineTime): OpenedLog {
  const { clusterConfig, node } = options;
  return openLog({
    level: options.log.level,
    clock,
    base: {
      cluster: clusterConfig.name,
      node: node.name,
      region: node.region,
      mode: MODE_OF[options.market],
    },
    ...(path === null ? { format: 'json' as const } : { file: { path, maxBytes: LOG_FILE_BYTES } }),
  });
}

/** In real time also where the market's is not: a server has no other. Null = the node keeps them itself. */
async function openNodePrices(
  options: StartOptions,
  log: Logger,
  time: MachineTime,
): Promise<PriceStore | null> {
  const choice = priceChoiceOf(options.clusterConfig, MODE_OF[options.market], process.env);
  if (choice.kind === 'in-process') return null;
  return openPrices(choice, { log, clock: time, timers: time, random: new CryptoRandom() });
}

function openNodeStores(
  options: StartOptions,
  log: Logger,
  folder: string,
  time: MachineTime,
): Promise<Stores> {
  const choice = storeChoiceOf(options.clusterConfig, MODE_OF[options.market], folder, process.env);
  return openStores(choice, { log, timers: time, clock: time });
}

/** Null where ticks are not kept: a recording of raw traffic has them, and a replay has heard nothing new. */
function openNodeTicks(
  options: StartOptions,
  log: Logger,
  folder: string,
  time: MachineTime,
): TickStore | null {
  if (options.recordFolder !== null || options.market === 'replay') return null;
  const choice = tickChoiceOf(options.clusterConfig, folder, process.env);
  return ticksOfNode(choice, MODE_OF[options.market], { log, timers: time, clock: time });
}
