import type { FaceClient } from '../face-protocol.js';
import type { HoldingView } from './account-book.js';
import type { DeskEvent } from './desk-types.js';
import {
  gateBalancePush,
  gateOrderPush,
  gateTradePush,
  type GateOrderEvent,
  type GateRow,
} from './gate-rows.js';

export const GATE_PRIVATE_CHANNELS = [
  'spot.orders_v2',
  'spot.orders',
  'spot.usertrades',
  'spot.balances',
] as const;
export type GatePrivateChannel = (typeof GATE_PRIVATE_CHANNELS)[number];

/** A subscription: the pairs of orders and trades that are told; null = all. */
interface Subscription {
  readonly client: FaceClient;
  readonly pairs: ReadonlySet<string> | null;
}

export interface GateChannelParts {
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  readonly send: (client: FaceClient, text: string) => void;
}

/** Who listens to which private channel, and what they are told (PROTOCOLS §9.4). */
export class GatePrivateChannels {
  private readonly parts: GateChannelParts;
  private readonly listeners = new Map<GatePrivateChannel, Map<number, Subscription>>();
  /** What was told of each asset, for the changes. */
  private readonly told = new Map<string, HoldingView>();

  constructor(parts: GateChannelParts) {
    this.parts = parts;
    for (const channel of GATE_PRIVATE_CHANNELS) this.listeners.set(channel, new Map());
  }

  join(channel: GatePrivateChannel, client: FaceClient, pairs: ReadonlySet<string> | null): void {
    this.listeners.get(channel)!.set(client.id, { client, pairs });
  }

  leave(channel: GatePrivateChannel, id: number): void {
    this.listeners.get(channel)!.delete(id);
  }

  closed(id: number): void {
    for (const channel of GATE_PRIVATE_CHANNELS) this.leave(channel, id);
  }

  deliver(event: DeskEvent): void {
    const balances = this.balanceRows(event);
    for (const [channel, listeners] of this.listeners) {
      const rows = channel === 'spot.balances' ? balances : this.rowsOf(channel, event);
      if (rows.length === 0) continue;
      for (const { client, pairs } of listeners.values()) {
        const isOfMarket = event.kind !== 'order' || pairs === null || pairs.has(event.order.symbol);
        if (channel === 'spot.balances' || isOfMarket) this.push(client, channel, rows);
      }
    }
  }

  private rowsOf(channel: GatePrivateChannel, event: DeskEvent): GateRow[] {
    if (event.kind !== 'order') return [];
    const { order, trade, cause } = event;
    const { stamp } = this.parts;
    if (channel === 'spot.usertrades')
      return trade === null ? [] : [gateTradePush(trade, stamp(trade.timeMs))];
    const word: GateOrderEvent = order.state !== 'open' ? 'finish' : cause === 'new' ? 'put' : 'update';
    return [gateOrderPush(order, word, stamp)];
  }

  private balanceRows(event: DeskEvent): GateRow[] {
    const type =
      event.kind === 'transfer'
        ? event.transfer.amount > 0n
          ? 'deposit'
          : 'withdraw'
        : { new: 'order-create', trade: 'order-match', end: 'order-update' }[event.cause];
    return event.holdings.map((holding) => {
      const { free, locked } = this.told.get(holding.asset) ?? holding;
      this.told.set(holding.asset, holding);
      const moved = holding.free + holding.locked - free - locked;
      const total = event.kind === 'transfer' ? event.transfer.amount : moved;
      return gateBalancePush(
        holding,
        { total, locked: holding.locked - locked, type },
        this.parts.stamp(event.timeMs),
      );
    });
  }

  private push(client: FaceClient, channel: string, result: readonly GateRow[]): void {
    const timeMs = this.parts.stamp(this.parts.serverMs());
    const frame = { time: Math.floor(timeMs / 1_000), time_ms: timeMs, channel, event: 'update', result };
    this.parts.send(client, JSON.stringify(frame));
  }
}
