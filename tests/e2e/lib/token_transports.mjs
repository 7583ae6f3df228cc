// The transports of transports.mjs for followers that need tokens, which end at random moments, and
// bring others at random moments, too.
import http from 'node:http';
import http2 from 'node:http2';
import WebSocket from 'ws';

import { fieldsOf, lowered, websocketOverHttp2 } from './doors.mjs';
import { events } from './h2.mjs';
import { get, request, subscribePath } from './http.mjs';
import { SseStream } from './sse.mjs';
import { bearer, now } from './tokens.mjs';
import { fromFrame, fromSseEvent } from './transports.mjs';
import { OP } from './wsframe.mjs';

/** Long-polls wait this long, s: longer than many tokens count. */
const POLL_WAIT = 4;
/** For how many seconds a token counts. */
const LIVES = [1, 1, 2, 2, 3, 5, 30];
/** After so many ms at most one brings another. */
const RENEWAL_MS = 1500;

/** One user's tokens: each is another one, by a random key, for a random time. */
export class Wallet {
  #keys;
  #random;

  /** `grants`: patterns that they grant from now on; it may be changed. */
  constructor(keys, sub, grants, random) {
    this.#keys = keys;
    this.#random = random;
    this.sub = sub;
    this.grants = grants;
  }

  next() {
    const kid = this.#random.pick(['hs', 'hs', 'hs', 'rs', 'es']);
    const exp = now() + this.#random.pick(LIVES);
    const longwire = { subscribe: this.grants, publish: this.grants };
    return this.#keys.sign({ sub: this.sub, exp, longwire, n: this.#random.int(0, 1e9) }, kid);
  }
}

/** Calls `renew` at random moments until the returned function is called. */
function renewals(random, renew) {
  let timer;
  const plan = () => {
    timer = setTimeout(() => {
      renew();
      plan();
    }, random.int(50, RENEWAL_MS));
  };
  plan();
  return () => clearTimeout(timer);
}

/**
 * Ways to follow, as follow() of transports.mjs takes them, for the owner of `wallet`. `tap` is told
 * what happens before the follower is: also { kind: 'renewed' }, and { kind: 'expired' } whatever the
 * transport calls it. `session` is a connection of HTTP/2, which many share.
 */
