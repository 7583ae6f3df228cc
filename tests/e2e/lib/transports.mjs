// One way to subscribe for every transport: what the hub sends, as the same list of happenings.
//
// A happening is { kind: 'message' | 'gap' | 'live' | 'cursor' | 'end', ... }. `follow` opens a
// subscription from a cursor and calls back for each, until it is stopped or the hub ends it.
import http from 'node:http';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

import { subscribePath } from './http.mjs';
import { SseStream } from './sse.mjs';

/** Long-polls wait this long, s; short, so that tests see time limits too. */
const POLL_WAIT = 2;

const message = (envelope) => ({ kind: 'message', ...envelope });

/** WebSocket; in a raw-free world every text frame is an object. */
function followWs(hub, topics, after, happen) {
  const path = subscribePath(topics, { after });
  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}${path}`);
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString());
    if (frame.op === undefined) happen(message(frame));
    else if (frame.op === 'subscribed') happen({ kind: 'cursor', cursor: frame.cursor });
    else happen({ kind: frame.op, ...frame });
  });
  socket.on('error', () => {});
  socket.on('close', (code) => happen({ kind: 'end', why: `close ${code}` }));
  return () => socket.terminate();
}

function fromSseEvent(name, id, data) {
  if (name === 'longwire.gap') return { kind: 'gap', ...JSON.parse(data) };
  if (name === 'longwire.live') return { kind: 'live', ...JSON.parse(data) };
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

export const TRANSPORTS = {
  ws: followWs,
  sse: followSse,
  eventsource: followEventSource,
  poll: followPoll,
};

/**
 * Subscribes to `topics` after `after` over a transport of the table above. `happen` is called for
 * each happening, in order, and never again once the returned function was called.
 */
export function follow(transport, hub, topics, after, happen) {
  let stopped = false;
  const stop = TRANSPORTS[transport](hub, topics, after, (happening) => {
    if (!stopped) happen(happening);
  });
  return () => {
    stopped = true;
    stop();
  };
}
