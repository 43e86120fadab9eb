/** Books between nodes: what one node's feeds write on its quote board appears on the boards of the others. */
export { BoardPublisher, type BoardPublisherStatistics } from './board/publisher.js';
export { BoardFollower, type BoardFollowerStatistics, type SourceStatistics } from './board/follower.js';
export type { BoardBridgeOptions } from './board/options.js';
