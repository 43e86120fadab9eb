import t from 'tap';
import fc from 'fast-check';
import { divided, FIXED_ONE, fixedOf, fixedText, nearestRatio } from '../../src/market/fixed.js';
import { orderRulesOf, violationsOf, violationsOfText } from '../../src/market/order-rules.js';
import { decimalText } from '../../src/messages/primitives.js';
import {
  ceilToStep,
  commonStep,
  Decimal,
  decimalOf,
  floorToStep,
  isDecimalText,
  isOnStep,
  parseDecimal,
  parsePositive,
  parsePrice,
  parseSize,
  parseUnsigned,
  roundForMessage,
  roundToTick,
  toCanonicalPrice,
  toCanonicalSize,
  toText,
} from '../../src/market/decimal.js';
import { instrument } from '../risk/fixtures.js';

const INVALID = { code: 'ARB_DECIMAL_INVALID' };
/** What hostile or careless peers send where a number belongs (F7). */
const HOSTILE: readonly string[] = [
  ...[
    '',
    ' ',
    ' 1',
    '1 ',
    '\t1',
    '1\n',
    '+1',
    '.5',
    '5.',
    '.',
    '-',
    '--1',
    '1.2.3',
    '1,5',
    '01',
    '00',
    '-01',
  ],
  ...[
    '-0',
    '-0.00',
    '1_0',
    '0x10',
    '0b1',
    '0o7',
    '1n',
    '1e400',
    '1e',
    'e5',
    '1E+',
    'Infinity',
    '-Infinity',
    'NaN',
  ],
  ...[
    'null',
    'true',
    '[5]',
    '١٢',
    '１２',
    '1\u0000',
    '1'.repeat(25),
    `0.${'1'.repeat(21)}`,
    '9'.repeat(5_000),
  ],
];

t.test('hostile texts are refused in both parsers, with a short and printable error', async (t) => {
  for (const text of HOSTILE) {
    t.notOk(isDecimalText(text), JSON.stringify(text.slice(0, 30)));
    t.throws(() => parseDecimal(text, 'price'), INVALID);
    const float = [parsePrice(text), parseSize(text)];
    // The float path has no rule about fraction digits: it never books anything.
    if (!/^0\.1+$/.test(text)) t.strictSame(float, [NaN, NaN], JSON.stringify(text.slice(0, 30)));
  }
  for (const value of [null, undefined, 5, Number.NaN, [5], {}, 10n, Symbol('x')]) {
    t.throws(() => parseDecimal(value, 'price'), {
      ...INVALID,
      message: /^price is not a plain decimal: \w+$/,
    });
    t.ok(Number.isNaN(parsePrice(value as string)), typeof value);
  }
  t.throws(() => parseDecimal(`1\u0007${'x'.repeat(9_000)}`, 'bids[3].price'), {
    message: /^bids\[3\]\.price is not a plain decimal: '1\?x+'… \(9002 characters\)$/,
  });
});

t.test('signs and exponents are taken only where they are asked for', async (t) => {
  t.equal(toText(parseDecimal('-12.50')), '-12.5');
  t.throws(() => parseUnsigned('-1', 'size'), { message: /size is not a decimal not below 0: '-1'/ });
  t.throws(() => parsePositive('0.00', 'tick'), { message: /tick is not a decimal above 0/ });
  t.throws(() => parseDecimal('1.1E8'), INVALID);
  const java = { exponent: true };
  t.equal(parseDecimal('2.036626047467841016325E8', 'balance', java).toFixed(), '203662604.7467841016325');
  t.throws(() => parseDecimal(`1.${'1'.repeat(21)}E0`, 'balance', java), { code: 'ARB_DECIMAL_INVALID' });
  t.equal(toText(parseDecimal('1.1E8', 'price', java)), '110000000');
  t.equal(toText(parseDecimal('5e-7', 'price', java)), '0.0000005');
  for (const text of ['1e400', '1E24', '1e-21', '-0e5', '12e5', '1e5.5', 'e5']) {
    t.throws(() => parseDecimal(text, 'price', java), INVALID, text);
  }
});

