import type { Test } from 'tap';
import type { MessageOf } from '../../src/messages/catalogue.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { Bus, Delivery } from '../../src/ports/bus.js';
import { SAMPLES } from '../messages/samples.js';

/** What every transport must do. Run on the in-process bus and on NATS; `sender` and `receiver` may be one bus or two nodes. */

export interface BusPair {
  readonly sender: Bus;
  readonly receiver: Bus;
  /** Moves the clock that stamps and judges messages; the age of what is under way changes with it. */
  advance(ms: number): void;
}

export type BusContract = (name: string, body: (t: Test, pair: BusPair) => Promise<void>) => void;

const TRACE = { traceId: 'tr-1' };
const ASK = { ...TRACE, timeoutMs: 5_000 };

/** Resolves when the condition holds; fails the test after ten seconds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A subscription is in force on the other side once this node's server has confirmed it. */
async function settled({ sender, receiver }: BusPair): Promise<void> {
  await receiver.flush();
  await sender.flush();
}

const trade = (id: number): MessageOf<'tradePrint'> => ({ ...SAMPLES.tradePrint, tradeId: String(id) });

export function busContract(contract: BusContract): void {
  deliveryContract(contract);
  patternContract(contract);
  refusalContract(contract);
  requestContract(contract);
}

function deliveryContract(contract: BusContract): void {
  contract('a message arrives whole, later, with subject, sender, trace and time', async (t, pair) => {
    const got: Delivery<'fill'>[] = [];
    pair.receiver.subscribe('order.fill.*', 'fill', (delivery) => got.push(delivery));
    await settled(pair);
    const body = structuredClone(SAMPLES.fill);
    const before = Date.now() - 60_000;
    pair.sender.publish('order.fill.binance', 'fill', body, TRACE);
    t.equal(got.length, 0, 'not within the call');
    body.price = '1';
    await eventually(() => got.length === 1, 'delivery');
    t.strictSame(got[0]!.message, SAMPLES.fill, 'a copy, taken when it was published');
    t.match(got[0], { subject: 'order.fill.binance', traceId: 'tr-1', sender: 'node-a' });
    t.ok(got[0]!.sentAtMs > before);
    t.match(pair.sender.statistics(), { state: 'connected', published: 1, droppedFull: 0 });
    t.match(pair.receiver.statistics(), { delivered: 1, droppedInvalid: 0, droppedStale: 0 });
  });

  contract('binary kinds travel too, and subscribers share nothing', async (t, pair) => {
    const seen: MessageOf<'bookTop'>[] = [];
    const take = (delivery: Delivery<'bookTop'>) => {
      seen.push(structuredClone(delivery.message));
      delivery.message.bids.length = 0;
    };
    pair.receiver.subscribe('md.book.*.*', 'bookTop', take);
    pair.receiver.subscribe('md.book.okx.*', 'bookTop', take);
    await settled(pair);
    pair.sender.publish('md.book.okx.BTC-USDT', 'bookTop', SAMPLES.bookTop, TRACE);
    await eventually(() => seen.length === 2, 'two deliveries');
    t.strictSame(seen, [SAMPLES.bookTop, SAMPLES.bookTop]);
  });

  contract(
    'a message of bytes arrives whole, begins its own buffer, and is shared by nobody',
    async (t, pair) => {
      const seen: Uint8Array[] = [];
      for (let i = 0; i < 2; i++) {
        pair.receiver.subscribe('md.board.*', 'boardBatch', ({ message }) => {
          seen.push(message.bytes.slice());
          t.equal(message.bytes.byteOffset, 0);
          message.bytes.fill(0);
        });
      }
      await settled(pair);
      const bytes = Uint8Array.from({ length: 4_096 }, (_, index) => index % 251);
      const sent = bytes.slice();
      pair.sender.publish('md.board.okx', 'boardBatch', { bytes }, TRACE);
      bytes.fill(9);
      await eventually(() => seen.length === 2, 'both');
      t.strictSame(seen, [sent, sent]);
      t.throws(() => pair.sender.publish('md.board.okx', 'boardBatch', { bytes: new Uint8Array(7) }, TRACE), {
        code: 'ARB_MESSAGE_INVALID',
        message: /multiple of 8/,
      });
      t.throws(
        () => pair.sender.publish('md.board.okx', 'boardBatch', { bytes: new Uint8Array(1_048_576) }, TRACE),
        { code: 'ARB_MESSAGE_TOO_LARGE' },
      );
    },
  );

  contract('a subscriber gets 2,000 messages in the order of their publication', async (t, pair) => {
    const ids: number[] = [];
    pair.receiver.subscribe('md.trade.>', 'tradePrint', ({ message }) => ids.push(Number(message.tradeId)));
    await settled(pair);
    for (let id = 0; id < 2_000; id++)
      pair.sender.publish('md.trade.okx.BTC-USDT', 'tradePrint', trade(id), TRACE);
    await pair.sender.flush();
    await eventually(() => ids.length === 2_000, 'all deliveries');
    t.ok(ids.every((id, index) => id === index));
  });

  contract('after unsubscribe nothing arrives, and a message for nobody is no error', async (t, pair) => {
    let got = 0;
    const subscription = pair.receiver.subscribe('risk.halt', 'haltChanged', () => got++);
    await settled(pair);
    pair.sender.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    await eventually(() => got === 1, 'the first');
    subscription.unsubscribe();
    subscription.unsubscribe();
    await settled(pair);
    pair.sender.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    await settled(pair);
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal(got, 1);
  });

  contract('messages older than their kind allows are dropped and counted, money never', async (t, pair) => {
    const got: string[] = [];
    pair.receiver.subscribe('md.>', 'tradePrint', () => got.push('trade'));
    pair.receiver.subscribe('order.>', 'fill', () => got.push('fill'));
    await settled(pair);
    pair.sender.publish('md.trade.okx.BTC-USDT', 'tradePrint', trade(1), TRACE);
    pair.sender.publish('order.fill.okx', 'fill', SAMPLES.fill, TRACE);
    pair.advance(5_001);
    await eventually(() => got.length === 1, 'the fill');
    await eventually(() => pair.receiver.statistics().droppedStale === 1, 'the stale count');
    t.strictSame(got, ['fill']);
  });

  contract('a handler that throws is counted and harms nobody else', async (t, pair) => {
    let got = 0;
    pair.receiver.subscribe('risk.halt', 'haltChanged', () => {
      throw new Error('defect of this handler');
    });
    pair.receiver.subscribe('risk.halt', 'haltChanged', () => got++);
    await settled(pair);
    for (let i = 0; i < 3; i++) pair.sender.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    await eventually(() => got === 3, 'deliveries to the other');
    await eventually(() => pair.receiver.statistics().handlerErrors === 3, 'the count');
    t.match(pair.receiver.statistics(), { state: 'connected', delivered: 3 });
  });
}

