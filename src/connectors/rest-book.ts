import type { BookEvent, Connector, FrameSink } from './base.js';

const nothing = (): void => undefined;

/**
 * The book of a REST answer, without touching the one that is kept; null when there is none in it. The object is the
 * connector's own: valid until it decodes again.
 * @throws what `parseDepth` throws.
 */
export function readRestBook(connector: Connector, body: Buffer, symbol: string): BookEvent | null {
  let found: BookEvent | null = null;
  const sink: FrameSink = {
    book: (event) => {
      found = event;
    },
    bestQuote: nothing,
    trade: nothing,
    control: nothing,
    instrumentState: nothing,
  };
  connector.rest.parseDepth(body, symbol, sink);
  return found;
}
