// HTTP/2 connections to a hub, by prior knowledge (Node's own client).
import assert from 'node:assert/strict';
import http2 from 'node:http2';

import { topicPath } from './http.mjs';
import { Inbox, within } from './wait.mjs';
import { parseFrames } from './wsframe.mjs';

/** A connection, whose streams end with it; closed by the test `t`. */
export async function connect(t, hub, options = {}) {
  const session = http2.connect(hub.url, options);
  session.on('error', () => {});
  t.after(() => session.destroy());
  session.offers = within(
    new Promise((resolve) => session.once('remoteSettings', resolve)),
    'the SETTINGS of the hub',
  );
  await session.offers;
  return session;
}

/** One stream, to its end: { status, headers, body, text, json(), code } (that of RST_STREAM). */
export function ask(session, headers, body) {
  const stream = session.request(headers, { endStream: body === undefined });
  const chunks = [];
  const reply = new Promise((resolve) => {
    let head = {};
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () => resolve(replyOf(head, Buffer.concat(chunks), stream.rstCode)));
  });
  if (body !== undefined) stream.end(body);
  return within(reply, `the answer to ${headers[':method'] ?? 'GET'} ${headers[':path']}`);
}

function replyOf(headers, body, code) {
  return {
    status: headers[':status'],
    headers,
    body,
    text: body.toString(),
    json: () => JSON.parse(body.toString()),
    code,
  };
}

export const get = (session, path, headers = {}) => ask(session, { ':path': path, ...headers });

export const post = (session, topic, body, headers = {}) =>
  ask(session, { ':method': 'POST', ':path': topicPath(topic), ...headers }, body);

/** Publishes and returns the id. */
export async function publish(session, topic, body, headers) {
  const reply = await post(session, topic, body, headers);
  assert.equal(reply.status, 201, reply.text);
  return reply.json().id;
}

/** An event stream: its blocks as text in an Inbox, and how it ended in `ended`. */
export function events(session, path, headers = {}) {
  const stream = session.request({ ':path': path, accept: 'text/event-stream', ...headers });
  const blocks = new Inbox();
  let rest = '';
  const status = new Promise((resolve) => {
    stream.on('response', (fields) => resolve(fields[':status']));
  });
  stream.setEncoding('utf8');
  stream.on('data', (text) => {
    const parts = (rest + text).split('\n\n');
    rest = parts.pop();
    for (const block of parts) blocks.push(block);
  });
  stream.on('error', () => {});
  const ended = new Promise((resolve) => {
    let whole = false;
    stream.on('end', () => {
      whole = true;
    });
    stream.on('close', () => {
      blocks.end('the end of the stream');
      resolve({ whole, code: stream.rstCode });
    });
  });
  return { stream, status, blocks, ended };
}

/** The next block that has `text`. */
export const block = (stream, text) =>
  stream.blocks.next(`a block with ${text}`, (one) => one.includes(text));

/**
 * A WebSocket by extended CONNECT (RFC 8441): `send` takes frames as bytes, `frames` is an Inbox of
 * parsed ones, `ended` says how its stream ended.
 */
export async function websocket(session, path, headers = {}) {
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': path,
      'sec-websocket-version': '13',
      ...headers,
    },
    { endStream: false },
  );
  const frames = new Inbox();
  const ended = new Promise((resolve) => {
    let whole = false;
    stream.on('end', () => {
      whole = true;
    });
    stream.on('close', () => {
      frames.end('the end of the stream');
      resolve({ whole, code: stream.rstCode });
    });
  });
  stream.on('error', () => {});
  const opened = new Promise((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
  });
  let bytes = Buffer.alloc(0);
  stream.on('data', (data) => {
    bytes = Buffer.concat([bytes, data]);
    for (const frame of parseFrames(bytes)) {
      frames.push(frame);
      const { byteOffset, length } = frame.payload;
      bytes = bytes.subarray(byteOffset + length - bytes.byteOffset);
    }
  });
  const response = await within(opened, `the answer to CONNECT ${path}`);
  return { stream, response, frames, ended, send: (data) => stream.write(data) };
}
