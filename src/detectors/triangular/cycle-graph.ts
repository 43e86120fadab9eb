import type { Side } from '../../messages/primitives.js';

/**
 * Closed walks over markets: from an asset by one trade each to others and back, no asset twice. They follow from what is listed and not from
 * prices, so they are enumerated once and again only when a listing changes; an update then touches the few that use its market.
 */
export interface CycleMarket {
  readonly base: string;
  readonly quote: string;
}

/** One trade: `sell` moves base into quote, `buy` quote into base. */
export interface CycleLeg {
  /** Index of the market. */
  readonly market: number;
  readonly side: Side;
}

export interface Cycle {
  /** Where each leg begins; the smallest by code units first, so that a cycle has one name. */
  readonly assets: readonly string[];
  /** `legs[i]` leads from `assets[i]` to the next, the last one back. */
  readonly legs: readonly CycleLeg[];
}

interface Edge extends CycleLeg {
  readonly to: string;
}

/** Every directed cycle of `length` legs (3 or 4 in practice), in a fixed order. Two markets of one pair make two cycles. */
export function enumerateCycles(markets: readonly CycleMarket[], length: number): Cycle[] {
  const edges = edgesOf(markets);
  const cycles: Cycle[] = [];
  for (const start of [...edges.keys()].sort(byCodeUnit))
    extend(start, [start], [], { edges, length, cycles });
  return cycles;
}

interface Search {
  readonly edges: ReadonlyMap<string, readonly Edge[]>;
  readonly length: number;
  readonly cycles: Cycle[];
}

function extend(at: string, assets: readonly string[], legs: readonly CycleLeg[], search: Search): void {
  const start = assets[0]!;
  for (const { to, market, side } of search.edges.get(at) ?? []) {
    const walked = [...legs, { market, side }];
    if (walked.length === search.length) {
      if (to === start) search.cycles.push({ assets, legs: walked });
    } else if (to > start && !assets.includes(to)) extend(to, [...assets, to], walked, search);
  }
}

function edgesOf(markets: readonly CycleMarket[]): ReadonlyMap<string, readonly Edge[]> {
  const edges = new Map<string, Edge[]>();
  const add = (from: string, edge: Edge) => edges.set(from, [...(edges.get(from) ?? []), edge]);
  markets.forEach(({ base, quote }, market) => {
    if (base === quote) return;
    add(base, { to: quote, market, side: 'sell' });
    add(quote, { to: base, market, side: 'buy' });
  });
  return edges;
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : 1);
