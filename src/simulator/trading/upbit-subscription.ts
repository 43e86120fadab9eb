/** What a private connection asked for. */
export interface UpbitSubscription {
  /** Whether orders of a market are wanted; null = orders are not. */
  readonly orders: ((symbol: string) => boolean) | null;
  readonly assets: boolean;
}

interface SocketError {
  readonly name: string;
  readonly message: string;
}

/** Reads a request of the private socket: the grammar of the public one, other types. It replaces the request before. */
export function readSubscription(text: string): UpbitSubscription | SocketError {
  const parts = arrayOf(text);
  if (parts === null) return { name: 'WRONG_FORMAT', message: 'Format 이 맞지 않습니다.' };
  const ticket = parts.find((part) => Object.hasOwn(part, 'ticket'))?.['ticket'];
  if (typeof ticket !== 'string' || ticket === '') {
    return { name: 'NO_TICKET', message: '티켓이 존재하지 않거나, 유효하지 않습니다.' };
  }
  const format = parts.find((part) => Object.hasOwn(part, 'format'))?.['format'] ?? 'DEFAULT';
  if (format !== 'DEFAULT') return { name: 'WRONG_FORMAT', message: 'Format 이 맞지 않습니다.' };
  const types = parts.filter((part) => Object.hasOwn(part, 'type'));
  if (types.length === 0) return { name: 'NO_TYPE', message: '타입 필드가 존재하지 않습니다.' };
  const strange = types.find(({ type }) => type !== 'myOrder' && type !== 'myAsset');
  if (strange !== undefined) return { name: 'INVALID_PARAM', message: '지원하지 않는 타입입니다.' };
  const orders = types.find(({ type }) => type === 'myOrder');
  const codes = orders?.['codes'];
  const isWanted = (symbol: string): boolean => !Array.isArray(codes) || codes.includes(symbol);
  return {
    orders: orders === undefined ? null : isWanted,
    assets: types.some(({ type }) => type === 'myAsset'),
  };
}

function arrayOf(text: string): readonly Readonly<Record<string, unknown>>[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const isList = Array.isArray(value) && value.every((part) => typeof part === 'object' && part !== null);
  return isList ? (value as readonly Readonly<Record<string, unknown>>[]) : null;
}
