import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { linesOf } from '../../src/conformance/wire/capture-file.js';
import type { BookEvent, Connector, FrameSink } from '../../src/connectors/base.js';
import { FrameError } from '../../src/connectors/frame-error.js';
import { FRAME_LIMITS } from '../../src/connectors/frame-parser.js';
import { FrameCursor } from '../../src/connectors/scan/frame-cursor.js';
import { readDecimal } from '../../src/connectors/scan/decimal-bytes.js';
import { loadFrame } from '../../src/connectors/scan/frame-bytes.js';
import { WordTable } from '../../src/connectors/scan/word-table.js';
import { ArbotError } from '../../src/messages/errors.js';
import { parseSize } from '../../src/market/float-text.js';
import { wireFolder } from '../shared-data.js';
import { SCAN_SHAPES, decimal, type ScanShape } from './scan-shapes.js';

/** Writes down everything that a decoder says about one frame. */
class Notes implements FrameSink {
  readonly said: unknown[] = [];

  book(event: BookEvent): void {
    const { bids, asks, bidRows, askRows, ...rest } = event;
    const levels = [bids, asks].map(({ prices, sizes, sequences, numbered, count }) => [
      prices.slice(0, count),
      sizes.slice(0, count),
      numbered ? sequences.slice(0, count) : [],
    ]);
    // The texts of levels are only kept for checksums.
    const texts = event.checksum === 0 ? [] : [bidRows, askRows];
    this.said.push(['book', { ...rest }, levels, texts]);
  }
  bestQuote(event: object): void {
    this.said.push(['bestQuote', { ...event }]);
  }
  trade(event: object): void {
    this.said.push(['trade', event]);
  }
  instrumentState(event: object): void {
    this.said.push(['instrumentState', event]);
  }
  control(event: object): void {
    this.said.push(['control', event]);
  }
}

type Decode = (data: Buffer, sink: FrameSink) => unknown;

/** Events, header and error of one frame. */
function outcome(connector: Connector, decode: Decode, frame: Buffer): unknown[] {
  const notes = new Notes();
  try {
    decode(frame, notes);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    notes.said.push(error.message);
  }
  return [...notes.said, { ...connector.header }];
}

/** The same connector twice: as it is used, and with its JSON decoder alone. */
class Pair {
  private readonly scanning: Connector;
  private readonly parsing: Connector;

  constructor(make: () => Connector, symbols: readonly string[]) {
    this.scanning = make();
    this.parsing = make();
    for (const connector of [this.scanning, this.parsing]) connector.subscribe(symbols, 'all', 1, 0);
  }

  /** Equal outcomes; returns true when something was accepted. */
  compare(t: Test, frame: Buffer): boolean {
    const scanned = outcome(this.scanning, (data, sink) => this.scanning.decode(data, sink), frame);
    const parsed = outcome(this.parsing, (data, sink) => this.parsing.decodeJson!(data, sink), frame);
    if (!t.strictSame(scanned, parsed)) throw new Error(`differs: ${frame.toString().slice(0, 2000)}`);
    return scanned.length > 1;
  }

  get fallbacks(): number {
    return Object.values(this.scanning.fallbacks!()).reduce((sum, count) => sum + count, 0);
  }
}

