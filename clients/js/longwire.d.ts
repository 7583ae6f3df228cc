/** Types of longwire.js; what each thing does stands in README.md. */

/** A place in the hub's log: "OFFSET-EPOCH", the same string on every transport. */
export type Cursor = string;

/** What is used of an AbortSignal; so these types need no library of the browser's. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: any;
  addEventListener(name: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(name: 'abort', listener: () => void): void;
}

/** A URL. */
export interface Address {
  readonly href: string;
}

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

export type MessageHandler<T = unknown> = (message: Message<T>, info: MessageInfo) => void;

/** What to follow: a topic or pattern, several, or each with a handler of its own. */
export type Topics<T = unknown> =
  | string
  | readonly string[]
  | { readonly [topic: string]: MessageHandler<T> | undefined };

/** As the browser's Event: `detail` is what a callback would get. */
export interface LongwireEvent<D> {
  readonly type: string;
  readonly detail: D;
  /** Of messages: their data. */
  readonly data?: unknown;
  readonly info?: MessageInfo;
}

/** What is told, by callbacks and by events: the arguments of each. */
export interface SubscriptionEvents<T = unknown> {
  message: [message: Message<T>, info: MessageInfo];
  gap: [gap: Gap];
  state: [report: StateReport];
  /** It is over; with the error, if the hub refused. */
  close: [error: LongwireError | undefined];
}

export interface Emitter<E> {
  /** Calls back at each; returns what ends this. */
  on<K extends keyof E>(name: K, callback: (...args: E[K] & any[]) => void): () => void;
  once<K extends keyof E>(name: K, callback: (...args: E[K] & any[]) => void): () => void;
  addEventListener<K extends keyof E & string>(
    name: K,
    listener: (event: LongwireEvent<(E[K] & any[])[0]>) => void,
    options?: boolean | { once?: boolean; signal?: Signal },
  ): void;
  removeEventListener<K extends keyof E & string>(
    name: K,
    listener: (event: LongwireEvent<(E[K] & any[])[0]>) => void,
  ): void;
}

/** What of a Storage is used. */
export interface CursorStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
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
  after?: Cursor | 'earliest' | 'latest' | number | Date | undefined;
  /**
   * A name under which the cursor is kept in sessionStorage, so that a reload goes on where the page
   * was; it wins over `after`.
   */
  remember?: string | { name: string; storage?: CursorStorage } | undefined;
  transport?: TransportChoice | undefined;
  onMessage?: MessageHandler<T> | undefined;
  onGap?: ((gap: Gap) => void) | undefined;
  onState?: ((report: StateReport) => void) | undefined;
  /** Messages held for `for await` before the connection is dropped. Default 1024. */
  buffer?: number | undefined;
  backoff?: Backoff | undefined;
  /** Milliseconds without an answer until a transport counts as blocked. Default 6000. */
  timeout?: number | undefined;
  /**
   * Milliseconds until a better transport is tried again. Default 5000 when it has worked before,
   * else 60000; doubled after each failure.
   */
  upgradeAfter?: number | undefined;
  /** Closes the subscription. */
  signal?: Signal | undefined;
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
  onJoin?: ((member: Member) => void) | undefined;
  onLeave?: ((member: Member) => void) | undefined;
  /** The hub refuses: it is over. */
  onError?: ((error: LongwireError) => void) | undefined;
  transport?: TransportChoice | undefined;
  backoff?: Backoff | undefined;
}

export interface Presence {
  /** Resolves when `members` is there; rejects when the hub refuses. */
  readonly ready: Promise<void>;
  /** In the order in which they came. */
  readonly members: readonly Member[];
  readonly number: number;
  close(): void;
}

export interface Subscription<T = unknown>
  extends AsyncIterable<Message<T>>, Emitter<SubscriptionEvents<T>> {
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
  /** Follows these, too, from now on. */
  add(topics: Topics<T>, handler?: MessageHandler<T>): void;
  /** Follows these no longer. */
  remove(topics: string | readonly string[]): void;
  /** Who is at its topic, which has to be one, and no pattern; closed with the subscription. */
  presence(options?: PresenceOptions): Presence;
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, undefined>;
}

