import fc from 'fast-check';
import t from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import { LedgerBook } from '../../src/execution/ledger.js';
import { midPrice } from '../../src/execution/portfolio.js';
import { gateStage } from '../../src/kernel/gate-stage.js';
import { sagaStage, type SagaStageEvent } from '../../src/kernel/saga-stage.js';
import { replayStage, type RecordedInput } from '../../src/kernel/stage.js';
import type { GateEvent } from '../../src/risk/gate.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../../src/risk/kill-switch.js';
import { detectorActor } from '../../src/actors/detector.js';
import { DEFAULT_SPATIAL_PARAMETERS } from '../../src/detectors/spatial-parameters.js';
import type { MessageOf } from '../../src/messages/catalogue.js';
import { marksOf } from '../../src/actors/board-reading.js';
import { OrderBook } from '../../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { ArbotError } from '../../src/messages/errors.js';
import { changeKillSwitch } from '../../src/modes/kill-switch.js';
import { HOLDINGS, instrument, INSTRUMENTS, LIMITS, NOW, POLICY, sealed } from '../risk/fixtures.js';
import { World } from './world.js';

/** Ledger = opening balances + fills, entry by entry, and sums to zero (I1, I2). */
async function checkLedger(world: World): Promise<void> {
  const entries = await world.stores.ledger.entries(0, 10_000);
  const book = new LedgerBook();
  for (const { entry } of entries) book.book(entry);
  for (const asset of ['BTC', 'ETH', 'USDT'])
    if (!book.totalOf(asset).isZero()) throw new Error(`${asset} does not sum to zero`);
  const fills = await world.stores.ledger.fills(0, 10_000);
  const sums = new Map(HOLDINGS.map((h) => [`${h.exchange}|${h.asset}`, new Decimal(h.amount)]));
  const move = (key: string, by: Decimal) => sums.set(key, (sums.get(key) ?? new Decimal(0)).plus(by));
  for (const { fill } of fills) {
    const sign = fill.side === 'buy' ? 1 : -1;
    const [base = '', quote = ''] = fill.instrument.split(':')[1]!.split('-');
    move(`${fill.exchange}|${base}`, new Decimal(fill.quantity).times(sign));
    move(`${fill.exchange}|${quote}`, new Decimal(fill.quantity).times(fill.price).times(-sign));
    move(`${fill.exchange}|${fill.feeAsset}`, new Decimal(fill.fee).negated());
  }
  for (const held of await world.stores.ledger.holdings())
    if (!sums.get(`${held.exchange}|${held.asset}`)?.eq(held.amount))
      throw new Error(`${held.exchange} ${held.asset}`);
}

t.test(
  'a signal becomes a verdict, two journalled orders, booked fills and a closed arbitrage',
  async (t) => {
    const world = await World.start();
    world.dislocate();
    world.send();
    await world.time.advance(1_500);
    t.match(world.of('verdict'), [{ decision: 'approved' }]);
    t.equal(world.of('fill').length, 2);
    t.match(world.of('arbitrageClosed'), [
      { outcome: 'completed', expectedNet: '7.99', realisedNet: '7.99', residualBase: '0' },
    ]);
    t.match(world.of('opportunityEvent'), [{ phase: 'executed', reason: 'COMPLETED', netProfit: '7.99' }]);
    t.strictSame(await world.stores.trades.openLegs(), []);
    t.match(await world.stores.signals.recentSignals(10), [{ verdict: { decision: 'approved' } }]);
    await checkLedger(world);
    t.match(world.summary('/gate'), { approved: 1, inFlight: 0, holds: [] });
    const view = world.view();
    await world.time.settle();
    t.match(await view, { realisedNet: '7.99', expectedNet: '7.99', arbitrages: 1, unmarked: [] });
    t.equal((await world.stores.portfolio.recentSnapshots(5)).length, 1);
    t.strictSame(
      world.log.lines.filter((l) => l.level === 'error'),
      [],
    );

    world.send();
    await world.time.advance(500);
    t.match(world.of('opportunityEvent').at(-1), { phase: 'refused', reason: 'DUPLICATE_SIGNAL' });
    t.equal(world.of('fill').length, 2, 'the same signal again trades nothing');
  },
);

