import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { NetworkStatus } from '../market/wallet.js';

/** Whether an asset may be moved from one exchange to another now. `unknown`: nobody says, or what was said is too old. */
export type WayState = 'open' | 'closed' | 'unknown';

/** A way that inventory would come back by, and how it stands. */
export interface RefillWay {
  readonly asset: AssetId;
  readonly from: ExchangeId;
  readonly to: ExchangeId;
  readonly state: WayState;
}

/** What is known of both ends; null = nothing, or nothing that is new enough. */
export interface WayEnds {
  readonly from: readonly NetworkStatus[] | null;
  readonly to: readonly NetworkStatus[] | null;
}

/**
 * The exchanges' names of networks, by one name each. Never by likeness: what is not in here is another network, and a way
 * over it is not known (PROTOCOLS §11.4).
 */
const NETWORKS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bitcoin: ['BTC', 'BITCOIN'],
    ethereum: ['ETH', 'ERC20', 'ETHEREUM'],
    tron: ['TRX', 'TRC20', 'TRON'],
    bsc: ['BSC', 'BEP20', 'BNBSMARTCHAIN', 'BSCBEP20'],
    solana: ['SOL', 'SOLANA'],
    ripple: ['XRP', 'RIPPLE'],
    dogecoin: ['DOGE', 'DOGECOIN'],
    polygon: ['MATIC', 'POLYGON', 'POL'],
    arbitrum: ['ARB', 'ARBITRUM', 'ARBITRUMONE', 'ARBEVM'],
    optimism: ['OP', 'OPTIMISM', 'OPETH'],
    avalanche: ['AVAXC', 'AVAXCCHAIN', 'AVALANCHEC', 'AVALANCHECCHAIN'],
    ton: ['TON', 'TONCOIN'],
    litecoin: ['LTC', 'LITECOIN'],
    cardano: ['ADA', 'CARDANO'],
    polkadot: ['DOT', 'POLKADOT'],
    stellar: ['XLM', 'STELLAR', 'STELLARLUMENS'],
    cosmos: ['ATOM', 'COSMOS'],
    near: ['NEAR', 'NEARPROTOCOL'],
    aptos: ['APT', 'APTOS'],
    sui: ['SUI'],
  }).flatMap(([name, spellings]) => spellings.map((spelling) => [spelling, name] as const)),
);

/** The network by ArBot's name; null where the spelling is not known. OKX writes the ticker before it: `USDT-TRC20`. */
export function networkOf({ ticker, network }: Pick<NetworkStatus, 'ticker' | 'network'>): string | null {
  const bare = network.toUpperCase().startsWith(`${ticker.toUpperCase()}-`)
    ? network.slice(ticker.length + 1)
    : network;
  return NETWORKS.get(bare.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')) ?? null;
}

/**
 * Open when one network takes withdrawals there and deposits here. Closed when both exchanges list the asset and either has shut
 * every way out or in, or no network both know is open at both ends. Unknown otherwise.
 */
export function wayState({ from, to }: WayEnds): WayState {
  if (from === null || to === null) return 'unknown';
  const [out, into] = [
    from.filter(({ canWithdraw }) => canWithdraw),
    to.filter(({ canDeposit }) => canDeposit),
  ];
  if (out.length === 0 || into.length === 0) return 'closed';
  const arriving = new Set(into.map(networkOf));
  if (out.some((one) => networkOf(one) !== null && arriving.has(networkOf(one)))) return 'open';
  // An end with a name that is not known may be the other's.
  return [...out, ...into].some((one) => networkOf(one) === null) ? 'unknown' : 'closed';
}
