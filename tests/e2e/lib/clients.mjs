// Other people's clients, each as a way to follow topics (see transports.mjs) and, where it can, to
// publish. `hub` is whatever they connect to: the hub, or something in front of it.
import { EventSource as NpmEventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EventSource as UndiciEventSource, WebSocket as UndiciWebSocket, fetch } from 'undici';
import NpmWebSocket from 'ws';

import { subscribePath, topicPath } from './http.mjs';
import { launch, run } from './hub.mjs';
import { fromFrame, fromSseEvent } from './transports.mjs';
import { within } from './wait.mjs';

/** Long-polls wait this long, s. */
const POLL_WAIT = 5;
/** Debian's, which has Debian's python3-websockets; there may be others. */
const PYTHON = '/usr/bin/python3';
const PYTHON_CLIENT = fileURLToPath(new URL('../websockets_client.py', import.meta.url));

const wsUrl = (hub, path) => `${hub.url.replace(/^http/, 'ws')}${path}`;
const streamUrl = (hub, topics, after) =>
  `${hub.url}${subscribePath(topics, { after, format: 'envelope' })}`;
const pollUrl = (hub, topics, after) =>
  `${hub.url}${subscribePath(topics, { after, wait: POLL_WAIT })}`;
const publishOperation = (topic, data) => JSON.stringify({ op: 'publish', topic, data });
/** Without what would lead them to a proxy that is none of ours. */
const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)));

/** Tells what one answer of a long-poll holds, in its order; returns its cursor. */
function tellAnswer(answer, happen) {
  if (answer.gap) happen({ kind: 'gap', ...answer.gap });
  for (const envelope of answer.messages) happen({ kind: 'message', ...envelope });
  happen({ kind: answer.live ? 'live' : 'cursor', cursor: answer.cursor });
  return answer.cursor;
}

// --- Node.js ---------------------------------------------------------------------------------------

/** For a WebSocket with the browsers' interface. */
const followWith = (WebSocket) => (hub, topics, after, happen) => {
  const socket = new WebSocket(wsUrl(hub, subscribePath(topics, { after })), 'longwire.v1');
  socket.onmessage = ({ data }) => happen(fromFrame(JSON.parse(data)));
  // undici's says no more than this when it cannot connect.
  socket.onerror = () => happen({ kind: 'end', why: 'an error' });
  socket.onclose = ({ code }) => happen({ kind: 'end', why: `close ${code}` });
  return () => socket.close();
};

const publishWith = (WebSocket) => (hub, topic, data) => {
  const socket = new WebSocket(wsUrl(hub, '/ws'), 'longwire.v1');
  const answered = new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(publishOperation(topic, data));
    socket.onmessage = (event) => resolve(JSON.parse(event.data));
    socket.onerror = () => reject(new Error('an error'));
    socket.onclose = ({ code }) => reject(new Error(`close ${code}`));
  });
  return within(answered, 'a publish to be answered').finally(() => socket.close());
};

/** For an EventSource with the browsers' interface; it reconnects by itself. */
const listenWith = (EventSource) => (hub, topics, after, happen) => {
  const source = new EventSource(streamUrl(hub, topics, after));
  for (const name of ['message', 'longwire.gap', 'longwire.live']) {
    source.addEventListener(name, ({ lastEventId, data }) =>
      happen(fromSseEvent(name, lastEventId, data)),
    );
  }
  // undici's, which gives up after some breaks that the standard has it survive, is closed only when
  // it has told of the error.
  source.addEventListener('error', () =>
    setImmediate(() => {
      if (source.readyState === EventSource.CLOSED) happen({ kind: 'end', why: 'it gave up' });
    }),
  );
  return () => source.close();
};

/** Puts pieces of text together to events. */
const eventParser = (happen) =>
  createParser({ onEvent: ({ event, id, data }) => happen(fromSseEvent(event, id, data)) });

function followParser(hub, topics, after, happen) {
  const ended = new AbortController();
  const read = async () => {
    const headers = { Accept: 'text/event-stream', 'Last-Event-ID': after };
    const options = { headers, signal: ended.signal };
    const reply = await fetch(streamUrl(hub, topics), options);
    if (reply.status !== 200) throw new Error(`status ${reply.status}`);
    const parser = eventParser(happen);
    const decoder = new TextDecoder();
    for await (const chunk of reply.body) parser.feed(decoder.decode(chunk, { stream: true }));
    throw new Error('the stream ended');
  };
  read().catch((error) => happen({ kind: 'end', why: error.message }));
  return () => ended.abort();
}