t.test(
  'the arrival book counts: an edge that is gone fills nothing, and no liquidity is used twice',
  async (t) => {
    const world = await World.start();
    world.dislocate();
    world.send();
    await world.time.advance(5);
    world.quote('alpha:BTC-USDT', 1004, 1005);
    world.quote('beta:BTC-USDT', 1005, 1006);
    await world.time.advance(1_500);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'failed', realisedNet: '0' }]);
    t.match(world.of('opportunityEvent').at(-1), { phase: 'missed' });

    world.quote('alpha:BTC-USDT', 999, 1000, 1.5);
    world.quote('beta:BTC-USDT', 1010, 1011, 1.5);
    world.send({ id: 's-2' });
    world.send({ id: 's-3' });
    await world.time.advance(1_500);
    const filled = world
      .of('fill')
      .filter((f) => f.side === 'buy')
      .reduce((s, f) => s.plus(f.quantity), new Decimal(0));
    t.equal(filled.toFixed(), '1.5', 'the second order gets what the first left');
    await checkLedger(world);
  },
);

t.test(
  'the kill switch stops the next order at the gate and at the last gate, and survives a restart',
  async (t) => {
    const world = await World.start({ latencyMs: 20 });
    world.dislocate();
    const halt = { engaged: true, reason: 'test', by: 'person', atMs: world.time.nowMs() };
    world.bus.publish('risk.halt', 'haltChanged', halt, { traceId: 'x' });
    world.send();
    await world.time.advance(1_500);
    t.equal(world.of('fill').length, 0);
    t.match(world.of('opportunityEvent').at(-1), { reason: 'KILL_SWITCH' });
    for (const path of ['/gate', '/gateway/alpha']) t.match(world.summary(path), { killSwitch: 'engaged' });
    await world.kill();
    const again = await World.start({ before: world });
    for (const path of ['/gate', '/gateway/alpha']) t.match(again.summary(path), { killSwitch: 'engaged' });
    again.dislocate();
    again.send({ id: 's-9' });
    await again.time.advance(500);
    t.equal(again.of('fill').length, 0);
    again.bus.publish(
      'risk.halt',
      'haltChanged',
      { ...halt, engaged: false, atMs: again.time.nowMs() },
      { traceId: 'x' },
    );
    again.send({ id: 's-10' });
    await again.time.advance(1_500);
    t.equal(again.of('fill').length, 2, 'a person cleared it');
  },
);

t.test(
  'while a store is away no risk is added, nothing is lost, and trading goes on when it is back',
  async (t) => {
    const world = await World.start();
    world.dislocate();
    world.send();
    await world.time.advance(30);
    world.faults.down = true;
    await world.time.advance(3_000);
    t.equal(world.of('arbitrageClosed').length, 0, 'not ended before its fills are booked');
    t.ok(world.of('riskHold').some((h) => h.held && h.source === 'ledger'));
    world.send({ id: 's-2' });
    await world.time.advance(500);
    t.match(world.of('verdict').at(-1), { decision: 'refused', refusals: [{ rule: 'RISK_HOLD' }] });
    world.faults.down = false;
    await world.time.advance(8_000);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'completed' }]);
    world.dislocate();
    world.send({ id: 's-3' });
    await world.time.advance(2_000);
    t.equal(world.of('arbitrageClosed').length, 2);
    await checkLedger(world);
    t.match(world.summary('/gate'), { inFlight: 0, holds: [] });
  },
);