/** What damage and new formats look like: bytes changed, lost, doubled, moved, and pieces of JSON where none belong. */
const PIECES = [
  '-',
  ' ',
  '"',
  ',',
  '.',
  '0',
  '9',
  '00',
  '1e5',
  '1E-7',
  '.5',
  '5.',
  'null',
  'true',
  '{}',
  '[]',
  '[["1","1"]]',
].concat([
  '\\u0031',
  '\\',
  '\n',
  '٣',
  '\u0000',
  '99999999999999999999',
  '"x":1,',
  '"__proto__":{},',
  '}',
  ']',
  '}}',
]);
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), piece: fc.constantFrom(...PIECES) }),
  fc.record({ kind: fc.constant('replace' as const), at: fc.nat(), piece: fc.constantFrom(...PIECES) }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('double' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('truncate' as const), at: fc.nat() }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutated(frame: Buffer, mutations: readonly Mutation[]): Buffer {
  return mutations.reduce<Buffer>((bytes, change) => {
    const at = bytes.length === 0 ? 0 : change.at % bytes.length;
    const before = bytes.subarray(0, at);
    switch (change.kind) {
      case 'byte':
        return Buffer.concat([before, Buffer.from([change.byte]), bytes.subarray(at + 1)]);
      case 'insert':
        return Buffer.concat([before, Buffer.from(change.piece), bytes.subarray(at)]);
      case 'replace':
        return Buffer.concat([before, Buffer.from(change.piece), bytes.subarray(at + change.piece.length)]);
      case 'delete':
        return Buffer.concat([before, bytes.subarray(at + change.length)]);
      case 'double':
        return Buffer.concat([before, bytes.subarray(at, at + change.length), bytes.subarray(at)]);
      case 'truncate':
        return before;
    }
  }, frame);
}

const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

for (const shape of SCAN_SHAPES) {
  t.test(
    `${shape.exchange}: the scanner reads today's frames itself, bit for bit as the JSON decoder`,
    async (t) => {
      const pair = new Pair(shape.connector, shape.symbols);
      fc.assert(
        fc.property(shape.frames, (frame) => t.ok(pair.compare(t, Buffer.from(frame)))),
        { numRuns: 400 },
      );
      t.equal(pair.fallbacks, 0, 'no frame was left to the JSON decoder');
    },
  );

  t.test(`${shape.exchange}: a damaged frame is never accepted with another content`, async (t) => {
    let accepted = 0;
    const pair = new Pair(shape.connector, shape.symbols);
    fc.assert(
      fc.property(shape.frames, mutations, (frame, changes) => {
        if (pair.compare(t, mutated(Buffer.from(frame), changes))) accepted++;
      }),
      { numRuns: 1500 },
    );
    t.ok(accepted > 0 && pair.fallbacks > 0, 'some damage is harmless, and some is left to the JSON decoder');
  });

  for (const { connector, bodies } of shape.books ?? [])
    t.test(
      `${shape.exchange}: a book of REST is read as the JSON decoder reads it, whole and damaged`,
      async (t) => {
        const { rest } = connector();
        const read = (parse: typeof rest.parseDepth, body: Buffer): unknown[] => {
          const notes = new Notes();
          try {
            parse(body, shape.symbols[0]!, notes);
          } catch (error) {
            if (!(error instanceof ArbotError)) throw error;
            notes.said.push(error.message);
          }
          return notes.said;
        };
        const scanned = connector();
        const compare = (body: Buffer) => {
          const said = read((...args) => scanned.rest.parseDepth(...args), body);
          t.strictSame(said, read(rest.parseDepthJson!, body), body.toString());
          return said.length;
        };
        fc.assert(
          fc.property(bodies, (body) => t.equal(compare(Buffer.from(body)), 1)),
          { numRuns: 150 },
        );
        t.strictSame(scanned.fallbacks!(), {}, 'no book was left to the JSON decoder');
        fc.assert(
          fc.property(
            bodies,
            mutations,
            (body, changes) => compare(mutated(Buffer.from(body), changes)) >= 0,
          ),
          { numRuns: 500 },
        );
      },
    );

  for (const { file, connector } of shape.captures) compareCapture(shape, file, connector);
}

/** Every frame of a recording, and a few of its frames damaged. */
function compareCapture({ symbols }: ScanShape, file: string, connector: () => Connector): void {
  const path = join(wireFolder() ?? '', file);
  const skip =
    wireFolder() === null || !existsSync(path) ? 'the captured frames are not here (ARBOT_WIRE_DIR)' : false;
  t.test(`both decoders agree on ${file}, whole and damaged`, { skip }, async (t) => {
    const frames = linesOf(readFileSync(path));
    const pair = new Pair(connector, [...symbols, ...symbolsOf(connector(), frames)]);
    for (const frame of frames) pair.compare(t, frame);
    fc.assert(
      fc.property(fc.nat(frames.length - 1), mutations, (index, changes) => {
        pair.compare(t, mutated(frames[index]!, changes));
      }),
      { numRuns: 300 },
    );
  });
}

function symbolsOf(connector: Connector, frames: readonly Buffer[]): Set<string> {
  const symbols = new Set<string>();
  for (const frame of frames) {
    try {
      symbols.add(connector.decodeJson!(frame, new Notes()).symbol);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
    }
  }
  symbols.delete('');
  return symbols;
}

const readText = (text: string): number => {
  const into = new Float64Array([-7]);
  loadFrame(Buffer.from(`${text}}`));
  const end = readDecimal(0, into, 0);
  return end === text.length ? into[0]! : NaN;
};

t.test('property: a decimal is bit-equal to Number(), or left alone', async (t) => {
  fc.assert(
    fc.property(decimal, (text) => t.ok(Object.is(readText(text), Number(text)), text)),
    { numRuns: 2000 },
  );
  const anyDigits = fc.stringMatching(/^\d{1,30}(\.\d{1,30})?$/);
  fc.assert(
    fc.property(fc.oneof(anyDigits, fc.string({ maxLength: 8 })), (text) => {
      const value = readText(text);
      t.ok(Number.isNaN(value) || Object.is(value, parseSize(text)), `${text}: ${value}`);
    }),
    { numRuns: 3000 },
  );
  for (const text of ['9007199254740991', '0.0000000000000000001', '1234567890.12345600000', '0', '0.0'])
    t.ok(Object.is(readText(text), Number(text)), text);
  for (const text of [
    '9007199254740993',
    '00',
    '01.5',
    '',
    '.5',
    '5.',
    '-1',
    '1e5',
    '0.000000000000000000001',
  ])
    t.ok(Number.isNaN(readText(text)), text);
});

t.test('whole numbers are read to fifteen digits, never rounded', async (t) => {
  const cursor = new FrameCursor();
  const read = (text: string): number | null =>
    cursor.open(Buffer.from(`${text}}`)) && cursor.integer() ? cursor.value : null;
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999_999_999 }), (value) => t.equal(read(String(value)), value)),
  );
  for (const text of ['', '01', '00', '-1', '1000000000000000', '12345678901234567890'])
    t.equal(read(text), null, text);
});