t.test(
  'property: a text that parses prints the same value, and only such text passes the message schema',
  async () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.-+eEx _'), maxLength: 12 }), (text) => {
        const parses = isDecimalText(text);
        // The schema alone would let a negative zero through; the parser does not.
        const schema = decimalText.safeParse(text).success && !/^-[0.]+$/.test(text);
        if (parses !== schema) return false;
        if (!parses) return true;
        const value = parseDecimal(text);
        return decimalText.safeParse(toText(value)).success && parseDecimal(toText(value)).equals(value);
      }),
      { numRuns: 3_000 },
    );
  },
);

const plainText = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 24n - 1n }), fc.stringMatching(/^\d{0,20}$/))
  .map(([whole, fraction]) => (fraction === '' ? `${whole}` : `${whole}.${fraction}`));

t.test('property: the float parser gives the nearest float64, as Number does', async () => {
  fc.assert(
    fc.property(plainText, (text) => Object.is(parseSize(text), Number(text))),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 999_999_999_999_999 }),
      fc.integer({ min: 0, max: 14 }),
      (digits, places) => {
        const text = new Decimal(digits).div(new Decimal(10).pow(places)).toFixed(places);
        return Object.is(parseSize(text), Number(text)) && decimalOf(Number(text)).equals(text);
      },
    ),
    { numRuns: 5_000 },
  );
});

t.test('text that a message cannot carry is refused instead of rounded in silence', async (t) => {
  t.equal(toText(new Decimal('-0')), '0');
  t.equal(toText(new Decimal('1e-20')), '0.00000000000000000001');
  for (const value of [new Decimal(1).div(3), new Decimal('1e24'), new Decimal(NaN), new Decimal(Infinity)]) {
    t.throws(() => toText(value), INVALID);
  }
  t.equal(toText(roundForMessage(new Decimal(2).div(3), 'down')), '0.66666666666666666666');
  t.equal(toText(roundForMessage(new Decimal(-2).div(3), 'down')), '-0.66666666666666666667');
  t.equal(toText(roundForMessage(new Decimal(2).div(3), 'up')), '0.66666666666666666667');
  t.throws(() => decimalOf(Infinity), { code: 'ARB_INVARIANT' });
});

t.test('property: lattice rounding is exact, on the step, and off by less than one step', async () => {
  const step = fc.tuple(fc.integer({ min: 1, max: 250 }), fc.integer({ min: -3, max: 12 }));
  fc.assert(
    fc.property(plainText, fc.boolean(), step, (text, negative, [n, places]) => {
      const value = new Decimal(text).times(negative ? -1 : 1);
      const size = new Decimal(n).div(new Decimal(10).pow(places));
      const [low, high] = [floorToStep(value, size), ceilToStep(value, size)];
      return (
        isOnStep(low, size) &&
        isOnStep(high, size) &&
        low.lessThanOrEqualTo(value) &&
        high.greaterThanOrEqualTo(value) &&
        value.minus(low).lessThan(size) &&
        high.minus(value).lessThan(size) &&
        roundToTick(value, size, 'buy').equals(low) &&
        roundToTick(value, size, 'sell').equals(high)
      );
    }),
    { numRuns: 2_000 },
  );
});

t.test(
  'a quotient a hair below a multiple still rounds down, and lots combine to their common multiple',
  async (t) => {
    const hair = new Decimal(3).minus(new Decimal('1e-98'));
    t.equal(floorToStep(hair, new Decimal(1)).toString(), '2');
    t.equal(ceilToStep(hair, new Decimal(1)).toString(), '3');
    t.throws(() => floorToStep(hair, new Decimal(0)), { code: 'ARB_INVARIANT' });
    const common = (a: string, b: string) => commonStep(new Decimal(a), new Decimal(b)).toString();
    t.strictSame(
      [common('0.001', '0.01'), common('0.1', '0.03'), common('0.00000001', '1000'), common('6', '4')],
      ['0.01', '0.3', '1000', '12'],
    );
  },
);