t.test('a journal that is away sends nothing at all', async (t) => {
  const world = await World.start();
  world.dislocate();
  world.faults.down = true;
  world.send();
  await world.time.advance(3_000);
  world.faults.down = false;
  await world.time.advance(6_000);
  t.equal(world.of('fill').length, 0);
  t.match(world.of('arbitrageClosed'), [{ outcome: 'failed' }]);
  t.match(world.summary('/gate'), { inFlight: 0, holds: [] });
  t.match(world.summary('/gateway/alpha'), { accepted: 0, blocked: 0 });
});

t.test('a commit whose answer is lost is found again: booked once, and never sent on a guess', async (t) => {
  const world = await World.start();
  world.dislocate();
  world.send();
  await world.time.advance(30);
  world.faults.lostAcknowledgements = 1;
  await world.time.advance(5_000);
  t.match(world.of('arbitrageClosed'), [{ outcome: 'completed' }]);
  t.equal((await world.stores.ledger.fills(0, 10)).length, 2);
  t.match(
    world.summary('/ledger'),
    { booked: 1, duplicates: 1 },
    'the store had booked what it did not confirm',
  );
  const held = world.of('balancesChanged').at(-1)?.holdings ?? [];
  const stored = await world.stores.ledger.holdings();
  const text = (all: typeof stored) => all.map((h) => `${h.exchange} ${h.asset} ${h.amount}`).sort();
  t.strictSame(text(held), text(stored), 'what the gate is told is what the store holds');

  // The journal's own answer is lost: the legs may be written, so they are neither sent nor forgotten.
  world.dislocate();
  world.faults.lostAcknowledgements = 2;
  world.send({ id: 's-2' });
  await world.time.advance(3_000);
  t.match(world.of('arbitrageClosed').at(-1), { outcome: 'failed' });
  t.equal((await world.stores.ledger.fills(0, 10)).length, 2);
  await world.kill();
  const again = await World.start({ before: world });
  await again.time.advance(10_000);
  t.strictSame(await again.stores.trades.openLegs(), []);
  t.match(again.summary('/gate'), { inFlight: 0 });
});

t.test('rejects and thin books end in one of the five outcomes, and the money adds up', async (t) => {
  const world = await World.start({ faults: { rejectShare: 0.3, thinShare: 0.5 }, seed: 'faults' });
  for (let i = 0; i < 25; i++) {
    world.quote('alpha:BTC-USDT', 999, 1000, 1 + (i % 3) / 10);
    world.quote('beta:BTC-USDT', 1010, 1011, 1 + (i % 4) / 10);
    world.send({ id: `s-f${i}` });
    await world.time.advance(1_000);
  }
  await world.time.advance(30_000);
  const closed = world.of('arbitrageClosed');
  t.equal(closed.length, world.of('verdict').filter((v) => v.decision === 'approved').length);
  t.ok(new Set(closed.map((c) => c.outcome)).size >= 2, 'faults did happen');
  for (const c of closed) {
    const residue = new Decimal(c.residualBase).abs();
    t.ok(residue.lte('0.001') || c.outcome === 'flagged', `${c.outcome} ${c.residualBase}`);
  }
  await checkLedger(world);
  t.match(world.summary('/gate'), { inFlight: 0 });
  t.strictSame(await world.stores.trades.openLegs(), []);
});

t.test(
  'killed at any moment, the next start ends every half-done arbitrage once and sends nothing twice',
  async (t) => {
    for (const atMs of [0, 1, 5, 19, 20, 21, 25, 39, 40, 41, 45]) {
      const world = await World.start();
      world.dislocate();
      world.send();
      await world.time.advance(atMs);
      await world.kill();
      const again = await World.start({ before: world });
      again.dislocate();
      await again.time.advance(40_000);
      t.strictSame(await again.stores.trades.openLegs(), [], `killed after ${atMs} ms: every leg is settled`);
      const rows = await again.stores.trades.recentArbitrages(10);
      t.ok(rows.length <= 1, 'one end at most');
      const fills = await again.stores.ledger.fills(0, 100);
      t.ok(fills.length <= 2);
      t.ok(fills.length === 0 || rows.length === 1, 'what filled has an end');
      await checkLedger(again);
      t.match(again.summary('/gate'), { inFlight: 0, holds: [] });
      again.send({ id: 's-after' });
      await again.time.advance(2_000);
      t.equal(again.of('arbitrageClosed').at(-1)?.outcome, 'completed', 'and trading goes on');
    }
  },
);

