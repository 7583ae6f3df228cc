// The transport over Server-Sent Events (doc/protocol.md, section 9). What links have in common:
// links.js.

import { blocked, lost, LongwireError, tokenOver } from './errors.js';
import { SseParser } from './sse_parser.js';

export function openSse(context) {
  const session = new Session(context.hub);
  const sink = {
    ...context.sink,
    session: (id) => (session.id = id),
    live: (cursor, topic) => session.live(topic) || context.sink.live(cursor),
  };
  const open = context.hub.canStream ? openSseFetch : openEventSource;
  const stream = open({ ...context, sink });
  const close = () => {
    stream.close();
    session.end();
  };
  return { close, ...session.verbs() };
}

/** SSE over fetch(): unlike EventSource it sees statuses, event names and blocks without data. */
function openSseFetch({ hub, url, sink, token }) {
  const aborter = new AbortController();
  readSse(hub, url(), sink, token, aborter.signal).catch(sink.fail);
  return { close: () => aborter.abort() };
}

async function readSse(hub, url, sink, token, signal) {
  const response = await hub.get(url, 'text/event-stream', token, signal);
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
  if (data === null) return event.startsWith('longwire.') || !id || sink.cursor(id);
  if (!event.startsWith('longwire.')) return sink.message(JSON.parse(data));
  const told = JSON.parse(data);
  if (event === 'longwire.gap') sink.gap(told);
  else if (event === 'longwire.live') sink.live(told.cursor ?? id, told.topic);
  else if (event === 'longwire.session') sink.session(told.session);
  else if (event === 'longwire.expired') sink.fail(tokenOver(told.reason));
}

/**
 * SSE over the browser's own EventSource, where response bodies cannot be streamed. It gives only
 * events whose names it was told (`events`), which is why it must be asked for.
 */
function openEventSource({ hub, url, sink, token }) {
  const withCredentials = hub.credentials === 'include';
  const source = new hub.EventSource(url({ token }), { withCredentials });
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

/**
 * Changes of a stream while it runs, one after the other: only when what joins by one has joined is
 * it clear whose the next `longwire.live` is.
 */
class Session {
  constructor(hub) {
    this.id = undefined; // until the stream has told it
    this._hub = hub;
    this._last = Promise.resolve();
    this._joining = new Set(); // topics
    this._joined = () => {};
    this._ended = new Promise((_, reject) => (this.end = () => reject(lost('the stream has ended'))));
    this._ended.catch(() => {});
  }

  verbs() {
    return {
      renew: (token) => this.id && this._hub.changeSession(this.id, { token }),
      join: (topics) => this._change({ subscribe: topics }, topics),
      leave: (topics) => void this._change({ unsubscribe: topics }, []).catch(() => {}),
    };
  }

  _change(change, joining) {
    const done = this._last.then(() => Promise.race([this._ended, this._ask(change, joining)]));
    this._last = done.catch(() => {});
    return done;
  }

  async _ask(change, joining) {
    if (this.id === undefined) throw blocked('the event stream does not tell its session');
    this._joining = new Set(joining);
    const joined = new Promise((resolve) => (this._joined = resolve));
    const { subscribed } = await this._hub.changeSession(this.id, change);
    if (this._joining.size > 0) await joined;
    return subscribed.map(({ cursor }) => cursor);
  }

  /** Whether this was about TOPIC, which has joined; without one, all that are on their way have. */
  live(topic) {
    if (topic === undefined) this._joining.clear();
    else this._joining.delete(topic);
    if (this._joining.size === 0) this._joined();
    return topic !== undefined;
  }
}
