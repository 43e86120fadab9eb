import {
  BoardFollower,
  BoardPublisher,
  type BoardFollowerStatistics,
  type BoardPublisherStatistics,
} from '../cluster/board-bridge.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { NodeContext } from './node-context.js';

/** Books between this node and the others. */
export interface BoardLinks {
  publish(exchange: ExchangeId): void;
  withdraw(exchange: ExchangeId): void;
  follow(exchange: ExchangeId): void;
  unfollow(exchange: ExchangeId): void;
  statistics(): {
    readonly published: BoardPublisherStatistics | null;
    readonly followed: BoardFollowerStatistics;
  };
  close(): void;
}

/** A node that runs feeds and nothing else looks at no books of others, and one without feeds has none to tell. */
export function boardLinksOf(context: NodeContext): BoardLinks {
  const { options, market } = context.parts;
  const bridge = {
    board: context.board,
    bus: context.marketBus,
    node: options.node.name,
    clock: market.time,
    timers: market.time,
    instruments: () => context.instruments(),
  };
  const publisher = options.node.roles.includes('feeds') ? new BoardPublisher(bridge) : null;
  const follower = new BoardFollower(bridge);
  const reads = options.node.roles.some((role) => role !== 'feeds');
  return {
    publish: (exchange) => publisher?.publish(exchange),
    withdraw: (exchange) => publisher?.withdraw(exchange),
    follow: (exchange) => (reads ? follower.follow(exchange) : undefined),
    unfollow: (exchange) => follower.unfollow(exchange),
    statistics: () => ({ published: publisher?.statistics() ?? null, followed: follower.statistics() }),
    close: () => {
      publisher?.close();
      follower.close();
    },
  };
}