t.test('a saga actor that crashes alone takes up its arbitrage from the gateways', async (t) => {
  const world = await World.start();
  world.dislocate();
  world.send();
  await world.time.advance(30);
  world.system.crash('/saga', new Error('bug'));
  await world.time.advance(100);
  await world.spawnSaga();
  await world.time.advance(5_000);
  t.match(world.of('arbitrageClosed'), [{ outcome: 'completed', realisedNet: '7.99' }]);
  t.equal(
    world.of('fill').filter((f, i, all) => all.findIndex((g) => g.tradeId === f.tradeId) === i).length,
    2,
  );
  await checkLedger(world);
  t.match(world.summary('/gate'), { inFlight: 0 });
});

t.test('what the actors decided is what the pure stages decide on the recorded inputs', async (t) => {
  const world = await World.start({ faults: { rejectShare: 0.2, thinShare: 0.3 }, seed: 'parity' });
  for (let i = 0; i < 10; i++) {
    world.dislocate();
    world.send({ id: `s-p${i}` });
    await world.time.advance(700);
  }
  await world.time.advance(20_000);
  const limits = { ...LIMITS, maxBookAgeMs: 1e12, maxUnchangedMs: 1e12 };
  const gateInputs = world.inputs.filter((i) => i.stage === 'gate') as unknown as RecordedInput<GateEvent>[];
  const killSwitch = { engaged: false, reason: '', by: 'start', atMs: NOW };
  const verdicts = replayStage(
    gateStage({ limits, instruments: INSTRUMENTS, killSwitch, nowMs: NOW }),
    JSON.parse(JSON.stringify(gateInputs)) as typeof gateInputs,
  )
    .flat()
    .flatMap((effect) => ('verdict' in effect ? [effect.verdict] : []))
    .map((verdict) => (verdict.decision === 'approved' ? sealed(verdict) : verdict));
  t.strictSame(verdicts, world.of('verdict'));
  const sagaInputs = world.inputs
    .filter((i) => i.stage === 'saga')
    .map(({ key, event, nowMs }) => {
      const own = event as { kind: string };
      const staged = own.kind === 'start' ? own : { kind: 'saga', arbitrageId: key, event };
      return { event: JSON.parse(JSON.stringify(staged)) as SagaStageEvent, nowMs };
    });
  const closed = replayStage(
    sagaStage({ instruments: INSTRUMENTS, feeMarks: [], policy: POLICY }),
    sagaInputs,
  )
    .flat()
    .flatMap(({ effect }) => (effect.kind === 'close' ? [effect.closed] : []));
  t.ok(closed.length >= 10);
  t.strictSame(closed, world.of('arbitrageClosed'));
});

