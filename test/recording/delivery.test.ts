import fc from 'fast-check';
import t from 'tap';
import type { TickBatch } from '../../src/ports/tick-store.js';
import { droppedRows, isBalanced, type TableAccount } from '../../src/recording/account.js';
import { carryOut } from '../../src/recording/carry-out.js';
import { Delivery, type DeliveryEffect, type DeliveryResult } from '../../src/recording/delivery.js';
import { RowRing } from '../../src/recording/row-ring.js';
import { TICK_TABLES, TickQueue } from '../../src/recording/tick-queue.js';
import type { TickStore } from '../../src/ports/tick-store.js';
import { ArbotError } from '../../src/messages/errors.js';
import { away, ModelSpool, spreadRow, tradeRow } from './model.js';

const POLICY = { retry: { minMs: 100, maxMs: 1_000 }, patienceMs: 500, timeoutMs: 3_000 };
const SIZES = { ringRows: 40, batchRows: 10, batchAgeMs: 1_000 };

type Answer = 'stored' | 'lost acknowledgement' | 'away';

/** A delivery between a store and a spool whose answers the test gives when it likes. */
class Line {
  readonly spool = new ModelSpool();
  readonly batches = new Map<string, TickBatch>();
  readonly queue = new TickQueue(SIZES, () => `b${++this.made}`);
  readonly delivery = new Delivery(this.queue, POLICY);
  /** Rows the store refuses for good. */
  readonly poison = new Set<string>();
  underway: DeliveryEffect[] = [];
  nowMs = 0;
  answer: Answer = 'stored';
  private made = 0;
  private readonly store = {
    insert: (batch: TickBatch) => this.insert(batch),
  } as unknown as TickStore;

  private insert(batch: TickBatch): Promise<void> {
    if (this.answer === 'away') return Promise.reject(away('down'));
    const rows = batch.table === 'tick_trades' ? batch.rows : [];
    if (rows.some(({ tradeId }) => this.poison.has(tradeId)))
      return Promise.reject(new ArbotError('ARB_STORE_CONFLICT', 'row 0 price'));
    this.batches.set(batch.batchId, this.batches.get(batch.batchId) ?? batch);
    return this.answer === 'stored' ? Promise.resolve() : Promise.reject(away('reset'));
  }

  ask(): DeliveryEffect[] {
    const asked = this.delivery.next(this.nowMs);
    this.underway.push(...asked);
    return asked;
  }

  /** Carries out one effect that is under way; the result arrives unless it is lost with its actor. */
  async finish(at = 0, isLost = false): Promise<DeliveryResult | null> {
    const [effect] = this.underway.splice(at, 1);
    if (effect === undefined) return null;
    const result = await carryOut(effect, { store: this.store, spool: this.spool });
    if (!isLost) this.delivery.settle(result, this.nowMs);
    return result;
  }

  restart(): void {
    this.underway = [];
    this.delivery.resume();
  }

  /** Everything answers: runs until nothing is left to do. */
  async drain(): Promise<void> {
    this.answer = 'stored';
    this.spool.isBroken = false;
    this.spool.maxBatches = Infinity;
    for (let round = 0; round < 500; round++) {
      this.nowMs += 200;
      this.ask();
      while (this.underway.length > 0) {
        await this.finish();
        this.ask();
      }
    }
  }

  stored(): string[] {
    return [...this.batches.values()].flatMap(({ rows }) => rows.map((row) => JSON.stringify(row)));
  }

  accounts(): TableAccount[] {
    const { queue, delivery } = this;
    return TICK_TABLES.map((table) => ({
      table,
      received: queue.received[table],
      carried: delivery.carried[table],
      stored: delivery.stored[table],
      inSpool: delivery.inSpool[table],
      inRing: queue.waiting(table) + delivery.inHand(table),
      dropped: {
        ring: queue.overwritten(table),
        refused: delivery.refused[table],
        damaged: delivery.damaged[table],
        stop: 0,
      },
    }));
  }
}

