/** Sockets and HTTP as ports. The production implementations use ws and undici; the simulation carries bytes itself. */

export interface SocketOptions {
  /** Frames larger than this close the socket with code 1009. */
  readonly maxFrameBytes: number;
  readonly connectTimeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Callbacks of one socket. After `onClose` none is called again. `onClose` is called exactly once. */
export interface SocketHandlers {
  onOpen(): void;
  /** `isBinary` tells the WebSocket frame type; the bytes are valid until the callback returns. */
  onFrame(data: Buffer, isBinary: boolean): void;
  onPing?(data: Buffer): void;
  onPong?(data: Buffer): void;
  onClose(code: number, reason: string): void;
}

export interface Socket {
  send(data: string | Uint8Array): void;
  ping(data?: Uint8Array): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Drops the connection at once. */
  terminate(): void;
  /** Bytes accepted by `send` and not yet handed to the network. */
  bufferedBytes(): number;
}

export interface Sockets {
  connect(url: string, options: SocketOptions, handlers: SocketHandlers): Socket;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case header names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpClient {
  /** Rejects with ArbotError ARB_HTTP_TIMEOUT, ARB_HTTP_TOO_LARGE or ARB_HTTP_FAILED; any status resolves. */
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse>;
}