function followFetch(hub, topics, after, happen) {
  const ended = new AbortController();
  const read = async () => {
    for (let cursor = after; ; ) {
      const reply = await fetch(pollUrl(hub, topics, cursor), { signal: ended.signal });
      if (reply.status !== 200) throw new Error(`status ${reply.status}`);
      cursor = tellAnswer(await reply.json(), happen);
    }
  };
  read().catch((error) => happen({ kind: 'end', why: error.message }));
  return () => ended.abort();
}

async function publishFetch(hub, topic, data) {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify(data);
  const reply = await fetch(`${hub.url}${topicPath(topic)}`, { method: 'POST', headers, body });
  return reply.json();
}

// --- Other programs --------------------------------------------------------------------------------

/** A program whose lines of output are `heard`; `ended` is called once. */
function listenToLines(program, words, heard, ended) {
  const child = launch(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  let complaint = '';
  createInterface({ input: child.stdout }).on('line', heard);
  child.stderr.on('data', (data) => {
    complaint += data;
  });
  child.stdin.on('error', () => {});
  child.ended.then(({ code, error }) => ended(error?.message ?? `exit ${code}: ${complaint}`));
  return child;
}

function followPython(hub, topics, after, happen) {
  const url = wsUrl(hub, subscribePath(topics, { after }));
  const child = listenToLines(
    PYTHON,
    [PYTHON_CLIENT, url],
    (line) => happen(fromFrame(JSON.parse(line))),
    (why) => happen({ kind: 'end', why }),
  );
  return () => child.kill('SIGKILL');
}

function publishPython(hub, topic, data) {
  let child;
  const answered = new Promise((resolve, reject) => {
    const words = [PYTHON_CLIENT, wsUrl(hub, '/ws')];
    const heard = (line) => resolve(JSON.parse(line));
    child = listenToLines(PYTHON, words, heard, (why) => reject(new Error(why)));
    child.stdin.write(`${publishOperation(topic, data)}\n`);
  });
  return within(answered, 'a publish to be answered').finally(() => child.kill('SIGKILL'));
}

function followCurlStream(hub, topics, after, happen) {
  const headers = ['-H', 'Accept: text/event-stream', '-H', `Last-Event-ID: ${after}`];
  const parser = eventParser(happen);
  const child = listenToLines(
    'curl',
    ['-sSN', ...headers, streamUrl(hub, topics)],
    (line) => parser.feed(`${line}\n`),
    (why) => happen({ kind: 'end', why }),
  );
  return () => child.kill('SIGKILL');
}

const curl = (words) => run('curl', ['-sS', '-m', '20', ...words], { env: environment() });

function followCurlPoll(hub, topics, after, happen) {
  let stopped = false;
  const read = async () => {
    for (let cursor = after; !stopped; ) {
      const { code, stdout, stderr } = await curl(['-f', pollUrl(hub, topics, cursor)]);
      if (code !== 0) throw new Error(stderr);
      cursor = tellAnswer(JSON.parse(stdout), happen);
    }
  };
  read().catch((error) => happen({ kind: 'end', why: error.message }));
  return () => {
    stopped = true;
  };
}

async function publishCurl(hub, topic, data) {
  const words = ['-d', JSON.stringify(data), `${hub.url}${topicPath(topic)}`];
  const { code, stdout, stderr } = await curl(words);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** { name, follow, publish }; publish returns the hub's answer, and is left out where it cannot. */
export const CLIENTS = [
  {
    name: "npm ws's WebSocket",
    follow: followWith(NpmWebSocket),
    publish: publishWith(NpmWebSocket),
  },
  { name: "npm eventsource's EventSource", follow: listenWith(NpmEventSource) },
  { name: 'npm eventsource-parser on a fetch', follow: followParser, publish: publishFetch },
  {
    name: "undici's WebSocket",
    follow: followWith(UndiciWebSocket),
    publish: publishWith(UndiciWebSocket),
  },
  { name: "undici's fetch, polling", follow: followFetch, publish: publishFetch },
  { name: "undici's EventSource", follow: listenWith(UndiciEventSource) },
  { name: "Python's websockets", follow: followPython, publish: publishPython },
  { name: 'curl, streaming', follow: followCurlStream, publish: publishCurl },
  { name: 'curl, polling', follow: followCurlPoll, publish: publishCurl },
];

// --- Chromium --------------------------------------------------------------------------------------

/** Runs in the page: what the browser itself has, told to the test as it comes. */
function inPage() {
  const stops = new Map();
  const openWs = (url, tell) => {
    const socket = new WebSocket(url, 'longwire.v1');
    socket.onmessage = ({ data }) => tell({ frame: data });
    socket.onclose = ({ code }) => tell({ end: `close ${code}` });
    return () => socket.close();
  };
  const openSse = (url, tell) => {
    const source = new EventSource(url);
    for (const name of ['message', 'longwire.gap', 'longwire.live']) {
      source.addEventListener(name, ({ lastEventId, data }) =>
        tell({ event: name, id: lastEventId, data }),
      );
    }
    source.onerror = () => source.readyState === EventSource.CLOSED && tell({ end: 'it gave up' });
    return () => source.close();
  };
  const openPoll = (url, tell) => {
    const ended = new AbortController();
    const read = async () => {
      for (;;) {
        const reply = await fetch(url, { signal: ended.signal });
        if (reply.status !== 200) throw new Error(`status ${reply.status}`);
        const answer = await reply.json();
        tell({ answer });
        url = url.replace(/after=[^&]*/, `after=${answer.cursor}`);
      }
    };
    read().catch((error) => tell({ end: String(error) }));
    return () => ended.abort();
  };
  const open = { ws: openWs, sse: openSse, poll: openPoll };
  window.startFollowing = (key, transport, url) => {
    stops.set(
      key,
      open[transport](url, (heard) => window.tellTest(key, heard)),
    );
  };
  window.stopFollowing = (key) => stops.get(key)?.();
  window.publishByWs = (url, operation) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'longwire.v1');
      socket.onopen = () => socket.send(operation);
      socket.onclose = ({ code }) => reject(new Error(`close ${code}`));
      socket.onmessage = ({ data }) => {
        resolve(JSON.parse(data));
        socket.close();
      };
    });
  window.publishByFetch = async (url, body) => {
    const headers = { 'Content-Type': 'application/json' };
    const reply = await fetch(url, { method: 'POST', headers, body });
    return reply.json();
  };
}

