import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HaltMemory } from '../../src/actors/halt-memory.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { GatewayStatus } from '../../src/messages/gateway.js';
import type { HaltChanged, HaltPolicy } from '../../src/messages/risk.js';
import { HaltRecord } from '../../src/modes/halt-report.js';
import { changeKillSwitch, KILL_FILE, KillFlag } from '../../src/modes/kill-switch.js';
import { KillSources } from '../../src/modes/kill-sources.js';
import type { Bus } from '../../src/ports/bus.js';
import { clearedSwitch, decodeKillSwitch } from '../../src/risk/kill-switch.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { SAMPLES } from '../messages/samples.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';

/** The switch with everything else away: no bus, no store, no page. */

interface Scene {
  readonly flag: KillFlag;
  readonly halts: HaltMemory;
  readonly settings: { written: string[]; isDown: boolean };
  change(halt: Partial<HaltChanged>): Promise<string>;
  /** As SIGUSR2. */
  signal(): void;
  readonly heard: HaltChanged[];
}

function scene(t: Test, isBusDown = true): Scene {
  const files = new LocalFiles();
  const flag = new KillFlag(files, join(t.testdir({}), KILL_FILE));
  const refuse = () => {
    throw new ArbotError('ARB_MAILBOX_FULL', 'the bus is away');
  };
  const bus = {
    publish: isBusDown ? refuse : () => undefined,
    subscribe: () => ({ unsubscribe: () => undefined }),
    // As a connection that is away: it never gets rid of anything.
    flush: () => (isBusDown ? new Promise(() => undefined) : Promise.resolve()),
  } as unknown as Bus;
  const halts = new HaltMemory(bus, clearedSwitch(0));
  const heard: HaltChanged[] = [];
  halts.onChange((halt) => heard.push(halt));
  const settings = {
    written: [] as string[],
    isDown: false,
    get: async () => null,
    claimMode: async () => undefined,
    set: async (_key: string, value: string) => {
      if (settings.isDown) throw new ArbotError('ARB_STORE_UNAVAILABLE', 'away');
      settings.written.push(value);
    },
  };
  const log = new KeptLog();
  const change = (changes: Partial<HaltChanged>) =>
    changeKillSwitch(
      { bus, halts, settings, flag, log },
      { engaged: true, reason: 'test', by: 'person', atMs: halts.current.atMs + 1, ...changes },
    ).then(
      () => 'written',
      (error: ArbotError) => error.code,
    );
  let signalled: () => void = () => undefined;
  const signals = { on: (_: string, listener: () => void) => (signalled = listener), off: () => undefined };
  const engage = async (reason: string, by: string, policy: HaltPolicy) =>
    void (await change({ reason, by, policy }));
  const sources = new KillSources({ flag, halts, machine: new RealTime(), log, engage });
  sources.start(signals);
  t.teardown(() => sources.stop());
  return { flag, halts, settings, change, signal: () => signalled(), heard };
}

