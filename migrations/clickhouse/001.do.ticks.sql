-- What the market showed. docs/ticks.md says why each column, codec and key is as it is.

CREATE TABLE IF NOT EXISTS installation
(
    mode LowCardinality(String),
    claimed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY claimed_at;

CREATE TABLE IF NOT EXISTS orderbook_snapshots
(
    exchange LowCardinality(String),
    instrument LowCardinality(String),
    receive_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    exchange_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    epoch UInt64 CODEC(DoubleDelta, ZSTD(1)),
    sequence UInt64 CODEC(DoubleDelta, ZSTD(1)),
    bid_prices Array(Float64) CODEC(ZSTD(1)),
    bid_sizes Array(Float64) CODEC(ZSTD(1)),
    ask_prices Array(Float64) CODEC(ZSTD(1)),
    ask_sizes Array(Float64) CODEC(ZSTD(1)),
    batch_id String CODEC(ZSTD(1)),
    INDEX received receive_time TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(receive_time)
ORDER BY (instrument, receive_time)
TTL toDateTime(receive_time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS tick_trades
(
    exchange LowCardinality(String),
    instrument LowCardinality(String),
    trade_id String CODEC(ZSTD(1)),
    price String CODEC(ZSTD(1)),
    quantity String CODEC(ZSTD(1)),
    side Enum8('buy' = 1, 'sell' = 2),
    receive_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    exchange_time DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    batch_id String CODEC(ZSTD(1)),
    exact_price Decimal(76, 20) ALIAS toDecimal256(price, 20),
    exact_quantity Decimal(76, 20) ALIAS toDecimal256(quantity, 20),
    INDEX received receive_time TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toMonday(receive_time)
ORDER BY (instrument, receive_time)
TTL toDateTime(receive_time) + INTERVAL 180 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS spread_history
(
    second DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    pair LowCardinality(String),
    base LowCardinality(String),
    quote LowCardinality(String),
    buy_exchange LowCardinality(String),
    sell_exchange LowCardinality(String),
    ask Float64 CODEC(Delta, ZSTD(1)),
    bid Float64 CODEC(Delta, ZSTD(1)),
    gross_bps Float64 CODEC(ZSTD(1)),
    max_gross_bps Float64 CODEC(ZSTD(1)),
    batch_id String CODEC(ZSTD(1)),
    INDEX seconds second TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(second)
ORDER BY (pair, second, buy_exchange, sell_exchange)
TTL second + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
