import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { MESSAGES, type MessageKind, type MessageOf } from '../../src/messages/catalogue.js';
import {
  decodeMessage,
  encodeError,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  openMessage,
} from '../../src/messages/codec.js';
import { ArbotError, ERROR_CODES, type ErrorCode } from '../../src/messages/errors.js';
import { bookTop } from '../../src/messages/feed.js';
import { SAMPLES } from './samples.js';

const HEADER = { traceId: 'tr-1', sender: 'node-a', sentAtMs: 1_700_000_000_000.25 };
const KINDS = Object.keys(MESSAGES) as MessageKind[];
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

/** The wire form of a fill, to be spoiled. */
function wire(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...(JSON.parse(text(encodeMessage('fill', SAMPLES.fill, HEADER))) as object), ...changes };
}

function refusal(t: Test, action: () => unknown, code: ErrorCode, pattern: RegExp): void {
  try {
    action();
    t.fail(`accepted: ${pattern}`);
  } catch (error) {
    t.ok(error instanceof ArbotError, `an ArbotError: ${String(error)}`);
    t.equal((error as ArbotError).code, code);
    t.match((error as ArbotError).message, pattern);
  }
}

t.test('every kind survives the way over the wire, with header and id', async (t) => {
  for (const kind of KINDS) {
    const body = SAMPLES[kind];
    const published = encodeMessage(kind, body, HEADER);
    t.strictSame(decodeMessage(published, kind), { header: HEADER, body }, `${kind} published`);
    const asked = encodeMessage(kind, body, { ...HEADER, id: 'req-1' });
    t.strictSame(decodeMessage(asked, kind), { header: { ...HEADER, id: 'req-1' }, body }, `${kind} asked`);
  }
});

t.test('every field of every kind is required or checked, and named when it is wrong', async (t) => {
  let refused = 0;
  for (const kind of KINDS) {
    for (const field of Object.keys(SAMPLES[kind])) {
      for (const wrong of [{ nested: [] }, Number.NaN, -1, '', '1e400', 'NaN', '__proto__x ']) {
        const body = { ...SAMPLES[kind], [field]: wrong } as MessageOf<typeof kind>;
        try {
          const bytes = encodeMessage(kind, body, HEADER);
          decodeMessage(bytes, kind);
        } catch (error) {
          t.equal((error as ArbotError).code, 'ARB_MESSAGE_INVALID');
          if (!(error as ArbotError).message.includes(field)) {
            // A wrong decision makes the verdict unreadable as a whole; the field is still the one named.
            t.fail(`${kind}.${field}: ${(error as ArbotError).message}`);
          }
          refused++;
        }
      }
      t.throws(
        () => encodeMessage(kind, { ...SAMPLES[kind], [field]: { nested: [] } }, HEADER),
        `${kind}.${field}`,
      );
    }
    refusal(
      t,
      () => encodeMessage(kind, { ...SAMPLES[kind], extra: 1 } as never, HEADER),
      'ARB_MESSAGE_INVALID',
      /body\.extra: not a known field/,
    );
  }
  t.ok(refused > 400, `${refused} wrong values were refused`);
});

t.test('a nested field is named with its path', async (t) => {
  const legs = structuredClone(SAMPLES.signal.legs);
  legs[1]!.quantity = '-1';
  const refusedAt = () => encodeMessage('signal', { ...SAMPLES.signal, legs }, HEADER);
  refusal(t, refusedAt, 'ARB_MESSAGE_INVALID', /^signal: body\.legs\[1\]\.quantity: not above 0/);
});

