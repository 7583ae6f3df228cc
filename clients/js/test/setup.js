// A client over a network that exists only in fakes.js, closed when its test has ended.
import { afterEach } from 'node:test';

import { Longwire } from '../longwire.js';
import { fakeFetch, fakeWebSocket, Inbox } from './fakes.js';

const QUICK = { base: 1, cap: 2 };
export const LIVE = (offset) => ({ op: 'live', cursor: `${offset}-7` });

let clients = [];
afterEach(() => {
  clients.forEach((client) => client.close());
  clients = [];
});

/** A client, and inboxes of its sockets, requests, messages, states and gaps. */
export function setUp(topics = 'a', options = {}, clientOptions = {}) {
  const sockets = new Inbox();
  const requests = new Inbox();
  const client = new Longwire('http://hub.example/live', {
    WebSocket: fakeWebSocket(sockets),
    fetch: fakeFetch(requests),
    EventSource: undefined,
    ...clientOptions,
  });
  clients.push(client);
  const seen = { messages: [], infos: [], gaps: [], states: new Inbox() };
  const subscription = client.subscribe(topics, {
    onMessage: (m, info) => {
      seen.messages.push(m);
      seen.infos.push(info);
    },
    onGap: (gap) => seen.gaps.push(gap),
    onState: (report) => seen.states.push(report),
    backoff: QUICK,
    ...options,
  });
  const until = async (state) => {
    for (;;) {
      const report = await seen.states.next();
      if (report.state === state) return report;
    }
  };
  return { client, subscription, sockets, requests, seen, until };
}

export const offsets = (messages) => messages.map((m) => Number(m.id.split('-')[0]));

/** Sets a property of the global object until the test T ends. */
export function setGlobal(t, name, value) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  t.after(() => {
    if (before) Object.defineProperty(globalThis, name, before);
    else delete globalThis[name];
  });
}
