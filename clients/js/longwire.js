/*
 * Longwire's client for browsers and Node.js: one file, no dependency.
 *
 * Subscribes to topics over WebSocket, Server-Sent Events or long-polling, whichever works, and
 * keeps its place through every disconnect and change of transport with one cursor. The wire
 * contract is doc/protocol.md; the API is README.md in this folder and longwire.d.ts.
 *
 * From top to bottom: cursors and order, back-off, the SSE parser, errors, the three transports
 * (bytes in, calls to a sink out), Subscription (which transport, when, from where), Presence (who
 * is there), Longwire.
 */

const TRANSPORTS = ['websocket', 'sse', 'poll']; // best first
const ANSWER_MS = 6_000; // a transport that says nothing for so long at its start is blocked
const SILENCE_MS = 45_000; // three missed heartbeats of the hub: the connection is dead
const HEARTBEAT_MS = 20_000; // the hub's 15 s and some slack
const PING_MS = 20_000; // a WebSocket this quiet is asked whether it lives
const DOUBT_MS = 5_000; // time to answer a ping after sleep or a change of network
const WATCH_MS = 5_000; // how often silence is looked at
const STABLE_MS = 5_000; // a connection that lasted so long was a good one
const SHORT_LIVED_MAX = 3; // so many bad ones in a row: the next transport's turn
// Until a better transport is tried again: one that has worked before, another, at most. In ms.
const UPGRADE = { known: 5_000, first: 60_000, most: 900_000 };
const POLL_WAIT_S = 25;
const POLL_SLACK_MS = 15_000; // beyond the wait asked for
const POLL_PAUSE_MS = 1_000; // after an empty answer that came too early
const BUFFER_MAX = 1_024; // messages that wait for `for await`
const BACKOFF = { base: 500, cap: 30_000 }; // ms
const PUBLISH_RETRIES = 5;
const UNAUTHORIZED = 4401; // of the hub's close frames
const AUTH_REF = 'auth';
const RENEW_MS = 60_000; // before a token ends another is asked for; of a short one, in its middle
const RENEW_AGAIN_MS = 5_000; // after one that could not be had
const TIMER_MAX = 86_400_000; // timers cannot wait for weeks
const DENIALS_MAX = 3; // so many tokens in a row that are over already: no use

// ---- cursors and order -------------------------------------------------------------------------

/** Negative, 0 or positive as A is before, at or after B; NaN when their epochs differ. */
export function compareCursors(a, b) {
  const [offsetA, epochA] = a.split('-');
  const [offsetB, epochB] = b.split('-');
  if (epochA !== epochB) return NaN;
  // Decimal without leading zeros, up to 64 bits: too long for a number, easy as text.
  if (offsetA.length !== offsetB.length) return offsetA.length - offsetB.length;
  return offsetA < offsetB ? -1 : Number(offsetA > offsetB);
}

/** Lets each message through once and in order, whatever the connections repeat. */
export class OrderGuard {
  last = null; // id of the last message let through
  dropped = 0;

  accept(id) {
    if (this.last !== null && compareCursors(id, this.last) <= 0) {
      this.dropped++;
      return false;
    }
    this.last = id;
    return true;
  }

  /** After a gap the hub goes on from CURSOR, which may be an earlier offset than before. */
  reset(cursor) {
    this.last = cursor;
  }
}

/** Milliseconds before attempt ATTEMPT (from 0): exponential with full jitter. */
export function backoff(attempt, { base, cap } = BACKOFF, random = Math.random) {
  return random() * Math.min(cap, base * 2 ** Math.min(attempt, 30));
}

// ---- Server-Sent Events ------------------------------------------------------------------------

/**
 * The event stream parser of the HTML standard, section 9.2.6, fed with bytes or text in pieces of
 * any size. A block with an id and no data is given too (data null): it moves the cursor.
 */
export class SseParser {
  #decoder = new TextDecoder(); // drops the byte order mark
  #onBlock;
  #onRetry;
  #rest = ''; // the beginning of a line
  #afterCr = false; // a LF now belongs to the CR before
  #data = null;
  #event = '';
  #id = '';
  #idSeen = false;

  constructor({ onBlock, onRetry = () => {} }) {
    this.#onBlock = onBlock;
    this.#onRetry = onRetry;
  }

  push(chunk) {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true });
    if (text === '') return;
    let from = this.#afterCr && text[0] === '\n' ? 1 : 0;
    this.#afterCr = false;
    const ends = /\r\n?|\n/g;
    ends.lastIndex = from;
    for (let end = ends.exec(text); end; end = ends.exec(text)) {
      const line = this.#rest + text.slice(from, end.index);
      this.#rest = '';
      from = ends.lastIndex;
      this.#afterCr = end[0] === '\r' && from === text.length;
      this.#line(line);
    }
    this.#rest += text.slice(from);
  }

  #line(line) {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#field(name, value);
  }

  #field(name, value) {
    if (name === 'data') {
      this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    } else if (name === 'event') {
      this.#event = value;
    } else if (name === 'id' && !value.includes('\0')) {
      this.#id = value;
      this.#idSeen = true;
    } else if (name === 'retry' && /^[0-9]+$/.test(value)) {
      this.#onRetry(Number(value));
    }
  }

  #dispatch() {
    const block = { id: this.#id, event: this.#event || 'message', data: this.#data };
    const worth = this.#data !== null || this.#idSeen;
    this.#data = null;
    this.#event = '';
    this.#idSeen = false;
    if (worth) this.#onBlock(block);
  }
}

