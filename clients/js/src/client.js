// The client: what an application has to do with a hub.

import { bindMethods } from './bound.js';
import { Emitter } from './emitter.js';
import { history } from './history.js';
import { Hub } from './hub.js';
import { Lines } from './lines.js';
import { watchPage } from './page.js';
import { Presence } from './presence.js';
import { publish } from './publish.js';
import { Subscription } from './subscription.js';
import { isPattern } from './topic.js';

// From the worst to the best.
const STATES = ['offline', 'waiting', 'connecting', 'replaying', 'live'];

export class Longwire extends Emitter {
  /**
   * URL is the hub's; without one, the page's own origin. Options: token (text or function),
   * credentials, headers, events, debug, pauseHidden (ms), and fetch, WebSocket, EventSource to use
   * instead of the global ones.
   */
  constructor(url = globalThis.location?.origin, options = {}) {
    super();
    bindMethods(this);
    this._hub = new Hub(url, options);
    this._lines = new Lines(this._hub, options.pauseHidden);
    this._subscriptions = new Set();
    this._state = 'idle';
    this._host = this._makeHost();
    this._unwatch = watchPage((news) => this._lines.take(news));
  }

  _makeHost() {
    return {
      hub: this._hub,
      lineFor: (options) => this._lines.lineFor(options),
      presence: (subscription, options) => this._presence(subscription, options),
      changed: () => this._noteState(),
      ended: (subscription) => {
        this._subscriptions.delete(subscription);
        this._noteState();
      },
    };
  }

  /** Follows TOPICS (a name, a pattern, a list, an object with handlers). See Subscription. */
  subscribe(topics, options = {}) {
    const subscription = new Subscription(this._host, topics, options);
    this._subscriptions.add(subscription);
    this._noteState();
    if (options.signal?.aborted) subscription.close();
    return subscription;
  }

  /**
   * Publishes DATA and resolves with { id } when it is safe in the hub's log. With `expect`, a cursor,
   * only if the topic has had no message behind it; else it rejects with kind 'conflict'.
   */
  async publish(topic, data, options) {
    return publish(this._hub, () => this._lines.talking(), topic, data, options);
  }

  /** A page of what TOPICS have had. See history.js. */
  async history(topics, options) {
    return history(this._hub, topics, options);
  }

  /** The worst of its subscriptions' states; 'idle' when there is none. */
  get state() {
    return this._state;
  }

  /** Closes all subscriptions. */
  close() {
    for (const subscription of [...this._subscriptions]) subscription.close();
    this._unwatch();
  }

  _noteState() {
    const states = [...this._subscriptions].map(({ state }) => state);
    const state = STATES.find((name) => states.includes(name)) ?? 'idle';
    if (state === this._state) return;
    this._state = state;
    this._hub.debug(state);
    this._emit('state', state);
  }

  _presence(subscription, options) {
    const [topic, ...others] = subscription.topics;
    if (others.length > 0 || isPattern(topic)) throw new TypeError('presence is that of one topic');
    const presence = new Presence(this._hub, topic, options, this.subscribe);
    if (subscription.state === 'closed') presence.close();
    else subscription.once('close', () => presence.close());
    return presence;
  }
}
