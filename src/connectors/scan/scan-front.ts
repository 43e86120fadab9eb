import type { Connector, ConnectorRest, FrameSink } from '../base.js';

/** Reads the frames of one exchange from their bytes. One instance per connector; it fills the connector's `header`. */
export interface FrameScanner {
  /** Frames of these markets will come; only theirs are scanned. */
  follow(symbols: readonly string[]): void;
  /**
   * True when the frame was read to its last byte and given to the sink. False when it is anything else than the plain shape of
   * a followed market's frame: then nothing reached the sink and the JSON decoder must read it.
   */
  scan(data: Buffer, sink: FrameSink): boolean;
  /** The same for the REST answer with a market's book. */
  scanDepth?(body: Buffer, symbol: string, sink: FrameSink): boolean;
}

/** An exchange has a handful of channels; what a broken frame claims to be is bounded too. */
const MAX_CHANNELS = 16;

/** Puts a scanner in front of a connector's JSON decoder, and counts by channel what the decoder still had to read. */
export function withScanner(connector: Connector, scanner: FrameScanner): Connector {
  const { header } = connector;
  const fallbacks = new Map<string, number>();
  const note = (channel: string) => {
    if (fallbacks.size >= MAX_CHANNELS && !fallbacks.has(channel)) return;
    fallbacks.set(channel, (fallbacks.get(channel) ?? 0) + 1);
  };
  return {
    ...connector,
    subscribe: (symbols, scope, requestId, timeMs) => {
      scanner.follow(symbols);
      return connector.subscribe(symbols, scope, requestId, timeMs);
    },
    decode: (data, sink) => {
      if (scanner.scan(data, sink)) return header;
      try {
        return connector.decode(data, sink);
      } finally {
        if (header.category !== 'control' && header.category !== 'foreign') note(header.channel);
      }
    },
    decodeJson: (data, sink) => connector.decode(data, sink),
    fallbacks: () => Object.fromEntries(fallbacks),
    rest: withDepthScanner(connector.rest, scanner, () => note('REST depth')),
  };
}

function withDepthScanner(rest: ConnectorRest, scanner: FrameScanner, note: () => void): ConnectorRest {
  if (scanner.scanDepth === undefined) return rest;
  return {
    ...rest,
    parseDepth: (body, symbol, sink) => {
      if (scanner.scanDepth!(body, symbol, sink)) return;
      note();
      rest.parseDepth(body, symbol, sink);
    },
    parseDepthJson: (body, symbol, sink) => rest.parseDepth(body, symbol, sink),
  };
}
