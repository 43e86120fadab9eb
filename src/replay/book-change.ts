/** [price, size] in the exchange's own text, and the number of the change where each has one. */
export type TextLevel = readonly [price: string, size: string, sequence?: number | undefined];

export interface BookChange {
  /** One book: channel and symbol, since an exchange may send several depths. */
  readonly key: string;
  readonly snapshot: boolean;
  readonly bids: readonly TextLevel[];
  readonly asks: readonly TextLevel[];
  /** Sequence number the change follows upon; a larger one than the book's means that frames are missing. */
  readonly follows: number | null;
  /** Last sequence number after this change, null when the frame has none. */
  readonly sequence: number | null;
  /** A second counter that some exchanges send beside it. */
  readonly crossSequence?: number | undefined;
  readonly timeMs: number | null;
}
