import { z } from 'zod';
import { fundingBetween, inventoryCost, transferCost } from '../../detectors/amortisation.js';
import { krwEdges, premiumOf } from '../../detectors/krw-premium.js';
import { ZERO } from '../../market/decimal.js';
import { roundToBand } from '../../market/tick-bands.js';
import { toText, type Decimal } from '../../market/decimal.js';
import { feeMode, money } from './inputs.js';

/** Our answers about what moving money costs and about won markets, in the shape of the reference. */

function answerInventory(input: unknown): unknown {
  const names = ['qty', 'ask', 'bid', 'feeBuy', 'feeSell', 'withdrawFeeBase', 'withdrawFeeQuote'] as const;
  const { qty, refPrice, ...terms } = z
    .object({ ...moneyFields(names), tradesPerRebalance: money, refPrice: money })
    .parse(input);
  const { breakEvenQuantity, ...cost } = inventoryCost({ ...terms, quantity: qty, referencePrice: refPrice });
  return { ...cost, breakEvenQty: breakEvenQuantity };
}

function answerTransfer(input: unknown): unknown {
  const names = ['qty', 'ask', 'bid', 'feeBuy', 'feeSell', 'withdrawFeeBase'] as const;
  const { qty, ...terms } = z.object(moneyFields(names)).parse(input);
  const { breakEvenQuantity, ...cost } = transferCost({ ...terms, quantity: qty });
  return { ...cost, breakEvenQty: breakEvenQuantity };
}

const fundingInput = z.object({
  openTs: z.coerce.number(),
  closeTs: z.coerce.number(),
  notional: money,
  side: z.enum(['long', 'short']),
  fundings: z.array(z.object({ ts: z.coerce.number(), rate: money })),
});

function answerFunding(input: unknown): unknown {
  const { openTs, closeTs, notional, side, fundings } = fundingInput.parse(input);
  const payments = fundings.map(({ ts, rate }) => ({ atMs: ts, rate }));
  const { charged, amount } = fundingBetween(payments, { openMs: openTs, closeMs: closeTs, notional, side });
  const note = 'positive = received. charged when openTs < ts <= closeTs; long pays when rate>0';
  return { eventsCharged: charged.map(String), funding: amount, note };
}

export const AMORTISATION_ANSWERS = new Map<string, (input: unknown) => unknown>([
  ['inventory_rebalance_every_K', answerInventory],
  ['buy_withdraw_sell', answerTransfer],
  ['perp_funding', answerFunding],
]);

const quote = z.object({ bid: money, ask: money });
const krwInput = z.object({
  krw: quote,
  usdt: quote,
  krwUsdt: quote,
  usdKrwFx: money,
  feeKrwVenue: money,
  feeGlobal: money,
  feeKrwUsdt: money,
  feeModeGlobalBuy: feeMode,
  feeModeKrw: feeMode,
});

function answerKrw(input: unknown): unknown {
  const { krw, usdt, krwUsdt, usdKrwFx, ...terms } = krwInput.parse(input);
  const books = { krw, usdt, krwUsdt };
  const premium = premiumOf(books, usdKrwFx);
  const edges = krwEdges(books, {
    krw: { rate: terms.feeKrwVenue, mode: terms.feeModeKrw, discount: ZERO },
    usdt: { rate: terms.feeGlobal, mode: terms.feeModeGlobalBuy, discount: ZERO },
    krwUsdt: { rate: terms.feeKrwUsdt, mode: terms.feeModeKrw, discount: ZERO },
  });
  const percent = (fraction: Decimal | null) => fraction?.times(100) ?? null;
  return {
    premiumVsFxPct: percent(premium.vsFx),
    premiumVsUsdtPct: percent(premium.vsUsdt),
    usdtPremiumPct: percent(premium.usdt),
    sellKoreaNetBps: edges.sellKoreaBps,
    buyKoreaNetBps: edges.buyKoreaBps,
    breakEvenKrwBid: edges.breakEvenKrwBid,
    sellKoreaProfitable: edges.sellKoreaBps.greaterThan(0),
    buyKoreaProfitable: edges.buyKoreaBps.greaterThan(0),
  };
}

function answerTicks(input: unknown): unknown {
  const { table, prices } = z
    .object({ table: z.array(z.tuple([money, money])), prices: z.array(money) })
    .parse(input);
  const bands = table.map(([from, tick]) => ({ from, tick }));
  const rounded = (side: 'buy' | 'sell') => prices.map((price) => toText(roundToBand(price, bands, side)));
  return { buy: rounded('buy'), sell: rounded('sell') };
}

export const KRW_ANSWERS = new Map<string, (input: unknown) => unknown>([
  ['', answerKrw],
  ['price_tick', answerTicks],
]);

/** One strict decimal per name. */
function moneyFields<const N extends string>(names: readonly N[]): Record<N, typeof money> {
  return Object.fromEntries(names.map((name) => [name, money])) as Record<N, typeof money>;
}
