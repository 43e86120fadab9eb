import { z } from 'zod';
import { Decimal } from '../../market/decimal.js';
import type { Fee } from '../../market/fees.js';

/** Shapes of the reference inputs; a wrong file is refused with the field named. */

export const money = z
  .string()
  .max(80)
  .regex(/^-?\d+(?:\.\d+)?$/, 'not a decimal')
  .transform((text): Decimal => new Decimal(text));

export const levels = z.array(z.tuple([money, money]));
export const feeMode = z.enum(['quote', 'received', 'third']);
export const optionalMoney = money.nullish().transform((value) => value ?? null);

export const feesInput = {
  feeBuy: money,
  feeSell: money,
  feeModeBuy: feeMode,
  feeModeSell: feeMode,
  thirdCoinDiscount: money,
};

export const spreadInput = z.object({ askBuy: money, bidSell: money, ...feesInput });

export const depthInput = z.object({
  side: z.enum(['buy', 'sell']),
  levels,
  bestOpposite: optionalMoney,
  amountIn: z.enum(['base', 'quote']),
  amount: money,
});

export const sizeInput = z.object({
  asks: levels,
  bids: levels,
  ...feesInput,
  maxQuote: optionalMoney,
  maxBase: optionalMoney,
  lot: optionalMoney,
  minNotional: money,
  fixedCost: money,
});

const book = z.object({ ts: z.number(), asks: levels, bids: levels });
const orderType = z.enum(['market', 'limit_ioc', 'limit_fok']);

export const takerInput = z.object({
  base: z.string(),
  quote: z.string(),
  rules: z.object({ tick: money, lot: money, minQty: money, maxQty: optionalMoney, minNotional: money }),
  fee: z.object({
    taker: money,
    mode: feeMode,
    thirdAsset: z.string().optional(),
    thirdPrice: money.optional(),
    discount: money.optional(),
  }),
  latency: z.object({ entryMs: z.number(), responseMs: z.number() }),
  balances: z.record(z.string(), money),
  books: z.array(book),
  orders: z.array(
    z.object({
      id: z.string(),
      ts: z.number(),
      side: z.enum(['buy', 'sell']),
      type: orderType,
      qty: money,
      price: optionalMoney,
    }),
  ),
  maxStaleMs: z.number().nullish(),
});
export type TakerInput = z.infer<typeof takerInput>;

export const twoLegInput = z.object({
  buyVenueBooks: z.array(book),
  sellVenueBooks: z.array(book),
  qty: money,
  limitBuy: money,
  limitSell: money,
  latencyBuyMs: z.number(),
  latencySellMs: z.number(),
  feeTaker: money,
  feeMode,
});

/** Sizes of this file are floats, of few digits. */
const size = z
  .number()
  .finite()
  .transform((value) => new Decimal(value));
const trade = z.object({ type: z.literal('trade'), qty: size });

export const queueInput = z.object({
  model: z.string(),
  frontQtyOnEntry: size,
  orderQty: size,
  lot: size,
  events: z.array(
    z.discriminatedUnion('type', [trade, z.object({ type: z.literal('depth'), prev: size, new: size })]),
  ),
});

export const strictQueueInput = z.object({
  ahead: size,
  orderQty: size,
  events: z.array(z.discriminatedUnion('type', [trade, z.object({ type: z.literal('delete') })])),
});

export const latencyInput = z.object({
  rows: z.array(z.tuple([z.number(), z.number(), z.number()])).min(1),
  queries: z.array(z.number()),
});

export const referenceFile = z.object({
  kind: z.string(),
  cases: z
    .array(
      z.object({ id: z.string(), type: z.string().optional(), input: z.unknown(), expected: z.unknown() }),
    )
    .max(100_000),
});

interface FeesOfPair {
  readonly feeBuy: Decimal;
  readonly feeSell: Decimal;
  readonly feeModeBuy: Fee['mode'];
  readonly feeModeSell: Fee['mode'];
  readonly thirdCoinDiscount: Decimal;
}

export function feesOf(input: FeesOfPair): { readonly buy: Fee; readonly sell: Fee } {
  const discount = input.thirdCoinDiscount;
  return {
    buy: { rate: input.feeBuy, mode: input.feeModeBuy, discount },
    sell: { rate: input.feeSell, mode: input.feeModeSell, discount },
  };
}
