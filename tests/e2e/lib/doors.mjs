// The same requests by each way into a hub: HTTP/1.1 and HTTP/2, over TLS or not, through nginx or
// not. A door is { name, ask, events, websocket }; `ask` resolves to { status, text }, `events` to
// one whose `messages`, `session` and `status` can be had, and `websocket` (not every door has it)
// to one that is asked as a WsClient is.
import http2 from 'node:http2';

import { ask as askH2, events as eventsH2, websocket } from './h2.mjs';
import { request, topicPath } from './http.mjs';
import { SseStream } from './sse.mjs';
import { secureRequest, secureView } from './tls.mjs';
import { WsClient } from './ws.mjs';
import { OP, frame } from './wsframe.mjs';

/** Names of fields as HTTP/2 has them. */
export const lowered = (headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** HTTP/1.1 to `view`: a hub, what is in front of it, or a secureView of it. */
export function overHttp1(name, view) {
  const ask = async (method, path, { headers = {}, body } = {}) => {
    if (!view.ca) return request(view, method, path, { headers, body });
    const options = { ca: view.ca, method, headers, body };
    const reply = await secureRequest({ securePort: view.port }, path, options);
    return { ...reply, text: reply.body };
  };
  const events = async (path, headers) => {
    const stream = await SseStream.open(view, null, {}, headers, path);
    return {
      status: stream.status,
      session: () => stream.session,
      nextEvent: (event) => stream.nextEvent(event),
      nextMessage: async () => (await stream.nextMessage()).data,
      close: () => stream.close(),
    };
  };
  const open = async (path, headers) => {
    const ws = new WsClient(view, path, { headers });
    await ws.opened();
    return ws;
  };
  return { name, ask, events, websocket: open, close: () => {} };
}

/** One block of an event stream as { event, data, … }. */
export const fieldsOf = (block) =>
  Object.fromEntries(block.split('\n').map((line) => /^([^:]*):? ?(.*)$/.exec(line).slice(1)));

async function eventsOverHttp2(session, path, headers) {
  const stream = eventsH2(session, path, lowered(headers));
  const next = async (what, match) => {
    const matches = (text) => match(fieldsOf(text));
    return fieldsOf(await stream.blocks.next(what, matches));
  };
  const nextEvent = (event) => next(event, (block) => block.event === event);
  return {
    status: await stream.status,
    session: async () => JSON.parse((await nextEvent('longwire.session')).data).session,
    nextEvent,
    nextMessage: async () => {
      const isMessage = (b) => b.data !== undefined && !b.event?.startsWith('longwire.');
      return (await next('a message', isMessage)).data;
    },
    close: () => stream.stream.close(http2.constants.NGHTTP2_CANCEL),
  };
}

/** A WebSocket by extended CONNECT, asked as a WsClient is. */
export async function websocketOverHttp2(session, path, headers = {}) {
  const socket = await websocket(session, path, lowered(headers));
  const next = async (what, match) => {
    for (;;) {
      const { opcode, payload } = await socket.frames.next(what);
      if (opcode === OP.CLOSE) throw new Error(`${what}: closed with ${payload.readUInt16BE(0)}`);
      if (opcode !== OP.TEXT) continue;
      const object = JSON.parse(payload.toString());
      if (match(object)) return object;
    }
  };
  const send = (object) => socket.send(frame(OP.TEXT, JSON.stringify(object)));
  return {
    ...socket,
    send,
    ask: async (operation) => {
      const ref = `ref-${Math.random()}`;
      send({ ...operation, ref });
      return next(`the answer to ${operation.op}`, (object) => object.ref === ref);
    },
    nextOp: (op) => next(`op ${op}`, (object) => object.op === op),
    nextMessage: () => next('a message', (object) => object.op === undefined),
    closeCode: async () => {
      const isClose = ({ opcode }) => opcode === OP.CLOSE;
      const { payload } = await socket.frames.next('the close frame', isClose);
      return payload.readUInt16BE(0);
    },
    terminate: () => socket.stream.close(http2.constants.NGHTTP2_CANCEL),
  };
}

/** HTTP/2 over TLS to `port`; `connects`: whether it takes WebSockets (nginx passes on none). */
export async function overHttp2(name, port, ca, { connects = true } = {}) {
  const session = http2.connect(`https://127.0.0.1:${port}`, { ca, servername: 'localhost' });
  session.on('error', () => {});
  await new Promise((resolve, reject) => {
    session.once('remoteSettings', resolve);
    session.once('close', () => reject(new Error(`${name}: no connection`)));
  });
  return {
    name,
    ask: (method, path, { headers = {}, body } = {}) =>
      askH2(session, { ':method': method, ':path': path, ...lowered(headers) }, body),
    events: (path, headers) => eventsOverHttp2(session, path, headers),
    websocket: connects && ((path, headers) => websocketOverHttp2(session, path, headers)),
    close: () => session.destroy(),
  };
}

/** Every way to `hub`, which has a listener for TLS (`ca` signed for it), and to two nginx before it. */
export const allDoors = (hub, ca, nginx, secureNginx) =>
  Promise.all([
    overHttp1('HTTP/1.1', hub),
    overHttp1('HTTP/1.1, TLS', secureView(hub, ca)),
    overHttp2('HTTP/2, TLS', hub.securePort, ca),
    overHttp1('nginx', nginx),
    overHttp2('nginx, HTTP/2 and TLS', secureNginx.port, ca, { connects: false }),
  ]);

/** The path of `topic` for who wants its past, too. */
export const fromTheBeginning = (topic, more = '') => `${topicPath(topic)}?after=earliest${more}`;
