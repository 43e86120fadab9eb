import t from 'tap';
import type { OrderReference, OrderTicket } from '../../../src/connectors/order-entry.js';
import { networkOf } from '../../../src/detectors/refill.js';
import { curatedRegistry } from '../../../src/market/asset-registry.js';
import { Decimal } from '../../../src/market/decimal.js';
import { TraderDesk, TRADING } from './trader-desk.js';

/**
 * Connectors and simulated exchanges know the protocol and not each other: what one sends the other has to take, and what it
 * answers has to be read.
 */

const byClient = ({ symbol, clientOrderId }: OrderTicket): OrderReference => ({
  symbol,
  clientOrderId,
  exchangeOrderId: null,
});
const idsOf = (rows: readonly { readonly tradeId: string }[]) => rows.map(({ tradeId }) => tradeId).sort();
const kindsOf = (answers: readonly ({ readonly kind: string } | null)[]) =>
  answers.map((answer) => answer?.kind);

for (const name of TRADING) {
  t.test(
    `${name}: one order is told alike by its answer, its look-up, the stream, fills and balances`,
    (t) => {
      const desk = new TraderDesk(name);
      const { orders, account, exchanges } = desk;
      const { sink, hear } = desk.listen();
      t.equal(sink.told.includes('authorised'), !orders.stream.isOpenAuthorised);
      t.equal(sink.told.filter((one) => one === 'subscribed').length, orders.stream.acknowledgements);
      t.notOk(sink.told.some((one) => one.startsWith('refused')));
      const ticket = desk.ticket();
      const placed = desk.place(ticket);
      t.match(placed, { kind: 'accepted' });
      exchanges.run(1000);
      hear();
      const record = account.orders().find(({ clientOrderId }) => clientOrderId === ticket.clientOrderId)!;
      const found = desk.lookUp(byClient(ticket)).find((answer) => answer?.kind === 'found');
      t.match(found, {
        order: {
          exchangeOrderId: record.exchangeOrderId,
          status: 'ended',
          clientOrderId: ticket.clientOrderId,
        },
      });
      if (found?.kind === 'found')
        t.equal(Number(found.order.filledQuantity), Number(record.filledQuantity), 'filled');
      const fills = desk.fills(ticket.symbol);
      t.ok(fills.length > 0);
      t.same(
        idsOf(desk.fills(ticket.symbol, record.exchangeOrderId)),
        idsOf(fills),
        'by order and by market',
      );
      const isTold = desk.tellsTrades;
      t.same(idsOf(sink.trades), isTold ? idsOf(fills) : [], 'by stream and by question');
      for (const fill of isTold ? fills : []) {
        const told = sink.trades.find(({ tradeId }) => tradeId === fill.tradeId)!;
        t.equal(Number(told.fee), Number(fill.fee));
        t.equal(Number(told.price), Number(fill.price));
        t.equal(Number(told.quantity), Number(fill.quantity));
        t.same([told.feeTicker, told.liquidity, told.side], [fill.feeTicker, fill.liquidity, fill.side]);
      }
      t.ok(sink.orders.some(({ status }) => status === 'ended'));
      const balances = desk.all(orders.balances(), (answer) => orders.parseBalances(answer));
      for (const { asset, free } of account.balances().filter((held) => Number(held.free) > 0))
        t.equal(Number(balances.find(({ ticker }) => ticker === asset)?.free), Number(free), asset);
      for (const { ticker, free } of sink.balances.slice(-2))
        t.equal(
          Number(free),
          Number(balances.find((one) => one.ticker === ticker)?.free),
          `the stream: ${ticker}`,
        );
      const open = desk.all(orders.openOrders(), (answer, call) => orders.parseOpenOrders(answer, call));
      t.same(open, [], 'nothing rests');
      const cancel = desk.ask(orders.cancel(byClient(ticket)))!;
      t.equal(orders.parseCancel(cancel).kind, 'gone', 'and nothing is left to cancel');
      t.end();
    },
  );

  t.test(`${name}: a rest that stays by mistake is seen, cancelled, and told`, (t) => {
    const desk = new TraderDesk(name);
    const { orders, account, exchanges } = desk;
    const { sink, hear } = desk.listen();
    account.misbehave({ kind: 'leave-ioc-open', count: 1 });
    // Behind five levels of its own side, so that nobody takes it meanwhile.
    const ticket = { ...desk.ticket(1), limitPrice: desk.ticket(6, 'sell').limitPrice };
    t.match(desk.place(ticket), { kind: 'accepted' });
    // Bybit's questions lag behind its receipts.
    exchanges.run(500);
    const open = desk.all(orders.openOrders(), (answer, call) => orders.parseOpenOrders(answer, call));
    t.match(open, [{ clientOrderId: ticket.clientOrderId, status: 'open' }]);
    const answer = desk.ask(
      orders.cancel({ ...byClient(ticket), exchangeOrderId: open[0]!.exchangeOrderId }),
    )!;
    t.equal(orders.parseCancel(answer).kind, 'accepted');
    exchanges.run(1000);
    hear();
    t.match(sink.orders.at(-1), { clientOrderId: ticket.clientOrderId, status: 'ended' });
    t.end();
  });

  t.test(
    `${name}: refusals are told apart, and a late request is not carried out where it can expire`,
    (t) => {
      const desk = new TraderDesk(name);
      const { orders, account, exchanges, connector } = desk;
      const ticket = desk.ticket(1);
      const fault = (change: Partial<OrderTicket>, at: number) => {
        const answer = desk.place({ ...ticket, clientOrderId: `wrong${at}`, ...change });
        return answer?.kind === 'rejected' ? answer.fault : answer?.kind;
      };
      t.equal(fault({ side: 'sell', quantity: '100' }, 1), 'funds');
      t.equal(fault({ quantity: '0.000000001' }, 2), 'order');
      account.misbehave({ kind: 'reject', refusal: 'price_band', count: 1 });
      t.equal(fault({}, 3), 'order');
      const wrong = { ...account.credentials, secret: 'wrong' };
      t.match(desk.place({ ...ticket, clientOrderId: 'wrong4' }, { credentials: wrong }), {
        kind: 'rejected',
        fault: 'account',
      });
      t.equal(orders.parseBalances(desk.ask(orders.balances(), { credentials: wrong })!).kind, 'refused');
      t.match(desk.place(ticket), { kind: 'accepted' });
      const again = desk.place(ticket)?.kind;
      const { clientId, requestExpiry } = connector.capabilities.orders;
      const wanted = { open: /^accepted$/, never: /^duplicate$/, unknown: /^(?:accepted|duplicate)$/ };
      t.match(again, wanted[clientId.reuse], 'an id is taken again where it says so');
      const before = account.orders().length;
      const late = { ...desk.moment(), timeMs: exchanges.world.nowMs - 4000 };
      const answer = desk.place({ ...ticket, clientOrderId: 'late5' }, { moment: late });
      if (requestExpiry.kind === 'none')
        t.match(answer, { kind: 'accepted' }, 'counted elsewhere: nothing fences it');
      else {
        t.match(answer, { kind: 'rejected', fault: 'expired' });
        t.equal(account.orders().length, before);
      }
      t.end();
    },
  );

  t.test(`${name}: no error of the exchange is taken for a refusal, and look-ups find the truth`, (t) => {
    for (const [kind, isPlaced] of [
      ['error-5xx-placed', true],
      ['error-5xx-not-placed', false],
      ['accept-then-timeout', true],
      ['lose-request', false],
      ['partial-then-disconnect', true],
    ] as const) {
      const desk = new TraderDesk(name);
      desk.account.misbehave({ kind, count: 1 });
      const ticket = desk.ticket(1);
      const answer = desk.place(ticket);
      t.ok(answer === null || answer.kind === 'unknown', `${kind}: ${JSON.stringify(answer)}`);
      desk.exchanges.run(1000);
      const looked = desk.lookUp(byClient(ticket));
      if (isPlaced) t.ok(kindsOf(looked).includes('found'), `${kind}: found`);
      else t.same(new Set(kindsOf(looked)), new Set(['notFound']), `${kind}: not there`);
    }
    for (const kind of ['ban', 'maintenance'] as const) {
      const desk = new TraderDesk(name);
      const end = desk.account.misbehave({ kind });
      const answer = desk.place(desk.ticket(1));
      t.match(answer?.kind, /^(?:unknown|limited)$/, `${kind}: ${answer?.kind}`);
      for (const looked of desk.lookUp(byClient(desk.ticket(1))))
        t.match(looked?.kind, /^(?:unknown|limited)$/, `${kind}: a question is not answered`);
      end();
      t.equal(desk.account.orders().length, 0, 'and nothing was placed');
    }
    const desk = new TraderDesk(name);
    desk.account.misbehave({ kind: 'lie-missing', count: 1 });
    const ticket = desk.ticket(1);
    t.match(desk.place(ticket), { kind: 'accepted' });
    t.same(new Set(kindsOf(desk.lookUp(byClient(ticket)))), new Set(['notFound']), 'an order that was a lie');
    t.end();
  });

  t.test(
    `${name}: pushes that come twice have one id, and deposits and withdrawals are told with their sign`,
    (t) => {
      const desk = new TraderDesk(name);
      const { orders, account, exchanges } = desk;
      const { sink, hear } = desk.listen();
      account.misbehave({ kind: 'duplicate-fill-push', count: 1 });
      desk.place(desk.ticket(1));
      const sinceMs = exchanges.world.nowMs;
      exchanges.run(2000);
      account.transfer('BTC', '0.5');
      account.transfer('BTC', '-0.25');
      exchanges.run(2000);
      hear();
      if (desk.tellsTrades) {
        t.ok(sink.trades.length > new Set(idsOf(sink.trades)).size, 'told twice');
        t.equal(new Set(idsOf(sink.trades)).size, account.trades().length, 'of one id');
      }
      const moved = orders
        .transfers(sinceMs)
        .flatMap((call) => desk.all(call, (answer, asked) => orders.parseTransfers(answer, sinceMs, asked)));
      t.same(moved.map(({ amount }) => Number(amount)).sort(), [-0.25, 0.5]);
      t.ok(moved.every(({ isSettled, ticker }) => isSettled && ticker === 'BTC'));
      const { symbol } = desk.ticket(1);
      const [rates] = desk.all(orders.feeRates(symbol), (answer) => orders.parseFeeRates(answer, symbol));
      t.ok(Number(rates!.takerFeeRate) > 0 && Number(rates!.takerFeeRate) < 0.01);
      if (orders.wallets !== undefined) {
        const ask = () =>
          desk.all(orders.wallets!.call(), (answer) =>
            orders.wallets!.parse(answer, (exchange, ticker) => curatedRegistry.resolve(exchange, ticker)),
          );
        const before = ask();
        t.ok(before.length > 0 && before.every((one) => one.identityKnown && one.exchange === name));
        t.ok(before.every((one) => one.canDeposit && one.canWithdraw && networkOf(one) !== null));
        account.setWallet('BTC', { canDeposit: false, canWithdraw: true });
        account.setWallet('XRP', { canDeposit: true, canWithdraw: false });
        const after = ask();
        t.match(
          after.find(({ asset }) => asset === 'BTC'),
          { canDeposit: false, canWithdraw: true },
        );
        t.same(
          after.filter(({ asset }) => asset !== 'BTC' && asset !== 'XRP'),
          before.filter(({ asset }) => asset !== 'BTC' && asset !== 'XRP'),
        );
      }
      if (orders.deadMan !== null)
        t.equal(orders.deadMan.parse(desk.ask(orders.deadMan.call(10_000))!).kind, 'accepted');
      t.end();
    },
  );
}

