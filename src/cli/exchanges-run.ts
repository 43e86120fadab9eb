import { resolve } from 'node:path';
import type { Logger } from '../ports/log.js';
import { describeExchanges, openExchanges } from '../modes/exchange-process.js';
import { MachineTime } from '../modes/machine-time.js';
import { LocalFiles } from '../runtime/platform/files.js';
import { EXIT, type Terminal } from './output.js';
import { exchangesFlag, loadWithFlags, minutesFlag, type StartFlags } from './start.js';

export interface ExchangesFlags extends StartFlags {
  readonly portFile?: string;
}

/** Keys are in it. */
const OWNER_ONLY = 0o600;

/** Runs until a signal, or for `--minutes`. The file is written once everything listens, and removed at the end. */
export async function runExchanges(flags: ExchangesFlags, terminal: Terminal): Promise<number> {
  const minutes = minutesFlag(flags.minutes);
  const { trading } = await loadWithFlags(flags, terminal);
  const exchanges = exchangesFlag(flags.exchanges, Object.keys(trading.exchanges));
  const time = new MachineTime();
  const files = new LocalFiles();
  const path = resolve(terminal.workingFolder, flags.portFile ?? 'exchanges.json');
  const log = terminalLog(terminal);
  const running = await openExchanges({ trading, exchanges, seed: flags.seed ?? 'arbot', time, log });
  try {
    const written = describeExchanges(running, process.pid, time.nowMs());
    await files.writeAtomic(path, `${JSON.stringify(written, null, 2)}\n`, OWNER_ONLY);
    terminal.print(`exchanges  ${Object.keys(written.exchanges).join(', ')}`);
    terminal.print(`described  ${path}`);
    return await untilToldTo(terminal, time, minutes);
  } finally {
    await running.close();
    await files.remove(path).catch(() => undefined);
  }
}

function untilToldTo(terminal: Terminal, time: MachineTime, minutes: number | null): Promise<number> {
  return new Promise((done) => {
    const timer = minutes === null ? null : time.setTimer(() => end(EXIT.done), minutes * 60_000);
    const remove = terminal.onSignal((signal) => end(signal === 'SIGINT' ? EXIT.interrupted : EXIT.done));
    const end = (code: number) => {
      remove();
      if (timer !== null) time.clearTimer(timer);
      done(code);
    };
  });
}

/** Only what goes wrong is for people. */
function terminalLog(terminal: Terminal): Logger {
  const say = (fields: Readonly<Record<string, unknown>>, message: string) =>
    terminal.complain(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: say,
    error: say,
    child: () => log,
  };
  return log;
}
