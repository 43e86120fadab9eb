import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';

/** Whether an asset may be moved over one network of one exchange, as the exchange says it. */
export interface NetworkStatus {
  readonly exchange: ExchangeId;
  /** The exchange's own name of the asset. */
  readonly ticker: string;
  readonly asset: AssetId;
  /** False = the ticker is not in the asset registry. */
  readonly identityKnown: boolean;
  /** The exchange's own name of the network: `TRC20`, `USDT-TRC20`, `TRX`. */
  readonly network: string;
  readonly canDeposit: boolean;
  readonly canWithdraw: boolean;
  /** In units of the asset; null where the exchange does not say it or charges a share. */
  readonly withdrawFee: DecimalText | null;
  readonly minWithdraw: DecimalText | null;
  /** Confirmations until a deposit is credited; null where the exchange does not say it. */
  readonly confirmations: number | null;
}