t.test('a ring gives rows back in order and counts what made room', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.array(fc.oneof(fc.constant('push'), fc.integer({ min: 0, max: 9 })), { maxLength: 300 }),
      (capacity, steps) => {
        const ring = new RowRing<number>(capacity);
        const model: number[] = [];
        let pushed = 0;
        let lost = 0;
        for (const step of steps) {
          if (step === 'push') {
            ring.push(pushed);
            model.push(pushed++);
            if (model.length > capacity) lost += model.splice(0, 1).length;
          } else if (
            JSON.stringify(ring.take(Number(step))) !== JSON.stringify(model.splice(0, Number(step)))
          )
            return false;
          if (ring.length !== model.length || ring.overwritten !== lost) return false;
        }
        return true;
      },
    ),
  );
  t.end();
});

t.test('batches are sealed by size and by age, the tables in turn, books five times smaller', async (t) => {
  const line = new Line();
  for (let i = 0; i < 25; i++) line.queue.add('tick_trades', tradeRow(i));
  line.queue.add('spread_history', spreadRow(1));
  const sizes = [line.queue.seal(0), line.queue.seal(0), line.queue.seal(0)].map(
    (b) => b?.rows.length ?? null,
  );
  t.same(sizes, [10, 10, null], 'five trades and a spread are neither full nor old');
  t.equal(line.queue.seal(999), null);
  const aged = [line.queue.seal(1_000), line.queue.seal(1_000), line.queue.seal(1_000)];
  t.same(
    aged.map((batch) => batch?.table ?? null),
    ['spread_history', 'tick_trades', null],
  );
});

t.test('one insert is under way, and while it is slow what follows goes to the spool', async (t) => {
  const line = new Line();
  for (let i = 0; i < 30; i++) line.queue.add('tick_trades', tradeRow(i));
  t.same(
    line.ask().map(({ kind }) => kind),
    ['insert', 'read'],
  );
  await line.finish(1);
  line.nowMs = 400;
  t.same(line.ask(), [], 'within the patience');
  line.nowMs = 600;
  t.same(
    line.ask().map(({ kind }) => kind),
    ['append'],
  );
  await line.finish(1);
  t.equal(line.spool.waiting.length, 1);
  await line.drain();
  t.equal(line.stored().length, 30);
  t.equal(line.spool.waiting.length, 0);
});

t.test('a ring that is half full goes to the spool before the patience is over', async (t) => {
  const line = new Line();
  for (let i = 0; i < 30; i++) line.queue.add('tick_trades', tradeRow(i));
  const kinds = (): string[] => line.ask().map(({ kind }) => kind);
  t.same(kinds(), ['insert', 'read'], 'twenty of forty are left');
  line.queue.add('tick_trades', tradeRow(30));
  t.same(kinds(), ['append']);
  await line.drain();
  t.equal(line.stored().length, 31);
});

t.test('an insert that gets no answer in time comes again under the same id', async (t) => {
  const line = new Line();
  line.spool.isBroken = true;
  for (let i = 0; i < 10; i++) line.queue.add('tick_trades', tradeRow(i));
  const [first] = line.ask();
  line.nowMs = 3_001;
  t.same(
    line.ask().map(({ kind }) => kind),
    ['append'],
    'first it would go to the disk',
  );
  await line.finish(line.underway.length - 1);
  line.nowMs = 3_200;
  const again = line.ask().find(({ kind }) => kind === 'insert');
  t.ok(first?.kind === 'insert' && again?.kind === 'insert' && again.batch.batchId === first.batch.batchId);
  t.ok(line.delivery.isStoreUp === false && again!.token !== first!.token);
  line.delivery.settle({ kind: 'inserted', token: first!.token }, line.nowMs);
  t.equal(line.delivery.stored.tick_trades, 0, 'the late answer is not taken for that of the second try');
});

