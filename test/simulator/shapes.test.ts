import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, open, type MemoryExchanges } from './memory-client.js';

const folder = wireFolder();
const skip = folder === null ? 'the captured frames are not here (ARBOT_WIRE_DIR)' : false;

/** The form of a text that carries a number: its digits after the point matter to readers that keep the text. */
function textForm(text: string): string {
  // A number that happens to need all eight places is plain as well; Binance pads, so one of its frames tells them apart.
  if (/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/.test(text)) return 'number';
  if (/^\d+\.\d{8}$/.test(text)) return 'number of eight places';
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return 'uuid';
  return 'text';
}

/** Keys in their order, types, and the form of numbers in text; the first element stands for an array. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) {
    const isLevel = value.length > 0 && value.every((item) => typeof item === 'string');
    if (isLevel) return value.map(shape);
    return value.length === 0 ? 'empty' : [shape(value[0])];
  }
  if (typeof value === 'string') return textForm(value);
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.entries(value).map(([key, item]) => [key, shape(item)]);
}

function lines(file: string): unknown[] {
  return readFileSync(join(folder ?? '', file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown);
}

/** First frame with full level lists on both sides that a test accepts. */
function find(frames: readonly unknown[], ...parts: readonly string[]): unknown {
  const found = frames.find((frame) => {
    const text = JSON.stringify(frame);
    return parts.every((part) => text.includes(part)) && !text.includes('[]');
  });
  if (found === undefined) throw new Error(`no frame with ${parts.join(', ')}`);
  return found;
}

/** Each channel of an exchange for a minute, as a client gets it. */
function sent(exchanges: MemoryExchanges, exchange: 'binance' | 'okx' | 'bybit'): unknown[] {
  const { faces, run } = exchanges;
  const client = open(faces[exchange], exchange === 'binance' ? '/stream' : undefined);
  if (exchange === 'binance') {
    const names = ['depth@100ms', 'bookTicker', 'trade', 'aggTrade'];
    client.send({ method: 'SUBSCRIBE', params: names.map((name) => `ethusdt@${name}`), id: 1 });
  } else if (exchange === 'okx') {
    const channels = ['books', 'books5', 'bbo-tbt', 'trades', 'tickers'];
    client.send({ op: 'subscribe', args: channels.map((channel) => ({ channel, instId: 'BTC-USDT' })) });
    client.send({ op: 'subscribe', args: [{ channel: 'candle1m', instId: 'BTC-USDT' }] });
  } else {
    const topics = ['orderbook.1', 'orderbook.50', 'publicTrade', 'tickers'];
    client.send({ op: 'subscribe', args: topics.map((topic) => `${topic}.BTCUSDT`) });
  }
  for (let i = 0; i < 3; i++) {
    run(20_000);
    client.heartbeat();
  }
  return client.transport
    .take()
    .filter((text) => text !== 'pong')
    .map((text) => JSON.parse(text) as unknown);
}

t.test('Binance frames have the keys, the order and the number form of captured ones', { skip }, (t) => {
  const ours = sent(memoryExchanges({ seed: 2 }), 'binance');
  const captured = lines('binance/hftbacktest-20240808-spot-ethusdt-first12000.jsonl');
  const older = lines('binance/cryptofeed-20210814-mixed4.jsonl');
  for (const [name, real] of [
    ['depthUpdate', captured],
    ['@bookTicker', captured],
    ['@trade', captured],
    ['@aggTrade', older],
  ] as const) {
    t.same(shape(find(ours, name)), shape(find(real, name)), name);
  }
  t.end();
});

t.test('OKX frames have the keys, the order and the number form of captured ones', { skip }, (t) => {
  const exchanges = memoryExchanges({ seed: 2 });
  const ours = sent(exchanges, 'okx');
  const derived = lines('derived/okx-seqid-from-cryptofeed-20220513-v5-books-mixed.jsonl');
  const recent = lines('okx/spec-202609-trimmed-seqid.jsonl');
  t.same(
    shape(find(ours, '"books"', 'snapshot')),
    shape(find(derived, '"books"', 'snapshot')),
    'books snapshot',
  );
  t.same(shape(find(ours, '"books"', 'update')), shape(find(derived, '"books"', 'update')), 'books update');
  for (const channel of ['"books5"', '"trades"', '"tickers"']) {
    t.same(shape(find(ours, channel, '"data"')), shape(find(recent, channel)), channel);
  }
  t.same(shape(find(ours, '60018')), shape(find(recent, '60018')), 'error');
  // The captured best quotes of 2022 are from before seqId was added; all else is equal.
  const best = find(ours, '"bbo-tbt"', '"data"') as { data: Record<string, unknown>[] };
  delete best.data[0]!['seqId'];
  t.same(
    shape(best),
    shape(find(lines('okx/crypto-msg-parser-frame-zoo.jsonl'), '"bbo-tbt"', 'BTC-USDT"')),
    'bbo-tbt',
  );
  exchanges.faces.okx.bookForm = 'without-checksum';
  const bare = sent(exchanges, 'okx');
  t.same(
    shape(find(bare, '"books"', 'snapshot')),
    shape(find(recent, '"books"', 'snapshot')),
    'books of 2026-09',
  );
  t.same(
    shape(find(bare, '"books"', 'update')),
    shape(find(recent, '"books"', 'update')),
    'update of 2026-09',
  );
  t.end();
});