export function tokenTransports(wallet, random, tap, session) {
  /** Where the token stands: [parameters, headers]. */
  const place = (token) =>
    random.pick([
      [{}, bearer(token)],
      [{ token }, {}],
      [{}, { Cookie: `longwire_token=${token}` }],
    ]);
  /** Nothing happens any more to who has been stopped. */
  const tapped = (open) => (hub, topics, after, happen) => {
    let stopped = false;
    const stop = open(hub, topics, after, (happening) => {
      if (stopped) return;
      tap(happening);
      happen(happening);
    });
    return () => {
      stopped = true;
      stop();
    };
  };

  function socket(url, protocols, headers, tell) {
    const ws = new WebSocket(url, protocols, { headers, perMessageDeflate: random.next() < 0.5 });
    const auth = () => {
      if (ws.readyState === WebSocket.OPEN)
        ws.send(JSON.stringify({ op: 'auth', token: wallet.next() }));
    };
    ws.on('message', (data) => {
      const happening = fromFrame(JSON.parse(data.toString()));
      tell(happening.kind === 'authenticated' ? { kind: 'renewed' } : happening);
    });
    ws.on('error', (error) => tell({ kind: 'end', why: error.message }));
    ws.on('close', (code) => tell({ kind: 'end', why: `close ${code}` }));
    const stopRenewing = renewals(random, auth);
    return {
      ws,
      auth,
      stop: () => {
        stopRenewing();
        ws.terminate();
      },
    };
  }

  const urlOf = (hub, path) => `ws://127.0.0.1:${hub.port}${path}`;

  function ws(hub, topics, after, tell) {
    const token = wallet.next();
    const [parameters, headers] = place(token);
    const url = urlOf(hub, subscribePath(topics, { after, ...parameters }));
    return socket(url, [], headers, tell).stop;
  }

  function wsProtocol(hub, topics, after, tell) {
    const protocols = ['longwire.v1', `bearer.${wallet.next()}`];
    return socket(urlOf(hub, subscribePath(topics, { after })), protocols, {}, tell).stop;
  }

  /** Without a token at first. Each topic of the URL is then one of its own: for a single one. */
  function wsAuth(hub, topics, after, tell) {
    const opened = socket(urlOf(hub, subscribePath(topics, { after })), [], {}, tell);
    opened.ws.on('open', opened.auth);
    return opened.stop;
  }

  /** Reads an event stream until it ends; `open(path, headers)` resolves to { status, named, next, close }. */
  function stream(open, hub, topics, after, tell) {
    let opened = null;
    let stopped = false;
    const renew = async () => {
      if (!opened) return;
      const reply = await request(hub, 'POST', `/session/${await opened.named}`, {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ token: wallet.next() }),
      });
      // 401: it was over before it came; 404: the stream is.
      if (reply.status === 200) tell({ kind: 'renewed' });
      else if (![401, 404].includes(reply.status)) throw new Error(reply.text);
    };
    const take = (block) => {
      if (block.data === undefined) return block.id && tell({ kind: 'cursor', cursor: block.id });
      const happening = fromSseEvent(block.event, block.id, block.data);
      return tell(happening.kind === 'longwire.expired' ? { kind: 'expired' } : happening);
    };
    const read = async () => {
      const [parameters, headers] = place(wallet.next());
      const wanted = { after, format: 'envelope', ...parameters };
      opened = await open(subscribePath(topics, wanted), headers);
      if (stopped) opened.close();
      if (opened.status !== 200) throw new Error(`status ${opened.status}`);
      for (;;) take(await opened.next());
    };
    const end = (error) => tell({ kind: 'end', why: error.message });
    const stopRenewing = renewals(random, () => renew().catch(end));
    read().catch(end);
    return () => {
      stopped = true;
      stopRenewing();
      opened?.close();
    };
  }

  function sse(hub, topics, after, tell) {
    const open = async (path, headers) => {
      const one = await SseStream.open(hub, null, {}, headers, path);
      const { status, session: named } = one;
      return { status, named, next: () => one.next(), close: () => one.close() };
    };
    return stream(open, hub, topics, after, tell);
  }

  function h2Sse(hub, topics, after, tell) {
    const open = async (path, headers) => {
      const one = events(session, path, lowered(headers));
      let name;
      const named = new Promise((resolve) => (name = resolve));
      const next = async () => {
        const block = fieldsOf(await one.blocks.next('a block'));
        if (block.event === 'longwire.session') name(JSON.parse(block.data).session);
        return block;
      };
      const close = () => one.stream.close(http2.constants.NGHTTP2_CANCEL);
      return { status: await one.status, named, next, close };
    };
    return stream(open, hub, topics, after, tell);
  }

  function h2Ws(_, topics, after, tell) {
    let socket = null;
    let stopped = false;
    const read = async () => {
      const [parameters, headers] = place(wallet.next());
      const path = subscribePath(topics, { after, ...parameters });
      socket = await websocketOverHttp2(session, path, headers);
      if (stopped) socket.terminate();
      const status = socket.response[':status'];
      if (status !== 200) throw new Error(`status ${status}`);
      for (;;) {
        const { opcode, payload } = await socket.frames.next('a frame');
        if (opcode === OP.CLOSE) throw new Error(`close ${payload.readUInt16BE(0)}`);
        if (opcode !== OP.TEXT) continue;
        const happening = fromFrame(JSON.parse(payload.toString()));
        tell(happening.kind === 'authenticated' ? { kind: 'renewed' } : happening);
      }
    };
    const auth = () => socket?.stream.writable && socket.send({ op: 'auth', token: wallet.next() });
    const stopRenewing = renewals(random, auth);
    read().catch((error) => tell({ kind: 'end', why: error.message }));
    return () => {
      stopped = true;
      stopRenewing();
      socket?.terminate();
    };
  }

  function poll(hub, topics, after, tell) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let stopped = false;
    let token = wallet.next();
    const answered = (answer) => {
      if (answer.gap) tell({ kind: 'gap', ...answer.gap });
      for (const envelope of answer.messages) tell({ kind: 'message', ...envelope });
      tell({ kind: 'cursor', cursor: answer.cursor });
      return answer.cursor;
    };
    const read = async (cursor) => {
      if (random.next() < 0.3) token = wallet.next();
      const [parameters, headers] = place(token);
      const path = subscribePath(topics, { after: cursor, wait: POLL_WAIT, ...parameters });
      const reply = await get(hub, path, { headers, agent });
      if (stopped) return;
      if (reply.status === 401) tell({ kind: 'expired' });
      if (reply.status !== 200) throw new Error(`status ${reply.status}`);
      await read(answered(reply.json()));
    };
    read(after).catch((error) => tell({ kind: 'end', why: error.message }));
    return () => {
      stopped = true;
      agent.destroy();
    };
  }

  const ways = { ws, wsProtocol, h2Ws, sse, h2Sse, poll, wsAuth };
  return Object.fromEntries(Object.entries(ways).map(([name, open]) => [name, tapped(open)]));
}
