import { pricePublisherActor } from '../actors/price-publisher.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { Bus } from '../ports/bus.js';
import type { PriceStore } from '../ports/price-cache.js';
import { openPrices, type PricePorts } from '../storage/open-prices.js';
import { erased } from './tree.js';

/** What a node without a server of its own for them keeps for itself. */
export const ownPrices = (ports: PricePorts): Promise<PriceStore> =>
  openPrices({ kind: 'in-process' }, ports);

export const publisherOf = (bus: Bus, board: QuoteBoard, store: PriceStore) =>
  erased(pricePublisherActor({ bus, board, store }));