// ---- errors ------------------------------------------------------------------------------------

/**
 * What went wrong. `kind` decides what follows: 'blocked' (this transport does not get through),
 * 'unreachable' (nothing does), 'lost' (the connection ended), 'later' (the hub asks to wait),
 * 'conflict' (the topic is not as a publish expected, but at `current`), 'fatal' (the hub refuses;
 * trying again is no use). `code` is the hub's word for a token that does not count ('expired',
 * 'revoked', 'signature', …), for one that is missing ('unauthorized'), for one that grants too
 * little ('forbidden').
 */
export class LongwireError extends Error {
  constructor(kind, message, { cause, status, problem, delay, code } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LongwireError';
    this.kind = kind;
    this.status = status; // of HTTP, when there was an answer
    this.problem = problem; // the hub's application/problem+json
    this.delay = delay; // ms that the hub asks to wait
    this.code = code ?? problem?.code;
    this.current = kind === 'conflict' ? problem?.current : undefined; // a cursor
  }
}

/** The error for an HTTP answer that is not a success. */
async function answerError(response) {
  const fromHub = /^application\/problem\+json/i.test(response.headers.get('content-type') ?? '');
  const problem = fromHub ? await response.json().catch(() => undefined) : undefined;
  const { status } = response;
  const text = problem?.detail ?? problem?.title ?? response.statusText;
  const wait = Number(response.headers.get('retry-after') ?? NaN);
  const delay = wait >= 0 ? wait * 1000 * (1 + Math.random() / 2) : undefined;
  // Only the hub itself can refuse for good: a 403 of some proxy may be about the transport.
  const refusal = status === 409 && problem?.current ? 'conflict' : 'fatal';
  const kind = status === 429 || status >= 500 ? 'later' : fromHub ? refusal : 'blocked';
  return new LongwireError(kind, `HTTP ${status} ${text}`.trim(), { status, problem, delay });
}

const unreachable = (cause) =>
  new LongwireError('unreachable', 'the hub cannot be reached', { cause });
const lost = (message, cause) => new LongwireError('lost', message, { cause });
const blocked = (message, cause) => new LongwireError('blocked', message, { cause });
const tokenOver = (code) => {
  const message = code === 'unauthorized' ? 'the hub wants a token' : `the token is ${code}`;
  return new LongwireError('fatal', message, { code });
};

// ---- tokens ------------------------------------------------------------------------------------

