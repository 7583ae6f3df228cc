// Who is at a topic: doc/protocol.md, section 7.

import { bindMethods } from './bound.js';
import { callSafely } from './emitter.js';
import { lost } from './errors.js';
import { backoff, sleep } from './time.js';
import { topicPath } from './topic.js';

const nameOf = ({ sub, connection }) => sub ?? connection;

/**
 * Who is at a topic: the hub's list, and from there on what the hub tells of who comes and goes. After
 * a gap the list is read again. `members` is right from `ready` on.
 */
export class Presence {
  constructor(hub, topic, options, follow) {
    bindMethods(this);
    this._hub = hub;
    this._topic = topic;
    this._options = options;
    this._follow = follow; // subscribes to something else
    this._members = new Map(); // by name
    this._feed = null;
    this._told = null; // while the list is read: what has been told meanwhile
    this._aborter = new AbortController();
    this.ready = this._begin();
    this.ready.catch(() => {}); // onError has it, too
  }

  get members() {
    return [...this._members.values()];
  }

  get number() {
    return this._members.size;
  }

  close() {
    this._aborter.abort();
    this._feed?.close();
  }

  async _begin() {
    try {
      const { members, cursor } = await this._list();
      this._members = members;
      if (!this._aborter.signal.aborted) this._feed = this._follow(...this._wishes(cursor));
    } catch (error) {
      this._fail(error);
      throw error;
    }
  }

  _wishes(after) {
    const { transport, backoff: limits } = this._options;
    const onState = ({ state, error }) => state === 'closed' && error && this._fail(error);
    const onMessage = (message) => (this._told ? this._told.push(message) : this._take(message));
    const onGap = () => this._readAgain().catch((error) => this._fail(error));
    const options = { after, transport, backoff: limits, onState, onMessage, onGap };
    for (const name in options) if (options[name] === undefined) delete options[name];
    return [`_presence/${this._topic}`, options];
  }

  /** The whole list, and the cursor behind which follows what changes. */
  async _list() {
    const members = new Map();
    let cursor;
    for (let page, more = true; more; more = page !== undefined) {
      const answer = await this._page(page);
      cursor ??= answer.cursor;
      for (const member of answer.members) members.set(nameOf(member), member);
      page = answer.next;
    }
    return { members, cursor };
  }

  async _page(page) {
    const { signal } = this._aborter;
    const url = this._hub.url(`presence/${topicPath(this._topic)}`, [['page', page]]);
    for (let attempt = 0; ; attempt++) {
      try {
        const token = await this._hub.token();
        return await (await this._hub.get(url, 'application/json', token, signal)).json();
      } catch (error) {
        if (signal.aborted) throw lost('it was closed', error);
        if (error.kind !== 'unreachable' && error.kind !== 'later') throw error;
        await sleep(error.delay ?? backoff(attempt, this._options.backoff), signal);
      }
    }
  }

  /** What was missed is found by comparing; what is told meanwhile comes behind it. */
  async _readAgain() {
    const waits = this._told !== null;
    this._told = [];
    if (waits) return; // the list that is being read is read once more
    for (let told = null; told !== this._told; ) {
      told = this._told;
      const { members } = await this._list();
      if (told === this._told) this._compare(members);
    }
    const told = this._told;
    this._told = null;
    told.forEach((message) => this._take(message));
  }

  _compare(members) {
    for (const [name, member] of [...this._members]) if (!members.has(name)) this._leave(member);
    for (const member of members.values()) this._join(member);
  }

  _take({ event, data }) {
    if (event === 'join') this._join(data);
    else if (event === 'leave') this._leave(data);
  }

  _join(member) {
    const known = this._members.has(nameOf(member));
    this._members.set(nameOf(member), member);
    if (!known) callSafely(this._options.onJoin, member);
  }

  _leave(member) {
    if (this._members.delete(nameOf(member))) callSafely(this._options.onLeave, member);
  }

  _fail(error) {
    if (this._aborter.signal.aborted) return;
    this.close();
    callSafely(this._options.onError, error);
  }
}
