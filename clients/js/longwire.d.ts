/** Types of longwire.js; what each thing does stands in README.md. */

/** A place in the hub's log: "OFFSET-EPOCH", the same string on every transport. */
export type Cursor = string;

export type Transport = 'websocket' | 'sse' | 'poll';

/** 'auto', one transport, or several, best first. */
export type TransportChoice = 'auto' | Transport | readonly Transport[];

export interface Message<T = unknown> {
  /** The message's own cursor. */
  id: Cursor;
  topic: string;
  /** When the hub accepted it: RFC 3339, UTC, milliseconds. */
  time: string;
  /** The event name, when it was published with one. */
  event?: string;
  /** A JSON value, a string, or for binary messages a Uint8Array. */
  data: T;
  /** Set when the message is binary; `data` is decoded already. */
  encoding?: 'base64';
}

/** Messages between the two cursors may be missing. */
export interface Gap {
  requested: Cursor;
  resumed: Cursor;
  reason: 'epoch' | 'ahead' | 'trimmed' | 'lagged' | 'damaged' | 'denied';
  /** Of one topic or pattern alone: 'denied', its right was lost. */
  topic?: string;
}

export type State =
  | 'connecting' | 'replaying' | 'live' | 'waiting' | 'offline' | 'closed';

export interface StateReport {
  state: State;
  /** In use, or being tried. */
  transport: Transport;
  /**
   * Whether its connection carries other requests, too (HTTP/2 and 3); undefined while the browser
   * does not tell, as it never does of a WebSocket.
   */
  shared: boolean | undefined;
  /** null before it is known. */
  cursor: Cursor | null;
  /** Waits since the last good connection. */
  attempt: number;
  /** Why the last connection ended; undefined once live again. */
  error?: LongwireError;
}

export interface MessageInfo {
  /** Part of a replay: the subscription has not reached the head since it (re)connected. */
  replayed: boolean;
  transport: Transport;
}

export interface Backoff {
  /** Milliseconds; the first wait is between 0 and this. Default 500. */
  base: number;
  /** Milliseconds; no wait is longer. Default 30000. */
  cap: number;
}

export interface SubscribeOptions<T = unknown> {
  /**
   * Where to begin: a cursor, 'earliest', 'latest' (default), -N for the last N messages, or a
   * time.
   */
  after?: Cursor | 'earliest' | 'latest' | number | Date;
  transport?: TransportChoice;
  onMessage?: (message: Message<T>, info: MessageInfo) => void;
  onGap?: (gap: Gap) => void;
  onState?: (report: StateReport) => void;
  /** Messages held for `for await` before the connection is dropped. Default 1024. */
  buffer?: number;
  backoff?: Backoff;
  /** Milliseconds without an answer until a transport counts as blocked. Default 6000. */
  timeout?: number;
  /**
   * Milliseconds until a better transport is tried again. Default 5000 when it has worked before,
   * else 60000; doubled after each failure.
   */
  upgradeAfter?: number;
  /** Closes the subscription. */
  signal?: AbortSignal;
}

export interface Stats {
  /** Messages delivered. */
  received: number;
  /** Messages dropped because they had been delivered already. */
  duplicates: number;
  /** Gaps that the hub has reported. */
  gaps: number;
  /** Working connections that ended without being asked to. */
  disconnects: number;
}

/** Somebody at a topic with presence. */
export interface Member {
  /** Who it is, if a token says so; */
  sub?: string;
  /** else by what the hub calls its connection. */
  connection?: string;
  /** RFC 3339, UTC, milliseconds. */
  since: string;
  /** Of a `sub` that was listed: how many connections it had. */
  connections?: number;
  /** What its token has for others to see. */
  info?: unknown;
}

export interface PresenceOptions {
  /** Somebody came, after `ready`. */
  onJoin?: (member: Member) => void;
  onLeave?: (member: Member) => void;
  /** The hub refuses: it is over. */
  onError?: (error: LongwireError) => void;
  transport?: TransportChoice;
  backoff?: Backoff;
}

export interface Presence {
  /** Resolves when `members` is there; rejects when the hub refuses. */
  readonly ready: Promise<void>;
  /** In the order in which they came. */
  readonly members: readonly Member[];
  readonly number: number;
  close(): void;
}

