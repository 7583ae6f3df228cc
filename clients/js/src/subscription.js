// Topics that are followed, and how far: the place of a subscription, and what it is told.
//
// Where its messages come from is the line's affair (line.js); it lets each through once and in
// order, wherever it comes from.

import { bindMethods } from './bound.js';
import { Buffer } from './buffer.js';
import { compareCursors, isBefore, isCursor, OrderGuard, startOf } from './cursor.js';
import { callSafely, Emitter } from './emitter.js';
import { LongwireError } from './errors.js';
import { remember } from './remember.js';
import { matches } from './topic.js';

const BUFFER_MAX = 1_024; // messages that wait for `for await`
const HELD_MAX = 1_024; // messages that wait until it has joined its line
const CALLBACKS = { onMessage: 'message', onGap: 'gap', onState: 'state' };

/** A topic or pattern, a list of them, or an object with a handler for each, as a Map to handlers. */
function topicsOf(wish, handler) {
  const isTable = typeof wish === 'object' && !Array.isArray(wish) && wish !== null;
  return new Map(isTable ? Object.entries(wish) : [wish].flat().map((topic) => [topic, handler]));
}

export class Subscription extends Emitter {
  /** HOST: { hub, lineFor(options), ended(subscription), presence(subscription, options) }. */
  constructor(host, topics, options) {
    super();
    bindMethods(this);
    this._host = host;
    this._options = options;
    this._handlers = topicsOf(topics); // by topic or pattern; perhaps undefined
    if (this._handlers.size === 0) throw new TypeError('there is no topic to subscribe to');
    this._floors = new Map(); // of topics that were added: where they begin; null = not known yet
    this._stored = options.remember ? remember(this, options.remember) : undefined;
    this._start = this._stored ?? startOf(options.after);
    this._state = 'connecting';
    this._isPaused = false;
    this._setUpPlace(isCursor(this._start) ? this._start : null);
    this._listen();
    this._join();
  }

  _setUpPlace(place) {
    this.stage = 'apart'; // on its line
    this.place = place; // where it goes on; null = where `after` says
    this.seam = null; // up to here it has read by itself what the line brings, too
    this.entry = null; // what it has on its way in
    this._guard = new OrderGuard();
    this._guard.reset(place);
    this._counts = { received: 0, gaps: 0, disconnects: 0 };
    const size = this._options.buffer ?? BUFFER_MAX;
    this._buffer = new Buffer(size, () => this._depart('waiting'), () => this._join());
    this._buffer.consumed = place;
    this._isIterated = false;
    this._collects = ![...this._handlers.values()].some(Boolean); // for iteration
  }

  _listen() {
    for (const [option, name] of Object.entries(CALLBACKS)) {
      if (this._options[option]) this.on(name, this._options[option]);
    }
    this._options.signal?.addEventListener('abort', this.close, { once: true });
  }

  // -- what the application sees

  get topics() {
    return [...this._handlers.keys()];
  }

  /** Those of them whose beginning is known: what was just added joins by itself. */
  get settled() {
    return this.topics.filter((topic) => this._floors.get(topic) !== null);
  }

  get state() {
    return this._state;
  }

  get transport() {
    return this._line.transport;
  }

  /**
   * Whether its connection carries other requests, too; undefined while the browser does not tell,
   * as it never does of a WebSocket.
   */
  get shared() {
    return this.transport === 'websocket' ? undefined : this._host.hub.shared;
  }

  /** Where a later subscription goes on without missing anything; null before it is known. */
  get cursor() {
    return this._buffer.length > 0 ? this._buffer.consumed : this.place;
  }

  get stats() {
    return { ...this._counts, duplicates: this._guard.dropped };
  }

  /** Ends it; iteration ends after what is already there. */
  close() {
    this._finish();
  }

  /** Cuts the connection, which others may share, and takes up a new one from the cursor at once. */
  reconnect() {
    if (this._isConnected) this._line.reconnect();
  }

  /** Gets nothing, keeping the cursor, until resume(). */
  pause() {
    if (this._state === 'closed') return;
    this._isPaused = true;
    this._depart('offline');
  }

  resume() {
    if (!this._isPaused || this._state === 'closed') return;
    this._isPaused = false;
    this._join();
  }

  /** 'auto', one transport, or a list of them, best first; takes effect at once. */
  setTransport(transport) {
    const options = { ...this._options, transport };
    const line = this._host.lineFor(options);
    this._options = options;
    this._line.remove(this);
    this._line = line;
    this._join();
  }

  /** Follows TOPICS, too, from now on, with a handler for them if there is one. */
  add(topics, handler) {
    const wasEmpty = this._handlers.size === 0;
    for (const [topic, own] of topicsOf(topics, handler)) {
      if (!this._handlers.has(topic) && !wasEmpty) this._floors.set(topic, null);
      this._handlers.set(topic, own);
    }
    if (wasEmpty) this._beginAnew();
    else this._line.change(this);
  }

  /** Follows TOPICS no longer. */
  remove(topics) {
    const gone = [topics].flat().filter((topic) => this._handlers.delete(topic));
    gone.forEach((topic) => this._floors.delete(topic));
    if (this._handlers.size === 0) this._depart('waiting');
    else this._line.forsake(gone);
  }

