import { resolve } from 'node:path';
import { loadConfig } from '../../config/index.js';
import { ArbotError } from '../../messages/errors.js';
import { SystemClock, SystemTimers } from '../../runtime/platform/clock.js';
import { UndiciHttpClient } from '../../runtime/platform/http-client.js';
import { EXIT, type Terminal } from '../output.js';
import { askHere } from './here.js';

export interface HereFlags {
  readonly config?: string;
  readonly node?: string;
  readonly environment?: string;
  readonly wait?: string;
  readonly build?: string;
  readonly pid?: string;
}

/** Prints one line of JSON; 1 when the node has not joined, or is of another build than wanted. */
export async function runHere(flags: HereFlags, terminal: Terminal): Promise<number> {
  const waitSeconds = flags.wait ?? '0';
  if (!/^\d{1,4}$/.test(waitSeconds))
    throw new ArbotError('ARB_CLI_USAGE', '--wait: must be a whole number from 0 to 9999');
  const { workingFolder } = terminal;
  const config = await loadConfig({
    folder: resolve(workingFolder, flags.config ?? '.'),
    environment: {},
    ...(flags.node !== undefined && { nodeName: flags.node }),
  });
  const environmentPath = flags.environment === undefined ? null : resolve(workingFolder, flags.environment);
  const pidPath = flags.pid === undefined ? null : resolve(workingFolder, flags.pid);
  const http = new UndiciHttpClient({ connections: 1 });
  try {
    const question = { config, environmentPath, pidPath, waitMs: Number(waitSeconds) * 1_000 };
    const found = await askHere(question, { http, clock: new SystemClock(), timers: new SystemTimers() });
    terminal.print(JSON.stringify(found));
    const isWanted = flags.build === undefined || flags.build === found.build;
    return found.joined && isWanted ? EXIT.done : EXIT.failed;
  } finally {
    await http.close();
  }
}
