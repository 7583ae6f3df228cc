// Stand-ins for the network: every connection waits here for the test to say what happens to it.

/** How long a test waits for what the client should do, ms; fakeClock() does not change it. */
const PATIENCE_MS = 20_000;
const { setTimeout: realTimeout, clearTimeout: clearRealTimeout } = globalThis;

/** Resolves with what is pushed, in order; the test awaits what the client does. */
export class Inbox {
  #items = [];
  #waiting = [];

  push(item) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next() {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`nothing has come for ${PATIENCE_MS / 1000} s`));
      const timer = realTimeout(late, PATIENCE_MS);
      this.#waiting.push((item) => {
        clearRealTimeout(timer);
        resolve(item);
      });
    });
  }

  get size() {
    return this.#items.length;
  }
}

/** A WebSocket class whose instances arrive in OPENED. */
export function fakeWebSocket(opened) {
  return class {
    readyState = 0;
    sent = [];
    closed = false;

    constructor(url, protocols) {
      this.url = new URL(url);
      this.protocols = protocols;
      opened.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.closed = true;
      this.readyState = 3;
    }

    // What the test does.
    accept(...frames) {
      this.readyState = 1;
      this.onopen?.();
      frames.forEach((frame) => this.say(frame));
    }

    say(frame) {
      this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
    }

    break(code = 1006) {
      this.readyState = 3;
      this.onclose?.({ code, reason: '' });
    }
  };
}

/** A fetch whose calls arrive in CALLED as { url, init, answer(), refuse(), stream() }. */
export function fakeFetch(called) {
  return (url, init) => new Promise((resolve, reject) => {
    init.signal?.addEventListener('abort', () => reject(init.signal.reason));
    const json = (body, status = 200, headers = {}) =>
      resolve(new Response(JSON.stringify(body), {
        status,
        headers: { 'content-type': 'application/json', ...headers },
      }));
    called.push({
      url: new URL(url),
      init,
      answer: json,
      problem: (status, detail, headers) => {
        const type = { 'content-type': 'application/problem+json' };
        json({ status, detail }, status, { ...type, ...headers });
      },
      refuse: () => reject(new TypeError('fetch failed')),
      respond: resolve,
      sse: () => {
        const { response, say, end } = openStream(init.signal);
        resolve(response);
        return { say, end };
      },
    });
  });
}

function openStream(signal) {
  let controller;
  const body = new ReadableStream({ start: (c) => (controller = c) });
  signal?.addEventListener('abort', () => controller.error(signal.reason));
  const bytes = new TextEncoder();
  return {
    response: new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    say: (text) => controller.enqueue(bytes.encode(text)),
    end: () => controller.close(),
  };
}

/**
 * Puts a clock that only tick() moves in place of setTimeout, setInterval and Date.now until the
 * test T ends. (node:test has one, but in Node.js 18 it does not know Date.)
 */
export function fakeClock(t) {
  const real = { setTimeout, clearTimeout, setInterval, clearInterval };
  const realNow = Date.now;
  const timers = new Map();
  let now = 1_000_000;
  let lastId = 0;

  const add = (run, delay, interval) => {
    timers.set(++lastId, { run, at: now + delay, interval });
    return lastId;
  };
  const clear = (id) => timers.delete(id);
  const next = (until) => {
    const due = [...timers].filter(([, { at }]) => at <= until);
    return due.sort(([, a], [, b]) => a.at - b.at)[0];
  };

  Object.assign(globalThis, {
    setTimeout: (run, delay = 0) => add(run, delay, 0),
    setInterval: (run, delay) => add(run, delay, delay),
    clearTimeout: clear,
    clearInterval: clear,
  });
  Date.now = () => now;
  t.after(() => {
    Object.assign(globalThis, real);
    Date.now = realNow;
  });

  return {
    tick(ms) {
      const until = now + ms;
      for (let due = next(until); due; due = next(until)) {
        const [id, timer] = due;
        now = timer.at;
        if (timer.interval) timer.at += timer.interval;
        else timers.delete(id);
        timer.run();
      }
      now = until;
    },
  };
}

export function message(offset, data = offset, more = {}) {
  return { id: `${offset}-7`, topic: 'a', time: '2026-01-01T00:00:00.000Z', data, ...more };
}

export function sseMessage(offset, data) {
  const m = message(offset, data);
  return `id: ${m.id}\nevent: some_name\ndata: ${JSON.stringify(m)}\n\n`;
}
