// The connection that the subscriptions of a client share: which transport it uses, when it is
// replaced, and who gets what comes.
//
// At any time at most one connection (`_link`) delivers, and at most one more (`_probe`) tries
// whether a better transport works. The line has a place of its own: what is behind it has not come
// yet for any of the subscriptions that have joined. A subscription is
//
//   apart     it has to find its way in: entry.js, or as one of the crew that a connection begins with
//   entering  it reads on its own what is missing, and holds back what the line brings meanwhile
//   joined    what the line brings is what it gets
//
// and keeps its own place through all of this (subscription.js).

import { compareCursors, isBefore, isCursor } from './cursor.js';
import { chooseCrew } from './crew.js';
import { bytesOf } from './encoding.js';
import { enter, mayBeRead } from './entry.js';
import { blocked, lost, LongwireError } from './errors.js';
import { Link } from './link.js';
import { OPEN, usable } from './links.js';
import { backoff, BACKOFF } from './time.js';
import { endOfToken, renewalIn } from './token.js';

const ANSWER_MS = 6_000; // a transport that says nothing for so long at its start is blocked
const DOUBT_MS = 5_000; // time to answer a ping after sleep or a change of network
const STABLE_MS = 5_000; // a connection that lasted so long was a good one
const SHORT_LIVED_MAX = 3; // so many bad ones in a row: the next transport's turn
// Until a better transport is tried again: one that has worked before, another, at most. In ms.
const UPGRADE = { known: 5_000, first: 60_000, most: 900_000 };
const RENEW_AGAIN_MS = 5_000; // after a token that could not be had
const DENIALS_MAX = 3; // so many tokens in a row that are over already: no use

export class Line {
  /** OPTIONS: those of a subscription that concern connections. ONEMPTY(): nobody is on it any more. */
  constructor(hub, options, onEmpty) {
    this._hub = hub;
    this._options = options;
    this._onEmpty = onEmpty;
    this._order = usable(hub, options.transport); // best first
    this._subs = new Set();
    this._link = this._probe = null;
    this._proven = new Set(); // transports that have worked before
    this._home = hub.memory.level(this._order); // the level where a round of attempts begins
    this._suspended = false;
    this._reset();
  }

  /** As it was before the first attempt. */
  _reset() {
    this._level = this._home; // index in _order of the one in use or to be tried
    this._attempt = 0; // waits since the last good connection
    this._shortLived = 0;
    this._denials = 0; // tokens that were over, since it was live
    this._upgradeDelay = 0; // 0 = not decided
    this._retryTimer = this._upgradeTimer = null;
    this._place = null;
    this._error = undefined;
    this._state = 'connecting';
  }

  get transport() {
    return this._order[this._level];
  }

  get report() {
    return { state: this._state, attempt: this._attempt, error: this._error };
  }

  get place() {
    return this._place;
  }

  /** Limits of waits; undefined: the usual ones. */
  get backoff() {
    return this._options.backoff;
  }

  /** The connection that can send a request now, or null. */
  get talking() {
    return this._link?.provenAt && this._link.request ? this._link : null;
  }

  // -- who is on it

  add(sub) {
    this._subs.add(sub);
    sub.stage = 'apart';
    queueMicrotask(() => this._settle(sub)); // the caller has its variable by then
  }

  /** Keeps SUB's place. */
  remove(sub) {
    if (!this._subs.delete(sub)) return;
    sub.stage = 'apart';
    if (this._subs.size === 0) {
      this._disconnect();
      this._reset();
      this._onEmpty();
    } else {
      this.forsake(sub.topics);
    }
  }

  /** SUB has more topics than before. */
  change(sub) {
    if (!this._subs.has(sub) || !this._link?.live) return; // else once it is
    sub.stage = 'apart';
    queueMicrotask(() => this._settle(sub));
  }

  /** Somebody does not want TOPICS any more. */
  forsake(topics) {
    const link = this._link;
    const wanted = (topic) => [...this._subs].some((sub) => sub.topics.includes(topic));
    const gone = link ? topics.filter((topic) => link.topics.has(topic) && !wanted(topic)) : [];
    gone.forEach((topic) => link.topics.delete(topic));
    if (gone.length > 0 && link.provenAt) link.leave(gone);
  }

