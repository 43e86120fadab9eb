import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { ArbotError } from '../messages/errors.js';
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

/** Beside its place until it is whole, so that half an export is never taken for one; never over another file. */
export async function fileSink(path: string): Promise<Sink> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) throw refused('the file exists already');
  const unfinished = `${path}.unfinished`;
  const stream = createWriteStream(unfinished, { flags: 'w', mode: 0o600 });
  let failure: Error | null = null;
  stream.on('error', (error) => (failure = error));
  const check = (): void => {
    if (failure !== null) throw refused(`cannot be written (${failure.message})`);
  };
  return {
    write: async (text) => {
      check();
      if (!stream.write(text)) await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
      check();
    },
    finish: async () => {
      check();
      stream.end();
      await once(stream, 'close');
      check();
      await rename(unfinished, path);
    },
    abandon: async () => {
      stream.destroy();
      await rm(unfinished, { force: true });
    },
  };
}
