import type { RiskHold } from '../messages/risk.js';

/** A part of ArBot asked that no risk is added: everywhere, on one exchange, in one asset, or in one asset of one exchange. */
export type Hold = Pick<RiskHold, 'source' | 'reason' | 'exchange' | 'asset'>;

/** The same source may hold several scopes; each is lifted as it was asked for. */
const keyOf = ({ source, exchange = '', asset = '' }: Hold): string => `${source}|${exchange}|${asset}`;

export class Holds {
  private readonly standing = new Map<string, Hold>();

  apply(asked: RiskHold): void {
    const { source, reason, exchange, asset } = asked;
    const scope = { ...(exchange !== undefined && { exchange }), ...(asset !== undefined && { asset }) };
    if (asked.held) this.standing.set(keyOf(asked), { source, reason, ...scope });
    else this.standing.delete(keyOf(asked));
  }

  get isEmpty(): boolean {
    return this.standing.size === 0;
  }

  all(): Hold[] {
    return [...this.standing.values()];
  }

  /** What holds an order of these assets on this exchange. */
  on(exchange: string, assets: readonly string[]): Hold[] {
    return this.all().filter(
      (hold) =>
        (hold.exchange === undefined || hold.exchange === exchange) &&
        (hold.asset === undefined || assets.includes(hold.asset)),
    );
  }
}