export interface LongwireOptions {
  /**
   * A JWT, or what gives one: asked before each connection and publish, and a minute before the one
   * that is in use ends.
   */
  token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Headers of one's own, of all requests; a WebSocket and EventSource cannot have any. */
  headers?: Record<string, string> | (() => Record<string, string>) | undefined;
  /** Says on the console, or to a function, what happens. */
  debug?: boolean | ((...line: unknown[]) => void) | undefined;
  /** After so many ms in which the page is hidden it gets nothing; shown again, it catches up. */
  pauseHidden?: number | undefined;
  /** As in fetch(); default 'same-origin'. */
  credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** Names of all events that occur, for SSE where only EventSource can do it. */
  events?: readonly string[] | undefined;
  fetch?: ((url: string, init?: any) => Promise<any>) | undefined;
  WebSocket?: unknown | undefined;
  EventSource?: unknown | undefined;
}

export interface PublishOptions {
  event?: string | undefined;
  /** Idempotency-Key; a random one by default, null or '' for none (and then no retries). */
  key?: string | null | undefined;
  /**
   * Stores the message only if the topic has had none behind this cursor, '0': none at all.
   * Otherwise publish() rejects with kind 'conflict'.
   */
  expect?: Cursor | undefined;
  /** Attempts after the first. Default 5. */
  retries?: number | undefined;
  /** Milliseconds for all attempts together; then it rejects with kind 'timeout'. Default 30000. */
  timeout?: number | undefined;
  signal?: Signal | undefined;
}

export interface HistoryOptions {
  /** The page in front of this cursor; without it the last one. */
  before?: Cursor | undefined;
  /** Messages of a page. Default 50. */
  limit?: number | undefined;
  signal?: Signal | undefined;
}

export interface HistoryPage<T = unknown> {
  /** Oldest first. */
  messages: Message<T>[];
  /** What gives the page in front of this one; undefined: there is none. */
  before: Cursor | undefined;
}

export interface ClientEvents {
  state: [state: ClientState];
}

/** The worst of its subscriptions' states; 'idle': there is none. */
export type ClientState = Exclude<State, 'closed'> | 'idle';

export interface Longwire extends Emitter<ClientEvents> {}

export class Longwire {
  /** The hub's URL; default: the page's origin. */
  constructor(url?: string | Address, options?: LongwireOptions);
  subscribe<T = unknown>(
    topics: Topics<T>,
    options?: SubscribeOptions<T>,
  ): Subscription<T>;
  readonly state: ClientState;
  /** What these topics have had, page by page, backwards. */
  history<T = unknown>(
    topics: string | readonly string[],
    options?: HistoryOptions,
  ): Promise<HistoryPage<T>>;
  /** Resolves when the message is safe in the hub's log. */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<{ id: Cursor }>;
  /** Closes all subscriptions. */
  close(): void;
}

/** Subscribing without the rest of the client; those without options of their own share one. */
export function subscribe<T = unknown>(
  url: string | Address,
  topics: Topics<T>,
  options?: LongwireOptions & SubscribeOptions<T>,
): Subscription<T>;

/** As `after`: the last n messages of these topics. */
export function last(n: number): number;
/** As `after`: what has been accepted since then; -ms: so long ago. */
export function since(time: Date | string | number): Date;
/** As `after`: what is behind this cursor. */
export function after(cursor: Cursor): Cursor;

export class LongwireError extends Error {
  readonly kind:
    | 'blocked' | 'unreachable' | 'lost' | 'later' | 'timeout' | 'conflict' | 'fatal';
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
   * there is none, 'forbidden' where it does not grant this. Else 'six_connections': there was no
   * answer, and the browser opens no more than six to a host by HTTP/1.1, of all tabs together.
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