t.test('the receiver refuses what its sender should not have sent', async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ v: 2 }, /v: /],
    [{ kind: 'fillz' }, /kind: 'fillz' is not known/],
    [{ kind: 'toString' }, /kind: 'toString' is not known/],
    [{ kind: 'signal' }, /kind: is 'signal'/],
    [{ kv: 2 }, /kv: version 2 is not known, only 1/],
    [{ kv: '1' }, /kv: /],
    [{ trace: '' }, /trace: /],
    [{ sender: 'a b' }, /sender: /],
    [{ sentAtMs: -1 }, /sentAtMs: /],
    [{ sentAtMs: null }, /sentAtMs: /],
    [{ id: 7 }, /id: /],
    [{ extra: 1 }, /extra: not a known field/],
    [{ body: undefined }, /exactly one of body and error/],
    [{ error: { code: 'ARB_INVARIANT', message: 'x', retryable: false } }, /exactly one of body and error/],
    [{ body: undefined, error: { code: 'no code', message: 'x', retryable: false } }, /error\.code: /],
    [{ body: null }, /body: /],
    [{ body: [] }, /body: /],
    [{ body: { ...SAMPLES.fill, price: '1e400' } }, /body\.price: /],
  ];
  for (const [changes, pattern] of cases) {
    refusal(t, () => decodeMessage(bytesOf(wire(changes)), 'fill'), 'ARB_MESSAGE_INVALID', pattern);
  }
  const numbers = text(bytesOf(wire())).replace('"exchangeTimeMs":1700000000000', '"exchangeTimeMs":1e400');
  refusal(
    t,
    () => decodeMessage(Buffer.from(numbers), 'fill'),
    'ARB_MESSAGE_INVALID',
    /body\.exchangeTimeMs: /,
  );
  for (const bad of ['', 'null', '[]', '7', '"x"', '{', 'not json', '{"v":1}']) {
    refusal(t, () => decodeMessage(Buffer.from(bad), 'fill'), 'ARB_MESSAGE_INVALID', /^fill: /);
  }
  refusal(
    t,
    () => decodeMessage(Uint8Array.of(0x7b, 0xff, 0x7d), 'fill'),
    'ARB_MESSAGE_INVALID',
    /not JSON text/,
  );
});

t.test('keys like __proto__ and constructor change nothing and are refused', async (t) => {
  for (const key of ['__proto__', 'constructor', 'prototype']) {
    const body = text(bytesOf(wire())).replace('"exchange":', `"${key}":{"isAdmin":true},"exchange":`);
    const named = new RegExp(`body\\.${key}: not a known field`);
    refusal(t, () => decodeMessage(Buffer.from(body), 'fill'), 'ARB_MESSAGE_INVALID', named);
    const outer = text(bytesOf(wire())).replace('"v":1', `"v":1,"${key}":{"isAdmin":true}`);
    refusal(t, () => decodeMessage(Buffer.from(outer), 'fill'), 'ARB_MESSAGE_INVALID', new RegExp(key));
  }
  t.notOk(({} as Record<string, unknown>)['isAdmin'], 'no prototype was changed');
});

t.test('size and depth are refused before anything is parsed', async (t) => {
  const huge = Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0x20);
  refusal(t, () => decodeMessage(huge, 'fill'), 'ARB_MESSAGE_TOO_LARGE', /1048577 bytes/);
  const deep = Buffer.from(`{"v":1,"body":${'['.repeat(400_000)}${']'.repeat(400_000)}}`);
  const from = performance.now();
  refusal(t, () => decodeMessage(deep, 'fill'), 'ARB_MESSAGE_INVALID', /nested deeper than 32/);
  t.ok(performance.now() - from < 1_000, 'without parsing');
  const quoted = wire({ body: { ...SAMPLES.fill, tradeId: 'x' }, trace: 'tr' });
  quoted['extra'] = `\\"${'[{'.repeat(100)}`;
  refusal(t, () => decodeMessage(bytesOf(quoted), 'fill'), 'ARB_MESSAGE_INVALID', /extra: not a known field/);
  const holdings = Array.from({ length: 4_096 }, () => ({ exchange: 'binance', asset: 'BTC', amount: '1' }));
  t.doesNotThrow(() => encodeMessage('balancesChanged', { version: 1, holdings, atMs: 1 }, HEADER));
});