t.test('an order nobody answers for keeps its reservation, however long the silence', async (t) => {
  const world = await World.start();
  world.dislocate();
  for (const exchange of ['alpha', 'beta']) {
    world.system.crash(`/gateway/${exchange}`, new Error('gone'));
    const silence = () => new Promise<never>(() => undefined);
    world.bus.respond(`order.submit.${exchange}`, 'submitLeg', 'legResult', silence);
    world.bus.respond(`order.query.${exchange}`, 'queryOrder', 'legResult', silence);
  }
  world.send();
  await world.time.advance(12_500);
  t.equal((await world.stores.trades.openLegs()).length, 2);
  t.match(world.summary('/gate'), { inFlight: 1, lapsed: 0 }, 'past the grace, and the journal knows it');
  await world.time.advance(20_000);
  t.match(world.of('arbitrageClosed'), [{ outcome: 'flagged' }]);
  t.match(
    world.summary('/gate'),
    { inFlight: 1, unsettled: 1 },
    'what may yet be carried out counts in full',
  );

  t.ok(
    world.of('riskHold').some((hold) => hold.held && hold.asset === 'BTC'),
    'and nothing more of the asset trades',
  );
  world.send({ id: 's-stopped', buy: 'beta', sell: 'gamma' });
  await world.time.advance(100);
  t.match(world.of('verdict').at(-1), { decision: 'refused', refusals: [{ rule: 'RISK_HOLD' }] });

  world.system.crash('/saga', new Error('gone'));
  const lifted = { source: 'unknown:BTC', held: false, asset: 'BTC', reason: '', atMs: world.time.nowMs() };
  world.bus.publish('risk.hold', 'riskHold', lifted, { traceId: 'test' });
  world.send({ id: 's-unused', buy: 'beta', sell: 'gamma' });
  await world.time.advance(15_000);
  t.match(world.summary('/gate'), { inFlight: 1, lapsed: 1 }, 'one that was never journalled lapses');

  for (const { clientOrderId, arbitrageId, legIndex } of await world.stores.trades.openLegs())
    await world.stores.trades.saveLegResult({
      clientOrderId,
      arbitrageId,
      legIndex,
      status: 'expired',
      filledQuantity: '0',
      averagePrice: null,
      fills: [],
      reason: '',
      acknowledgedAtMs: 1,
    });
  await world.time.advance(2_000);
  t.match(
    world.summary('/gate'),
    { inFlight: 0, unsettled: 0 },
    'nothing stays once the journal has its end',
  );
});

t.test('an opportunity that was traded, or may have been, is not traded again after a restart', async (t) => {
  for (const atMs of [5, 30, 1_500]) {
    const world = await World.start();
    world.dislocate();
    const { opportunityId } = world.send();
    await world.time.advance(atMs);
    await world.kill();
    const again = await World.start({ before: world });
    again.dislocate();
    again.send({ id: 's-again', opportunity: opportunityId });
    await again.time.advance(10);
    const verdict = again.of('verdict').at(-1);
    t.ok(
      verdict?.decision === 'refused' &&
        verdict.refusals.some(({ rule }) => rule === 'DUPLICATE_OPPORTUNITY'),
      `killed after ${atMs} ms`,
    );
    await again.time.advance(40_000);
    const filled = (await again.stores.trades.recentArbitrages(10)).filter((c) => c.boughtQuantity !== '0');
    t.ok(filled.length <= 1);
  }
});

t.test('a gateway that restarts does not deny the fills it told before', async (t) => {
  // Matched and not told yet; told and not booked yet, with the ledger's store away for a moment.
  for (const [atMs, away] of [
    [30, false],
    [41, true],
  ] as const) {
    const world = await World.start();
    world.dislocate();
    world.send();
    await world.time.advance(atMs - 1);
    world.faults.down = away;
    await world.time.advance(1);
    const restarted = ['/gateway/alpha', '/gateway/beta', '/saga'];
    for (const path of restarted) world.system.crash(path, new Error('bug'));
    await world.time.advance(300);
    world.faults.down = false;
    for (const path of restarted) await world.respawn(path);
    await world.time.advance(20_000);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'completed', realisedNet: '7.99' }], `after ${atMs} ms`);
    t.equal((await world.stores.ledger.fills(0, 10)).length, 2);
    await checkLedger(world);
    t.match(world.summary('/gate'), { inFlight: 0, holds: [] });
  }
});

