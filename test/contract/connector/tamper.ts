import type {
  BookEvent,
  Capabilities,
  Connector,
  ConnectorRest,
  FrameSink,
} from '../../../src/connectors/base.js';
import type { LevelBuffer } from '../../../src/connectors/level-buffer.js';

/** Ways to break a connector in one place. */

/** What the connector decoded passes through `change` first. */
export function withSink(connector: Connector, change: (sink: FrameSink) => Partial<FrameSink>): Connector {
  const through = (sink: FrameSink): FrameSink => ({
    book: (event) => sink.book(event),
    bestQuote: (event) => sink.bestQuote(event),
    trade: (event) => sink.trade(event),
    control: (event) => sink.control(event),
    instrumentState: (event) => sink.instrumentState(event),
    ...change(sink),
  });
  return {
    ...connector,
    decode: (data, sink) => connector.decode(data, through(sink)),
    rest: {
      ...connector.rest,
      parseDepth: (body, symbol, sink) => connector.rest.parseDepth(body, symbol, through(sink)),
    },
  };
}

/** Book frames of the depth channel are changed before they are passed on. */
export function withBooks(connector: Connector, change: (event: BookEvent) => void): Connector {
  const { depth } = connector.capabilities.channels;
  return withSink(connector, (sink) => ({
    book: (event) => {
      if (event.channel === depth) change(event);
      sink.book(event);
    },
  }));
}

export function withDecode(connector: Connector, decode: Connector['decode']): Connector {
  return { ...connector, decode };
}

export function withCapabilities(connector: Connector, change: Partial<Capabilities>): Connector {
  return { ...connector, capabilities: { ...connector.capabilities, ...change } };
}

export function withRest(connector: Connector, change: Partial<ConnectorRest>): Connector {
  return { ...connector, rest: { ...connector.rest, ...change } };
}

/** Leaves only the levels that fit. */
export function keepLevels(side: LevelBuffer, fits: (price: number, size: number) => boolean): void {
  let kept = 0;
  for (let i = 0; i < side.count; i++) {
    const [price, size] = [side.prices[i]!, side.sizes[i]!];
    if (!fits(price, size)) continue;
    side.prices[kept] = price;
    side.sizes[kept++] = size;
  }
  side.count = kept;
}
