import { access, open, rename, rm } from 'node:fs/promises';
import { ArbotError, errorText } from '../messages/errors.js';
import type { Terminal } from './output.js';

const refused = (message: string): ArbotError => new ArbotError('ARB_CLI_USAGE', `--out: ${message}`);

/** Where the text of an export goes, piece by piece; a piece is let go of before the next is made. */
export interface Sink {
  write(text: string): Promise<void>;
  /** Makes what was written the file that was asked for. */
  finish(): Promise<void>;
  abandon(): Promise<void>;
}

/** To the terminal: records end in CRLF or LF themselves, and the terminal adds a line end of its own. */
export function terminalSink(terminal: Terminal): Sink {
  let rest = '';
  return {
    write: async (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) terminal.print(line);
    },
    finish: async () => {
      if (rest !== '') terminal.print(rest);
    },
    abandon: async () => undefined,
  };
}

/**
 * Beside its place until it is whole, so that half an export is never taken for one; never over another file. Rejects
 * ARB_CLI_USAGE when the file exists or cannot be written.
 */
export async function fileSink(path: string): Promise<Sink> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) throw refused('the file exists already');
  const unfinished = `${path}.unfinished`;
  const file = await orRefused(open(unfinished, 'w', 0o600));
  return {
    write: (text) => orRefused(file.writeFile(text)),
    finish: async () => {
      await orRefused(file.sync());
      await file.close();
      await orRefused(rename(unfinished, path));
    },
    abandon: async () => {
      await file.close();
      await rm(unfinished, { force: true });
    },
  };
}

async function orRefused<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw refused(`cannot be written (${errorText(error)})`);
  }
}
