import { invariant } from '../messages/errors.js';
import type { AssetId, DecimalText, ExchangeId, PairId } from '../messages/primitives.js';
import { CURATED_ASSETS, type CuratedAsset } from './assets.js';
import { parsePositive } from './decimal.js';

/** The exchanges whose tickers were curated. */
export const CURATED_EXCHANGES: readonly ExchangeId[] = [
  'binance',
  'okx',
  'bybit',
  'upbit',
  'bithumb',
  'kucoin',
  'gate',
  'bitget',
];

/** What a ticker means at one exchange. */
export interface ResolvedAsset {
  readonly asset: AssetId;
  /** False = nobody vouched that this ticker is what it seems: shown, never traded. */
  readonly identityKnown: boolean;
  /** Chain or contract identity; null when unknown. */
  readonly identity: string | null;
  /** Canonical units in one unit of the ticker: `1000` for `1000SATS`. */
  readonly unitMultiplier: DecimalText;
}

export interface ResolvedMarket {
  readonly base: AssetId;
  readonly quote: AssetId;
  readonly pair: PairId;
  readonly identityKnown: boolean;
  readonly unitMultiplier: DecimalText;
}

/**
 * (exchange, ticker) → asset. Namesakes stay apart: a ticker nobody curated becomes an asset of that exchange alone
 * (`FOO.GATE`), so that it never meets the FOO of another exchange in a pair, a balance or a sum.
 */
export class AssetRegistry {
  private readonly known = new Map<string, ResolvedAsset>();
  private readonly identities = new Map<AssetId, string>();

  /** @throws ArbotError ARB_INVARIANT when two entries claim one ticker, id or identity. */
  constructor(
    assets: readonly CuratedAsset[] = CURATED_ASSETS,
    exchanges: readonly ExchangeId[] = CURATED_EXCHANGES,
  ) {
    const owners = new Set<string>();
    for (const entry of assets) {
      invariant(!this.identities.has(entry.id), `asset ${entry.id} is listed twice`);
      invariant(!owners.has(entry.identity), `identity ${entry.identity} is listed twice`);
      owners.add(entry.identity);
      this.identities.set(entry.id, entry.identity);
      this.addTickers(entry, exchanges);
    }
  }

  private addTickers(entry: CuratedAsset, exchanges: readonly ExchangeId[]): void {
    for (const exchange of entry.only ?? exchanges) {
      if (!(entry.except ?? []).includes(exchange)) this.add(exchange, entry.id, entry, '1');
    }
    for (const { exchange, ticker, units } of entry.aliases ?? []) {
      this.add(exchange, ticker, entry, units ?? '1');
    }
  }

  private add(exchange: ExchangeId, ticker: string, entry: CuratedAsset, units: DecimalText): void {
    const key = keyOf(exchange, ticker);
    invariant(!this.known.has(key), `two assets claim ${ticker} on ${exchange}`);
    parsePositive(units, `units of ${ticker}`);
    this.known.set(key, {
      asset: entry.id,
      identityKnown: true,
      identity: entry.identity,
      unitMultiplier: units,
    });
  }

  /** Never throws: an unknown or odd ticker gets an id of its own and `identityKnown` false. */
  resolve(exchange: ExchangeId, ticker: string): ResolvedAsset {
    return (
      this.known.get(keyOf(exchange, ticker.toUpperCase())) ?? {
        asset: foreignAssetId(exchange, ticker),
        identityKnown: false,
        identity: null,
        unitMultiplier: '1',
      }
    );
  }

  /**
   * A market from the exchange's own base and quote tickers. The quote must be traded unit by unit: a pack as quote
   * currency would change what prices mean, so its identity counts as unknown.
   */
  resolveMarket(exchange: ExchangeId, baseTicker: string, quoteTicker: string): ResolvedMarket {
    const base = this.resolve(exchange, baseTicker);
    const quote = this.resolve(exchange, quoteTicker);
    return {
      base: base.asset,
      quote: quote.asset,
      pair: `${base.asset}-${quote.asset}`,
      identityKnown: base.identityKnown && quote.identityKnown && quote.unitMultiplier === '1',
      unitMultiplier: base.unitMultiplier,
    };
  }

  /** Identity of a curated asset; null when it is not curated. */
  identityOf(asset: AssetId): string | null {
    return this.identities.get(asset) ?? null;
  }
}

const keyOf = (exchange: ExchangeId, ticker: string) => `${exchange} ${ticker}`;

const MAX_ASSET_ID = 32;

/** `FOO.GATE`; characters that asset ids lack are written as `_` and their code point, over-long ids end in a hash. */
function foreignAssetId(exchange: ExchangeId, ticker: string): AssetId {
  const plain = [...ticker.toUpperCase()]
    .map((c) => (/[A-Z0-9]/.test(c) ? c : `_${c.codePointAt(0)!.toString(16).toUpperCase()}`))
    .join('');
  const name = /^[A-Z0-9]/.test(plain) ? plain : `U${plain}`;
  const suffix = `.${exchange.toUpperCase().slice(0, 12)}`;
  if (name.length + suffix.length <= MAX_ASSET_ID) return name + suffix;
  return `${name.slice(0, MAX_ASSET_ID - suffix.length - 9)}_${hashText(ticker)}${suffix}`;
}

/** FNV-1a, 8 hexadecimal digits: keeps two over-long tickers apart. */
function hashText(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).toUpperCase().padStart(8, '0');
}

/** The registry ArBot ships; works without keys and without network. */
export const curatedRegistry = new AssetRegistry();