/** When TOKEN ends, in the ms of Date.now(); undefined: it does not say, or is no JWT. */
export function endOfToken(token) {
  try {
    const claims = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(new TextDecoder().decode(bytesOf(claims)));
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** In how many ms one that ends at END is to be replaced; undefined: that would be too late. */
export function renewalIn(end, now = Date.now()) {
  const left = end - now;
  if (!(left > 0)) return undefined;
  return Math.min(Math.max(left - RENEW_MS, left / 2), TIMER_MAX);
}

const authorization = (token) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

// ---- transports --------------------------------------------------------------------------------
//
// Each is opened with the Hub, a function that makes the URL from the cursor of now, a sink and
// perhaps a token, which stands in a header or subprotocol wherever there can be one. The sink:
//   heard()     anything at all came from the hub      cursor(c)   the place has moved
//   message(m)  an envelope                            gap(g)      something is missing here
//   live(c)     replay has reached the head            fail(error) it is over, nothing follows
// It returns { close(), ping(), renew(token) }; ping only where the hub answers one. renew gives the
// connection another token while it runs.

/** A JWT fits into a subprotocol; what does not stands in the URL. */
function newWebSocket(hub, url, token) {
  const fits = token !== undefined && /^[\w.-]+$/.test(token);
  const address = url(fits ? {} : { token }).replace(/^http/, 'ws');
  return fits
    ? new hub.WebSocket(address, ['longwire.v1', `bearer.${token}`])
    : new hub.WebSocket(address);
}

function openWebSocket(hub, url, sink, token) {
  const socket = newWebSocket(hub, url, token);
  let over; // why its token is
  const ping = () => socket.readyState === 1 && socket.send('{"op":"ping"}');
  socket.onopen = ping; // open alone proves nothing: some proxies hold the frames
  socket.onmessage = ({ data }) => {
    sink.heard();
    try {
      const frame = JSON.parse(data);
      if (frame.op === 'expired') over = frame.reason;
      takeFrame(frame, sink);
    } catch (error) {
      sink.fail(lost('a WebSocket frame is not what the hub sends', error));
    }
  };
  socket.onerror = () => {}; // onclose follows
  socket.onclose = ({ code, reason }) => {
    if (code === UNAUTHORIZED) sink.fail(tokenOver(over ?? 'unauthorized'));
    else sink.fail(lost(`WebSocket closed (${code}${reason ? ` ${reason}` : ''})`));
  };
  const close = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };
  const renew = (next) => socket.send(JSON.stringify({ op: 'auth', token: next, ref: AUTH_REF }));
  return { close, ping, renew };
}

function takeFrame(frame, sink) {
  if (frame.op === undefined) sink.message(frame);
  else if (frame.op === 'gap') sink.gap(frame);
  else if (frame.op === 'live') sink.live(frame.cursor);
  else if (frame.op === 'subscribed') sink.subscribed(frame.cursor);
  else if (frame.ref === AUTH_REF) return; // the token before it counts until its own end
  else if (frame.op === 'error') sink.fail(lost(`the hub says: ${frame.message ?? frame.code}`));
}

function openSse(hub, url, sink, token) {
  const open = hub.canStream ? openSseFetch : openEventSource;
  let session; // by which its token can be replaced
  const named = { ...sink, session: (id) => (session = id) };
  const renew = (next) => session && hub.changeSession(session, { token: next });
  return { ...open(hub, url, named, token), renew };
}

/** SSE over fetch(): unlike EventSource it sees statuses, event names and blocks without data. */
function openSseFetch(hub, url, sink, token) {
  const aborter = new AbortController();
  readSse(hub, url(), sink, token, aborter.signal).catch(sink.fail);
  return { close: () => aborter.abort() };
}

async function readSse(hub, url, sink, token, signal) {
  const response = await get(hub, url, 'text/event-stream', token, signal);
  const type = response.headers.get('content-type') ?? '';
  if (!/^text\/event-stream/i.test(type)) throw blocked(`not an event stream but ${type}`);
  let retry;
  let blocks = 0;
  const parser = new SseParser({
    onRetry: (ms) => (retry = ms),
    onBlock: (block) => {
      blocks++;
      takeBlock(block, sink);
    },
  });
  try {
    for await (const chunk of chunksOf(response.body)) {
      sink.heard();
      parser.push(chunk);
    }
  } catch (cause) {
    throw lost('the event stream broke', cause);
  }
  // An overloaded hub answers with nothing but how long to stay away.
  if (blocks === 0 && retry !== undefined) {
    throw new LongwireError('later', 'the hub is busy', { delay: retry });
  }
  throw lost('the event stream ended');
}

async function* chunksOf(body) {
  const reader = body.getReader(); // Safari cannot iterate streams
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}

function takeBlock({ id, event, data }, sink) {
  if (data !== null && event === 'longwire.gap') sink.gap(JSON.parse(data));
  else if (data !== null && event === 'longwire.live') sink.live(JSON.parse(data).cursor ?? id);
  else if (data !== null && event === 'longwire.session') sink.session(JSON.parse(data).session);
  else if (data !== null && event === 'longwire.expired')
    sink.fail(tokenOver(JSON.parse(data).reason));
  else if (event.startsWith('longwire.')) return;
  else if (data !== null) sink.message(JSON.parse(data));
  else if (id) sink.cursor(id);
}

/**
 * SSE over the browser's own EventSource, where response bodies cannot be streamed. It gives only
 * events whose names it was told (`events`), which is why it must be asked for.
 */
function openEventSource(hub, url, sink, token) {
  const source = new hub.EventSource(url({ token }), { withCredentials: hub.credentials === 'include' });
  const take = ({ type, data, lastEventId }) => {
    sink.heard();
    try {
      takeBlock({ id: lastEventId, event: type, data }, sink);
    } catch (error) {
      sink.fail(lost('an event is not what the hub sends', error));
    }
  };
  const own = ['live', 'gap', 'session', 'expired'].map((name) => `longwire.${name}`);
  const names = new Set(['message', ...own, ...hub.events]);
  for (const name of names) source.addEventListener(name, take);
  // It would reconnect by itself, but to the old URL and for ever on this transport.
  source.onerror = () => sink.fail(lost('the event stream ended'));
  return { close: () => source.close() };
}

function openPoll(hub, url, sink, token) {
  const aborter = new AbortController();
  const held = { token }; // of the next request
  pollOn(hub, url, sink, held, aborter).catch(sink.fail);
  return { close: () => aborter.abort(), renew: (next) => (held.token = next) };
}

async function pollOn(hub, url, sink, held, aborter) {
  const { signal } = aborter;
  // The first answer comes at once, so that there is a cursor before anything can be missed.
  for (let wait = 0; !signal.aborted; wait = POLL_WAIT_S) {
    const asked = Date.now();
    const answer = await pollOnce(hub, url({ wait }), wait, held.token, aborter);
    const { messages = [], gap, cursor, live } = answer;
    sink.heard();
    if (gap) sink.gap(gap);
    for (const message of messages) sink.message(message);
    if (live) sink.live(cursor);
    else sink.cursor(cursor);
    const hurried = wait > 0 && messages.length === 0 && Date.now() - asked < POLL_PAUSE_MS;
    if (hurried) await sleep(POLL_PAUSE_MS, signal);
  }
}

async function pollOnce(hub, url, wait, token, aborter) {
  const timer = setTimeout(() => aborter.abort(), wait * 1000 + POLL_SLACK_MS);
  try {
    const response = await get(hub, url, 'application/json', token, aborter.signal);
    return await response.json();
  } finally {
    clearTimeout(timer);
  }
}

async function get(hub, url, accept, token, signal) {
  const { credentials } = hub;
  const headers = { accept, ...authorization(token) };
  const request = { headers, cache: 'no-store', credentials, signal };
  const response = await hub.fetch(url, request).catch((cause) => {
    throw unreachable(cause);
  });
  if (!response.ok) throw await answerError(response);
  return response;
}

const OPEN = { websocket: openWebSocket, sse: openSse, poll: openPoll };

// ---- subscriptions -----------------------------------------------------------------------------

/**
 * Topics being followed: at any time at most one connection (`#link`) delivers, and at most one
 * more (`#probe`) tries whether a better transport works by now.
 */
class Subscription {
  #hub;
  #options;
  #onEnd;
  #follow; // subscribes to something else
  #presences = new Set();
  #order; // transports that may be used, best first
  #level = 0; // index in #order of the one in use or to be tried
  #home = 0; // the level where a round of attempts begins
  #link = null;
  #probe = null;
  #proven = new Set(); // transports that have worked before
  #attempt = 0; // waits since the last good connection
  #shortLived = 0;
  #denials = 0; // tokens that were over, since it was live
  #retryTimer = null;
  #upgradeTimer = null;
  #upgradeDelay = 0; // 0 = not decided
  #watchTimer;
  #state = 'connecting';
  #error;
  #paused = false;
  #cursor; // where the next connection goes on; null = where the options say
  #guard = new OrderGuard();
  #counts = { received: 0, gaps: 0, disconnects: 0 };
  #queue = []; // for iteration
  #bufferMax;
  #waiters = []; // iterations that wait
  #consumed; // cursor of what iteration has given away
  #full = false; // the queue is; disconnected until it has drained
  #iterated;

  constructor(hub, topics, options, onEnd, follow) {
    this.topics = topics;
    this.#hub = hub;
    this.#options = options;
    this.#onEnd = onEnd;
    this.#follow = follow;
    this.#order = this.#usable(options.transport ?? 'auto');
    this.#cursor = this.#consumed = cursorIn(options.after);
    this.#guard.reset(this.#cursor);
    this.#iterated = !options.onMessage;
    this.#bufferMax = options.buffer ?? BUFFER_MAX;
    this.#watchTimer = setInterval(() => this.#watch(), WATCH_MS);
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
    queueMicrotask(() => this.#connect()); // the caller has its variable by then
  }

  get state() {
    return this.#state;
  }

  get transport() {
    return this.#order[this.#level];
  }

  /**
   * Whether its connection carries other requests, too; undefined while the browser does not tell,
   * as it never does of a WebSocket.
   */
  get shared() {
    return this.transport === 'websocket' ? undefined : this.#hub.shared;
  }

  /** Where a later subscription goes on without missing anything; null before it is known. */
  get cursor() {
    return this.#queue.length > 0 ? this.#consumed : this.#cursor;
  }

  get stats() {
    return { ...this.#counts, duplicates: this.#guard.dropped };
  }

  /** Ends it; iteration ends after what is already there. */
  close() {
    this.#finish();
  }

  /** Cuts the connection and takes up a new one from the cursor at once. */
  reconnect() {
    if (this.#state === 'closed' || this.#paused) return;
    this.#disconnect();
    this.#connect();
  }

  /** Disconnects, keeping the cursor, until resume(). */
  pause() {
    if (this.#state === 'closed') return;
    this.#paused = true;
    this.#disconnect();
    this.#setState('offline');
  }

  resume() {
    if (!this.#paused || this.#state === 'closed') return;
    this.#paused = false;
    this.#connect();
  }

  /** Who else is at its topic, for as long as it is open. See Presence. */
  presence(options = {}) {
    const [topic, ...others] = this.topics;
    if (others.length > 0 || /(^|\/)[+#]($|\/)/.test(topic)) {
      throw new TypeError('presence is that of one topic');
    }
    const presence = new Presence(this.#hub, topic, options, this.#follow);
    this.#presences.add(presence);
    if (this.#state === 'closed') presence.close();
    return presence;
  }

  /** 'auto', one transport, or a list of them, best first; takes effect at once. */
  setTransport(transport) {
    this.#order = this.#usable(transport);
    this.#level = this.#home = 0;
    this.#attempt = this.#shortLived = this.#upgradeDelay = 0;
    this.reconnect();
  }

  async *[Symbol.asyncIterator]() {
    this.#iterated = true;
    try {
      for (let m = await this.#next(); m !== undefined; m = await this.#next()) yield m;
    } finally {
      this.close();
    }
  }

  /** Called by the client: the page is 'back', or the system is 'online' or 'offline'. */
  wake(news) {
    const link = this.#link;
    if (news === 'online') this.#home = 0; // another network, other proxies
    const stale = link && Date.now() - link.heardAt > HEARTBEAT_MS;
    if (link?.ping) this.#ask(link, DOUBT_MS);
    else if (news === 'offline') return;
    else if (this.#retryTimer !== null) this.#connect();
    else if (link && (stale || news === 'online')) this.reconnect();
  }

  #usable(transport) {
    const wanted = transport === 'auto' ? TRANSPORTS : [transport].flat();
    const unknown = wanted.find((name) => !TRANSPORTS.includes(name));
    if (unknown !== undefined) throw new TypeError(`no transport is called "${unknown}"`);
    const usable = wanted.filter((name) => this.#hub.offers[name]);
    if (usable.length === 0) throw new TypeError(`not available here: ${wanted.join(', ')}`);
    return usable;
  }

  // -- connections

  #connect() {
    if (this.#state === 'closed' || this.#paused || this.#full || this.#link) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    const link = this.#newLink(this.#level);
    this.#link = link;
    this.#setState('connecting');
    this.#open(link);
  }

  #newLink(level) {
    return {
      level,
      heardAt: Date.now(),
      askedAt: 0, // when the last ping went out
      provenAt: 0, // when the first byte came
      live: false,
      overlap: null, // id of the last message that the connection before it had delivered
      timer: null,
      renewal: null, // timer
      close() {},
      ping: null,
    };
  }

  async #open(link) {
    if (!this.#current(link)) return; // onState has closed it
    const name = this.#order[link.level];
    const limit = this.#options.timeout ?? ANSWER_MS;
    const late = () => this.#failed(link, blocked(`no answer within ${limit / 1000} s`));
    link.timer = setTimeout(late, limit);
    try {
      const token = await this.#hub.token();
      if (!this.#current(link)) return;
      const url = (extra) => this.#url(extra);
      Object.assign(link, OPEN[name](this.#hub, url, this.#sink(link), token));
      this.#planRenewal(link, token);
    } catch (error) {
      this.#failed(link, blocked(`${name} cannot be used here`, error));
    }
  }

  /** Before its token ends the connection gets another, if there is one to be had. */
  #planRenewal(link, token) {
    if (this.#hub.renewable) this.#renewIn(link, renewalIn(endOfToken(token)));
  }

  #renewIn(link, delay) {
    if (delay === undefined || !this.#current(link)) return;
    link.renewal = setTimeout(() => this.#renew(link), delay);
  }

  async #renew(link) {
    try {
      const token = await this.#hub.token();
      if (!this.#current(link)) return;
      await link.renew(token);
      this.#planRenewal(link, token);
    } catch {
      this.#renewIn(link, RENEW_AGAIN_MS);
    }
  }

  #url(extra) {
    const after = this.#cursor ?? startOf(this.#options.after);
    const topics = this.topics.map((topic) => ['topic', topic]);
    const rest = Object.entries({ format: 'envelope', after, ...extra });
    return this.#hub.url('t', [...topics, ...rest]);
  }

  #current(link) {
    return link === this.#link || link === this.#probe;
  }

  /** What a transport calls. A connection that has been replaced is not listened to. */
  #sink(link) {
    const only = (act) => (...args) => {
      if (link === this.#link) act(...args);
    };
    return {
      heard: () => this.#heard(link),
      fail: (error) => this.#failed(link, error),
      cursor: only((cursor) => this.#advance(cursor)),
      message: only((message) => this.#message(link, message)),
      gap: only((gap) => this.#gap(link, gap)),
      live: only((cursor) => this.#live(link, cursor)),
      // Where a replay begins "subscribed" may name the head, which is not where we are.
      subscribed: only((cursor) => {
        if (startOf(this.#options.after) === 'latest') this.#advance(cursor);
      }),
    };
  }

  #heard(link) {
    if (!this.#current(link)) return;
    link.heardAt = Date.now();
    if (link.provenAt) return;
    link.provenAt = link.heardAt;
    clearTimeout(link.timer);
    if (link === this.#probe) this.#promote(link);
    this.#setState('replaying');
  }

  /** The better transport works: it takes over, and what both have sent is skipped. */
  #promote(link) {
    this.#probe = null;
    drop(this.#link);
    this.#link = link;
    this.#level = link.level;
    link.overlap = this.#guard.last;
  }

  #live(link, cursor) {
    if (cursor) this.#advance(cursor);
    if (link.live) return;
    link.live = true;
    this.#home = link.level;
    this.#proven.add(this.transport);
    this.#error = undefined;
    this.#denials = 0;
    this.#planUpgrade();
    this.#setState('live');
  }

  #failed(link, cause) {
    if (!this.#current(link)) return;
    if (link === this.#probe) return this.#tryLevel(link.level + 1);
    const error = cause instanceof LongwireError ? cause : lost('the connection broke', cause);
    this.#disconnect();
    this.#error = error;
    if (link.provenAt) this.#counts.disconnects++;
    if (error.kind === 'fatal' && !this.#mayRenew(link, error)) this.#finish();
    else this.#retry(link, error);
  }

  /** The next token may do where the last one was over; one that never was good is no use. */
  #mayRenew(link, { status, code }) {
    const over = code === 'expired' || (link.provenAt && (status === 401 || code === 'revoked'));
    return this.#hub.renewable && over && this.#denials++ < DENIALS_MAX;
  }

  #retry(link, { kind, delay }) {
    const stable = link.provenAt && Date.now() - link.provenAt >= STABLE_MS;
    if (stable) this.#attempt = this.#shortLived = 0;
    else if (link.provenAt && kind === 'lost') this.#shortLived++;
    const silent = kind === 'lost' && !link.provenAt;
    const useless = kind === 'blocked' || silent || this.#shortLived >= SHORT_LIVED_MAX;
    if (useless && link.level + 1 < this.#order.length) {
      this.#level = link.level + 1;
      this.#shortLived = 0;
      this.#connect();
    } else {
      this.#level = this.#home;
      this.#wait(delay ?? backoff(this.#attempt++, this.#options.backoff));
    }
  }

  #wait(delay) {
    const { offline } = this.#hub; // then wake() comes sooner
    const { cap } = this.#options.backoff ?? BACKOFF;
    this.#retryTimer = setTimeout(() => this.#connect(), offline ? cap : delay);
    this.#setState(offline ? 'offline' : 'waiting');
  }

  /** Drops every connection and timer but not the place. */
  #disconnect() {
    drop(this.#link);
    drop(this.#probe);
    this.#link = this.#probe = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#upgradeTimer);
    this.#retryTimer = null;
  }

  #finish() {
    if (this.#state === 'closed') return;
    this.#disconnect();
    clearInterval(this.#watchTimer);
    this.#presences.forEach((presence) => presence.close());
    this.#setState('closed');
    this.#settle();
    this.#onEnd(this);
  }

  // -- a better transport

  #planUpgrade() {
    clearTimeout(this.#upgradeTimer);
    if (this.#level === 0) {
      this.#upgradeDelay = 0;
      return;
    }
    const known = this.#order.slice(0, this.#level).some((name) => this.#proven.has(name));
    this.#upgradeDelay ||= this.#options.upgradeAfter ?? (known ? UPGRADE.known : UPGRADE.first);
    const delay = this.#upgradeDelay * (0.75 + Math.random() / 2);
    this.#upgradeTimer = setTimeout(() => this.#tryLevel(0), delay);
  }

  #tryLevel(level) {
    drop(this.#probe);
    this.#probe = null;
    if (level < this.#level) {
      this.#probe = this.#newLink(level);
      this.#open(this.#probe);
    } else {
      this.#upgradeDelay = Math.min(this.#upgradeDelay * 2, UPGRADE.most);
      this.#planUpgrade();
    }
  }

  // -- is it alive?

  #watch() {
    const link = this.#link;
    if (!link?.provenAt) return;
    const silence = Date.now() - link.heardAt;
    if (link.ping) {
      const asked = link.askedAt > link.heardAt;
      if (silence >= PING_MS && !asked) this.#ask(link, SILENCE_MS - PING_MS);
    } else if (this.transport === 'sse' && silence >= SILENCE_MS) {
      this.#failed(link, lost(`nothing heard for ${Math.round(silence / 1000)} s`));
    }
  }

  /** Sends a ping and ends the connection if nothing at all has come after LIMIT ms. */
  #ask(link, limit) {
    const asked = Date.now();
    link.askedAt = asked;
    link.ping();
    setTimeout(() => {
      const silent = link === this.#link && link.heardAt < asked;
      if (silent) this.#failed(link, lost('a ping was not answered'));
    }, limit);
  }

  // -- messages

  #advance(cursor) {
    if (this.#cursor === null || !(compareCursors(cursor, this.#cursor) < 0)) this.#cursor = cursor;
  }

  #message(link, message) {
    if (link.overlap !== null && compareCursors(message.id, link.overlap) <= 0) return;
    if (!this.#guard.accept(message.id)) return;
    this.#cursor = message.id;
    if (message.encoding === 'base64') message.data = bytesOf(message.data);
    this.#counts.received++;
    this.#call('onMessage', message, { replayed: !link.live, transport: this.transport });
    if (this.#iterated) this.#enqueue(message);
  }

  #gap(link, { requested, resumed, reason, topic }) {
    this.#counts.gaps++;
    link.overlap = null;
    this.#guard.reset(resumed);
    this.#cursor = resumed;
    const whose = topic === undefined ? {} : { topic }; // of one that was lost or has just joined
    this.#call('onGap', { requested, resumed, reason, ...whose });
  }

  #call(name, ...args) {
    try {
      this.#options[name]?.(...args);
    } catch (error) {
      // The application's mistake: shown as any uncaught error, and the stream goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #setState(state) {
    if (this.#state === 'closed') return;
    this.#state = state;
    const { transport, shared, cursor } = this;
    const error = this.#error;
    this.#call('onState', { state, transport, shared, cursor, attempt: this.#attempt, error });
  }

  // -- iteration

  #enqueue(message) {
    this.#queue.push(message);
    this.#settle();
    if (this.#queue.length < this.#bufferMax) return;
    // Nobody reads: let the hub keep the rest, that is what it is for.
    this.#full = true;
    this.#disconnect();
    this.#setState('waiting');
  }

  #next() {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#settle();
    });
  }

  /** Gives queued messages, or the end, to those who wait. */
  #settle() {
    while (this.#waiters.length > 0 && (this.#queue.length > 0 || this.#state === 'closed')) {
      const { resolve, reject } = this.#waiters.shift();
      if (this.#queue.length > 0) resolve(this.#dequeue());
      else if (this.#error?.kind === 'fatal') reject(this.#error);
      else resolve(undefined);
    }
  }

  #dequeue() {
    const message = this.#queue.shift();
    this.#consumed = message.id;
    if (this.#full && this.#queue.length <= this.#bufferMax / 2) {
      this.#full = false;
      this.#connect();
    }
    return message;
  }
}

function drop(link) {
  if (!link) return;
  clearTimeout(link.timer);
  clearTimeout(link.renewal);
  link.close();
}

// ---- presence ----------------------------------------------------------------------------------

const nameOf = ({ sub, connection }) => sub ?? connection;

/**
 * Who is at a topic: the hub's list, and from there on what the hub tells of who comes and goes. After
 * a gap the list is read again. `members` is right from `ready` on.
 */
class Presence {
  #hub;
  #topic;
  #options;
  #follow;
  #members = new Map(); // by name
  #feed = null;
  #told = null; // while the list is read: what has been told meanwhile
  #aborter = new AbortController();

  constructor(hub, topic, options, follow) {
    this.#hub = hub;
    this.#topic = topic;
    this.#options = options;
    this.#follow = follow;
    this.ready = this.#begin();
    this.ready.catch(() => {}); // onError has it, too
  }

  get members() {
    return [...this.#members.values()];
  }

  get number() {
    return this.#members.size;
  }

  close() {
    this.#aborter.abort();
    this.#feed?.close();
  }

  async #begin() {
    try {
      const { members, cursor } = await this.#list();
      this.#members = members;
      if (!this.#aborter.signal.aborted) this.#feed = this.#follow(...this.#wishes(cursor));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #wishes(after) {
    const { transport, backoff: limits } = this.#options;
    const onState = ({ state, error }) => state === 'closed' && error && this.#fail(error);
    const onMessage = (message) => (this.#told ? this.#told.push(message) : this.#take(message));
    const onGap = () => this.#readAgain().catch((error) => this.#fail(error));
    const options = { after, transport, backoff: limits, onState, onMessage, onGap };
    for (const name in options) if (options[name] === undefined) delete options[name];
    return [`_presence/${this.#topic}`, options];
  }

  /** The whole list, and the cursor behind which follows what changes. */
  async #list() {
    const members = new Map();
    let cursor;
    for (let page, more = true; more; more = page !== undefined) {
      const answer = await this.#page(page);
      cursor ??= answer.cursor;
      for (const member of answer.members) members.set(nameOf(member), member);
      page = answer.next;
    }
    return { members, cursor };
  }

  async #page(page) {
    const { signal } = this.#aborter;
    const url = this.#hub.url(`presence/${topicPath(this.#topic)}`, [['page', page]]);
    for (let attempt = 0; ; attempt++) {
      try {
        const token = await this.#hub.token();
        return await (await get(this.#hub, url, 'application/json', token, signal)).json();
      } catch (error) {
        if (signal.aborted) throw lost('it was closed', error);
        if (error.kind !== 'unreachable' && error.kind !== 'later') throw error;
        await sleep(error.delay ?? backoff(attempt, this.#options.backoff), signal);
      }
    }
  }

  /** What was missed is found by comparing; what is told meanwhile comes behind it. */
  async #readAgain() {
    const waits = this.#told !== null;
    this.#told = [];
    if (waits) return; // the list that is being read is read once more
    for (let told = null; told !== this.#told; ) {
      told = this.#told;
      const { members } = await this.#list();
      if (told === this.#told) this.#compare(members);
    }
    const told = this.#told;
    this.#told = null;
    told.forEach((message) => this.#take(message));
  }

  #compare(members) {
    for (const [name, member] of [...this.#members]) if (!members.has(name)) this.#leave(member);
    for (const member of members.values()) this.#join(member);
  }

  #take({ event, data }) {
    if (event === 'join') this.#join(data);
    else if (event === 'leave') this.#leave(data);
  }

  #join(member) {
    const known = this.#members.has(nameOf(member));
    this.#members.set(nameOf(member), member);
    if (!known) this.#call('onJoin', member);
  }

  #leave(member) {
    if (this.#members.delete(nameOf(member))) this.#call('onLeave', member);
  }

  #fail(error) {
    if (this.#aborter.signal.aborted) return;
    this.close();
    this.#call('onError', error);
  }

  #call(name, ...args) {
    try {
      this.#options[name]?.(...args);
    } catch (error) {
      // The application's mistake: shown as any uncaught error, and the rest goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

// ---- the client --------------------------------------------------------------------------------

/** Where the hub is and with what it is reached: what transports and publishing share. */
class Hub {
  #base;
  #token;
  #shared;

  constructor(url, options) {
    const pick = (name) => (name in options ? options[name] : globalThis[name]);
    const fetch = pick('fetch');
    this.#base = new URL(url, globalThis.location?.href);
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/';
    this.#token = options.token;
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
  }

  url(path, parameters) {
    const url = new URL(path, this.#base);
    for (const [name, value] of parameters) {
      if (value !== undefined) url.searchParams.append(name, value);
    }
    return url.href.replace(/\+/g, '%20'); // a space; a plus sign itself is %2B by now
  }

  /**
   * Whether requests to the hub share one connection (HTTP/2 and 3), as browsers tell of those that
   * are over: the page itself, its scripts, polls, publishes. undefined: of none so far.
   */
  get shared() {
    const told = (type) => globalThis.performance?.getEntriesByType?.(type) ?? [];
    for (const { name, nextHopProtocol: spoken } of [...told('navigation'), ...told('resource')]) {
      const isOfHub = name.startsWith(`${this.#base.origin}/`);
      if (isOfHub && typeof spoken === 'string' && spoken) this.#shared = /^h[23]/.test(spoken);
    }
    return this.#shared;
  }

  /** Whether another token can be had. */
  get renewable() {
    return typeof this.#token === 'function';
  }

  async token() {
    return typeof this.#token === 'function' ? this.#token() : this.#token;
  }

  /** Rejects if the hub does not do it. */
  async changeSession(id, change) {
    const headers = { 'content-type': 'application/json' };
    const { credentials } = this;
    const request = { method: 'POST', headers, body: JSON.stringify(change), credentials };
    const response = await this.fetch(this.url(`session/${id}`, []), request);
    if (!response.ok) throw await answerError(response);
  }

  /** The system says that there is no network, and the hub is not on this machine. */
  get offline() {
    const local = /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(this.#base.hostname);
    return globalThis.navigator?.onLine === false && !local;
  }
}

export class Longwire {
  #hub;
  #subscriptions = new Set();
  #unlisten;

  /**
   * URL is the hub's; without one, the page's own origin. Options: token (text or function),
   * credentials, events, and fetch, WebSocket, EventSource to use instead of the global ones.
   */
  constructor(url = globalThis.location?.origin, options = {}) {
    this.#hub = new Hub(url, options);
    this.#unlisten = this.#listen();
  }

  /** Follows TOPICS (a name, a pattern, or a list of them). See Subscription. */
  subscribe(topics, options = {}) {
    const list = [topics].flat();
    if (list.length === 0) throw new TypeError('there is no topic to subscribe to');
    const onEnd = (subscription) => this.#subscriptions.delete(subscription);
    const follow = (...more) => this.subscribe(...more);
    const subscription = new Subscription(this.#hub, list, options, onEnd, follow);
    this.#subscriptions.add(subscription);
    if (options.signal?.aborted) subscription.close();
    return subscription;
  }

  /**
   * Publishes DATA and resolves with { id } when it is safe in the hub's log. With EXPECT, a cursor,
   * only if the topic has had no message behind it; else it rejects with kind 'conflict'.
   */
  async publish(topic, data, { event, key = randomKey(), expect, retries, signal } = {}) {
    const { body, type } = encode(data);
    const headers = { 'content-type': type };
    if (event !== undefined) headers['longwire-event'] = headerText(event);
    if (key) headers['idempotency-key'] = headerText(key);
    if (expect !== undefined) headers['longwire-expect-last'] = conditionOf(expect);
    const url = this.#hub.url(`t/${topicPath(topic)}`, []);
    const { credentials, renewable } = this.#hub;
    const request = { method: 'POST', body, signal, credentials };
    // Without a key, an attempt whose answer was lost might have been stored already.
    const most = key ? retries ?? PUBLISH_RETRIES : 0;
    for (let attempt = 0; ; attempt++) {
      const token = await this.#hub.token();
      try {
        const allHeaders = { ...headers, ...authorization(token) };
        return await publishOnce(this.#hub, url, { ...request, headers: allHeaders });
      } catch (error) {
        const over = error.code === 'expired' && renewable && attempt === 0; // nothing was stored
        const again = error.kind === 'unreachable' || error.kind === 'later';
        if (over && !signal?.aborted) continue;
        if (!again || attempt >= most || signal?.aborted) throw error;
        await sleep(error.delay ?? backoff(attempt), signal);
      }
    }
  }

  /** Closes all subscriptions. */
  close() {
    for (const subscription of [...this.#subscriptions]) subscription.close();
    this.#unlisten();
  }

  #listen() {
    const page = globalThis.document;
    const tell = (news) => () => this.#subscriptions.forEach((each) => each.wake(news));
    const back = tell('back');
    const handlers = [
      [globalThis, 'online', tell('online')],
      [globalThis, 'offline', tell('offline')],
      [globalThis, 'pageshow', back],
      [page, 'resume', back],
      [page, 'visibilitychange', () => page.visibilityState === 'visible' && back()],
    ].filter(([target]) => target?.addEventListener);
    for (const [target, name, handler] of handlers) target.addEventListener(name, handler);
    return () => {
      for (const [target, name, handler] of handlers) target.removeEventListener(name, handler);
    };
  }
}

async function publishOnce(hub, url, request) {
  let response;
  try {
    response = await hub.fetch(url, request);
    if (response.ok) return await response.json();
  } catch (cause) {
    throw request.signal?.aborted ? cause : unreachable(cause);
  }
  throw await answerError(response);
}

// ---- small things ------------------------------------------------------------------------------

/** The wire form of `after`: a cursor, 'earliest', 'latest', -N, a Date. */
function startOf(after = 'latest') {
  if (after instanceof Date) return after.toISOString();
  if (typeof after === 'string' && after !== '') return after;
  if (Number.isSafeInteger(after) && after < 0) return String(after);
  throw new TypeError('after is a cursor, "earliest", "latest", a negative number or a Date');
}

/** The cursor that `after` is, or null. */
function cursorIn(after) {
  const text = startOf(after);
  return isCursor(text) ? text : null;
}

const isCursor = (text) => typeof text === 'string' && /^[0-9]+(-[0-9]+)?$/.test(text);

/** A condition that is missing by mistake (a cursor not known yet) must not become none. */
function conditionOf(expect) {
  if (isCursor(expect)) return expect;
  throw new TypeError('expect is a cursor, "0" for a topic without messages');
}

/** A topic as URL path. A level "." or ".." would be resolved away, unless its slash is hidden. */
export function topicPath(topic) {
  if (/^\.{0,2}$/.test(topic)) throw new TypeError(`"${topic}" cannot stand in a URL`);
  const levels = topic.split('/');
  const hide = levels.some((level) => level === '.' || level === '..');
  return levels.map(encodeURIComponent).join(hide ? '%2F' : '/');
}

function encode(data) {
  if (data === undefined) throw new TypeError('there is no data to publish');
  if (typeof data === 'string') return { body: data, type: 'text/plain; charset=utf-8' };
  const binary = data instanceof ArrayBuffer || ArrayBuffer.isView(data) || data instanceof Blob;
  if (binary) return { body: data, type: 'application/octet-stream' };
  return { body: JSON.stringify(data), type: 'application/json' };
}

/** Header values are bytes, one to each character: the UTF-8 of TEXT. */
function headerText(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** crypto.randomUUID is missing in pages that did not come over HTTPS. */
function randomKey() {
  const { crypto } = globalThis; // Node 18 has none; a key need not be secret, only new
  const random = () => Math.floor(Math.random() * 2 ** 32);
  if (!crypto) return Array.from({ length: 4 }, random).join('-');
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join('-');
}

/** Resolves after MS, or as soon as SIGNAL aborts. */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