async function soon(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

t.test('it is in force in the same turn, and written in file and store, with the bus away', async (t) => {
  const { change, heard, halts, flag, settings } = scene(t);
  const done = change({ policy: 'flatten' });
  t.match(heard, [{ engaged: true, policy: 'flatten' }], 'before anything was awaited');
  t.equal(await done, 'written');
  t.match(await flag.read(0), { engaged: true, policy: 'flatten', by: 'person' });
  t.match(decodeKillSwitch(settings.written.at(-1)!), { engaged: true });
  settings.isDown = true;
  t.equal(await change({ engaged: false }), 'ARB_STORE_UNAVAILABLE', 'it is not released without a store');
  t.equal(halts.current.engaged, true);
  t.equal(await flag.exists(), true);
});

t.test('the file alone is enough while the store is away, and its release removes it', async (t) => {
  const { change, flag, settings, halts } = scene(t, false);
  settings.isDown = true;
  t.equal(await change({}), 'written');
  t.equal(await flag.exists(), true, 'a restart finds it');
  settings.isDown = false;
  t.equal(await change({ engaged: false }), 'written');
  t.equal(halts.current.engaged, false);
  t.ok(await soon(async () => !(await flag.exists())));
});

t.test('a file that anybody makes engages it, whatever is in it', async (t) => {
  for (const [text, expected] of [
    ['', { policy: 'freeze', reason: 'the file KILL is there' }],
    ['FLATTEN because of a fill', { policy: 'flatten', reason: 'FLATTEN because of a fill' }],
    ['{"engaged":false}', { policy: 'freeze', reason: '{"engaged":false}' }],
    ['\u0000\u{1F4A5}'.repeat(500), { policy: 'freeze' }],
  ] as const) {
    const { flag, halts } = scene(t);
    await new LocalFiles().writeAtomic(flag.path, text);
    t.ok(await soon(() => halts.current.engaged));
    t.match(halts.current, { engaged: true, by: 'file KILL', ...expected });
    await flag.remove();
    await new Promise((resolve) => setTimeout(resolve, 150));
    t.equal(halts.current.engaged, true, 'removing it releases nothing');
  }
});

t.test('a signal engages it, and whatever engages it leaves the file', async (t) => {
  const { signal, halts, flag } = scene(t);
  signal();
  t.match(halts.current, { engaged: true, by: 'signal', policy: 'freeze' }, 'in the same turn');
  t.ok(await soon(() => flag.exists()));

  const other = scene(t);
  other.halts.tell({ engaged: true, reason: 'daily loss', by: 'gate', atMs: 5 });
  t.ok(await soon(() => other.flag.exists()), 'also when the gate did');
  t.match(await other.flag.read(0), { by: 'gate', reason: 'daily loss', atMs: 5 });
});

t.test('what the switch has come to: accounts by their exchanges’ word, arbitrages by their ends', (t) => {
  const NOW = SAMPLES.gatewayStatus.atMs;
  const halt = { engaged: true, policy: 'flatten' as const, reason: 'r', by: 'b', atMs: NOW };
  const record = new HaltRecord(clearedSwitch(0));
  record.onClosed({ ...SAMPLES.arbitrageClosed, residualBase: '9' });
  record.onHalt(halt);
  const account = (changes: Partial<GatewayStatus>) => ({ ...SAMPLES.gatewayStatus, ...changes });
  const proven = account({ emptyAtMs: NOW, equalAtMs: NOW });
  const okx = account({ exchange: 'okx', emptyAtMs: NOW });
  t.match(record.report([proven, okx], 0, NOW), {
    ...{ engaged: true, policy: 'flatten', isProven: false, residues: [] },
    accounts: [
      { exchange: 'binance', equalAtMs: NOW },
      { exchange: 'okx', emptyAtMs: NOW, equalAtMs: null },
    ],
  });
  t.equal(record.report([proven], 1, NOW).isProven, false, 'an arbitrage is still being brought home');
  t.equal(record.report([proven], null, NOW).isProven, false, 'or nobody knows');
  t.equal(record.report([proven], 0, NOW).isProven, true);
  t.match(record.report([proven], 0, NOW + 31_000), { isProven: false, accounts: [{ emptyAtMs: null }] });
  t.equal(record.report([], 0, NOW).isProven, false, 'nobody has shown anything');
  record.onClosed({ ...SAMPLES.arbitrageClosed, residualBase: '0.5', outcome: 'unwound' });
  record.onClosed({
    ...SAMPLES.arbitrageClosed,
    arbitrageId: 'left',
    residualBase: '-0.2',
    outcome: 'flagged',
  });
  t.match(record.report([proven], 0, NOW), {
    arbitrages: { ended: 2, flagged: ['left'] },
    residues: [{ asset: 'BTC', amount: '0.3' }],
  });
  record.onHalt({ ...halt, policy: 'freeze', atMs: NOW + 1 });
  t.match(
    record.report([proven], 3, NOW),
    { isProven: true, arbitrages: { ended: 2 } },
    'a freeze brings nothing home',
  );
  record.onHalt({ ...halt, engaged: false, atMs: NOW + 2 });
  t.match(record.report([proven], 0, NOW), { engaged: false, isProven: false, arbitrages: { ended: 0 } });
  t.end();
});