function takeFromPage(heard, happen) {
  if (heard.frame) happen(fromFrame(JSON.parse(heard.frame)));
  else if (heard.event) happen(fromSseEvent(heard.event, heard.id, heard.data));
  else if (heard.answer) tellAnswer(heard.answer, happen);
  else happen({ kind: 'end', why: heard.end });
}

/** Chromium's own transports, as further CLIENTS, in `page()`, which prepareClients() prepared. */
export function chromiumClients(page) {
  const urls = {
    ws: (hub, topics, after) => wsUrl(hub, subscribePath(topics, { after })),
    sse: streamUrl,
    poll: pollUrl,
  };
  const follow = (transport) => (hub, topics, after, happen) => {
    const key = `${transport}-${Math.random()}`;
    page().listeners.set(key, (heard) => takeFromPage(heard, happen));
    const url = urls[transport](hub, topics, after);
    page().evaluate((words) => window.startFollowing(...words), [key, transport, url]);
    return () => {
      page().listeners.delete(key);
      page().evaluate((name) => window.stopFollowing(name), key);
    };
  };
  const byWs = (hub, topic, data) =>
    page().evaluate((words) => window.publishByWs(...words), [
      wsUrl(hub, '/ws'),
      publishOperation(topic, data),
    ]);
  const byFetch = (hub, topic, data) =>
    page().evaluate((words) => window.publishByFetch(...words), [
      `${hub.url}${topicPath(topic)}`,
      JSON.stringify(data),
    ]);
  return [
    { name: "Chromium's WebSocket", follow: follow('ws'), publish: byWs },
    { name: "Chromium's EventSource", follow: follow('sse'), publish: byFetch },
    { name: "Chromium's fetch, polling", follow: follow('poll'), publish: byFetch },
  ];
}

/** Readies a page for chromiumClients(), and opens `url` in it. */
export async function prepareClients(page, url) {
  page.listeners = new Map();
  await page.exposeFunction('tellTest', (key, heard) => page.listeners.get(key)?.(heard));
  await page.addInitScript(inPage);
  await page.goto(url);
}