  /** SUB has come, or has changed. */
  _settle(sub) {
    if (!this._subs.has(sub)) return;
    if (this._suspended) sub.lineIs('offline');
    else if (this._link?.live) this._admit();
    else if (!this._link && this._retryTimer === null) this._connect();
    else if (sub.stage === 'apart') sub.lineIs(this._state);
  }

  _admit() {
    for (const sub of this._subs) if (sub.stage === 'apart') enter(this, this._link, sub, this._hub);
  }

  /** Whether LINK still delivers, and SUB is on its way in by it. */
  awaits(link, sub, entry) {
    return link === this._link && sub.stage === 'entering' && sub.entry === entry;
  }

  _joined() {
    return [...this._subs].filter((sub) => sub.stage === 'joined');
  }

  // -- what the application and the system want

  reconnect() {
    if (this._suspended) return;
    this._disconnect();
    this._connect();
  }

  /** Begins anew with the best transport. */
  restart() {
    this._disconnect();
    const place = this._place;
    this._home = 0;
    this._reset();
    this._place = place;
    this._connect();
  }

  /** Disconnects, keeping all places, until resume(). */
  suspend() {
    this._suspended = true;
    this._disconnect();
    this._tell('offline');
  }

  resume() {
    if (!this._suspended) return;
    this._suspended = false;
    this._connect();
  }

  /** The page is 'back', or the system is 'online' or 'offline'. */
  wake(news) {
    const link = this._link;
    if (news === 'online') this._home = 0; // another network, other proxies
    if (link?.ping) link.ask(DOUBT_MS);
    else if (news === 'offline') return;
    else if (this._retryTimer !== null) this._connect();
    else if (link && (link.isStale || news === 'online')) this.reconnect();
  }

  // -- connections

  _connect() {
    if (this._suspended || this._link || this._subs.size === 0) return;
    clearTimeout(this._retryTimer);
    this._retryTimer = null;
    this._link = this._newLink(this._level);
    this._tell('connecting');
    this._open(this._link);
  }

  _newLink(level) {
    const link = new Link(this._order[level], level, (error) => this._failed(link, error));
    link.calm = []; // what to call off once it has answered
    return link;
  }

  async _open(link) {
    if (!this._current(link)) return; // onState has closed it
    this._limit(link);
    try {
      const token = await this._hub.token();
      if (!this._current(link)) return;
      this._hub.debug('opening', link.name, 'behind', this._place);
      Object.assign(link, OPEN[link.name](this._context(link, token)));
      this._planRenewal(link, token);
    } catch (error) {
      this._failed(link, blocked(`${link.name} cannot be used here`, error));
    }
  }

  /** A transport that does not answer soon gets another one beside it, and is given up later. */
  _limit(link) {
    const limit = this._options.timeout ?? ANSWER_MS;
    const late = () => {
      const code = link.name === 'websocket' ? undefined : this._hub.crowded;
      this._failed(link, blocked(`no answer within ${limit / 1000} s`, undefined, code));
    };
    link.calm = [link.after(limit, late)];
    const { patience } = this._hub;
    if (patience < limit) link.calm.push(link.after(patience, () => this._doubt(link)));
  }

  _doubt(link) {
    if (link !== this._link || link.level + 1 >= this._order.length) return;
    this._hub.debug('no answer yet by', link.name);
    this._probe?.drop();
    this._probe = link;
    this._link = null;
    this._level = link.level + 1;
    this._connect();
  }

  _context(link, token) {
    const { crew, start } = chooseCrew(this._subs, this._place);
    link.start = start;
    if (link === this._link) this._board(crew, start);
    for (const sub of crew) for (const topic of sub.settled) link.topics.add(topic);
    const url = (extra) => this._url(link, extra);
    return { hub: this._hub, url, sink: this._sink(link), token, topics: link.topics };
  }

  /** CREW is joined to the line from now on, the others are not. */
  _board(crew, start) {
    this._place = isCursor(start) ? start : null;
    for (const sub of this._subs) sub.stage = crew.includes(sub) ? 'joined' : 'apart';
  }

  _url(link, extra) {
    const topics = [...link.topics].map((topic) => ['topic', topic]);
    const rest = Object.entries({ format: 'envelope', after: this._place ?? link.start, ...extra });
    return this._hub.url('t', [...topics, ...rest]);
  }

  _current(link) {
    return link !== null && (link === this._link || link === this._probe);
  }

