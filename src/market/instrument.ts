import type { InstrumentState } from '../messages/feed.js';
import type {
  AssetId,
  DecimalText,
  ExchangeId,
  FeeMode,
  InstrumentId,
  PairId,
} from '../messages/primitives.js';

export type { InstrumentState };

/**
 * One market of one exchange, as fetched at run time. Rules are exact decimals. Where an exchange trades a multiple of the
 * asset (1000SATS), `unitMultiplier` says how many canonical units one exchange unit is, and prices and sizes are the
 * exchange's own; conversion is the registry's work.
 */
export interface Instrument {
  readonly id: InstrumentId;
  readonly exchange: ExchangeId;
  /** The exchange's own name: `BTCUSDT`, `BTC-USDT`, `KRW-BTC`. */
  readonly symbol: string;
  readonly pair: PairId;
  readonly base: AssetId;
  readonly quote: AssetId;
  /** False = the ticker is not in the asset registry: shown, never traded. */
  readonly identityKnown: boolean;
  readonly unitMultiplier: DecimalText;
  readonly tickSize: DecimalText;
  readonly lotSize: DecimalText;
  readonly minQuantity: DecimalText;
  readonly maxQuantity: DecimalText | null;
  readonly minNotional: DecimalText;
  readonly state: InstrumentState;
  readonly takerFeeRate: DecimalText;
  readonly makerFeeRate: DecimalText;
  readonly feeMode: FeeMode;
  /** Only with the mode `third`: the coin that pays, and the share of the fee that is let off for it, 0…1. */
  readonly feeCoin?: AssetId;
  readonly feeDiscount?: DecimalText;
  /** `opaque`: nothing proves its books complete (`SyncRule`). Absent = each frame is checked by its exchange's rule. */
  readonly bookProof?: 'opaque';
}