function patternContract(contract: BusContract): void {
  contract('* is one token and > the rest, as on NATS', async (t, pair) => {
    const got: Record<string, string[]> = {};
    const patterns = [
      'md.trade.okx.BTC-USDT',
      'md.trade.*.BTC-USDT',
      'md.trade.*.*',
      'md.trade.>',
      'md.*',
      '>',
    ];
    for (const pattern of patterns) {
      const list: string[] = (got[pattern] = []);
      pair.receiver.subscribe(pattern, 'tradePrint', ({ subject }) => list.push(subject));
    }
    await settled(pair);
    const subjects = [
      'md.trade.okx.BTC-USDT',
      'md.trade.okx.ETH-USDT',
      'md.trade',
      'md.trade.okx.BTC-USDT.more',
    ];
    for (const subject of subjects) pair.sender.publish(subject, 'tradePrint', trade(1), TRACE);
    await eventually(() => got['>']!.length === 4, 'the last delivery');
    const [btc, eth, short, long] = subjects;
    t.strictSame(got, {
      'md.trade.okx.BTC-USDT': [btc],
      'md.trade.*.BTC-USDT': [btc],
      'md.trade.*.*': [btc, eth],
      'md.trade.>': [btc, eth, long],
      'md.*': [short],
      '>': subjects,
    });
  });

  contract('of a queue group one member gets each message, others get all', async (t, pair) => {
    const members = [0, 0, 0];
    members.forEach((_, member) => {
      pair.receiver.subscribe('signal.*', 'signal', () => members[member]!++, { queue: 'gates' });
    });
    let all = 0;
    pair.receiver.subscribe('signal.*', 'signal', () => all++);
    await settled(pair);
    for (let i = 0; i < 90; i++) pair.sender.publish('signal.spatial', 'signal', SAMPLES.signal, TRACE);
    await eventually(() => all === 90 && members.reduce((a, b) => a + b) === 90, 'all deliveries');
    t.ok(
      members.every((count) => count > 0),
      `shared: ${members.join(', ')}`,
    );
  });

  contract('a subject or pattern that is none is refused at once', async (t, { sender }) => {
    for (const subject of ['', 'a..b', 'a b', 'a.*', '>', 'a\r\nb', 'x'.repeat(600)]) {
      t.throws(
        () => sender.publish(subject, 'fill', SAMPLES.fill, TRACE),
        { code: 'ARB_INVARIANT' },
        subject,
      );
    }
    for (const pattern of ['', 'a..b', 'a.>.b', 'a*', 'a b']) {
      t.throws(() => sender.subscribe(pattern, 'fill', () => undefined), { code: 'ARB_INVARIANT' }, pattern);
    }
    await t.rejects(sender.request('a b', 'fill', SAMPLES.fill, 'legResult', ASK), { code: 'ARB_INVARIANT' });
  });
}

