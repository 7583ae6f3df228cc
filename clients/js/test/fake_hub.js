// A hub in a few lines: a log, and what it answers on each transport, cut or spoiled as a test wants.
// It does all at once, so nothing depends on time.

import { matches } from '../src/topic.js';

const EPOCH = 7;
const cursor = (offset) => `${offset}-${EPOCH}`;
const offsetOf = (text) => Number(text.split('-')[0]);

export class FakeHub {
  messages = []; // envelopes
  connections = 0; // so far, polls among them
  /** What becomes of what the Nth connection is sent: (list of chunks, n) => { chunks, ends }. */
  spoil = (chunks) => ({ chunks, ends: false });
  _streams = new Map(); // by session: { say, topics }

  constructor(number, topics = ['a']) {
    for (let i = 1; i <= number; i++) {
      const topic = topics[i % topics.length];
      const data = { n: i, text: 'grüße 🚀\r\n' };
      this.messages.push({ id: cursor(i), topic, time: '2026-01-01T00:00:00.000Z', data });
    }
  }

  get head() {
    return cursor(this.messages.length);
  }

  /** What stands behind AFTER for TOPICS. */
  replay(topics, after, limit = Infinity) {
    const wanted = ({ topic }) => topics.some((filter) => matches(filter, topic));
    const mine = this.messages.filter(wanted);
    if (after === 'latest') return [];
    if (after === 'earliest') return mine.slice(0, limit);
    if (after.startsWith('-')) return mine.slice(Number(after)).slice(0, limit);
    return mine.filter(({ id }) => offsetOf(id) > offsetOf(after)).slice(0, limit);
  }

  fetch = async (url, { headers, method, body, signal }) => {
    const { pathname, searchParams } = new URL(url);
    if (pathname.startsWith('/session/')) return this._change(pathname.slice(9), JSON.parse(body));
    const topics = searchParams.getAll('topic');
    const after = searchParams.get('after');
    if (headers.accept === 'text/event-stream') return this._stream(topics, after, signal);
    if (method === 'POST') throw new Error('nobody publishes here');
    return this._poll(topics, after, searchParams, signal);
  };

  _poll(topics, after, parameters, signal) {
    const limit = Number(parameters.get('limit') ?? 4);
    const messages = this.replay(topics, after, limit);
    if (Number(parameters.get('wait')) > 0 && messages.length === 0) return never(signal);
    const isAll = messages.length === this.replay(topics, after).length;
    const place = isAll ? this.head : messages.at(-1).id;
    const text = JSON.stringify({ cursor: place, messages, ...(isAll && { live: true }) });
    const { chunks } = this.spoil([...Buffer.from(text)], this.connections++);
    return streamOf(chunks, true, 'application/json', signal).response;
  }

  _stream(topics, after, signal) {
    const session = `s${this.connections}`;
    const start = /^\d/.test(after) ? after : this.head;
    const parts = [`retry: 1\n${/^\d|latest/.test(after) ? `id: ${start}\n` : ''}\n`];
    parts.push(`event: longwire.session\ndata: {"session":"${session}"}\n\n`);
    for (const m of this.replay(topics, after)) parts.push(`id: ${m.id}\ndata: ${JSON.stringify(m)}\n\n`);
    parts.push(`id: ${this.head}\nevent: longwire.live\ndata: {"cursor":"${this.head}"}\n\n`);
    const { chunks, ends } = this.spoil([...Buffer.from(parts.join(''))], this.connections++);
    const { response, say } = streamOf(chunks, ends, 'text/event-stream', signal);
    this._streams.set(session, say);
    return response;
  }

  _change(session, { subscribe = [], unsubscribe = [] }) {
    const say = this._streams.get(session);
    for (const topic of subscribe) {
      say(`id: ${this.head}\nevent: longwire.live\ndata: {"cursor":"${this.head}","topic":"${topic}"}\n\n`);
    }
    const subscribed = subscribe.map((topic) => ({ topic, cursor: this.head }));
    return Response.json({ subscribed, unsubscribed: unsubscribe });
  }

  /** A WebSocket class; chunks are frames. */
  get WebSocket() {
    const hub = this;
    return class {
      readyState = 0;

      constructor(url) {
        const { searchParams } = new URL(url);
        setImmediate(() => this._begin(searchParams.getAll('topic'), searchParams.get('after')));
      }

      _begin(topics, after) {
        if (this.readyState === 3) return;
        this.readyState = 1;
        this.onopen?.();
        const first = { op: 'subscribed', topic: topics[0], cursor: hub.head };
        const frames = [first, ...hub.replay(topics, after), { op: 'live', cursor: hub.head }];
        const { chunks, ends } = hub.spoil(frames.map((frame) => JSON.stringify(frame)), hub.connections++);
        for (const data of chunks) this.onmessage?.({ data });
        if (ends) this._end();
      }

      _end() {
        this.readyState = 3;
        this.onclose?.({ code: 1006, reason: '' });
      }

      send(text) {
        const { op, ref, topic } = JSON.parse(text);
        const say = (frame) => setImmediate(() => this.onmessage?.({ data: JSON.stringify(frame) }));
        if (op === 'ping') return say({ op: 'pong', ref });
        if (op !== 'subscribe') return say({ op: `${op}d`, topic, ref });
        say({ op: 'subscribed', topic, cursor: hub.head, ref });
        say({ op: 'live', topic, cursor: hub.head });
      }

      close() {
        this.readyState = 3;
      }
    };
  }
}

const never = (signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** CHUNKS: bytes. */
function streamOf(chunks, ends, type, signal) {
  let controller;
  const body = new ReadableStream({ start: (c) => (controller = c) });
  const say = (text) => controller.enqueue(typeof text === 'string' ? Buffer.from(text) : text);
  if (chunks.length > 0) say(Uint8Array.from(chunks));
  if (ends) controller.close();
  else signal?.addEventListener('abort', () => controller.error(signal.reason));
  return { say, response: new Response(body, { headers: { 'content-type': type } }) };
}
