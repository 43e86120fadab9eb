import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { LoadFault, LoadOrder, LoadReport } from '../../bench/load/exchange-servers.js';
import { LOAD_EXCHANGES, type LoadExchange } from '../../bench/load/frame-smith.js';
import { LoadReceiver } from '../../bench/load/receiver.js';
import { connectorOf } from '../../src/modes/connectors.js';

const MARKETS = 3;
/** Four exchanges are spoiled at once, each in its own way; the other four must not notice. */
const SPOILED: Readonly<Partial<Record<LoadExchange, LoadFault>>> = {
  okx: 'kill',
  binance: 'mute',
  upbit: 'half-open',
  bitget: 'garbage',
};
const SPOILED_MS = 40_000;
const PATIENCE_MS = 120_000;

t.test(
  'what happens to four exchanges leaves the others whole, and their books come back by themselves',
  { timeout: 400_000 },
  async (t) => {
    const url = new URL('../../bench/load/exchange-servers.ts', import.meta.url);
    const child = fork(url, { execArgv: process.execArgv });
    const receiver = new LoadReceiver(MARKETS * LOAD_EXCHANGES.length);
    t.teardown(async () => {
      await receiver.close();
      child.disconnect();
    });
    const order = (message: LoadOrder) => void child.send(message);
    const [{ ports }] = (await once(child, 'message')) as [Extract<LoadReport, { kind: 'ports' }>];
    const trusted = (exchange: LoadExchange) => receiver.trusted(exchange);
    const until = async (what: string, condition: () => boolean, withinMs = PATIENCE_MS) => {
      const deadlineMs = performance.now() + withinMs;
      while (!condition()) {
        if (performance.now() > deadlineMs) throw new Error(`${what} did not happen`);
        await sleep(20);
      }
    };
    for (const exchange of LOAD_EXCHANGES)
      receiver.follow(connectorOf(exchange, {}), MARKETS, ports[exchange]);
    await receiver.start();
    order({ kind: 'run', framesPerSecond: 800 });
    await until('trust', () => LOAD_EXCHANGES.every((exchange) => trusted(exchange) === MARKETS));

    const others = LOAD_EXCHANGES.filter((exchange) => SPOILED[exchange] === undefined);
    const spoiled = LOAD_EXCHANGES.filter((exchange) => SPOILED[exchange] !== undefined);
    const before = new Map(others.map((exchange) => [exchange, receiver.counts(exchange)]));
    const distrusted = new Set<LoadExchange>();
    const forget = receiver.board.onDirty(() => {
      for (const exchange of spoiled) if (trusted(exchange) === 0) distrusted.add(exchange);
    });
    for (const exchange of spoiled) order({ kind: 'fault', exchange, fault: SPOILED[exchange]! });
    await sleep(SPOILED_MS);
    forget();
    for (const exchange of spoiled) {
      t.ok(distrusted.has(exchange), `${exchange}: a ${SPOILED[exchange]} costs its books their trust`);
      order({ kind: 'fault', exchange, fault: 'none' });
    }
    for (const exchange of others) {
      const [then, now] = [before.get(exchange)!, receiver.counts(exchange)];
      const { gaps, resyncs, reconnects, invalid } = now;
      const same = {
        gaps: then.gaps,
        resyncs: then.resyncs,
        reconnects: then.reconnects,
        invalid: then.invalid,
      };
      t.same({ gaps, resyncs, reconnects, invalid }, same, `${exchange}: nothing was missed`);
      t.ok(now.frames > then.frames, `${exchange}: frames went on`);
    }
    for (const exchange of spoiled)
      await until(`${exchange}: trust after a ${SPOILED[exchange]}`, () => trusted(exchange) === MARKETS);
    t.pass('every book is trusted again');
  },
);
