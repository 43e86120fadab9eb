import type { NodeConfig } from '../config/index.js';

/** In which order nodes are started, replaced and stopped. Pure; the order of the file decides between equals. */

const trades = (node: NodeConfig): boolean => node.roles.includes('trade');

/** Market data first, so that whoever may trade finds books. */
export function startOrder(nodes: readonly NodeConfig[]): NodeConfig[] {
  return [...nodes.filter((node) => !trades(node)), ...nodes.filter(trades)];
}

/** One after the other; who holds the lease `trade` comes last, so that the trade moves once, to a node that is new already. */
export function deployOrder(nodes: readonly NodeConfig[], holder: string | null): NodeConfig[] {
  return startOrder(nodes).sort((a, b) => Number(a.name === holder) - Number(b.name === holder));
}

/**
 * Backwards. Stand-bys go before the one that trades, so that nothing is handed over only to be stopped as well; what feeds it goes
 * last.
 */
export function stopOrder(nodes: readonly NodeConfig[], holder: string | null): NodeConfig[] {
  const backwards = startOrder(nodes).reverse();
  return [
    ...backwards.filter((node) => trades(node) && node.name !== holder),
    ...backwards.filter((node) => node.name === holder),
    ...backwards.filter((node) => !trades(node) && node.name !== holder),
  ];
}