t.test('an error reply arrives as the same ArbotError, an unknown code as a failed responder', async (t) => {
  const error = new ArbotError('ARB_RATE_LIMITED', 'wait 3 s', { retryable: true });
  const opened = openMessage(encodeError('legResult', error, { ...HEADER, id: 'req-1' }), 'legResult');
  t.equal(opened.header.id, 'req-1');
  t.match(opened.error, { code: 'ARB_RATE_LIMITED', message: 'wait 3 s', retryable: true });
  refusal(t, () => opened.body(), 'ARB_RATE_LIMITED', /wait 3 s/);
  const newer = wire({ body: undefined, error: { code: 'ARB_OF_TOMORROW', message: 'x', retryable: false } });
  t.match(openMessage(bytesOf(newer), 'fill').error, {
    code: 'ARB_RESPONDER_FAILED',
    message: 'ARB_OF_TOMORROW: x',
  });
  const long = encodeError('fill', new ArbotError('ARB_INVARIANT', 'x'.repeat(10_000)), HEADER);
  t.equal(openMessage(long, 'fill').error?.message.length, 500);
});

const price = fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true });
const sortedSide = (descending: boolean) =>
  fc.uniqueArray(price, { maxLength: 50 }).chain((prices) => {
    const sorted = prices.sort((a, b) => (descending ? b - a : a - b));
    return fc.tuple(...sorted.map((p) => fc.tuple(fc.constant(p), price)));
  });
const anyBook: fc.Arbitrary<MessageOf<'bookTop'>> = fc
  .record(
    {
      instrument: fc.constantFrom(
        'okx:BTC-USDT',
        'a1:A-B',
        `x${'y'.repeat(31)}:${'Z'.repeat(32)}-${'Q'.repeat(32)}`,
      ),
      epoch: fc.maxSafeNat(),
      sequence: fc.maxSafeNat(),
      trusted: fc.boolean(),
      bids: sortedSide(true),
      asks: sortedSide(false),
      exchangeTimeMs: fc.double({ min: 0, max: 8.64e15, noNaN: true }).map(Math.abs),
      receiveTimeMs: fc.nat(),
    },
    { noNullPrototype: true },
  )
  .map((book) => {
    const crossed = book.bids.length > 0 && book.asks.length > 0 && book.bids[0]![0] >= book.asks[0]![0];
    return crossed ? { ...book, trusted: false } : book;
  });

t.test('any valid book survives the compact encoding exactly, and is smaller than its JSON', async (t) => {
  fc.assert(
    fc.property(anyBook, (book) => {
      const bytes = encodeMessage('bookTop', book, HEADER);
      assert.deepEqual(decodeMessage(bytes, 'bookTop'), { header: HEADER, body: book });
    }),
    { numRuns: 150 },
  );
  const bytes = encodeMessage('bookTop', SAMPLES.bookTop, HEADER);
  t.ok(bytes.length < encodeMessage('bookTop', SAMPLES.bookTop, { ...HEADER, id: 'r' }).length / 2);
});

/** A decoded book must satisfy schema, order and crossing rule, however its bytes came about. */
function assertWhole(book: MessageOf<'bookTop'>): void {
  bookTop.parse(book);
  const descending = book.bids.every(([p], i) => i === 0 || p < book.bids[i - 1]![0]);
  const ascending = book.asks.every(([p], i) => i === 0 || p > book.asks[i - 1]![0]);
  if (!descending || !ascending) throw new Error('unsorted');
  if (book.trusted && (book.bids[0]?.[0] ?? 0) >= (book.asks[0]?.[0] ?? Infinity)) throw new Error('crossed');
}

