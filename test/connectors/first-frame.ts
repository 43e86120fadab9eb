import { okx } from '../../src/connectors/okx.js';
import { FRAME_LIMITS } from '../../src/connectors/frame-parser.js';
import { warmUpDecoders } from '../../src/connectors/warm-up.js';
import { onProcessorMs } from '../runtime/on-processor.js';

/** A process of its own: prints what its very first full book costs, `cold` or `warm`, ms on the processor. */

/** As many levels as a frame may have. */
const levels = (sign: number) =>
  Array.from({ length: 3_900 }, (_, i) => [
    (60_000 + sign * (i + 1) * 0.1).toFixed(1),
    (0.01 + i * 0.001).toFixed(4),
    '0',
    '3',
  ]);
const book = { asks: levels(1), bids: levels(-1), ts: '1790000000000', checksum: 1, prevSeqId: -1, seqId: 1 };
const arg = { channel: 'books', instId: 'BTC-USDT' };
const frame = Buffer.from(JSON.stringify({ arg, action: 'snapshot', data: [book] }));
if (frame.length > FRAME_LIMITS.maxBytes || frame.length < FRAME_LIMITS.maxBytes * 0.8)
  throw new Error(`${frame.length} bytes`);

if (process.argv[2] === 'warm') warmUpDecoders();
let read = 0;
const connector = okx();
const before = onProcessorMs();
connector.decode(frame, {
  book: (event) => (read = event.bids.count + event.asks.count),
  bestQuote: () => undefined,
  trade: () => undefined,
  control: () => undefined,
  instrumentState: () => undefined,
});
const after = onProcessorMs();
process.stdout.write(
  JSON.stringify({ levels: read, ms: before === null || after === null ? null : after - before }),
);
