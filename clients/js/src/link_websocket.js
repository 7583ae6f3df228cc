// The WebSocket transport (doc/protocol.md, section 10). What links have in common: links.js.

import { frameError, lost, tokenOver } from './errors.js';

const UNAUTHORIZED = 4401; // of the hub's close frames
const IS_OPEN = 1; // readyState

/** A JWT fits into a subprotocol; what does not stands in the URL. */
function newWebSocket(hub, url, token) {
  const fits = token !== undefined && /^[\w.-]+$/.test(token);
  const address = url(fits ? {} : { token }).replace(/^http/, 'ws');
  return fits
    ? new hub.WebSocket(address, ['longwire.v1', `bearer.${token}`])
    : new hub.WebSocket(address);
}

export function openWebSocket({ hub, url, sink, token }) {
  const socket = newWebSocket(hub, url, token);
  const talk = new Talk(socket);
  let over; // why its token is
  const ping = (ref) =>
    socket.readyState === IS_OPEN && socket.send(JSON.stringify({ op: 'ping', ref }));
  socket.onopen = () => sink.opened(); // that alone proves nothing: some proxies hold the frames
  socket.onmessage = ({ data }) => {
    sink.heard();
    try {
      const frame = JSON.parse(data);
      if (frame.op === 'expired') over = frame.reason;
      if (frame.op === undefined) sink.message(frame);
      else if (!talk.answer(frame)) takeFrame(frame, sink);
    } catch (error) {
      sink.fail(lost('a WebSocket frame is not what the hub sends', error));
    }
  };
  socket.onerror = () => {}; // onclose follows
  socket.onclose = ({ code, reason }) => {
    if (code === UNAUTHORIZED) sink.fail(tokenOver(over ?? 'unauthorized'));
    else sink.fail(lost(`WebSocket closed (${code}${reason ? ` ${reason}` : ''})`));
  };
  const close = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    talk.end();
  };
  return { ping, close, ...talk.verbs() };
}

function takeFrame(frame, sink) {
  if (frame.op === 'gap') sink.gap(frame);
  else if (frame.op === 'live') sink.live(frame.cursor);
  else if (frame.op === 'pong') sink.pong(frame.ref);
  else if (frame.op === 'subscribed') sink.subscribed(frame.cursor);
  else if (frame.op === 'error') sink.fail(lost(`the hub says: ${frame.message ?? frame.code}`));
}

/** Requests on a WebSocket and their answers, told apart by `ref`. */
class Talk {
  constructor(socket) {
    this._socket = socket;
    this._lastRef = 0;
    this._waiting = new Map(); // by ref: { topic, resolve, reject }
    this._joining = new Map(); // by topic: called when it has joined
  }

  verbs() {
    return {
      request: (body) => this.request(body),
      renew: (token) => void this.request({ op: 'auth', token }).catch(() => {}),
      join: (topics) => this.join(topics),
      leave: (topics) => topics.forEach((topic) => {
        this._joining.delete(topic);
        this.request({ op: 'unsubscribe', topic }).catch(() => {});
      }),
    };
  }

  request(body) {
    return new Promise((resolve, reject) => {
      if (this._socket.readyState !== IS_OPEN) return reject(lost('the WebSocket is closed'));
      const ref = ++this._lastRef;
      this._waiting.set(ref, { topic: body.op === 'subscribe' && body.topic, resolve, reject });
      this._socket.send(JSON.stringify({ ...body, ref }));
    });
  }

  /** Resolves to the cursors from which the stream's own ids speak for TOPICS, too. */
  join(topics) {
    return Promise.all(topics.map(async (topic) => {
      const { cursor, joined } = await this.request({ op: 'subscribe', topic });
      await joined;
      return cursor;
    }));
  }

  /** Whether FRAME answers a request. */
  answer(frame) {
    if (frame.op === 'pong') return false;
    if (frame.op === 'live') return this._live(frame.topic);
    const asked = this._waiting.get(frame.ref);
    if (!asked) return frame.ref !== undefined;
    this._waiting.delete(frame.ref);
    if (frame.op === 'error') asked.reject(frameError(frame));
    else asked.resolve(asked.topic ? { ...frame, joined: this._whenLive(asked.topic) } : frame);
    return true;
  }

  _whenLive(topic) {
    return new Promise((resolve, reject) => this._joining.set(topic, { resolve, reject }));
  }

  /** TOPIC has joined the others; without one, all that are on their way have. */
  _live(topic) {
    for (const [name, { resolve }] of this._joining) {
      if (topic === undefined || topic === name) {
        this._joining.delete(name);
        resolve();
      }
    }
    return topic !== undefined;
  }

  end() {
    for (const waiting of [this._waiting, this._joining]) {
      waiting.forEach(({ reject }) => reject(lost('the connection has ended')));
      waiting.clear();
    }
  }
}