export interface Subscription<T = unknown> extends AsyncIterable<Message<T>> {
  readonly topics: readonly string[];
  readonly state: State;
  readonly transport: Transport;
  /** As in StateReport. */
  readonly shared: boolean | undefined;
  /** Where a later subscription goes on without missing anything. */
  readonly cursor: Cursor | null;
  readonly stats: Stats;
  close(): void;
  /** Cuts the connection and resumes on a new one at once. */
  reconnect(): void;
  /** Disconnects, keeping the cursor, until resume(). */
  pause(): void;
  resume(): void;
  setTransport(transport: TransportChoice): void;
  /** Who is at its topic, which has to be one, and no pattern; closed with the subscription. */
  presence(options?: PresenceOptions): Presence;
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, undefined>;
}

export interface LongwireOptions {
  /**
   * A JWT, or what gives one: asked before each connection and publish, and a minute before the one
   * that is in use ends.
   */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** As in fetch(); default 'same-origin'. */
  credentials?: RequestCredentials;
  /** Names of all events that occur, for SSE where only EventSource can do it. */
  events?: readonly string[];
  fetch?: typeof fetch;
  WebSocket?: unknown;
  EventSource?: unknown;
}

export interface PublishOptions {
  event?: string;
  /** Idempotency-Key; a random one by default, null or '' for none (and then no retries). */
  key?: string | null;
  /**
   * Stores the message only if the topic has had none behind this cursor, '0': none at all.
   * Otherwise publish() rejects with kind 'conflict'.
   */
  expect?: Cursor;
  /** Attempts after the first. Default 5. */
  retries?: number;
  signal?: AbortSignal;
}

export class Longwire {
  /** The hub's URL; default: the page's origin. */
  constructor(url?: string | URL, options?: LongwireOptions);
  subscribe<T = unknown>(
    topics: string | readonly string[],
    options?: SubscribeOptions<T>,
  ): Subscription<T>;
  /** Resolves when the message is safe in the hub's log. */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<{ id: Cursor }>;
  /** Closes all subscriptions. */
  close(): void;
}

export class LongwireError extends Error {
  readonly kind: 'blocked' | 'unreachable' | 'lost' | 'later' | 'conflict' | 'fatal';
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** The hub's application/problem+json. */
  readonly problem?: {
    type?: string;
    title?: string;
    status?: number;
    detail?: string;
    current?: Cursor;
    code?: string;
  };
  /** Milliseconds that the hub asks to wait. */
  readonly delay?: number;
  /**
   * Of tokens: why one does not count ('expired', 'revoked', 'signature', ...), 'unauthorized' where
   * there is none, 'forbidden' where it does not grant this.
   */
  readonly code?: string;
  /** Of a conflict: what the next attempt has to expect. */
  readonly current?: Cursor;
}

/** When TOKEN, a JWT, ends, ms as of Date.now(); undefined: it does not say, or is none. */
export function endOfToken(token: string | undefined): number | undefined;
/** In how many ms a token that ends at END is replaced; undefined: that is too late. */
export function renewalIn(end: number | undefined, now?: number): number | undefined;

/** Negative, 0 or positive as `a` is before, at or after `b`; NaN when their epochs differ. */
export function compareCursors(a: Cursor, b: Cursor): number;

/** Milliseconds before attempt `attempt` (from 0), with full jitter. */
export function backoff(attempt: number, limits?: Backoff, random?: () => number): number;

/** A topic as the path below /t/. */
export function topicPath(topic: string): string;

/** Lets each message through once and in order. */
export class OrderGuard {
  last: Cursor | null;
  dropped: number;
  accept(id: Cursor): boolean;
  reset(cursor: Cursor | null): void;
}

export interface SseBlock {
  id: string;
  event: string;
  data: string | null;
}

/** The event stream parser of the HTML standard; blocks with an id and no data are given too. */
export class SseParser {
  constructor(handlers: {
    onBlock: (block: SseBlock) => void;
    onRetry?: (milliseconds: number) => void;
  });
  push(chunk: Uint8Array | string): void;
}
