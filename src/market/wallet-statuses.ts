import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { NetworkStatus } from './wallet.js';

/** What one exchange said of its networks, and when. */
export interface WalletPicture {
  readonly networks: readonly NetworkStatus[];
  /** Monotonic ms. */
  readonly takenMs: number;
}

/** Networks that were known before and are open or closed differently now, of these assets. */
export function changedWallets(
  before: readonly NetworkStatus[],
  now: readonly NetworkStatus[],
  assets: ReadonlySet<AssetId>,
): NetworkStatus[] {
  const known = new Map(before.map((network) => [keyOf(network), network]));
  return now.filter((network) => {
    const former = known.get(keyOf(network));
    return (
      former !== undefined &&
      network.identityKnown &&
      assets.has(network.asset) &&
      (former.canDeposit !== network.canDeposit || former.canWithdraw !== network.canWithdraw)
    );
  });
}

const keyOf = ({ ticker, network }: NetworkStatus): string => `${ticker}|${network}`;

/** Deposits and withdrawals per exchange, asset and network, in memory. Unknown is not open: whoever asks must look at the age. */
export class WalletStatuses {
  private readonly known = new Map<ExchangeId, WalletPicture>();

  set(exchange: ExchangeId, networks: readonly NetworkStatus[], takenMs: number): void {
    this.known.set(exchange, { networks, takenMs });
  }

  /** Null before the first answer, and where the exchange tells it only with a key. */
  of(exchange: ExchangeId): WalletPicture | null {
    return this.known.get(exchange) ?? null;
  }

  /** The networks of one asset; null when nothing is known of the exchange. An asset without networks there has none. */
  networksOf(exchange: ExchangeId, asset: AssetId): readonly NetworkStatus[] | null {
    const picture = this.known.get(exchange);
    if (picture === undefined) return null;
    return picture.networks.filter((network) => network.asset === asset && network.identityKnown);
  }

  /** Ms since the exchange was last asked with success; Infinity = never. */
  ageMs(exchange: ExchangeId, nowMs: number): number {
    return nowMs - (this.known.get(exchange)?.takenMs ?? -Infinity);
  }
}