t.test('bybit: a cancel that lost the race is accepted, and the order is told as filled once more', (t) => {
  const desk = new TraderDesk('bybit');
  const { orders, account, exchanges } = desk;
  const { sink, hear } = desk.listen();
  const ticket = desk.ticket(1);
  const filled = { ...ticket, quantity: halfOf(ticket.quantity) };
  t.match(desk.place(filled), { kind: 'accepted' });
  const { filledQuantity } = account.orders()[0]!;
  t.equal(Number(filledQuantity), Number(filled.quantity), 'filled in full');
  t.equal(orders.parseCancel(desk.ask(orders.cancel(byClient(filled)))!).kind, 'accepted', 'a receipt only');
  exchanges.run(1000);
  hear();
  const ended = sink.orders.filter(({ status }) => status === 'ended');
  t.ok(ended.length >= 2, 'told twice');
  for (const order of ended) t.equal(Number(order.filledQuantity), Number(filledQuantity), order.statusWord);
  t.equal(new Set(idsOf(sink.trades)).size, account.trades().length, 'and traded once');
  t.end();
});

/** Of a quantity that is twice what stands at a price. */
function halfOf(quantity: string): string {
  return new Decimal(quantity).div(2).toFixed();
}

t.test(
  'okx: an order that only its id names is looked for to the end of the lists, however many ended since',
  (t) => {
    const desk = new TraderDesk('okx');
    const { exchanges } = desk;
    const ticket = desk.ticket(1);
    const never = { ...byClient(ticket), clientOrderId: 'never' };
    const reached = { ...ticket, clientOrderId: 'first' };
    const sentAtMs = exchanges.world.nowMs;
    t.match(desk.place(reached), { kind: 'accepted' });
    // A page has a hundred; those do not fill, so that they are in the list of orders alone.
    for (let n = 0; n < 250; n++) {
      exchanges.run(100);
      desk.place({ ...ticket, clientOrderId: `other${n}`, limitPrice: desk.ticket(20, 'sell').limitPrice });
    }
    const { length } = desk.account.orders();
    t.ok(length > 200, `${length} orders`);
    t.same(kindsOf(desk.lookUp(never)), ['notFound', 'notFound', 'notFound'], 'without a time of its own');
    const times = { placedAtMs: Math.floor(sentAtMs) - 5_000, placedUntilMs: Math.ceil(sentAtMs) + 6_250 };
    t.same(
      kindsOf(desk.lookUp({ ...never, ...times })),
      ['notFound', 'notFound', 'notFound'],
      'and with one',
    );
    t.same(kindsOf(desk.lookUp(byClient(reached))), ['found', 'found', 'found']);
    t.same(kindsOf(desk.lookUp({ ...byClient(reached), ...times })), ['found', 'found', 'found']);
    t.end();
  },
);
