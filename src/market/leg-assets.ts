import type { AssetId, InstrumentId, Side } from '../messages/primitives.js';

/** What an order gives and what it brings. */
export interface LegAssets {
  readonly from: AssetId;
  readonly to: AssetId;
}

/** Base and quote of `<exchange>:<BASE>-<QUOTE>`. */
export function assetsOf(instrument: InstrumentId): { readonly base: AssetId; readonly quote: AssetId } {
  const pair = instrument.slice(instrument.indexOf(':') + 1);
  const dash = pair.indexOf('-');
  return { base: pair.slice(0, dash), quote: pair.slice(dash + 1) };
}

/** Who buys gives the quote asset for the base asset; who sells the other way round. */
export function legAssets(leg: { readonly instrument: InstrumentId; readonly side: Side }): LegAssets {
  const { base, quote } = assetsOf(leg.instrument);
  return leg.side === 'buy' ? { from: quote, to: base } : { from: base, to: quote };
}