  _beginAnew() {
    this._start = 'latest';
    this.place = this.seam = null;
    this._guard.reset(null);
    this._join();
  }

  /** Who else is at its topic, for as long as it is open. See Presence. */
  presence(options = {}) {
    return this._host.presence(this, options);
  }

  async *[Symbol.asyncIterator]() {
    this._isIterated = this._collects = true;
    try {
      for (let m = await this._buffer.next(); m; m = await this._buffer.next()) yield m;
    } finally {
      this.close();
    }
  }

  /** The page is 'back', or the system is 'online' or 'offline'. */
  wake(news) {
    this._line.wake(news);
  }

  // -- its line

  get _isConnected() {
    const may = this._state !== 'closed' && !this._isPaused;
    return may && !this._buffer.isFull && this._handlers.size > 0;
  }

  _join() {
    if (!this._isConnected) return;
    this._line = this._host.lineFor(this._options);
    this._line.add(this);
  }

  _depart(state) {
    this._line.remove(this);
    this._setState(state);
  }

  lineIs(state) {
    if (!this._isConnected) return;
    this._setState(state === 'live' && this.stage !== 'joined' ? 'replaying' : state);
  }

  disconnected() {
    this._counts.disconnects++;
  }

  refuse(error) {
    if (this._state !== 'closed') this._finish(error);
  }

  /** What to ask the hub for. */
  get start() {
    return this.place ?? this._start;
  }

  /** How many messages it can take now; undefined: any number. */
  get room() {
    return this._collects ? this._buffer.room : undefined;
  }

  beginEntry(entry) {
    this.entry = entry;
    this.stage = 'entering';
    this.lineIs('replaying');
  }

  /** Its line brings from SINCE on what it did not bring before. */
  beginsAt(since) {
    if (this.start === 'latest') this.advance(since);
    for (const [topic, floor] of this._floors) if (floor === null) this._floors.set(topic, since);
  }

  hasReached(cursor) {
    return this.place !== null && compareCursors(this.place, cursor) >= 0;
  }

  wants(topic) {
    for (const filter of this._handlers.keys()) if (matches(filter, topic)) return true;
    return false;
  }

  /** MESSAGE has come by the line. */
  give(message, info) {
    if (this.stage === 'joined') this.take(message, info);
    else if (this.stage === 'entering') this._hold(message);
  }

  _hold(message) {
    const { held } = this.entry;
    held.push(message);
    if (held.length > HELD_MAX) this.entry.lost = held.shift().id;
  }

  // -- messages

  advance(cursor) {
    if (this.place === null || !isBefore(cursor, this.place)) this.place = cursor;
  }

  take(message, info) {
    const { id, topic } = message;
    if (this.seam !== null && compareCursors(id, this.seam) <= 0) return;
    if (this._floors.size > 0 && !this._isDue(message)) return;
    if (!this._guard.accept(id)) return;
    this.place = id;
    this._counts.received++;
    for (const [filter, handler] of this._handlers) {
      if (handler && matches(filter, topic)) callSafely(handler, message, info);
    }
    this._emit('message', message, info);
    if (this._collects) this._buffer.push(message);
  }

  /** Of topics that were added what came before is not wanted. */
  _isDue({ id, topic }) {
    return [...this._handlers.keys()].some((filter) => {
      const floor = this._floors.get(filter);
      return matches(filter, topic) && (floor === undefined || (floor && compareCursors(id, floor) > 0));
    });
  }

  gap({ requested, resumed, reason }) {
    this._counts.gaps++;
    this.seam = null;
    this._guard.reset(resumed);
    this.place = resumed;
    this._emit('gap', { requested, resumed, reason });
  }

  /** The right to one of its topics was lost: the others go on. */
  deny({ requested, resumed, reason, topic }) {
    this._counts.gaps++;
    this._handlers.delete(topic);
    this._emit('gap', { requested, resumed, reason, topic });
    if (this._handlers.size > 0) return;
    this.refuse(new LongwireError('fatal', `nothing is granted any more`, { code: 'forbidden' }));
  }

  /** Who listens does not iterate: nothing has to wait. */
  _heeded(name) {
    if (name !== 'message' || this._isIterated || !this._collects) return;
    this._collects = false;
    const waiting = this._buffer.takeAll();
    const info = { replayed: true, transport: this._line?.transport };
    queueMicrotask(() => waiting.forEach((message) => this._emit('message', message, info)));
  }

  // -- its state

  _finish(error) {
    if (this._state === 'closed') return;
    this._line.remove(this);
    this._error = error;
    this._setState('closed');
    this._buffer.end(error);
    this._host.ended(this);
    this._emit('close', error);
  }

  _setState(state) {
    if (this._state === 'closed') return;
    this._state = state;
    const { transport, shared, cursor } = this;
    const { attempt, error } = this._line.report;
    this._emit('state', { state, transport, shared, cursor, attempt, error: this._error ?? error });
    this._host.changed?.(this);
  }
}
