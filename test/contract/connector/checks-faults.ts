import type { Connector, FrameSink } from '../../../src/connectors/base.js';
import type { Check, Kit } from './check.js';
import { ignoring, refusal } from './checks-frames.js';
import type { FeedRig } from './rig.js';
import { ASKS, begin, BIDS, changed, load, textOf, type Levels, type Wire } from './subject.js';
import { keepLevels, withBooks, withDecode, withRest, withSink } from './tamper.js';

/** What a feed must survive on a living connection (RELIABILITY F3 to F8): C32 to C38. */

const started = (kit: Kit): FeedRig => {
  const rig = kit.rig();
  begin(rig, kit.subject, kit.capabilities.snapshotSource);
  return rig;
};

const isWhole = ({ capabilities }: Connector): boolean => capabilities.syncRule === 'whole';

const ignore = () => undefined;
const NOWHERE: FrameSink = {
  book: ignore,
  bestQuote: ignore,
  trade: ignore,
  control: ignore,
  instrumentState: ignore,
};

/** A best bid that only the REST book knows. */
const BETTER = 100.25;
const OTHER_BIDS: Levels = [[String(BETTER), '3'], ...BIDS];

/** The line lives, the book's channel is silent: the feed asks for the REST book and gets this one. */
function comparedWith(kit: Kit, body: Wire): FeedRig {
  const rig = started(kit);
  for (let i = 0; i < 60 && rig.requests.length === 0; i++) {
    rig.give(kit.subject.trade(String(i + 1)));
    rig.wait(1000);
  }
  kit.that(rig.requests.length > 0 && rig.trusted, 'a silent book is compared');
  if (rig.requests.length > 0) rig.answer(body);
  for (let i = 0; i < 3; i++) rig.wait(1000);
  return rig;
}

/** JSON's grammar allows none of these around a good frame. */
const SPOILT: readonly (readonly [string, (frame: string) => string])[] = [
  ['two frames in one', (frame) => frame + frame],
  ['a brace too many', (frame) => `${frame}}`],
  ['a comma behind', (frame) => `${frame},`],
  ['a NUL behind', (frame) => `${frame}\0`],
  ['a byte order mark', (frame) => `\ufeff${frame}`],
  ['a comment', (frame) => `${frame}// end`],
  ['a trailing comma', (frame) => frame.replace(/[}\]]$/, (end) => `,${end}`)],
  ['single quotes', (frame) => frame.replaceAll('"', "'")],
  ['a member without a value', (frame) => frame.replace('{', '{"x":,')],
  ['a member without a colon', (frame) => frame.replace('{', '{"x" 1,')],
  ...[
    'NaN',
    'Infinity',
    '-Infinity',
    '01',
    '+1',
    '.5',
    '1.',
    '0x1F',
    'undefined',
    'True',
    '"\\x"',
    '"\t"',
  ].map((value) => [`the value ${value}`, (frame: string) => frame.replace('{', `{"x":${value},`)] as const),
];