t.test('packs convert to canonical units and back without loss', async (t) => {
  const units = new Decimal('1000');
  t.equal(toCanonicalSize(new Decimal('3.5'), units).toString(), '3500');
  t.equal(toText(toCanonicalPrice(new Decimal('0.0003001'), units)), '0.0000003001');
});

const messageNumber = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 10n ** 44n - 1n }),
    fc.integer({ min: 0, max: 44 }),
    fc.integer({ min: 0, max: 20 }),
    fc.boolean(),
  )
  .map(([digits, drop, fraction, isNegative]) => {
    const value = new Decimal((digits / 10n ** BigInt(drop)).toString()).div(new Decimal(10).pow(fraction));
    return toText(roundForMessage(isNegative ? value.negated() : value, 'down').modulo('1e24'));
  });

t.test('property: whole numbers of 10^-20 are the decimals of messages', async (t) => {
  fc.assert(
    fc.property(
      messageNumber,
      messageNumber,
      fc.constantFrom('up' as const, 'down' as const),
      (a, b, way) => {
        const [x, y] = [fixedOf(a), fixedOf(b)];
        if (x === null || y === null) return false;
        if (fixedText(x) !== a || fixedText(x + y) !== new Decimal(a).plus(b).toFixed()) return false;
        if (!(y > 0n)) return true;
        const quotient = new Decimal(a).div(b);
        const rounded = roundForMessage(quotient, way);
        if (!new Decimal(divided(x * FIXED_ONE, y, way).toString()).div('1e20').eq(rounded)) return false;
        const near = nearestRatio(x, y);
        return near === null || near === quotient.toNumber();
      },
    ),
    { numRuns: 2_000 },
  );
  const wrong = ['', '-', '-0', '-0.0', '007', '.5', '5.', '1e3', '+1', ' 1', '1.2.3', 'NaN', '٣'];
  for (const text of [...wrong, `0.${'1'.repeat(21)}`, '1'.repeat(25), '0'.repeat(60)])
    t.equal(fixedOf(text), null, text);
  t.equal(nearestRatio(0n, 3n), 0);
  t.equal(nearestRatio(2n, 3n), 2 / 3);
  t.equal(nearestRatio(-1n, 10n ** 40n), null, 'too small to be told here');
});

t.test('property: an order that obeys in whole numbers breaks no rule in decimals', async (t) => {
  const text = (most: number, digits: number) =>
    fc.integer({ min: 0, max: most }).map((n) => new Decimal(n).div(10 ** digits).toFixed());
  let obeyed = 0;
  fc.assert(
    fc.property(
      fc.record({ quantity: text(4_000, 3), limitPrice: text(4_000, 2) }),
      fc.record({
        tickSize: fc.constantFrom('0.01', '0.05', '0.25'),
        lotSize: fc.constantFrom('0.001', '0.004'),
        minQuantity: text(400, 3),
        maxQuantity: fc.oneof(
          fc.constant(null),
          text(4_000, 3).map((size) => (size === '0' ? '1' : size)),
        ),
        minNotional: text(1_000, 2),
        state: fc.constantFrom('trading' as const, 'trading' as const, 'halted' as const),
      }),
      (order, changes) => {
        const market = instrument('alpha', 'BTC', changes);
        const found = violationsOfText({ side: 'buy', ...order }, market);
        const planned = {
          side: 'buy' as const,
          quantity: new Decimal(order.quantity),
          price: new Decimal(order.limitPrice),
        };
        t.strictSame(found, violationsOf(planned, orderRulesOf(market), market.state));
        if (found.length === 0) obeyed++;
      },
    ),
    { numRuns: 1_000 },
  );
  t.ok(obeyed > 20, `${obeyed} orders obeyed`);
  const market = instrument('alpha');
  t.throws(() => violationsOfText({ side: 'buy', quantity: '01', limitPrice: '1' }, market), /quantity/);
});
