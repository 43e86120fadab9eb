/** How nodes are found and asked without knowing anything of them: discovery, statistics and questions by name. */
export interface NodeServices {
  /** Answers discovery and questions until it is stopped. An endpoint's rejection is told to who asked. */
  serve(service: ServedNode): Promise<RunningService>;
  /** Whoever answers within the time, by name; a node that is silent is not among them. */
  discover(withinMs: number): Promise<readonly DiscoveredNode[]>;
  /** Rejects ARB_NO_RESPONDER, ARB_ASK_TIMEOUT, ARB_RESPONDER_FAILED or, for what is no sound JSON, ARB_MESSAGE_INVALID. */
  ask(node: string, endpoint: string, question: unknown, timeoutMs: number): Promise<unknown>;
}

export interface ServedNode {
  readonly node: string;
  readonly nonce: string;
  /** `1.2.3`. */
  readonly version: string;
  /** Shown to whoever discovers it. */
  readonly facts: Readonly<Record<string, string>>;
  readonly endpoints: Readonly<Record<string, (question: unknown) => unknown>>;
}

export interface RunningService {
  stop(): Promise<void>;
}

export interface DiscoveredNode {
  readonly node: string;
  readonly nonce: string;
  readonly version: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly startedAtMs: number;
  readonly endpoints: readonly EndpointStatistics[];
}

export interface EndpointStatistics {
  readonly endpoint: string;
  readonly requests: number;
  readonly errors: number;
  readonly averageMs: number;
}
