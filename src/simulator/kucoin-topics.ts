/** The topics of KuCoin's two public sockets, taken apart (PROTOCOLS §8; kucoin.com/docs-new). */

export const CLASSIC_CHANNELS = [
  '/market/level2',
  '/spotMarket/level2Depth5',
  '/spotMarket/level2Depth50',
  '/spotMarket/level1',
  '/market/ticker',
  '/market/match',
  '/market/snapshot',
] as const;
export const PRO_CHANNELS = ['obu/increment@10ms', 'obu/50', 'obu/5', 'obu/1', 'trade'] as const;
export type KucoinChannel = (typeof CLASSIC_CHANNELS)[number] | (typeof PRO_CHANNELS)[number];

/** Books before best quotes, so that a reader sees a change whole. */
export const RANKS: Readonly<Record<KucoinChannel, number>> = {
  '/market/level2': 0,
  'obu/increment@10ms': 0,
  '/spotMarket/level2Depth50': 1,
  '/spotMarket/level2Depth5': 1,
  'obu/50': 1,
  'obu/5': 1,
  '/market/match': 2,
  trade: 2,
  '/market/ticker': 3,
  '/market/snapshot': 3,
  '/spotMarket/level1': 4,
  'obu/1': 4,
};

/** Levels of a channel that sends whole books; null for the others. */
export function wholeDepth(channel: KucoinChannel): number | null {
  const match = /(?:Depth|obu\/)(\d+)$/.exec(channel);
  return match === null ? null : Number(match[1]);
}

export interface ClassicTopic {
  readonly channel: KucoinChannel;
  readonly symbols: readonly string[];
}

/** `/market/level2:BTC-USDT,ETH-USDT`; null for a topic that does not exist. */
export function classicTopic(text: unknown): ClassicTopic | null {
  if (typeof text !== 'string') return null;
  const [name = '', list = ''] = text.split(':');
  const channel = CLASSIC_CHANNELS.find((known) => known === name);
  return channel === undefined || list === '' ? null : { channel, symbols: list.split(',') };
}

export type ProTopic =
  | { readonly channel: KucoinChannel; readonly symbol: string }
  /** Key and text of the refusal, as the exchange words it. */
  | { readonly refused: 'message' | 'reason'; readonly text: string };

/** The members of a Pro request that name what is wanted. */
export function proTopic(request: Readonly<Record<string, unknown>>): ProTopic {
  const { channel, depth, symbol, symbols, tradeType } = request;
  const invalid = { refused: 'message', text: 'invalid request data' } as const;
  if (channel === 'obu' && symbols !== undefined) {
    return { refused: 'reason', text: 'symbols are not supported for topic obu' };
  }
  if (tradeType === 'FUTURES') {
    const text = `topic ${String(channel)} type = "public_futures" not allowed in current environment`;
    return { refused: 'reason', text };
  }
  const name = channel === 'obu' && typeof depth === 'string' ? `obu/${depth}` : channel;
  const known = PRO_CHANNELS.find((one) => one === name);
  if (known === undefined || tradeType !== 'SPOT' || typeof symbol !== 'string') return invalid;
  return { channel: known, symbol };
}
