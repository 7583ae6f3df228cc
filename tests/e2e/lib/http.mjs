// Plain HTTP requests to a hub, over TCP or its local socket.
import assert from 'node:assert/strict';
import http from 'node:http';

import { WAIT_MS } from './wait.mjs';

/** A topic as a path: each level escaped, the slashes kept. */
export function topicPath(topic) {
  return `/t/${topic.split('/').map(encodeURIComponent).join('/')}`;
}

/** A query string; a list gives a repeated parameter, undefined none. */
export function query(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one]),
  );
  const given = pairs.filter(([, value]) => value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

/** A path for `topics`: /t/a for one plain topic, /t?topic=a&topic=b for more or for patterns. */
export function subscribePath(topics, parameters = {}) {
  const list = [topics].flat();
  if (list.length === 1 && !/[+#]/.test(list[0])) return topicPath(list[0]) + query(parameters);
  return `/t${query({ topic: list, ...parameters })}`;
}

/**
 * One request on a connection of its own (or of `agent`). Returns { status, headers, text, body,
 * json() }. `local`: over the hub's socket instead of TCP.
 */
export function request(hub, method, path, options = {}) {
  const { headers = {}, body, agent = false, local = false, signal } = options;
  const where = local ? { socketPath: hub.socket } : { host: '127.0.0.1', port: hub.port };
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ ...where, method, path, headers, agent, signal }, (reply) => {
      const chunks = [];
      reply.on('data', (chunk) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () => resolve(replyOf(reply, Buffer.concat(chunks))));
    });
    outgoing.setTimeout(WAIT_MS * 4, () =>
      outgoing.destroy(new Error(`${method} ${path}: silence`)),
    );
    outgoing.on('error', reject);
    // As bytes: Node.js would send headers in the encoding of a body that is text.
    outgoing.end(body === undefined ? body : Buffer.from(body));
  });
}

function replyOf(reply, body) {
  return {
    status: reply.statusCode,
    headers: reply.headers,
    body,
    text: body.toString(),
    json: () => JSON.parse(body.toString()),
  };
}

export const get = (hub, path, options) => request(hub, 'GET', path, options);

/** POSTs without asking how it went. */
export function post(hub, topic, body, { type, event, key, ...rest } = {}) {
  const headers = { ...rest.headers };
  if (type) headers['Content-Type'] = type;
  if (event) headers['Longwire-Event'] = event;
  if (key) headers['Idempotency-Key'] = key;
  return request(hub, 'POST', topicPath(topic), { ...rest, headers, body });
}

/** Publishes one message and returns its id. Objects go as JSON. */
export async function publish(hub, topic, data, options = {}) {
  const json = typeof data === 'object' && !Buffer.isBuffer(data);
  const body = json ? JSON.stringify(data) : data;
  const reply = await post(hub, topic, body, {
    ...(json && { type: 'application/json' }),
    ...options,
  });
  assert.equal(reply.status, 201, reply.text);
  const { id } = reply.json();
  assert.match(id, /^\d+-\d+$/);
  return id;
}

/** Publishes lines { topic, data, event } in one batch and returns their ids. */
export async function publishBatch(hub, lines, options = {}) {
  const reply = await postBatch(hub, lines.map((line) => JSON.stringify(line)).join('\n'), options);
  assert.equal(reply.status, 201, reply.text);
  return reply.json().ids;
}

export function postBatch(hub, body, options = {}) {
  const headers = { 'Content-Type': 'application/x-ndjson' };
  return request(hub, 'POST', '/t', { ...options, headers, body });
}

/** One long-poll; returns the answer's object. `parameters`: after, wait, limit. */
export async function poll(hub, topics, parameters = {}, options = {}) {
  const reply = await get(hub, subscribePath(topics, parameters), options);
  assert.equal(reply.status, 200, reply.text);
  const answer = reply.json();
  assert.equal(reply.headers['longwire-cursor'], answer.cursor);
  return answer;
}

/** Everything that `topics` hold after a cursor, page by page; `options` are request()'s. */
export async function history(hub, topics, after = 'earliest', limit = 1000, options = {}) {
  const messages = [];
  for (;;) {
    const page = await poll(hub, topics, { after, wait: 0, limit }, options);
    messages.push(...page.messages);
    after = page.cursor;
    if (page.live) return messages;
  }
}

/** An error before any stream: the status, and RFC 9457's document. Returns the document. */
export function assertProblem(reply, status) {
  assert.equal(reply.status, status, reply.text);
  assert.match(reply.headers['content-type'] ?? '', /^application\/problem\+json/);
  const problem = reply.json();
  assert.equal(problem.status, status);
  assert.equal(typeof problem.title, 'string');
  return problem;
}