t.test('Bybit frames have the keys, the order and the number form of captured ones', { skip }, (t) => {
  const ours = sent(memoryExchanges({ seed: 2 }), 'bybit');
  const spot = lines('bybit/cryptofeed-20250613-v5-spot-orderbook1.jsonl');
  const linear = lines('bybit/cryptofeed-20260809-v5-linear-ob200-trade-ticker-kline.jsonl');
  t.same(shape(find(ours, '"success"')), shape(find(spot, '"success"')), 'acknowledgement');
  t.same(shape(find(ours, 'orderbook.1.')), shape(find(spot, 'orderbook.1.')), 'orderbook.1');
  t.same(
    shape(find(ours, 'orderbook.50.', '"delta"')),
    shape(find(spot, 'orderbook.1.')),
    'orderbook.50 as level 1',
  );
  // The captured trades are of the linear market, which pads prices; keys, order and types are the same.
  t.same(typed(find(ours, 'publicTrade')), typed(find(linear, 'publicTrade')), 'publicTrade');
  const scripts = lines('bybit/jkorf-subscription-scripts.ndjson') as { file: string; script: string }[];
  const ticker = scripts.find(({ file }) => file.endsWith('V5/Spot/Ticker.txt'))!.script.split('\n= \n')[1]!;
  const keys = (frame: unknown) => {
    const { data, ...outer } = frame as { data: object };
    return [Object.keys(outer), Object.keys(data)];
  };
  t.same(keys(find(ours, '"tickers.')), keys(JSON.parse(ticker)), 'tickers');
  t.end();
});

/** Every key of ours with the type that the recorded answer has for it; ours may have fewer filters and list entries. */
function typed(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : typed(value[0], `${at}[]`);
  if (typeof value !== 'object' || value === null) return [`${at}:${typeof value}`];
  return Object.entries(value).flatMap(([key, item]) => typed(item, `${at}.${key}`));
}

t.test('REST answers have the keys and types of recorded ones', { skip }, (t) => {
  const { faces } = memoryExchanges();
  const body = (exchange: 'binance' | 'okx' | 'bybit', url: string) =>
    JSON.parse(faces[exchange].handleHttp({ method: 'GET', url }).body) as unknown;
  const recorded = (file: string, name: string) => {
    const row = (lines(`rest/${file}`) as { file: string; text: string }[]).find((r) =>
      r.file.endsWith(name),
    )!;
    return JSON.parse(row.text.slice(row.text.indexOf('{'))) as unknown;
  };
  const same = (ours: unknown, real: unknown, name: string) =>
    t.same(typed(ours).sort(), typed(real).sort(), name);
  same(
    body('binance', '/api/v3/depth?symbol=BTCUSDT'),
    recorded('nautilus-binance-rest-fixtures.ndjson', 'http_spot_market_depth.json'),
    'Binance depth',
  );
  same(
    body('binance', '/api/v3/time'),
    recorded('nautilus-binance-rest-fixtures.ndjson', 'server_time_response.json'),
    'Binance time',
  );
  const info = body('binance', '/api/v3/exchangeInfo');
  const real = recorded('nautilus-binance-rest-fixtures.ndjson', 'http_spot_market_exchange_info.json');
  const missing = typed(real).filter((key) => !typed(info).includes(key) && !key.includes('permissions'));
  t.same(missing, [], 'Binance exchangeInfo has every recorded key');
  same(
    body('okx', '/api/v5/public/instruments?instType=SPOT'),
    recorded('nautilus-okx-rest-fixtures.ndjson', 'http_get_instruments_spot.json'),
    'OKX instruments',
  );
  same(
    body('okx', '/api/v5/market/books?instId=BTC-USDT&sz=3'),
    recorded('nautilus-okx-rest-fixtures.ndjson', 'http_get_order_book.json'),
    'OKX books',
  );
  same(
    body('okx', '/api/v5/public/time'),
    recorded('jkorf-okx-rest-endpoints.ndjson', 'ExchangeData/GetServerTime.txt'),
    'OKX time',
  );
  same(
    body('bybit', '/v5/market/instruments-info?category=spot'),
    recorded('jkorf-bybit-rest-endpoints.ndjson', 'ExchangeData/GetSpotSymbols.txt'),
    'Bybit instruments',
  );
  const book = body('bybit', '/v5/market/orderbook?category=spot&symbol=BTCUSDT&limit=5') as {
    result: Record<string, unknown>;
  };
  delete book.result['cts'];
  same(
    book,
    recorded('jkorf-bybit-rest-endpoints.ndjson', 'ExchangeData/GetOrderbook.txt'),
    'Bybit book (cts is newer)',
  );
  t.end();
});