  /** What a transport calls. A connection that has been replaced is not listened to. */
  _sink(link) {
    const only = (act) => (...args) => {
      if (link === this._link) act(...args);
    };
    return {
      opened: () => link.sayHello(),
      heard: () => this._heard(link),
      pong: (number) => link.pong(number),
      fail: (error) => this._failed(link, error),
      cursor: only((cursor) => this._advance(cursor)),
      message: only((message) => this._message(link, message)),
      gap: only((gap) => this._gap(link, gap)),
      live: only((cursor) => this._live(link, cursor)),
      // Where a replay begins "subscribed" may name the head, which is not where we are.
      subscribed: only((cursor) => link.start === 'latest' && this._advance(cursor)),
    };
  }

  _heard(link) {
    if (!this._current(link)) return;
    link.heardAt = Date.now();
    if (link.provenAt) return;
    link.provenAt = link.heardAt;
    link.calm.forEach((callOff) => callOff());
    if (link === this._probe) this._promote(link);
    this._tell('replaying');
  }

  /** The better transport works: it takes over, and what both have sent is skipped. */
  _promote(link) {
    this._hub.debug('moving over to', link.name);
    this._probe = null;
    this._link?.drop();
    this._link = link;
    this._level = link.level;
    link.overlap = this._place;
    this._compare(link);
    this.forsake([...link.topics]);
  }

  /** Those whose topics LINK does not have all have to find their way in. */
  _compare(link) {
    for (const sub of this._subs) {
      const has = sub.stage === 'joined' && sub.topics.every((topic) => link.topics.has(topic));
      if (!has) sub.stage = 'apart';
    }
  }

  _live(link, cursor) {
    if (cursor) this._advance(cursor);
    if (link.live) return;
    link.live = true;
    this._home = link.level;
    this._proven.add(link.name);
    this._hub.memory.note(this._order, link.level);
    this._error = undefined;
    this._denials = 0;
    this._planUpgrade();
    this._compare(link);
    this._tell('live');
    if (link === this._link) this._admit();
  }

  // -- tokens

  /** Before its token ends the connection gets another, if there is one to be had. */
  _planRenewal(link, token) {
    if (this._hub.renewable) this._renewIn(link, renewalIn(endOfToken(token)));
  }

  _renewIn(link, delay) {
    if (delay !== undefined && this._current(link)) link.after(delay, () => this._renew(link));
  }

  async _renew(link) {
    try {
      const token = await this._hub.token();
      if (!this._current(link)) return;
      await link.renew(token);
      this._planRenewal(link, token);
    } catch {
      this._renewIn(link, RENEW_AGAIN_MS);
    }
  }

  /** The next token may do where the last one was over; one that never was good is no use. */
  _mayRenew(link, { status, code }) {
    const over = code === 'expired' || (link.provenAt && (status === 401 || code === 'revoked'));
    return this._hub.renewable && over && this._denials++ < DENIALS_MAX;
  }

  // -- when it ends

  _failed(link, cause) {
    if (!this._current(link)) return;
    const error = cause instanceof LongwireError ? cause : lost('the connection broke', cause);
    this._hub.debug(link.name, 'failed:', error.message);
    if (link === this._probe) {
      this._probe = null;
      link.drop();
      return this._tryLevel(link.level + 1);
    }
    this._leave(link, error);
    if (error.kind === 'fatal' && !this._mayRenew(link, error)) this._refused(error);
    else this._retry(link, error);
  }

  _leave(link, error) {
    this._link = null;
    link.drop();
    this._error = error;
    clearTimeout(this._upgradeTimer);
    for (const sub of this._subs) {
      if (sub.stage === 'entering') sub.stage = 'apart';
      if (link.provenAt && sub.stage === 'joined') sub.disconnected();
    }
  }

  /**
   * The hub refuses. A token concerns everybody; anything else perhaps only some of those who share
   * the connection: each is looked at by itself.
   */
  async _refused(error) {
    const subs = [...this._subs];
    if (subs.length === 1 || error.status === undefined || error.status === 401) {
      this._disconnect();
      return subs.forEach((sub) => sub.refuse(error));
    }
    this._wait(backoff(this._attempt++, this.backoff));
    const isNews = await Promise.all(subs.map((sub) => mayBeRead(this._hub, sub)));
    subs.forEach((sub, i) => isNews[i] && sub.refuse(isNews[i]));
    if (this._retryTimer !== null && isNews.some(Boolean)) this._connect();
  }