export const FAULT_CHECKS: readonly Check[] = [
  {
    id: 'C32',
    title: 'a silent book is compared with REST and given up when it differs (F3)',
    run: (kit) => {
      const { subject } = kit;
      const same = comparedWith(kit, subject.restBook(101, BIDS, ASKS));
      kit.that(same.trusted, 'the same book stays trusted');
      const other = comparedWith(kit, subject.restBook(102, OTHER_BIDS, ASKS));
      kit.that(!other.trusted, 'another one costs the trust');
    },
    broken: (connector) =>
      withRest(connector, {
        parseDepth: (body, symbol, sink) =>
          connector.rest.parseDepth(body, symbol, {
            ...NOWHERE,
            book: (event) => {
              keepLevels(event.bids, (price) => price !== BETTER);
              sink.book(event);
            },
          }),
      }),
  },
  {
    id: 'C33',
    title: 'a book frame that cannot be read distrusts its book at once, any other does not (F7)',
    run: (kit) => {
      const { subject, capabilities } = kit;
      const rig = started(kit);
      const bad = (symbol?: string) =>
        changed(subject, 102, { bids: [['-1', '5']], ...(symbol !== undefined && { symbol }) });
      rig.give(bad(subject.others[0]));
      rig.give(subject.trade('5').replace('100.5', '-100.5'));
      kit.equal([rig.trusted, rig.count('invalid')], [true, 2], 'another market’s, and a trade');
      rig.give(bad());
      kit.equal([rig.trusted, rig.count('invalid')], [false, 3], 'its own');
      load(rig, subject, capabilities.snapshotSource, 130, [['90', '1']], [['91', '2']]);
      kit.equal([rig.trusted, ...rig.top()], [true, 90, 1, 91, 2], 'a new book heals');
    },
    broken: (connector) =>
      withDecode(connector, (data, sink) => {
        try {
          return connector.decode(data, sink);
        } catch (error) {
          // Nobody learns what the frame was meant to be.
          if (connector.header.category === 'book') connector.header.category = 'control';
          throw error;
        }
      }),
  },
  {
    id: 'C34',
    title: 'a storm of bad frames costs the connection, and storm upon storm the feed (F8)',
    run: (kit) => {
      const rig = started(kit);
      for (let storm = 1; storm <= 8 && rig.failures.length === 0; storm++) {
        const before = rig.reconnects.length;
        for (let i = 0; i < 25 && rig.reconnects.length === before && rig.failures.length === 0; i++)
          rig.give(`}storm ${i}`);
        kit.that(rig.reconnects.length > before || rig.failures.length > 0, `storm ${storm} is heard`);
        rig.reconnect();
        kit.that(!rig.trusted, 'and ends with an untrusted book');
      }
      kit.that(rig.reconnects.length > 0 && rig.failures.length > 0, 'first the connection, then the feed');
    },
    broken: (connector) => ignoring(connector, (data) => data.includes('}storm')),
  },
  {
    id: 'C35',
    title: 'what JSON forbids is refused, however good the rest of the frame (F8)',
    run: (kit) => {
      const { subject } = kit;
      const frames = [
        ...subject.sample.frames.map(({ name, frame }) => [name, JSON.stringify(frame)] as const),
        ['book', textOf(changed(subject, 102, { bids: [['100', '3']] }))] as const,
      ];
      const connector = kit.connect();
      connector.subscribe([subject.symbol], 'all', 1, 1_790_000_000_000);
      for (const [name, frame] of frames)
        for (const [what, spoil] of kit.cases(SPOILT))
          kit.that(refusal(connector, Buffer.from(spoil(frame))) !== null, `${name} with ${what} is refused`);
    },
    broken: (connector) =>
      withDecode(connector, (data, sink) =>
        connector.decode(data.at(-1) === 0 ? data.subarray(0, -1) : data, sink),
      ),
  },
  {
    id: 'C36',
    title: 'a whole book that is older than the last one changes nothing (F4)',
    applies: ({ syncRule }) => syncRule === 'whole',
    run: (kit) => {
      const { subject } = kit;
      const rig = started(kit);
      rig.give(subject.snapshot(105, [['100', '1']], ASKS));
      for (const late of [103, 104, 101]) rig.give(subject.snapshot(late, [['99', '9']], ASKS));
      kit.equal([rig.trusted, ...rig.top()], [true, 100, 1, 101, 7], 'late ones');
      rig.give(subject.snapshot(106, [['99.5', '4']], ASKS));
      kit.equal([rig.trusted, ...rig.top()], [true, 99.5, 4, 101, 7], 'the next one');
    },
    broken: (connector) => {
      let newest = -Infinity;
      return isWhole(connector)
        ? withBooks(connector, (event) => {
            newest = Math.max(newest, event.order);
            event.order = newest;
          })
        : connector;
    },
  },
  {
    id: 'C37',
    title: 'a notice on the socket becomes the state of its market, and leaves the book alone',
    applies: (_, { notice }) => notice !== undefined,
    run: (kit) => {
      const notice = kit.subject.notice!;
      const rig = started(kit);
      rig.give(notice(false), notice(false), notice(true));
      kit.equal(
        rig.marketStates.map((state) => state.split(':')[0]),
        ['halted', 'trading'],
        'states',
      );
      kit.that(rig.trusted && rig.count('invalid') === 0, 'the book stands');
    },
    broken: (connector) =>
      withSink(connector, (sink) => ({
        instrumentState: (event) => sink.instrumentState({ ...event, state: 'trading' }),
      })),
  },
  {
    id: 'C38',
    title: 'a frame that breaks off distrusts the book that it names, and no other (F8)',
    run: (kit) => {
      const { subject, capabilities } = kit;
      const rig = started(kit);
      const cut = (symbol?: string) =>
        textOf(changed(subject, 102, { ...(symbol !== undefined && { symbol }) })).slice(0, -2);
      rig.give(cut(subject.others[0]));
      kit.equal([rig.trusted, rig.count('invalid')], [true, 1], 'another market’s');
      rig.give(cut());
      kit.equal([rig.trusted, rig.count('invalid')], [false, 2], 'its own');
      load(rig, subject, capabilities.snapshotSource, 130, [['90', '1']], [['91', '2']]);
      kit.equal([rig.trusted, ...rig.top()], [true, 90, 1, 91, 2], 'a new book heals');
    },
    broken: (connector) =>
      withDecode(connector, (data, sink) => {
        try {
          return connector.decode(data, sink);
        } catch (error) {
          // As if it were known to be no book.
          if (connector.header.category === 'foreign') connector.header.category = 'control';
          throw error;
        }
      }),
  },
];
