import type { Connector, FrameSink, RestRequest } from '../../../src/connectors/base.js';
import { curatedRegistry } from '../../../src/market/asset-registry.js';
import { ArbotError } from '../../../src/messages/errors.js';
import type { Check, Kit } from './check.js';
import { WALL } from './rig.js';
import { begin, changed, textOf } from './subject.js';
import { withBooks, withCapabilities, withRest } from './tamper.js';

/** What a connector declares, and its REST side: C21 to C29. */

const NINE_HOURS_MS = 9 * 3_600_000;
const bytes = (body: unknown) => Buffer.from(textOf(body));
const lookup = (...names: Parameters<typeof curatedRegistry.resolveMarket>) =>
  curatedRegistry.resolveMarket(...names);
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'nothing';
  } catch (error) {
    return error instanceof ArbotError ? error.code : String(error);
  }
};
const listOf = (kit: Kit, ...args: Parameters<Kit['subject']['rest']['instruments']>) =>
  kit
    .connect()
    .rest.parseInstruments(
      bytes(kit.subject.rest.instruments(...args)),
      lookup,
      (kit.subject.rest.details ?? []).map(bytes),
    );

/** Exchange times of the depth frames. */
function timesOf(connector: Connector, frame: object | string): number[] {
  const times: number[] = [];
  const ignore = () => undefined;
  const sink: FrameSink = {
    book: (event) => times.push(event.exchangeTimeMs),
    bestQuote: ignore,
    trade: ignore,
    control: ignore,
    instrumentState: ignore,
  };
  connector.decode(bytes(frame), sink);
  return times;
}