t.test(
  'a batch that the store refuses is halved until only the wrong row is dropped, and counted',
  async (t) => {
    const line = new Line();
    line.poison.add('7');
    for (let i = 0; i < 10; i++) line.queue.add('tick_trades', tradeRow(i));
    await line.drain();
    t.equal(line.delivery.refused.tick_trades, 1);
    t.same(
      line
        .stored()
        .map((row) => (JSON.parse(row) as { tradeId: string }).tradeId)
        .sort(),
      ['0', '1', '2', '3', '4', '5', '6', '8', '9'],
    );
    t.ok(line.accounts().every(isBalanced));
    t.match(line.delivery.lastError, /row 0 price/);
  },
);

t.test('a batch of the spool that is refused in part is forgotten once', async (t) => {
  const line = new Line();
  line.answer = 'away';
  for (let i = 0; i < 10; i++) line.queue.add('tick_trades', tradeRow(i));
  for (let i = 0; i < 4; i++) {
    line.ask();
    while (line.underway.length > 0) await line.finish();
  }
  t.equal(line.spool.waiting.length, 1);
  line.poison.add('3');
  line.poison.add('4');
  await line.drain();
  t.equal(line.stored().length, 8);
  t.equal(line.delivery.refused.tick_trades, 2);
  t.ok(line.accounts().every(isBalanced));
});

t.test(
  'while neither store nor spool takes them, the oldest rows make room and two batches at most are in hand',
  async (t) => {
    const line = new Line();
    line.answer = 'away';
    line.spool.isBroken = true;
    for (let i = 0; i < 400; i++) {
      line.queue.add('tick_trades', tradeRow(i));
      line.nowMs += 50;
      line.ask();
      while (line.underway.length > 0) await line.finish();
      const { inRing, dropped, received } = line.accounts()[0]!;
      if (line.delivery.inHand('tick_trades') > 20 || inRing + dropped.ring !== received)
        t.fail(`after ${i}`);
    }
    const [trades] = line.accounts();
    t.ok(trades!.dropped.ring >= 330, `${trades!.dropped.ring} dropped`);
    await line.drain();
    t.equal(line.stored().length, 400 - line.accounts()[0]!.dropped.ring, 'the newest are stored');
  },
);

/** What may happen between two looks. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add' as const), rows: fc.integer({ min: 1, max: 15 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      at: fc.nat(3),
      answer: fc.constantFrom<Answer>('stored', 'lost acknowledgement', 'away'),
      isLost: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('disk' as const),
      isBroken: fc.boolean(),
      maxBatches: fc.constantFrom(0, 2, Infinity),
    }),
  },
);

t.test('whatever answers are lost, late or bad: every row is stored once or counted as dropped', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), async (steps) => {
      const line = new Line();
      let added = 0;
      for (const one of steps) {
        if (one.do === 'add')
          for (let i = 0; i < one.rows; i++) {
            if (added % 3 === 0) line.queue.add('spread_history', spreadRow(added++));
            else line.queue.add('tick_trades', tradeRow(added++));
          }
        else if (one.do === 'ask') line.ask();
        else if (one.do === 'wait') line.nowMs += one.ms;
        else if (one.do === 'restart') line.restart();
        else if (one.do === 'disk') Object.assign(line.spool, one);
        else {
          line.answer = one.answer;
          await line.finish(one.at, one.isLost);
          // Whoever lost a result is replaced.
          if (one.isLost) line.restart();
        }
        if (!line.accounts().every(isBalanced)) throw new Error(JSON.stringify(line.accounts()));
      }
      await line.drain();
      const accounts = line.accounts();
      const dropped = accounts.reduce((sum, account) => sum + droppedRows(account.dropped), 0);
      const stored = line.stored();
      return (
        accounts.every(isBalanced) &&
        accounts.every(({ inRing, inSpool }) => inRing + inSpool === 0) &&
        new Set(stored).size === stored.length &&
        stored.length + dropped === added
      );
    }),
    { numRuns: 300 },
  );
});
