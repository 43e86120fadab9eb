import type { Connector, FrameSink } from '../base.js';

/** Reads the frames of one exchange from their bytes. One instance per connector; it fills the connector's `header`. */
export interface FrameScanner {
  /** Frames of these markets will come; only theirs are scanned. */
  follow(symbols: readonly string[]): void;
  /**
   * True when the frame was read to its last byte and given to the sink. False when it is anything else than the plain shape of
   * a followed market's frame: then nothing reached the sink and the JSON decoder must read it.
   */
  scan(data: Buffer, sink: FrameSink): boolean;
}

/** An exchange has a handful of channels; what a broken frame claims to be is bounded too. */
const MAX_CHANNELS = 16;

/** Puts a scanner in front of a connector's JSON decoder, and counts by channel what the decoder still had to read. */
export function withScanner(connector: Connector, scanner: FrameScanner): Connector {
  const { header } = connector;
  const fallbacks = new Map<string, number>();
  const note = () => {
    if (header.category === 'control' || header.category === 'foreign') return;
    if (fallbacks.size >= MAX_CHANNELS && !fallbacks.has(header.channel)) return;
    fallbacks.set(header.channel, (fallbacks.get(header.channel) ?? 0) + 1);
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
        note();
      }
    },
    decodeJson: (data, sink) => connector.decode(data, sink),
    fallbacks: () => Object.fromEntries(fallbacks),
  };
}