function refusalContract(contract: BusContract): void {
  contract('a body that its schema refuses never leaves', async (t, { sender }) => {
    const wrong = { ...SAMPLES.fill, price: '-1' };
    const expected = { code: 'ARB_MESSAGE_INVALID', message: /fill: body\.price/ };
    t.throws(() => sender.publish('order.fill.okx', 'fill', wrong, TRACE), expected);
    t.throws(() => sender.publish('order.fill.okx', 'fill', SAMPLES.fill, { traceId: '' }), {
      message: /traceId/,
    });
    await t.rejects(sender.request('order.fill.okx', 'fill', wrong, 'legResult', ASK), expected);
    t.equal(sender.statistics().published, 0);
  });

  contract('a message of another kind is dropped by the receiver and counted', async (t, pair) => {
    let got = 0;
    pair.receiver.subscribe('risk.>', 'verdict', () => got++);
    await settled(pair);
    pair.sender.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    pair.sender.publish('risk.verdict.spatial', 'verdict', SAMPLES.verdict, TRACE);
    await eventually(() => got === 1, 'the verdict');
    t.equal(pair.receiver.statistics().droppedInvalid, 1);
  });

  contract('a closed bus takes nothing, answers nothing and counts it', async (t, { sender }) => {
    await sender.close();
    await sender.close();
    sender.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    t.match(sender.statistics(), { state: 'closed', published: 0, droppedFull: 1 });
    const late = sender.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', ASK);
    await t.rejects(late, { code: 'ARB_NO_RESPONDER' });
  });
}