  _retry(link, { kind, delay }) {
    const stable = link.provenAt && Date.now() - link.provenAt >= STABLE_MS;
    if (stable) this._attempt = this._shortLived = 0;
    else if (link.provenAt && kind === 'lost') this._shortLived++;
    const silent = kind === 'lost' && !link.provenAt;
    const useless = kind === 'blocked' || silent || this._shortLived >= SHORT_LIVED_MAX;
    if (useless && link.level + 1 < this._order.length) {
      this._level = link.level + 1;
      this._shortLived = 0;
      this._connect();
    } else {
      this._level = this._home;
      this._wait(delay ?? backoff(this._attempt++, this.backoff));
    }
  }

  _wait(delay) {
    this._disconnect();
    const { offline } = this._hub; // then wake() comes sooner
    const { cap } = this.backoff ?? BACKOFF;
    this._retryTimer = setTimeout(() => this._connect(), offline ? cap : delay);
    this._tell(offline ? 'offline' : 'waiting');
  }

  /** Drops every connection and timer but not the place. */
  _disconnect() {
    this._link?.drop();
    this._probe?.drop();
    this._link = this._probe = null;
    for (const sub of this._subs) if (sub.stage === 'entering') sub.stage = 'apart';
    clearTimeout(this._retryTimer);
    clearTimeout(this._upgradeTimer);
    this._retryTimer = null;
  }

  // -- a better transport

  _planUpgrade() {
    clearTimeout(this._upgradeTimer);
    if (this._level === 0) {
      this._upgradeDelay = 0;
      return;
    }
    const known = this._order.slice(0, this._level).some((name) => this._proven.has(name));
    this._upgradeDelay ||= this._options.upgradeAfter ?? (known ? UPGRADE.known : UPGRADE.first);
    const delay = this._upgradeDelay * (0.75 + Math.random() / 2);
    this._upgradeTimer = setTimeout(() => this._tryLevel(0), delay);
  }

  _tryLevel(level) {
    this._probe?.drop();
    this._probe = null;
    if (level < this._level && this._link?.live) {
      this._probe = this._newLink(level);
      this._open(this._probe);
    } else {
      this._upgradeDelay = Math.min(this._upgradeDelay * 2, UPGRADE.most);
      this._planUpgrade();
    }
  }

  // -- what comes

  _advance(cursor) {
    mustBeCursor(cursor);
    if (this._place === null || !isBefore(cursor, this._place)) this._place = cursor;
    for (const sub of this._subs) if (sub.stage === 'joined') sub.advance(cursor);
  }

  _message(link, message) {
    const { overlap } = link;
    mustBeCursor(message.id);
    if (overlap !== null && compareCursors(message.id, overlap) <= 0) return;
    if (message.encoding === 'base64') message.data = bytesOf(message.data);
    const info = { replayed: !link.live, transport: this.transport };
    let speaks = link.joining.size === 0;
    for (const sub of this._subs) {
      if (!sub.wants(message.topic)) continue;
      if (sub.stage === 'joined') speaks = true;
      sub.give(message, info);
    }
    // What only those who are on their way in want may be further on than the line is.
    if (speaks && link === this._link) this._advance(message.id);
  }

  _gap(link, gap) {
    mustBeCursor(gap.resumed);
    if (gap.topic !== undefined) return this._denied(link, gap);
    link.overlap = null;
    this._place = gap.resumed;
    const joined = this._joined();
    if (joined.length === 1) return joined[0].gap(gap);
    // Whose messages are missing is not said: each asks for its own from where it is.
    for (const sub of joined) sub.stage = 'apart';
    if (link.live) this._admit();
  }

  /** A right was lost: nothing of this topic comes any more. */
  _denied(link, gap) {
    link.topics.delete(gap.topic);
    for (const sub of this._subs) if (sub.topics.includes(gap.topic)) sub.deny(gap);
  }

  _tell(state) {
    this._state = state;
    for (const sub of this._subs) sub.lineIs(state);
  }
}

/** What comes is what a hub sends, or the connection is of no use. */
function mustBeCursor(place) {
  if (!isCursor(place)) throw new TypeError(`not a cursor: ${place}`);
}
