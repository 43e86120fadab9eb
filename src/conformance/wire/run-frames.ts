import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrameSink } from '../../connectors/base.js';
import { FrameError } from '../../connectors/frame-error.js';
import type { PrivateSink } from '../../connectors/order-entry.js';
import { linesOf } from './capture-file.js';
import type { WireExchange } from './exchanges.js';
import { Comparison, type FileReport } from './report.js';

const DEAF: FrameSink = {
  book: () => undefined,
  bestQuote: () => undefined,
  trade: () => undefined,
  instrumentState: () => undefined,
  control: () => undefined,
};

/** Counts what private frames tell. */
function countingSink(comparison: Comparison): PrivateSink {
  const count = (what: string) => () => comparison.note(`private ${what}`);
  return {
    authorised: count('login'),
    subscribed: count('subscription'),
    refused: count('refusal'),
    order: count('order'),
    trade: count('trade'),
    balance: count('balance'),
    transferred: count('transfer'),
    pong: count('pong'),
    closing: count('closing'),
  };
}

/**
 * Single frames of all channels and markets, also of protocols that are gone: each must be sorted into a category or refused
 * by name, by the public decoder and, where orders can be sent, by the private one. Only a throw of another kind is a failure;
 * what was refused is noted.
 */
export async function runFrameFile(folder: string, file: string, wire: WireExchange): Promise<FileReport> {
  const comparison = new Comparison();
  const reader = new FrameReader(wire, comparison);
  for (const [index, frame] of linesOf(await readFile(join(folder, file))).entries()) {
    reader.read(`[${index}]`, frame);
  }
  return comparison.report(file, 'frames');
}

/** `{file,script}`: what the client sends, what the server answers and pushes. The server's part is read. */
export async function runScriptFile(folder: string, file: string, wire: WireExchange): Promise<FileReport> {
  const comparison = new Comparison();
  const reader = new FrameReader(wire, comparison);
  for (const line of linesOf(await readFile(join(folder, file)))) {
    const { file: name, script } = JSON.parse(line.toString('utf8')) as { file: string; script: string };
    const topic = name.split('/').at(-1)!;
    for (const [index, frame] of serverFrames(script).entries()) reader.read(`${topic}[${index}]`, frame);
  }
  return comparison.report(file, 'scripts');
}

/** Parts that begin with `<` (an answer) or `=` (a push), with placeholders such as `|1|` filled in. */
function serverFrames(script: string): Buffer[] {
  return script
    .split(/^(?=[<=>]\d*\s)/m)
    .filter((part) => part.startsWith('<') || part.startsWith('='))
    .map((part) =>
      Buffer.from(
        part
          .replace(/^[<=]\d*/, '')
          .replaceAll(/\|(?:\d+|\*|\w+)\|/g, '1')
          .trim(),
      ),
    );
}

class FrameReader {
  private readonly wire: WireExchange;
  private readonly comparison: Comparison;

  constructor(wire: WireExchange, comparison: Comparison) {
    this.wire = wire;
    this.comparison = comparison;
  }

  read(field: string, frame: Buffer): void {
    const connector = this.wire.connector(null, null);
    this.attempt(() => this.comparison.note(connector.decode(frame, DEAF).category));
    const stream = connector.orders?.stream;
    if (stream !== undefined) this.attempt(() => stream.decode(frame, countingSink(this.comparison)));
    this.comparison.same(field, true, true);
  }

  private attempt(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.comparison.note(`refused ${error.message}`.slice(0, 120));
    }
  }
}
