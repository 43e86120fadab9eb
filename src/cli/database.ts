import { join, resolve } from 'node:path';
import type { LoadedConfig } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';
import { MachineTime } from '../modes/machine-time.js';
import { MODE_OF, type MarketName } from '../modes/mode-of.js';
import { storeChoiceOf } from '../modes/store-choice.js';
import type { Logger } from '../ports/log.js';
import type { DatabaseChoice, StorePorts } from '../storage/open-stores.js';
import type { Terminal } from './output.js';
import { loadWithFlags, type StartFlags } from './start.js';

/** The database of trades that a command looks at, without a node. */
export interface ChosenDatabase {
  readonly choice: DatabaseChoice;
  readonly ports: StorePorts;
  readonly loaded: LoadedConfig;
}

/** What goes wrong beside the answer, in plain lines. */
function plainLog(terminal: Terminal): Logger {
  const tell = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    terminal.complain(`arbot: ${message} ${JSON.stringify(fields)}`);
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: tell,
    error: tell,
    child: () => log,
  };
  return log;
}

function marketOf(text: string): MarketName {
  if (text === 'simulated' || text === 'replay' || text === 'live') return text;
  throw new ArbotError('ARB_CLI_USAGE', '--market: must be simulated, replay or live');
}

/** Rejects with ConfigInvalid, or ARB_CLI_USAGE for a store that keeps nothing. */
export async function chooseDatabase(flags: StartFlags, terminal: Terminal): Promise<ChosenDatabase> {
  const mode = MODE_OF[marketOf(flags.market ?? 'simulated')];
  const loaded = await loadWithFlags(flags, terminal);
  const folder = join(resolve(terminal.workingFolder, loaded.node.dataFolder), mode.toLowerCase());
  const choice = storeChoiceOf(loaded.cluster, mode, folder, terminal.environment);
  if (choice.kind === 'memory')
    throw new ArbotError(
      'ARB_CLI_USAGE',
      'stores.trades.kind is memory: it keeps nothing that could be shown',
    );
  const time = new MachineTime();
  return { choice, loaded, ports: { log: plainLog(terminal), timers: time, clock: time } };
}
