import type { Connector, ControlEvent, FrameHeader } from '../../../src/connectors/base.js';
import { FrameError } from '../../../src/connectors/frame-error.js';
import type { Check, Kit } from './check.js';
import type { FeedRig } from './rig.js';
import { begin, changed, textOf, type Subject } from './subject.js';
import { withBooks, withDecode, withSink } from './tamper.js';

/** Frames of every other kind and bytes of every other sort: C10 to C20. */

/** Malformed numbers, as JSON text in place of a good one (F7); what is malformed for either spelling comes first. */
const MALFORMED_ANYWHERE = [
  '"NaN"',
  '"1e400"',
  '"1e308"',
  '"1e3"',
  '"-1"',
  '"-0"',
  '""',
  'null',
  '[5]',
  '"0x10"',
  '"Infinity"',
  '1e400',
  '1e308',
  '-1',
  '-0',
];
const MALFORMED: Readonly<Record<Subject['amounts'], readonly string[]>> = {
  text: [...MALFORMED_ANYWHERE, '5'],
  number: [...MALFORMED_ANYWHERE, '"5"'],
};
/** What may be 0 as a size may not be as a price. */
const NOTHING: Readonly<Record<Subject['amounts'], string>> = { text: '"0"', number: '0' };

const started = (kit: Kit): FeedRig => {
  const rig = kit.rig();
  begin(rig, kit.subject, kit.capabilities.snapshotSource);
  return rig;
};

/** The frame's JSON with the value at `path` replaced by raw text. */
function withRaw(frame: object, path: string, raw: string): string {
  const copy = structuredClone(frame) as Record<string, unknown>;
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
  let at = copy;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[keys.at(-1)!] = '@RAW@';
  return JSON.stringify(copy).replace('"@RAW@"', () => raw);
}

/** Frames that fit are taken for foreign ones instead of being refused. */
export const ignoring = (connector: Connector, fits: (data: Buffer) => boolean): Connector =>
  withDecode(connector, (data, sink): FrameHeader =>
    fits(data) ? { ...connector.header, category: 'foreign' } : connector.decode(data, sink),
  );

const controls = (kit: Kit, frame: object | string): ControlEvent[] => {
  const seen: ControlEvent[] = [];
  const ignore = () => undefined;
  kit.connect().decode(Buffer.from(textOf(frame)), {
    book: ignore,
    bestQuote: ignore,
    trade: ignore,
    instrumentState: ignore,
    control: (event) => seen.push(event),
  });
  return seen;
};

/** What a connector says against a frame; null when it takes it. */
export function refusal(connector: Connector, data: Buffer): string | null {
  const came: string[] = [];
  const take = () => came.push('something');
  try {
    connector.decode(data, {
      book: take,
      bestQuote: take,
      trade: take,
      instrumentState: take,
      control: take,
    });
    return null;
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return came.length === 0 ? error.message : null;
  }
}

/** Refuses `data` and counts it once. */
function refusedOnce(kit: Kit, rig: FeedRig, data: Buffer, what: string): void {
  const before = rig.count('invalid');
  rig.give(data);
  kit.equal(rig.count('invalid'), before + 1, `${what} is refused and counted`);
}