t.test('a restart goes on with the trade as it was approved, not as it was asked for', async (t) => {
  const world = await World.start({ limits: { shrinkToFit: true, maxOrderNotional: '505' } });
  world.dislocate();
  const asked = world.send();
  await world.time.advance(5);
  await world.kill();
  const verdict = world.of('verdict')[0];
  if (verdict?.decision !== 'approved') throw new Error('refused');
  t.equal(verdict.signal.quantity, '0.5');
  // Whoever is first keeps the row: here the one that explains what was asked.
  world.database.signals.set(asked.signalId, {
    signal: JSON.stringify(asked),
    verdict: JSON.stringify(verdict),
  });
  const again = await World.start({ before: world });
  await again.time.advance(40_000);
  t.match(await again.stores.trades.recentArbitrages(1), [{ expectedNet: verdict.signal.edge.net }]);
});

t.test('the kill switch is obeyed whatever is starting, down or set back meanwhile', async (t) => {
  const world = await World.start();
  const told = (engaged: boolean, atMs: number) => ({ engaged, reason: 'test', by: 'person', atMs });
  for (const path of ['/gate', '/gateway/alpha']) world.system.crash(path, new Error('bug'));
  world.faults.delayMs = 50;
  const starting = ['/gate', '/gateway/alpha'].map((path) => world.respawn(path));
  await world.time.advance(120);
  // After the settings were read, and told once only; by a clock that was set back an hour.
  world.bus.publish('risk.halt', 'haltChanged', told(true, NOW - 3_600_000), { traceId: 'x' });
  await world.time.advance(1_000);
  await Promise.all(starting);
  for (const path of ['/gate', '/gateway/alpha']) t.match(world.summary(path), { killSwitch: 'engaged' });
  world.faults.delayMs = 0;
  await world.time.advance(1_000);

  const change = async (engaged: boolean, atMs: number) => {
    const { bus, stores } = world;
    const done = changeKillSwitch({ bus, settings: stores.settings }, told(engaged, atMs)).then(
      () => 'written',
      (error: ArbotError) => error.code,
    );
    await world.time.advance(50);
    return done;
  };
  world.system.crash('/gate', new Error('bug'));
  t.equal(await change(false, NOW), 'written');
  t.equal(decodeKillSwitch(world.database.settings.get(KILL_SWITCH_KEY) ?? null).atMs, NOW, 'without a gate');
  t.match(world.summary('/gateway/alpha'), { killSwitch: 'cleared' });
  world.faults.down = true;
  t.equal(await change(true, NOW + 1), 'ARB_STORE_UNAVAILABLE');
  t.match(world.summary('/gateway/alpha'), { killSwitch: 'engaged' }, 'stops without a store too');
  t.equal(await change(false, NOW + 2), 'ARB_STORE_UNAVAILABLE');
  t.match(world.summary('/gateway/alpha'), { killSwitch: 'engaged' }, 'and is not cleared without one');

  world.faults.down = false;
  world.database.settings.delete(KILL_SWITCH_KEY);
  for (const path of ['/gate', '/gateway/alpha']) world.system.crash(path, new Error('bug'));
  for (const path of ['/gate', '/gateway/alpha']) {
    const starting = world.respawn(path);
    await world.time.advance(100);
    await starting;
    t.match(
      world.summary(path),
      { killSwitch: 'engaged' },
      'an actor that starts knows what was never written',
    );
  }
  const written = decodeKillSwitch(world.database.settings.get(KILL_SWITCH_KEY) ?? null);
  t.match(written, { engaged: true }, 'and it is written now');

  world.database.settings.set(KILL_SWITCH_KEY, JSON.stringify(told(false, NOW + 9)));
  world.system.crash('/gate', new Error('bug'));
  const again = world.respawn('/gate');
  await world.time.advance(100);
  await again;
  t.match(
    world.summary('/gate'),
    { killSwitch: 'engaged' },
    'cleared by a write whose acknowledgement was lost',
  );
});

