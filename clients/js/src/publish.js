// Publishing: over the WebSocket if one is open, else by a request; again until it is stored, under
// one idempotency key, and never for longer than it may take.

import { isCursor } from './cursor.js';
import { bodyOf, headerText, membersOf } from './encoding.js';
import { answerError, timeout, unreachable } from './errors.js';
import { isHidden } from './page.js';
import { backoff, sleep, within } from './time.js';
import { topicPath } from './topic.js';

const RETRIES = 5;
const LIMIT_MS = 30_000; // for all attempts together
const ATTEMPT_MS = 10_000; // for one
const KEEPALIVE_MAX = 60_000; // bytes; browsers let all of a page's together have 64 KiB

/**
 * Resolves with { id } when DATA is safe in the hub's log. TALKING(): the connection that can send a
 * request now, or null. Options: see README.md.
 */
export function publish(hub, talking, topic, data, options = {}) {
  const { key = randomKey(), retries = RETRIES, timeout: limit = LIMIT_MS, signal } = options;
  const message = new Publish(hub, topic, data, { ...options, key });
  const late = (cause) => timeout(`not stored within ${limit / 1000} s`, cause, hub.crowded);
  // Without a key, an attempt whose answer was lost might have been stored already.
  const most = key ? retries : 0;
  return within(limit, signal, late, (limited) => message.insist(talking, most, limited));
}

class Publish {
  constructor(hub, topic, data, { event, key, expect }) {
    if (expect !== undefined && !isCursor(expect)) {
      // A condition that is missing by mistake (a cursor not known yet) must not become none.
      throw new TypeError('expect is a cursor, "0" for a topic without messages');
    }
    this._hub = hub;
    this._topic = topic;
    this._members = membersOf(data);
    this._more = { event, key: key || undefined, expect };
    const { body, type } = bodyOf(data);
    this._body = body;
    this._headers = { 'content-type': type };
    if (event !== undefined) this._headers['longwire-event'] = headerText(event);
    if (key) this._headers['idempotency-key'] = headerText(key);
    if (expect !== undefined) this._headers['longwire-expect-last'] = expect;
    this._url = hub.url(`t/${topicPath(topic)}`);
  }

  /** Tries until it is stored, MOST times more at most. */
  async insist(talking, most, signal) {
    const { renewable } = this._hub;
    for (let attempt = 0; ; attempt++) {
      const link = attempt === 0 && !this._isLast && this._members ? talking() : null;
      try {
        return await this._attempt(link, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        const over = error.code === 'expired' && renewable && attempt === 0; // nothing was stored
        const again = ['unreachable', 'lost', 'later'].includes(error.kind);
        if (!over && (!again || attempt >= most)) throw error;
        if (!over && !(link && error.kind === 'lost')) await sleep(error.delay ?? backoff(attempt), signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** Whether the page may end at any moment, and what it has asked for with it. */
  get _isLast() {
    return this._hub.isLeaving || isHidden();
  }

  _attempt(link, signal) {
    const once = (limited) => (link ? this._bySocket(link, limited) : this._byRequest(limited));
    return within(ATTEMPT_MS, signal, unreachable, once);
  }

  async _bySocket(link, signal) {
    const request = { op: 'publish', topic: this._topic, ...this._members, ...this._more };
    const ended = new Promise((_, reject) => {
      const end = () => reject(signal.reason);
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
    });
    const { id } = await Promise.race([link.request(request), ended]);
    return { id };
  }

  async _byRequest(signal) {
    const hub = this._hub;
    const token = await hub.token();
    if (this._isLast && token === undefined && this._byBeacon()) return { id: undefined };
    const { credentials } = hub;
    const keepalive = this._isLast && sizeOf(this._body) <= KEEPALIVE_MAX;
    const headers = hub.headers(this._headers, token);
    const request = { method: 'POST', body: this._body, headers, signal, credentials };
    let response;
    try {
      response = await hub.fetch(this._url, keepalive ? { ...request, keepalive } : request);
      if (response.ok) return await response.json();
    } catch (cause) {
      throw signal.aborted ? cause : unreachable(cause);
    }
    throw await answerError(response);
  }

  /** Where requests do not outlive a page; a beacon carries no headers, and says no id. */
  _byBeacon() {
    const { Request, navigator } = globalThis;
    if (!navigator?.sendBeacon || !Request || 'keepalive' in Request.prototype) return false;
    const { event, expect } = this._more;
    if (event !== undefined || expect !== undefined) return false;
    return navigator.sendBeacon(this._url, new Blob([this._body], { type: this._headers['content-type'] }));
  }
}

const sizeOf = (body) => body.size ?? body.byteLength ?? body.length * 3;

/** crypto.randomUUID is missing in pages that did not come over HTTPS. */
function randomKey() {
  const { crypto } = globalThis; // Node 18 has none; a key need not be secret, only new
  const random = () => Math.floor(Math.random() * 2 ** 32);
  if (!crypto) return Array.from({ length: 4 }, random).join('-');
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join('-');
}
