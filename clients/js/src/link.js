// One connection of a line: what it carries, and whether it is still alive.

import { lost } from './errors.js';

const SILENCE_MS = 45_000; // three missed heartbeats of the hub: the connection is dead
const HEARTBEAT_MS = 20_000; // the hub's 15 s and some slack
const PING_MS = 20_000; // a WebSocket this quiet is asked whether it lives
const WATCH_MS = 5_000; // how often silence is looked at

export class Link {
  /** NAME: the transport, LEVEL: its place among those that may be used, FAIL(error): called when dead. */
  constructor(name, level, fail) {
    this.name = name;
    this.level = level;
    this.heardAt = Date.now();
    this.provenAt = 0; // when the first byte came
    this.live = false; // replay has reached the head
    this.topics = new Set(); // that it has
    this.joining = new Map(); // those whose messages its ids do not speak for yet: when they will
    this.overlap = null; // the place that the connection before it had reached
    this.ping = null; // functions of the transport: see links.js
    this.request = null;
    this._fail = fail;
    this._timers = new Set();
    this._pinged = 0; // number of the last ping
    this._asked = 0; // of the last that has to be answered
    this._ponged = 0; // of the last that was
    this._watch = setInterval(() => this._look(), WATCH_MS);
  }

  close() {}

  /** Calls TASK after MS, unless the connection ends before. Returns a function that calls it off. */
  after(ms, task) {
    const timer = setTimeout(() => {
      this._timers.delete(timer);
      task();
    }, ms);
    this._timers.add(timer);
    return () => clearTimeout(timer);
  }

  /** Ends it and its timers. */
  drop() {
    clearInterval(this._watch);
    this._timers.forEach((timer) => clearTimeout(timer));
    this.close();
  }

  /** Has been silent for longer than a hub is. */
  get isStale() {
    return Date.now() - this.heardAt > HEARTBEAT_MS;
  }

  sayHello() {
    this.ping?.(++this._pinged);
  }

  pong(number = this._pinged) {
    this._ponged = Math.max(this._ponged, number);
  }

  /**
   * Sends a ping, and ends the connection if it is not answered within LIMIT ms. What comes soon
   * behind it may have been on its way before the network went: that is no answer. What still comes
   * later shows that there is a network, if a slow one.
   */
  ask(limit) {
    const number = ++this._pinged;
    this._asked = number;
    this.ping(number);
    this.after(limit, () => this._judge(number, limit));
  }

  _judge(number, limit) {
    if (this._ponged >= number) return;
    if (Date.now() - this.heardAt < limit / 2) this.after(limit, () => this._judge(number, limit));
    else this._fail(lost('a ping was not answered'));
  }

  _look() {
    if (!this.provenAt) return;
    this.heardAt = Math.min(this.heardAt, Date.now()); // the clock may have been set back
    const silence = Date.now() - this.heardAt;
    if (this.ping) {
      if (silence >= PING_MS && this._ponged >= this._asked) this.ask(SILENCE_MS - PING_MS);
    } else if (this.name === 'sse' && silence >= SILENCE_MS) {
      this._fail(lost(`nothing heard for ${Math.round(silence / 1000)} s`));
    }
  }
}
