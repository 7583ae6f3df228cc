// Where the hub is and with what it is reached: what transports, publishing and reading share.

import { answerError, unreachable } from './errors.js';
import { authorization } from './token.js';

const PATIENCE_MS = 1_000; // for a first answer, before another transport is tried beside it
const SLOW_TRIPS = 3; // where round trips are long: so many of them

export class Hub {
  constructor(url, options) {
    const pick = (name) => (name in options ? options[name] : globalThis[name]);
    const fetch = pick('fetch');
    this._base = new URL(url, globalThis.location?.href);
    if (!this._base.pathname.endsWith('/')) this._base.pathname += '/';
    this._token = options.token;
    this._headers = options.headers;
    this.isLeaving = false; // the page, perhaps for good
    this.credentials = options.credentials ?? 'same-origin';
    this.events = options.events ?? [];
    this.fetch = (...args) => fetch(...args); // browsers want it called without an owner
    this.WebSocket = pick('WebSocket');
    this.EventSource = pick('EventSource');
    this.canStream = Boolean(fetch && pick('ReadableStream'));
    this.offers = {
      websocket: Boolean(this.WebSocket),
      // EventSource hides events whose names it was not told: only for those who tell them.
      sse: this.canStream || Boolean(this.EventSource && options.events),
      poll: Boolean(fetch),
    };
    this.debug = debugOf(options.debug);
    this.memory = new Memory(this._base.href);
  }

  url(path, parameters = []) {
    const url = new URL(path, this._base);
    for (const [name, value] of parameters) {
      if (value !== undefined) url.searchParams.append(name, value);
    }
    return url.href.replace(/\+/g, '%20'); // a space; a plus sign itself is %2B by now
  }

  get origin() {
    return this._base.origin;
  }

  /**
   * Whether requests to the hub share one connection (HTTP/2 and 3), as browsers tell of those that
   * are over: the page itself, its scripts, polls, publishes. undefined: of none so far.
   */
  get shared() {
    for (const { name, nextHopProtocol: spoken } of requestsSoFar()) {
      const isOfHub = name.startsWith(`${this._base.origin}/`);
      if (isOfHub && typeof spoken === 'string' && spoken) this._shared = /^h[23]/.test(spoken);
    }
    return this._shared;
  }

  /** ms to wait for the first answer of a transport before the next one is tried, too. */
  get patience() {
    const [page] = requestsSoFar('navigation');
    const trip = page?.responseStart - page?.requestStart;
    return Math.max(PATIENCE_MS, SLOW_TRIPS * trip || 0);
  }

  /** Why a request may have had no answer: the code of that error, or undefined. */
  get crowded() {
    const isBrowser = globalThis.navigator !== undefined && globalThis.location !== undefined;
    return isBrowser && this.shared === false ? 'six_connections' : undefined;
  }

  /** Whether another token can be had. */
  get renewable() {
    return typeof this._token === 'function';
  }

  async token() {
    return typeof this._token === 'function' ? this._token() : this._token;
  }

  /** HEADERS, and those that the application wants on each request. */
  headers(headers, token) {
    const own = typeof this._headers === 'function' ? this._headers() : this._headers;
    return { ...own, ...headers, ...authorization(token) };
  }

  /** The answer to a GET; rejects if it is no success. */
  async get(url, accept, token, signal) {
    const { credentials } = this;
    const headers = this.headers({ accept }, token);
    const request = { headers, cache: 'no-store', credentials, signal };
    const response = await this.fetch(url, request).catch((cause) => {
      throw unreachable(cause);
    });
    if (!response.ok) throw await answerError(response);
    return response;
  }

  /** Changes an event stream's topics or token; rejects if the hub does not do it. */
  async changeSession(id, change) {
    const headers = this.headers({ 'content-type': 'application/json' });
    const { credentials } = this;
    const request = { method: 'POST', headers, body: JSON.stringify(change), credentials };
    const response = await this.fetch(this.url(`session/${id}`), request).catch((cause) => {
      throw unreachable(cause);
    });
    if (!response.ok) throw await answerError(response);
    return response.json();
  }

  /** The system says that there is no network, and the hub is not on this machine. */
  get offline() {
    const local = /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(this._base.hostname);
    return globalThis.navigator?.onLine === false && !local;
  }
}

/** Which transport worked last in this tab, where better ones did not. */
class Memory {
  constructor(url) {
    this._key = `longwire:${url}`;
    this._name = ifAllowed(() => globalThis.sessionStorage?.getItem(this._key)) ?? '';
  }

  /** Where in ORDER to begin. One who wants certain transports wants the first of them. */
  level(order) {
    return order.length < 3 ? 0 : Math.max(0, order.indexOf(this._name));
  }

  note(order, level) {
    if (order.length < 3 || this._name === order[level]) return;
    this._name = order[level];
    ifAllowed(() => globalThis.sessionStorage?.setItem(this._key, this._name));
  }
}

/** Where there is no storage, or none is allowed, there is none. */
function ifAllowed(act) {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** What the browser tells of requests that are over. */
function requestsSoFar(...types) {
  const told = (type) => globalThis.performance?.getEntriesByType?.(type) ?? [];
  return (types.length > 0 ? types : ['navigation', 'resource']).flatMap(told);
}

/** `debug`: true for the console, or what gets each line. */
function debugOf(wish) {
  if (typeof wish === 'function') return wish;
  return wish ? (...line) => console.debug('longwire:', ...line) : () => {};
}