t.test('a flow that was booked in the life before is not told as another one', async (t) => {
  const flow = {
    exchange: 'alpha',
    flowId: 'd7',
    kind: 'transfer',
    asset: 'USDT',
    amount: '40000',
    reason: 'deposit',
  } as const;
  const tell = async (world: World) => {
    let told = 0;
    world.bus.subscribe('ledger.entry', 'ledgerEntry', ({ message }) => {
      if (message.kind === 'external') told++;
    });
    world.bus.publish('ledger.external', 'externalFlow', { ...flow, atMs: NOW }, { traceId: 'x' });
    await world.time.advance(100);
    return told;
  };
  const world = await World.start();
  t.equal(await tell(world), 1);
  await world.kill();
  const again = await World.start({ before: world });
  await again.time.advance(1_000);
  t.equal(await tell(again), 0, 'the gate would move day and peak by it once more');
  t.match(again.summary('/ledger'), { duplicates: 1, waiting: 0 });
});

t.test('a market in packs gives its price per unit', async (t) => {
  const board = new QuoteBoard(2);
  const packs = instrument('alpha', 'SATS', { unitMultiplier: '1000' });
  const book = new OrderBook();
  book.setBid(0.2, 10);
  book.setAsk(0.4, 10);
  board.publish(board.slotOf(packs.id), book, 1, NOW, NOW, 0);
  t.strictSame(marksOf(board, [packs], 'USDT'), [{ asset: 'SATS', price: '0.0003' }]);
});

t.test(
  'a detector that starts leaves standing edges alone that were traded, or might have been',
  async (t) => {
    const verdicts = async (trade: boolean, away: boolean) => {
      const world = await World.start();
      world.dislocate();
      if (trade) world.send();
      await world.time.advance(1_500);
      const before = world.of('verdict').length;
      world.dislocate();
      world.faults.down = away;
      const { bus, board, stores } = world;
      const limits = new Map([['USDT', { minNetProfit: '0.5', maxNotional: '2000' }]]);
      const wide = { maxBookAgeMs: 1e12, maxUnchangedMs: 1e12, latencyDecayBps: 0, transferCostBps: 0 };
      const started = world.system.spawn(
        '/detector',
        detectorActor({
          bus,
          board,
          instruments: INSTRUMENTS.filter(({ base }) => base === 'BTC'),
          parameters: { ...DEFAULT_SPATIAL_PARAMETERS, limits, ...wide },
          trades: stores.trades,
        }),
      );
      await world.time.advance(100);
      t.ok((await started).ok, 'it starts without a store too');
      world.faults.down = false;
      await world.time.advance(1_500);
      const asked = world.of('verdict').slice(before);
      await world.kill();
      world.system.crash('/detector', new Error('killed'));
      const toBeta = (v: MessageOf<'verdict'>) =>
        v.decision === 'approved' && v.signal.legs.map((leg) => leg.exchange).join() === 'alpha,beta';
      return asked.filter(toBeta).length;
    };
    t.ok((await verdicts(false, false)) > 0, 'an edge nobody traded is offered');
    t.equal(await verdicts(true, false), 0);
    t.equal(await verdicts(false, true), 0);
  },
);

t.test('property: a mark is the mid price of the decimals, cut to twelve digits', async (t) => {
  const price = fc.oneof(
    fc.integer({ min: 1, max: 1e9 }).map((n) => n / 1e4),
    fc.integer({ min: 1, max: 1e9 }).map((n) => n / 1e10),
    fc.double({ min: 1e-9, max: 1e12, noNaN: true }),
  );
  fc.assert(
    fc.property(price, price, (bid, ask) => {
      const board = new QuoteBoard(1);
      const market = instrument('alpha');
      const slot = board.slotOf(market.id);
      board.bidPrices[slot * BOARD_DEPTH] = bid;
      board.askPrices[slot * BOARD_DEPTH] = ask;
      board.bidLevels[slot] = board.askLevels[slot] = 1;
      board.trust[slot] = TRUST_OK;
      const mid = midPrice(bid, ask)!;
      const expected = mid.isZero() ? [] : [{ asset: 'BTC', price: mid.toFixed() }];
      t.strictSame(marksOf(board, [market], 'USDT'), expected);
    }),
    { numRuns: 300 },
  );
});
