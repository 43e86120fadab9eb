/**
 * The bytes of a `boardBatch`: books of one exchange as one node shows them. Little-endian, every part a multiple of 8.
 *
 *   0 f64 boot               wall time at which the publication began, Unix ms: another one knows nothing of this one
 *   8 f64 number             of this batch, from 1: a gap tells of a lost one
 *  16 f64 sentMonotonicMs    of the publisher; only differences mean anything
 *  24 u16 records  26 u16 alive ages  28 u16 books that the publisher has named  30 u16 flags (1 = withdrawn)
 *  32 the records, then the alive ages
 *
 * A record is one book. It is named by its index in this publication; the index keeps its name as long as that lasts,
 * and the name comes with the book's first record and whenever all books are sent again. Epoch 0: the publisher shows no book of
 * its own there, because another node's is newer.
 *
 *   0 u16 index  2 u8 flags (1 = trusted)  3 u8 bids  4 u8 asks  5 u8 name length, 0 = named before  6 u16 zero
 *   8 f64 version            grows with each change: an equal one is a book that was sent before
 *  16 f64 epoch  24 f64 sequence  32 f64 exchangeTimeMs
 *  40 f64 frameAgeMs         since the book's newest frame came, when the batch was sent
 *  48 f64 aliveAgeMs         since its connection last proved alive
 *  56 f64 bid prices, bid sizes, ask prices, ask sizes, best first; then the ASCII name with zeros up to a multiple of 8
 *
 * An alive age is one u16 per index from 0: whole ms, rounded up, since the book's connection proved alive; 65,535 says nothing.
 */

export const BATCH_HEADER_BYTES = 32;
export const RECORD_BYTES = 56;
/** As many levels per side as a quote board keeps. */
export const MOST_LEVELS = 20;
/** Books of one exchange. */
export const MOST_BOOKS = 8_192;
export const WITHDRAWN = 1;
export const TRUSTED = 1;
/** This age or more is not told. */
export const AGE_UNKNOWN = 65_535;
const MOST_NAME_BYTES = 104;
/** The largest record. */
export const MOST_RECORD_BYTES = RECORD_BYTES + MOST_LEVELS * 4 * 8 + MOST_NAME_BYTES;

export const padded = (bytes: number): number => (bytes + 7) & ~7;

/** These layouts are written and read in place by typed arrays, which follow the machine. */
export const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