t.test(
  'a word table knows exactly its words, and leaves out those that JSON may spell otherwise',
  async (t) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[A-Z0-9_-]{1,12}$/), { maxLength: 300 }),
        fc.string(),
        (words, other) => {
          const table = new WordTable<string>();
          const find = (frame: string, at: number) => {
            loadFrame(Buffer.from(frame));
            return table.find(at);
          };
          for (const word of words) table.add(word, word);
          for (const word of words) {
            table.add(word, 'again');
            t.equal(table.valueOf(find(`xx${word}"`, 2)), word);
            t.equal(find(word, 0), -1, 'a word must end');
          }
          t.equal(table.size, words.length);
          const known = words.includes(other);
          t.equal(find(`${other}"`, 0) >= 0, known);
        },
      ),
    );
    const table = new WordTable<number>();
    for (const word of ['', 'a"b', 'a\\b', 'ä', 'tab\t', 'x'.repeat(65)]) table.add(word, 1);
    t.equal(table.size, 0);
  },
);

t.test('only frames of followed markets are scanned, and what is left is counted by channel', async (t) => {
  for (const { exchange, connector, frames, symbols } of SCAN_SHAPES) {
    const stranger = connector();
    const [frame] = fc.sample(frames, { numRuns: 1, seed: 7 });
    stranger.decode(Buffer.from(frame!), new Notes());
    const { channel } = stranger.header;
    t.strictSame(stranger.fallbacks!(), { [channel]: 1 }, `${exchange} without subscriptions`);
    const known = connector();
    known.subscribe(symbols, 'all', 1, 0);
    known.decode(Buffer.from(frame!), new Notes());
    t.strictSame(known.fallbacks!(), {});
    known.decode(Buffer.from(`${frame!} `), new Notes());
    t.strictSame(known.fallbacks!(), { [channel]: 1 }, 'a blank at the end is a surprise');
    t.throws(() => known.decode(Buffer.alloc(FRAME_LIMITS.maxBytes + 1, '}'), new Notes()), {
      message: /^frame /,
    });
  }
});
