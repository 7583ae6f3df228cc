// Subscribing without the rest of the client: what a page has to load that does nothing else.

import { Hub } from './hub.js';
import { Lines } from './lines.js';
import { watchPage } from './page.js';
import { Subscription } from './subscription.js';

const hosts = new Map(); // by URL: those without options of their own share a connection

/** Follows TOPICS of the hub at URL. OPTIONS: those of a client and of a subscription together. */
export function subscribe(url, topics, options = {}) {
  const subscription = new Subscription(hostFor(String(url), options), topics, options);
  if (options.signal?.aborted) subscription.close();
  return subscription;
}

const OWN = ['token', 'credentials', 'headers', 'fetch', 'WebSocket', 'EventSource', 'events', 'debug',
  'pauseHidden'];

function hostFor(url, options) {
  const isPlain = !OWN.some((name) => name in options);
  const host = (isPlain && hosts.get(url)) || newHost(url, options);
  if (isPlain) hosts.set(url, host);
  host.number++;
  return host;
}

function newHost(url, options) {
  const hub = new Hub(url, options);
  const lines = new Lines(hub, options.pauseHidden);
  const unwatch = watchPage((news) => lines.take(news));
  const host = { hub, number: 0, lineFor: (wish) => lines.lineFor(wish), ended };
  return host;

  function ended() {
    if (--host.number > 0) return;
    unwatch();
    if (hosts.get(url) === host) hosts.delete(url);
  }
}
