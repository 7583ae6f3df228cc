// One way to subscribe for every transport: what the hub sends, as the same list of happenings.
//
// A happening is { kind: 'message' | 'gap' | 'live' | 'cursor' | 'end', ... }. `follow` opens a
// subscription from a cursor and calls back for each, until it is stopped or the hub ends it.
// `Roamer` does what a client does with it: it keeps its last cursor, and nothing else.
import http from 'node:http';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

import { get, subscribePath } from './http.mjs';
import { SseStream } from './sse.mjs';
import { sleep } from './wait.mjs';

/** Long-polls wait this long, s; short, so that tests see time limits too. */
const POLL_WAIT = 2;

const message = (envelope) => ({ kind: 'message', ...envelope });

/** What an object of a WebSocket frame is. */
export function fromFrame(frame) {
  if (frame.op === undefined) return message(frame);
  // With several topics each subscribe is answered; the cursor is the same for all.
  if (frame.op === 'subscribed') return { kind: 'cursor', cursor: frame.cursor };
  return { kind: frame.op, ...frame };
}

function openWs(hub, path, happen, options) {
  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}${path}`, options);
  socket.on('message', (data) => happen(fromFrame(JSON.parse(data.toString()))));
  socket.on('error', () => {});
  socket.on('close', (code) => happen({ kind: 'end', why: `close ${code}` }));
  return socket;
}

/** WebSocket, subscribed by its URL. Compressed: npm ws offers it. */
function followWs(hub, topics, after, happen) {
  const socket = openWs(hub, subscribePath(topics, { after }), happen);
  return () => socket.terminate();
}

function followWsPlain(hub, topics, after, happen) {
  const path = subscribePath(topics, { after });
  const socket = openWs(hub, path, happen, { perMessageDeflate: false });
  return () => socket.terminate();
}

/** WebSocket on /ws, subscribed by an operation: one topic or pattern. */
function followWsOperation(hub, topics, after, happen) {
  const [topic, ...others] = [topics].flat();
  if (others.length) throw new Error('one topic at a time');
  const socket = openWs(hub, '/ws', happen);
  socket.on('open', () => socket.send(JSON.stringify({ op: 'subscribe', topic, after })));
  return () => socket.terminate();
}

/** What an event of a stream is; the hub may have further events of its own. */
export function fromSseEvent(name, id, data) {
  if (name === 'longwire.gap') return { kind: 'gap', ...JSON.parse(data) };
  if (name === 'longwire.live') return { kind: 'live', ...JSON.parse(data) };
  if (name?.startsWith('longwire.')) return { kind: name };
  return message(JSON.parse(data));
}

/** SSE as bytes. */
function followSse(hub, topics, after, happen) {
  let stream = null;
  let stopped = false;
  const read = async () => {
    stream = await SseStream.open(hub, topics, { after, format: 'envelope' });
    if (stopped) stream.close();
    for (;;) {
      const block = await stream.next();
      if (block.data !== undefined) happen(fromSseEvent(block.event, block.id, block.data));
      else if (block.id) happen({ kind: 'cursor', cursor: block.id });
    }
  };
  read().catch((error) => happen({ kind: 'end', why: error.message }));
  return () => {
    stopped = true;
    stream?.close();
  };
}

/** npm eventsource. It reconnects by itself; a test that stops it closes it. */
function followEventSource(hub, topics, after, happen) {
  const path = subscribePath(topics, { after, format: 'envelope' });
  const source = new EventSource(`${hub.url}${path}`);
  for (const name of ['message', 'longwire.gap', 'longwire.live', 'named']) {
    source.addEventListener(name, (event) => {
      happen(fromSseEvent(name, event.lastEventId, event.data));
    });
  }
  source.addEventListener('error', () => happen({ kind: 'error' }));
  return () => source.close();
}

/** Long-polls in a chain. */
function followPoll(hub, topics, after, happen) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let stopped = false;
  const ask = (cursor) => {
    const path = subscribePath(topics, { after: cursor, wait: POLL_WAIT });
    const request = http.get({ host: '127.0.0.1', port: hub.port, path, agent }, (reply) => {
      const chunks = [];
      reply.on('data', (chunk) => chunks.push(chunk));
      reply.on('error', end);
      reply.on('end', () => reply.complete && answered(Buffer.concat(chunks), reply.statusCode));
    });
    request.on('error', end);
  };
  const end = (error) => happen({ kind: 'end', why: error.message });
  const answered = (body, status) => {
    if (stopped) return;
    if (status !== 200) {
      end(new Error(`status ${status}: ${body}`));
      return;
    }
    const answer = JSON.parse(body.toString());
    if (answer.gap) happen({ kind: 'gap', ...answer.gap });
    for (const envelope of answer.messages) happen(message(envelope));
    happen({ kind: 'cursor', cursor: answer.cursor });
    if (answer.live) happen({ kind: 'live', cursor: answer.cursor });
    ask(answer.cursor);
  };
  ask(after);
  return () => {
    stopped = true;
    agent.destroy();
  };
}

/** For sets of any size. */
export const TRANSPORTS = {
  ws: followWs,
  'ws-plain': followWsPlain,
  sse: followSse,
  eventsource: followEventSource,
  poll: followPoll,
};

const SINGLE_TRANSPORTS = { ...TRANSPORTS, 'ws-operation': followWsOperation };

/** The names of the transports that can subscribe to so many topics. */
export function transportsFor(topics) {
  return Object.keys(topics.length === 1 ? SINGLE_TRANSPORTS : TRANSPORTS);
}

/**
 * Subscribes to `topics` after `after` over a transport of the table above, or by a function like
 * those in it. `happen` is called for each happening, in order, and never again once the returned
 * function was called.
 */
export function follow(transport, hub, topics, after, happen) {
  let stopped = false;
  const open = SINGLE_TRANSPORTS[transport] ?? transport;
  const stop = open(hub, topics, after, (happening) => {
    if (!stopped) happen(happening);
  });
  return () => {
    stopped = true;
    stop();
  };
}

/** A subscriber that may lose its connection at any moment, and goes on from its last cursor. */
export class Roamer {
  /** Ids of the messages received, over all connections. */
  ids = [];
  gaps = [];
  /** How often it has connected. */
  connections = 0;
  #hub;
  #stop = null;
  #happened = () => {};

  constructor(hub, topics, cursor) {
    this.#hub = hub;
    this.topics = topics;
    this.cursor = cursor;
  }

  get received() {
    return this.ids.length;
  }

  get connected() {
    return this.#stop !== null;
  }

  /** To the hub, or to what is in front of it. */
  connect(transport, hub = this.#hub) {
    this.connections++;
    this.transport = transport;
    this.#stop = follow(transport, hub, this.topics, this.cursor, (happening) =>
      this.#take(happening),
    );
  }

  #take(happening) {
    if (happening.kind === 'message') this.ids.push(happening.id);
    if (happening.kind === 'gap') this.gaps.push({ transport: this.transport, ...happening });
    this.cursor = happening.id ?? happening.resumed ?? happening.cursor ?? this.cursor;
    if (happening.kind === 'end') this.disconnect();
    this.#happened();
  }

  /** Drops the connection without a word. */
  disconnect() {
    this.#stop?.();
    this.#stop = null;
  }

  /** Reconnects on one transport whenever the connection ends, until `isOver`. */
  async persist(transport, isOver) {
    while (!isOver()) {
      if (!this.connected) {
        this.connect(transport);
        await sleep(20);
      }
      await this.next(100);
    }
    this.disconnect();
  }

  /** Resolves when the next thing happens, or after `ms`. */
  async next(ms) {
    let timer;
    await new Promise((resolve) => {
      this.#happened = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }
}

/** One on each transport, from where the log is now on, that comes back until the test is over, or `end`
 * is called. */
export async function startRoamers(t, hub, filter) {
  const start = (await get(hub, '/cursor')).headers['longwire-cursor'];
  let over = false;
  const end = () => (over = true);
  t.after(end);
  const roamers = ['ws', 'sse', 'poll'].map((transport) => {
    const roamer = new Roamer(hub, [filter], start);
    roamer.persist(transport, () => over);
    return roamer;
  });
  return { roamers, end };
}