export const DECLARED_CHECKS: readonly Check[] = [
  {
    id: 'C21',
    title: 'a half-open line is found within ten seconds (F2)',
    run: (kit) => {
      const { everyMs, probeAfterSilenceMs, deadAfterSilenceMs } = kit.capabilities.heartbeat;
      kit.that(deadAfterSilenceMs <= 10_000, `dead after ${deadAfterSilenceMs} ms`);
      kit.that(probeAfterSilenceMs < deadAfterSilenceMs, 'it is probed before');
      kit.that(everyMs === null || everyMs <= 60_000, `every ${everyMs} ms`);
    },
    broken: (connector) => {
      const { heartbeat } = connector.capabilities;
      return withCapabilities(connector, { heartbeat: { ...heartbeat, deadAfterSilenceMs: 60_000 } });
    },
  },
  {
    id: 'C22',
    title: 'a line without data is given up, a market without data is asked for anew (F3)',
    run: (kit) => {
      const { subject, capabilities } = kit;
      const silent = kit.rig();
      for (let i = 0; i < 120; i++) silent.wait(250);
      kit.that(silent.reconnects.length > 0, 'half a minute of silence costs the connection');
      const quiet = kit.rig();
      begin(quiet, subject, capabilities.snapshotSource);
      const { silentSymbolMs } = capabilities.watchdogs;
      kit.that(silentSymbolMs <= 120_000, 'two minutes at most');
      const sent = quiet.sent.length;
      for (let waited = 0; waited < silentSymbolMs + 2000; waited += 1000) {
        quiet.wait(1000);
        quiet.give(subject.foreign[0]!);
      }
      kit.that(!quiet.trusted, 'a quiet market is not trusted for ever');
      kit.that(quiet.sent.length > sent, 'and is subscribed again');
    },
    broken: (connector) => {
      const { watchdogs } = connector.capabilities;
      return withCapabilities(connector, { watchdogs: { ...watchdogs, silentConnectionMs: 600_000 } });
    },
  },
  {
    id: 'C23',
    title: 'times are the exchange’s own, and a clock that is off moves nothing else',
    run: (kit) => {
      const { subject } = kit;
      const frame = changed(subject, 102, {});
      kit.equal(timesOf(kit.connect(), frame), [subject.timeOf(102)], 'time');
      const skewed = kit.rig(WALL + 3_600_000);
      begin(skewed, subject, kit.capabilities.snapshotSource);
      skewed.give(frame);
      kit.that(skewed.trusted, 'trusted with our clock an hour ahead');
      const latency = skewed.count('latencyP50Ms');
      if (subject.timeOf(102) > 0)
        kit.that(Math.abs(latency - 3_600_000) < 60_000, `the lag is seen: ${latency} ms`);
    },
    broken: (connector) =>
      withBooks(connector, (event) => {
        event.exchangeTimeMs += NINE_HOURS_MS;
      }),
  },
  {
    id: 'C24',
    title: 'requests name every market, within the limits of the exchange',
    run: (kit) => {
      const { subject, capabilities } = kit;
      const { topicsPerRequest } = capabilities.limits;
      const connector = kit.connect();
      const names = [subject.symbol, ...subject.others];
      for (const request of [connector.subscribe, connector.unsubscribe]) {
        const all = request(names, 'all', 1, WALL);
        const depth = request(names, 'depth', 1, WALL);
        for (const frame of [...all, ...depth]) {
          kit.that(frame.length <= 65_536, 'at most 64 KiB');
          kit.that(typeof JSON.parse(frame) === 'object', 'JSON');
        }
        for (const name of names) {
          const isNamed = (frames: readonly string[]) =>
            frames.join('').toUpperCase().includes(name.toUpperCase());
          kit.that(isNamed(all) && isNamed(depth), `${name} is named`);
        }
        const many = request(
          Array.from({ length: 40 }, (_, i) => `${subject.symbol}${i}`),
          'depth',
          1,
          WALL,
        );
        kit.that(many.length >= 40 / topicsPerRequest, `at most ${topicsPerRequest} topics in one request`);
        // Where a request is the whole list, it names everything whatever was asked for.
        const isLess = depth.join('').length < all.join('').length;
        kit.equal(isLess, capabilities.subscriptionMode === 'add', 'depth is less than all');
      }
      kit.equal(connector.subscribe([], 'all', 1, WALL), [], 'nothing for nobody');
    },
    broken: (connector) => ({
      ...connector,
      subscribe: (symbols, ...rest) =>
        connector.subscribe(symbols.length === 3 ? symbols.slice(0, 2) : symbols, ...rest),
    }),
  },
  {
    id: 'C25',
    title: 'an error of the exchange is an error, also in an ordinary answer',
    run: (kit) => {
      for (const { body, tooFast } of kit.subject.rest.errors)
        kit.equal(
          codeOf(() => kit.connect().rest.parseInstruments(bytes(body), lookup)),
          tooFast ? 'ARB_RATE_LIMITED' : 'ARB_EXCHANGE_ERROR',
          JSON.stringify(body),
        );
      for (const body of ['', '{', '5', 'null', '"x"'])
        kit.equal(
          codeOf(() => kit.connect().rest.parseInstruments(Buffer.from(body), lookup)),
          'ARB_FRAME_INVALID',
          `the answer ${body}`,
        );
    },
    broken: (connector) =>
      withRest(connector, {
        parseInstruments: (...answers) => {
          try {
            return connector.rest.parseInstruments(...answers);
          } catch {
            return { instruments: [], refused: [] };
          }
        },
      }),
  },
  {
    id: 'C26',
    title: 'markets carry exact rules, only what trades is trading, one bad market harms no other',
    run: (kit) => {
      const { subject } = kit;
      const [market] = listOf(kit, 'trading').instruments;
      const { tickSize, lotSize } = subject.rest.rules;
      kit.equal(
        [market?.symbol, market?.pair, market?.state, market?.identityKnown],
        [subject.symbol, subject.pair, 'trading', true],
        'the market',
      );
      kit.equal([market?.tickSize, market?.lotSize], [tickSize, lotSize], 'its rules');
      kit.that(Number(market?.takerFeeRate) > 0 && Number(market?.takerFeeRate) < 0.01, 'its fee is a rate');
      kit.that(listOf(kit, 'halted').instruments[0]?.state !== 'trading', 'a halted one does not trade');
      const { instruments, refused } = listOf(kit, 'trading', true);
      kit.equal(
        [instruments.map(({ symbol }) => symbol), refused.map(({ symbol }) => symbol)],
        [[subject.symbol], [subject.others[0]]],
        'taken and refused',
      );
      kit.that((refused[0]?.reason ?? '').length > 10, 'with the reason');
    },
    broken: (connector) =>
      withRest(connector, {
        parseInstruments: (...answers) => {
          const { instruments, refused } = connector.rest.parseInstruments(...answers);
          return { instruments: instruments.map((one) => ({ ...one, state: 'trading' as const })), refused };
        },
      }),
  },
  {
    id: 'C27',
    title: 'the time of the exchange is read exactly, or refused',
    run: (kit) => {
      const { rest, capabilities } = kit.connect();
      const { body, headers = {} } = kit.subject.rest.time;
      const resolution = capabilities.clockResolutionMs;
      const expected = Math.floor(1_790_000_000_123 / resolution) * resolution;
      kit.equal(rest.parseServerTime(bytes(body), headers), expected, 'time');
      kit.that(codeOf(() => rest.parseServerTime(Buffer.from('{"x":1}'), {})).startsWith('ARB_'), 'rubbish');
    },
    broken: (connector) =>
      withRest(connector, {
        parseServerTime: (body, headers) => connector.rest.parseServerTime(body, headers) + 1000,
      }),
  },
  {
    id: 'C28',
    title: 'every request costs something that a declared budget has (F14)',
    run: (kit) => {
      const { rest, capabilities, endpoints } = kit.connect();
      const requests: RestRequest[] = [
        rest.instruments(null),
        rest.depth(kit.subject.symbol),
        rest.serverTime(),
      ];
      if (rest.wallets !== null) requests.push(rest.wallets.request());
      if (rest.instrumentDetails !== undefined)
        requests.push(rest.instrumentDetails.request([kit.subject.symbol]));
      if (capabilities.entrance.kind === 'ticket') requests.push(capabilities.entrance.request);
      for (const { path, costs, timeoutMs, maxBodyBytes } of requests) {
        const known = Object.entries(costs).filter(([name, cost]) =>
          capabilities.restLimits.some(
            (limit) => limit.name === name && cost > 0 && cost <= limit.capacity * 0.8,
          ),
        );
        kit.that(known.length > 0, `${path} fits a budget`);
        kit.that(timeoutMs > 0 && timeoutMs <= 30_000 && maxBodyBytes <= 64 << 20, `${path} is bounded`);
        kit.that(URL.canParse(endpoints.restUrl + path), `${path} is an address`);
      }
    },
    broken: (connector) =>
      withRest(connector, { serverTime: () => ({ ...connector.rest.serverTime(), costs: {} }) }),
  },
  {
    id: 'C29',
    title: 'what is promised about orders is complete: ids, expiry, dead-man switch',
    run: (kit) => {
      const { clientId, requestExpiry, deadManSwitch, selfTradePrevention } = kit.capabilities.orders;
      for (const id of ['', ' ', 'a b', 'ü', 'x'.repeat(200), '../x'])
        kit.that(!clientId.pattern.test(id), `the id ${JSON.stringify(id.slice(0, 9))} is refused`);
      kit.that(clientId.field !== '' && (clientId.lookupMs ?? 0) >= 0, 'the id has a field');
      if (requestExpiry.kind === 'window')
        kit.that(requestExpiry.defaultMs <= requestExpiry.maxMs, 'the window has its limits');
      if (requestExpiry.kind !== 'none') kit.that(requestExpiry.field !== '', 'the expiry has a field');
      if (deadManSwitch.kind === 'timer')
        kit.that(
          deadManSwitch.minMs > 0 && deadManSwitch.minMs < deadManSwitch.maxMs,
          'the switch has its limits',
        );
      kit.that(
        selfTradePrevention === null || selfTradePrevention.cancelTaker !== '',
        'prevention has a word',
      );
    },
    broken: (connector) => {
      const { orders } = connector.capabilities;
      const clientId = { ...orders.clientId, pattern: /[A-Za-z0-9]/ };
      return withCapabilities(connector, { orders: { ...orders, clientId } });
    },
  },
];