function requestContract(contract: BusContract): void {
  contract('a request gets its own answer, also when many are open', async (t, pair) => {
    pair.receiver.respond('order.submit.*', 'submitLeg', 'legResult', async ({ message }) => {
      // Later ones answer first.
      await new Promise((resolve) => setTimeout(resolve, 20 - message.attempt));
      return { ...SAMPLES.legResult, clientOrderId: message.clientOrderId };
    });
    await settled(pair);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, attempt) => {
        const leg = { ...SAMPLES.submitLeg, attempt, clientOrderId: `arb-1.0.${attempt}` };
        return pair.sender.request('order.submit.okx', 'submitLeg', leg, 'legResult', ASK);
      }),
    );
    t.strictSame(
      answers.map((answer) => answer.clientOrderId),
      Array.from({ length: 20 }, (_, attempt) => `arb-1.0.${attempt}`),
    );
  });

  contract('of two responders exactly one works on a request', async (t, pair) => {
    let worked = 0;
    for (let i = 0; i < 2; i++) {
      pair.receiver.respond('order.submit.*', 'submitLeg', 'legResult', async () => {
        worked++;
        return SAMPLES.legResult;
      });
    }
    await settled(pair);
    for (let i = 0; i < 10; i++) {
      await pair.sender.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', ASK);
    }
    t.equal(worked, 10);
  });

  contract('with nobody there it rejects at once, with nobody answering at its time-out', async (t, pair) => {
    const ask = (timeoutMs: number) =>
      pair.sender.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', {
        ...TRACE,
        timeoutMs,
      });
    await t.rejects(ask(60_000), { code: 'ARB_NO_RESPONDER' });
    const subscription = pair.receiver.respond(
      'order.submit.*',
      'submitLeg',
      'legResult',
      () => new Promise(() => {}),
    );
    await settled(pair);
    await t.rejects(ask(50), { code: 'ARB_ASK_TIMEOUT', message: /no answer within 50 ms/ });
    subscription.unsubscribe();
    await settled(pair);
    await t.rejects(ask(60_000), { code: 'ARB_NO_RESPONDER' });
  });

  contract(
    "the responder's rejection, throw or wrong answer reaches the requester as an error",
    async (t, pair) => {
      const failures: Record<string, () => Promise<MessageOf<'legResult'>>> = {
        limited: () => Promise.reject(new ArbotError('ARB_RATE_LIMITED', 'wait 3 s', { retryable: true })),
        broken: () => Promise.reject(new TypeError('x is undefined')),
        thrown: () => {
          throw new Error('at once');
        },
        wrong: () => Promise.resolve({ ...SAMPLES.legResult, filledQuantity: '-1' }),
      };
      for (const [name, handler] of Object.entries(failures)) {
        pair.receiver.respond(`order.submit.${name}`, 'submitLeg', 'legResult', handler);
      }
      await settled(pair);
      const ask = (name: string) =>
        pair.sender.request(`order.submit.${name}`, 'submitLeg', SAMPLES.submitLeg, 'legResult', ASK);
      await t.rejects(ask('limited'), { code: 'ARB_RATE_LIMITED', message: 'wait 3 s', retryable: true });
      await t.rejects(ask('broken'), { code: 'ARB_RESPONDER_FAILED', message: 'x is undefined' });
      await t.rejects(ask('thrown'), { code: 'ARB_RESPONDER_FAILED', message: 'at once' });
      await t.rejects(ask('wrong'), { code: 'ARB_MESSAGE_INVALID', message: /body\.filledQuantity/ });
      t.equal(pair.receiver.statistics().handlerErrors, 4);
    },
  );

  contract('a stale command is not carried out, a published one neither', async (t, pair) => {
    let worked = 0;
    pair.receiver.respond('order.submit.*', 'submitLeg', 'legResult', async () => {
      worked++;
      return SAMPLES.legResult;
    });
    await settled(pair);
    const asked = pair.sender.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', {
      ...TRACE,
      timeoutMs: 200,
    });
    pair.advance(2_001);
    await t.rejects(asked, { code: 'ARB_ASK_TIMEOUT' });
    t.equal(pair.receiver.statistics().droppedStale, 1);
    pair.sender.publish('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, TRACE);
    await eventually(() => pair.receiver.statistics().droppedInvalid === 1, 'the refusal');
    t.equal(worked, 0);
  });

  contract('open requests are bounded, and closing ends them as unknown', async (t, pair) => {
    pair.receiver.respond('order.submit.*', 'submitLeg', 'legResult', () => new Promise(() => {}));
    await settled(pair);
    const ask = () =>
      pair.sender.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', ASK);
    const open = [ask(), ask(), ask(), ask()].map((asked) =>
      t.rejects(asked, { code: 'ARB_ASK_TIMEOUT', message: /closed/ }),
    );
    await t.rejects(ask(), { code: 'ARB_MAILBOX_FULL' });
    await pair.sender.close();
    await Promise.all(open);
  });
}