t.test('mutated, cut and grown bytes give a valid book or an ArbotError, nothing else', async (t) => {
  let [accepted, refused] = [0, 0];
  const mutation = fc.record({
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
    width: fc.constantFrom(1, 1, 2, 8),
  });
  fc.assert(
    fc.property(
      anyBook,
      fc.array(mutation, { maxLength: 4 }),
      fc.integer({ min: -40, max: 40 }),
      fc.nat(4),
      (book, mutations, cut, cutOften) => {
        const valid = encodeMessage('bookTop', book, HEADER);
        const bytes = new Uint8Array(cutOften === 0 ? Math.max(0, valid.length + cut) : valid.length);
        bytes.set(valid.subarray(0, bytes.length));
        for (const { at, value, width } of mutations) {
          // Half of the mutations hit the header, where the structure is.
          const from = at % (at % 2 === 0 ? 56 : Math.max(1, bytes.length));
          bytes.fill(value, from, from + width);
        }
        try {
          const { body } = decodeMessage(bytes, 'bookTop');
          assertWhole(body);
          accepted++;
        } catch (error) {
          if (!(error instanceof ArbotError)) throw error;
          refused++;
        }
      },
    ),
    { numRuns: 4_000 },
  );
  t.ok(accepted > 100 && refused > 500, `${accepted} accepted, ${refused} refused`);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      t.throws(() => decodeMessage(Uint8Array.of(0xb7, ...noise), 'bookTop'), {
        code: 'ARB_MESSAGE_INVALID',
      });
    }),
  );
});

t.test('an unsorted or trusted crossed book is refused at the sender, in either encoding', async (t) => {
  const spoiled: [Partial<MessageOf<'bookTop'>>, RegExp][] = [
    [
      {
        bids: [
          [1, 1],
          [2, 1],
        ],
      },
      /body\.bids\[1\]\[0\]/,
    ],
    [
      {
        asks: [
          [30_001, 1],
          [30_001, 2],
        ],
      },
      /body\.asks\[1\]\[0\]/,
    ],
    [{ asks: [[30_000, 1]] }, /body\.trusted: a crossed book/],
    [{ bids: [[1, 0]] }, /body\.bids\[0\]\[1\]/],
    [{ bids: Array.from({ length: 51 }, (_, i): [number, number] => [100 - i, 1]) }, /body\.bids/],
  ];
  for (const [changes, pattern] of spoiled) {
    const book = { ...SAMPLES.bookTop, ...changes };
    refusal(t, () => encodeMessage('bookTop', book, HEADER), 'ARB_MESSAGE_INVALID', pattern);
    refusal(t, () => encodeMessage('bookTop', book, { ...HEADER, id: 'r' }), 'ARB_MESSAGE_INVALID', pattern);
  }
  t.doesNotThrow(() =>
    encodeMessage('bookTop', { ...SAMPLES.bookTop, asks: [[30_000, 1]], trusted: false }, HEADER),
  );
  const bytes = encodeMessage('bookTop', SAMPLES.bookTop, HEADER);
  refusal(t, () => decodeMessage(bytes, 'fill'), 'ARB_MESSAGE_INVALID', /kind: is bookTop/);
  bytes[2] = 9;
  refusal(t, () => decodeMessage(bytes, 'bookTop'), 'ARB_MESSAGE_INVALID', /kv: version 9 is not known/);
});

/** Rows of the tables of a document, as cells without back-ticks. */
function rows(document: string): string[][] {
  const lines = readFileSync(join(import.meta.dirname, '../../docs', document), 'utf8').split('\n');
  return lines
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

t.test('docs/messages.md and the catalogue say the same', async (t) => {
  const documented = rows('messages.md').filter((row) => row.length === 5);
  const fromCode = KINDS.map((kind) => {
    const { subject, version, maxAgeMs } = MESSAGES[kind];
    return [kind, subject, String(version), maxAgeMs === null ? '–' : String(maxAgeMs)];
  });
  t.strictSame(documented.map((row) => row.slice(0, 4)).sort(), fromCode.sort());
  t.ok(
    documented.every((row) => / → /.test(row[4]!)),
    'producer and consumer are named',
  );
});

t.test('docs/errors.md and the error codes say the same', async (t) => {
  const documented = rows('errors.md');
  t.strictSame(
    documented.map(([code, meaning]) => [code, meaning]).sort(),
    Object.entries(ERROR_CODES)
      .map(([code, meaning]) => [code, meaning])
      .sort(),
  );
  t.ok(
    documented.every((row) => row.length === 3 && row[2]!.length > 10),
    'each says what to do',
  );
});