export const FRAME_CHECKS: readonly Check[] = [
  {
    id: 'C10',
    title: 'a trade keeps price and size as spelled, and the side of the taker',
    run: (kit) => {
      const rig = kit.rig();
      rig.give(kit.subject.trade('77'));
      const [trade] = rig.trades;
      kit.equal([Number(trade?.price), Number(trade?.quantity)], [100.5, 0.015], 'price and size');
      const { amounts } = kit.subject;
      const price = trade?.price ?? '?';
      const spelled = amounts === 'text' ? `"${price}"` : `:${price},`;
      kit.that(kit.subject.trade('77').includes(spelled), 'the price as spelled');
      kit.equal(trade?.side, 'sell', 'side');
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        trade: (event) => sink.trade({ ...event, side: event.side === 'buy' ? 'sell' : 'buy' }),
      })),
  },
  {
    id: 'C11',
    title: 'identifiers beyond 2^53 keep every digit (F11)',
    run: (kit) => {
      const rig = kit.rig();
      for (const id of ['9007199254740993', '9007199254740992']) rig.give(kit.subject.trade(id));
      kit.equal(
        rig.trades.map(({ tradeId }) => tradeId),
        ['9007199254740993', '9007199254740992'],
        'identifiers',
      );
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        trade: (event) => sink.trade({ ...event, tradeId: String(Number(event.tradeId)) }),
      })),
  },
  {
    id: 'C12',
    title: 'malformed numbers are refused by name and reach no book (F7)',
    run: (kit) => {
      const { sample, amounts } = kit.subject;
      for (const { name, frame, fields } of sample.frames) {
        const rig = kit.rig();
        const connector = kit.connect();
        let bad = 0;
        for (const [path, kind] of Object.entries(fields)) {
          if (kind !== 'price' && kind !== 'size' && kind !== 'positive') continue;
          const malformed = [...MALFORMED[amounts], ...(kind === 'size' ? [] : [NOTHING[amounts]])];
          for (const raw of kit.cases(malformed)) {
            const error = refusal(connector, Buffer.from(withRaw(frame, path, raw)));
            kit.that(error?.startsWith(path) === true, `${name}: ${path} = ${raw} gives ${error}`);
          }
          rig.give(withRaw(frame, path, malformed[bad++ % malformed.length]!));
        }
        kit.equal(rig.count('invalid'), bad, `${name}: bad frames are counted`);
        kit.that(!rig.trusted && rig.trades.length === 0, `${name}: nothing came out`);
      }
    },
    broken: (connector, { amounts }) =>
      withDecode(connector, (data, sink) => {
        if (!data.includes('"1e3"')) return connector.decode(data, sink);
        const good = amounts === 'text' ? '"1000"' : '1000';
        return connector.decode(Buffer.from(data.toString().replaceAll('"1e3"', good)), sink);
      }),
  },
  {
    id: 'C13',
    title: 'truncated frames are refused, and the feed lives on (F8)',
    run: (kit) => {
      for (const { name, frame } of kit.subject.sample.frames) {
        const whole = Buffer.from(JSON.stringify(frame));
        const connector = kit.connect();
        const lengths = Array.from({ length: whole.length - 1 }, (_, index) => index + 1);
        for (const length of kit.cases(lengths))
          kit.that(
            refusal(connector, whole.subarray(0, length)) !== null,
            `${name} cut at ${length} is refused`,
          );
        const rig = kit.rig();
        for (const part of [0.3, 0.6, 0.9]) rig.give(whole.subarray(0, Math.floor(whole.length * part)));
        kit.equal(rig.count('invalid'), 3, `${name}: cut frames are counted`);
        rig.give(whole);
        kit.equal(rig.count('invalid'), 3, `${name}: the whole frame is read`);
      }
    },
    broken: (connector) => ignoring(connector, (data) => data.length < 8 && data[0] === 0x7b),
  },
  {
    id: 'C14',
    title: 'deep nesting is refused before it is parsed (F9)',
    run: (kit) => {
      const rig = kit.rig();
      for (const depth of [200, 100_000])
        refusedOnce(
          kit,
          rig,
          Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`),
          `depth ${depth}`,
        );
      kit.that(rig.lastError.length < 400, 'the error is short');
    },
    broken: (connector) => ignoring(connector, (data) => data.includes('[[[[[[[[[[[[')),
  },
  {
    id: 'C15',
    title: 'oversized frames are refused (F8)',
    run: (kit) => {
      const { maxFrameBytes } = kit.capabilities.limits;
      kit.that(maxFrameBytes <= 4 << 20, 'the limit is at most 4 MiB');
      refusedOnce(kit, kit.rig(), Buffer.alloc(maxFrameBytes + 1, 0x20), 'one byte too many');
    },
    broken: (connector) =>
      ignoring(connector, (data) => data.length > connector.capabilities.limits.maxFrameBytes),
  },
  {
    id: 'C16',
    title: 'unknown symbols and hostile keys change nothing (F10)',
    run: (kit) => {
      const { subject } = kit;
      const rig = started(kit);
      rig.give(changed(subject, 102, { bids: [['100', '1']], symbol: subject.others[0] }));
      kit.equal([rig.trusted, ...rig.top()], [true, 100, 5, 101, 7], 'the book of another market');
      kit.equal(rig.count('unknownSymbol'), 1, 'and it is counted');
      const text = textOf(changed(subject, 102, { bids: [['100', '2']] }));
      rig.give(text.replace('{', '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},'));
      kit.equal(({} as Record<string, unknown>)['polluted'], undefined, 'the prototype of objects');
    },
    broken: (connector, { symbol }) =>
      withBooks(connector, (event) => {
        event.symbol = symbol;
      }),
  },
  {
    id: 'C17',
    title: 'foreign channels and former protocols are counted, never refused',
    run: (kit) => {
      const rig = kit.rig();
      for (const frame of kit.subject.foreign) rig.give(textOf(frame));
      kit.equal([rig.count('foreign'), rig.count('invalid')], [kit.subject.foreign.length, 0], 'counts');
    },
    broken: (connector) =>
      withDecode(connector, (data, sink) => {
        const header = connector.decode(data, sink);
        if (header.category === 'foreign') throw new FrameError('channel', 'one of ours', header.channel);
        return header;
      }),
  },
  {
    id: 'C18',
    title: 'a refused subscription is reported, and named where the exchange names it',
    run: (kit) => {
      const { frame, symbol } = kit.subject.refusal;
      const rig = kit.rig();
      rig.give(frame);
      kit.equal(rig.count('refused'), 1, 'refused');
      kit.that(/refused .+/.test(rig.lastError), 'with a reason');
      if (symbol === kit.subject.symbol)
        kit.equal(rig.feed.follow(symbol)?.state, 'stale', 'state of the market');
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        control: (event) => sink.control(event.kind === 'refused' ? { ...event, kind: 'pong' } : event),
      })),
  },
  {
    id: 'C19',
    title: 'an acknowledgement is no data and no refusal, also when the book overtakes it',
    applies: (_, { ack }) => ack !== null,
    run: (kit) => {
      const rig = started(kit);
      const ack = kit.subject.ack!;
      rig.give(ack);
      kit.that(rig.trusted, 'the book stands');
      kit.equal([rig.count('refused'), rig.count('invalid'), rig.count('control')], [0, 0, 1], 'counts');
      kit.equal(
        controls(kit, ack).map(({ kind }) => kind),
        ['subscribed'],
        'kind',
      );
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        control: (event) => sink.control(event.kind === 'subscribed' ? { ...event, kind: 'welcome' } : event),
      })),
  },
  {
    id: 'C20',
    title: 'the answer to the probe is read as one (F2)',
    applies: (_, { pong }) => pong !== null,
    run: (kit) => {
      kit.equal(
        controls(kit, kit.subject.pong!).map(({ kind }) => kind),
        ['pong'],
        'kind',
      );
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        control: (event) => sink.control(event.kind === 'pong' ? { ...event, kind: 'unsubscribed' } : event),
      })),
  },
];
