import t from 'tap';
import { inChunks } from '../../../src/connectors/base.js';
import { connectorOf } from '../../../src/modes/connectors.js';
import type { SocketWorld } from '../../proofs/socket-world.js';
import { judge, TradingKit, worldOf } from './socket-check.js';
import { TRADING_CHECKS } from './socket-checks.js';
import { TRADING } from './trader-desk.js';

/**
 * What trading on every exchange promises, by number: the real gateway and ledger over real sockets of its simulated face. Each
 * check is also shown what breaks it.
 */

/** Of the world's time; a minute passes before an order is proven absent where requests do not expire. */
const PATIENCE = { withinMs: 180_000, stopsAtOnce: false };
/** A promise that is broken is not waited for so long. */
const IMPATIENCE = { withinMs: 15_000, stopsAtOnce: true };
/** Worlds side by side. */
const AT_ONCE = 6;

const begun = (world: SocketWorld): Promise<boolean> =>
  world.ready().then(
    () => true,
    () => false,
  );

t.setTimeout(900_000);

t.test('the checks are numbered without a hole', async (t) => {
  t.same(
    TRADING_CHECKS.map(({ id }) => id),
    TRADING_CHECKS.map((_, index) => `T${String(index + 1).padStart(2, '0')}`),
  );
});

t.test('every exchange keeps the contract of trading', async (t) => {
  // At once: most of the time is waited.
  const told = await Promise.all(
    TRADING.map(async (exchange) => {
      const world = await worldOf(exchange);
      const complaints: Record<string, readonly string[]> = {};
      for (const check of TRADING_CHECKS) {
        const kit = new TradingKit(world, connectorOf(exchange, {}), PATIENCE);
        complaints[check.id] = await judge(check, kit);
      }
      await world.close();
      return [exchange, complaints] as const;
    }),
  );
  for (const [exchange, complaints] of told)
    for (const { id, title } of TRADING_CHECKS) t.same(complaints[id], [], `${exchange} ${id} ${title}`);
});

t.test('who breaks a promise fails its check', async (t) => {
  for (const some of inChunks(TRADING_CHECKS, AT_ONCE)) {
    const told = await Promise.all(
      some.map(async (check) => {
        const { on } = check.broken;
        const world = await worldOf(on, check.broken);
        const kit = new TradingKit(world, connectorOf(on, {}), IMPATIENCE);
        const begins = check.id === 'T01' || (await begun(world));
        const complaints = await judge(check, kit);
        await world.close();
        return [check, begins, complaints] as const;
      }),
    );
    for (const [{ id, broken }, begins, complaints] of told) {
      t.ok(begins, `${id} on ${broken.on}: it begins well`);
      t.not(
        complaints.length,
        0,
        `${id} on ${broken.on}: ${complaints[0]?.slice(0, 120) ?? 'nobody noticed'}`,
      );
    }
  }
});
