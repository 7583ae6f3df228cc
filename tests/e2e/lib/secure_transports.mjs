// The transports of transports.mjs over TLS and HTTP/2, for followers that come and go.
import http2 from 'node:http2';
import https from 'node:https';
import WebSocket from 'ws';

import { websocket } from './h2.mjs';
import { subscribePath } from './http.mjs';
import { SseStream } from './sse.mjs';
import { secureView } from './tls.mjs';
import { fromFrame, fromSseEvent } from './transports.mjs';

/** Long-polls wait this long, s. */
const POLL_WAIT = 2;
const TEXT = 1;

/** What an answer to a long-poll is; returns the cursor of the next, or null at the end. */
function answered(status, body, happen) {
  if (status !== 200) {
    happen({ kind: 'end', why: `status ${status}: ${body}` });
    return null;
  }
  const answer = JSON.parse(body.toString());
  if (answer.gap) happen({ kind: 'gap', ...answer.gap });
  for (const envelope of answer.messages) happen({ kind: 'message', ...envelope });
  happen({ kind: 'cursor', cursor: answer.cursor });
  return answer.cursor;
}

/** Polls in a chain: `ask(path)` resolves to { status, body }. */
function chain(ask, topics, after, happen) {
  let stopped = false;
  const follow = async (cursor) => {
    const { status, body } = await ask(subscribePath(topics, { after: cursor, wait: POLL_WAIT }));
    const next = stopped ? null : answered(status, body, happen);
    if (next !== null) await follow(next);
  };
  follow(after).catch((error) => happen({ kind: 'end', why: error.message }));
  return () => {
    stopped = true;
  };
}

/** All of a stream's body; fails when it is cut. */
function whole(stream) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('closed')));
  });
}

function tellBlock(block, happen) {
  if (block.data !== undefined) happen(fromSseEvent(block.event, block.id, block.data));
  else if (block.id) happen({ kind: 'cursor', cursor: block.id });
}

/** Over HTTP/1.1, each on a connection of its own. */
function ofOwn(hub, ca) {
  const view = secureView(hub, ca);
  const where = { host: '127.0.0.1', port: view.port, servername: 'localhost', ca };

  function poll(_, topics, after, happen) {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path) =>
      new Promise((resolve, reject) => {
        const request = https.get({ ...where, path, agent }, (reply) => {
          const { statusCode: status } = reply;
          whole(reply).then((body) => resolve({ status, body }), reject);
        });
        request.on('error', reject);
      });
    const stop = chain(ask, topics, after, happen);
    return () => {
      stop();
      agent.destroy();
    };
  }

  function sse(_, topics, after, happen) {
    let stream = null;
    let stopped = false;
    const read = async () => {
      stream = await SseStream.open(view, topics, { after, format: 'envelope' });
      if (stopped) stream.close();
      for (;;) tellBlock(await stream.next(), happen);
    };
    read().catch((error) => happen({ kind: 'end', why: error.message }));
    return () => {
      stopped = true;
      stream?.close();
    };
  }

  function ws(_, topics, after, happen) {
    const path = subscribePath(topics, { after });
    const socket = new WebSocket(`wss://127.0.0.1:${view.port}${path}`, where);
    socket.on('message', (data) => happen(fromFrame(JSON.parse(data.toString()))));
    socket.on('error', () => {});
    socket.on('close', (code) => happen({ kind: 'end', why: `close ${code}` }));
    return () => socket.terminate();
  }

  return { 'https-poll': poll, 'https-sse': sse, wss: ws };
}

/** One connection of HTTP/2 for all, and another when that has gone. */
class Shared {
  sessions = 0;
  #hub;
  #ca;
  #session = null;

  constructor(hub, ca) {
    this.#hub = hub;
    this.#ca = ca;
  }

  get() {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    this.sessions++;
    const options = { ca: this.#ca, servername: 'localhost' };
    this.#session = http2.connect(`https://127.0.0.1:${this.#hub.securePort}`, options);
    this.#session.on('error', () => {});
    return this.#session;
  }

  /** Everybody's connection is cut. */
  cut() {
    this.#session?.destroy();
    this.#session = null;
  }
}

function overHttp2(shared) {
  const open = (path, headers = {}) => {
    const stream = shared.get().request({ ':path': path, ...headers });
    stream.on('error', () => {});
    return stream;
  };

  function poll(_, topics, after, happen) {
    let stream = null;
    const ask = async (path) => {
      stream = open(path);
      const status = new Promise((resolve) => {
        stream.on('response', (fields) => resolve(fields[':status']));
        stream.on('close', () => resolve('none')); // cut before it was there
      });
      const body = await whole(stream);
      return { status: await status, body };
    };
    const stop = chain(ask, topics, after, happen);
    return () => {
      stop();
      stream?.close(http2.constants.NGHTTP2_CANCEL);
    };
  }

  function sse(_, topics, after, happen) {
    const path = subscribePath(topics, { after, format: 'envelope' });
    const stream = open(path, { accept: 'text/event-stream' });
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (more) => {
      const blocks = (text + more).split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const lines = block.split('\n').map((line) => /^([^:]*):? ?(.*)$/.exec(line));
        tellBlock(Object.fromEntries(lines.map(([, name, value]) => [name, value])), happen);
      }
    });
    stream.on('close', () => happen({ kind: 'end', why: `code ${stream.rstCode}` }));
    return () => stream.close(http2.constants.NGHTTP2_CANCEL);
  }

  function ws(_, topics, after, happen) {
    let socket = null;
    let stopped = false;
    const read = async () => {
      const path = subscribePath(topics, { after });
      socket = await websocket(shared.get(), path, { 'sec-websocket-protocol': 'longwire.v1' });
      if (stopped) socket.stream.close(http2.constants.NGHTTP2_CANCEL);
      for (;;) {
        const { opcode, payload } = await socket.frames.next('a frame');
        if (opcode === TEXT) happen(fromFrame(JSON.parse(payload.toString())));
      }
    };
    read().catch((error) => happen({ kind: 'end', why: error.message }));
    return () => {
      stopped = true;
      socket?.stream.close(http2.constants.NGHTTP2_CANCEL);
    };
  }

  return { 'h2-poll': poll, 'h2-sse': sse, 'h2-ws': ws };
}

/**
 * Ways to follow `hub` by its TLS listener, as follow() takes them, by name; and what several of
 * them share.
 */
export function secureTransports(hub, ca) {
  const shared = new Shared(hub, ca);
  return { shared, ways: { ...ofOwn(hub, ca), ...overHttp2(shared) } };
}
