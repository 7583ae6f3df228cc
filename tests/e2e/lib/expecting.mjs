// Conditional publishes, one for each way to publish.
import assert from 'node:assert/strict';
import http from 'node:http';
import Redis from 'ioredis';

import { Longwire, LongwireError } from '../../../clients/js/longwire.js';
import { assertProblem, post, postBatch } from './http.mjs';
import { longwirectl } from './hub.mjs';
import { RespClient, RespError } from './resp.mjs';
import { WsClient } from './ws.mjs';

const CURSOR = /^(0|[1-9]\d*)-[1-9]\d*$/;

/** What a 409 says: { current }. */
function conflictOf(reply) {
  const problem = assertProblem(reply, 409);
  assert.deepEqual(
    [problem.type, problem.title, typeof problem.detail],
    ['about:blank', 'Conflict', 'string'],
  );
  assert.equal(reply.headers['longwire-cursor'], problem.current);
  return { current: problem.current };
}

/** What an error of the local socket says: { current }, or { refused } if it is no conflict. */
function respErrorOf(text) {
  const [code, current] = text.split(' ');
  if (code !== 'CONFLICT') return { refused: code };
  assert.match(text, /^CONFLICT \S+ \S/);
  return { current };
}

/**
 * Each opens its connection and returns { send(topic, data, { expect, key }), close() }. What was
 * sent comes to { id }, or in a conflict to { current }, or otherwise to { refused }.
 */
export const EXPECTING = {
  async http(hub) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (topic, data, { expect, key }) => {
      const headers = { 'Longwire-Expect-Last': expect };
      const options = { type: 'application/json', key, headers, agent };
      const reply = await post(hub, topic, JSON.stringify(data), options);
      if (reply.status === 201) return reply.json();
      return reply.status === 409 ? conflictOf(reply) : { refused: reply.status };
    };
    return { send, close: () => agent.destroy() };
  },

  async batch(hub) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (topic, data, { expect, key }) => {
      const line = JSON.stringify({ topic, data, expect, key });
      const reply = await postBatch(hub, line, { agent });
      if (reply.status === 201) return { id: reply.json().ids[0] };
      return reply.status === 409 ? conflictOf(reply) : { refused: reply.status };
    };
    return { send, close: () => agent.destroy() };
  },

  async resp(hub) {
    const client = await RespClient.open(hub);
    const send = async (topic, data, { expect, key }) => {
      const words = ['XADD', topic, '*', 'expect', expect, 'data', JSON.stringify(data)];
      const reply = await client.command(...words, ...(key ? ['key', key] : []));
      return reply instanceof RespError ? respErrorOf(reply.text) : { id: reply };
    };
    return { send, close: () => client.close() };
  },

  async ioredis(hub) {
    const redis = new Redis({ path: hub.socket, lazyConnect: true });
    redis.on('error', () => {});
    await redis.connect();
    const send = async (topic, data, { expect, key }) => {
      const fields = ['data', JSON.stringify(data), ...(key ? ['key', key] : []), 'expect', expect];
      try {
        return { id: await redis.xadd(topic, '*', ...fields) };
      } catch (error) {
        return respErrorOf(error.message);
      }
    };
    return { send, close: () => redis.disconnect() };
  },

  async ws(hub) {
    const client = await WsClient.open(hub, null);
    const send = async (topic, data, { expect, key }) => {
      const answer = await client.ask({ op: 'publish', topic, data, expect, key });
      if (answer.op === 'published') return { id: answer.id };
      if (answer.code !== 'conflict') return { refused: answer.code };
      assert.deepEqual(Object.keys(answer), ['op', 'code', 'message', 'current', 'ref']);
      return { current: answer.current };
    };
    return { send, close: () => client.terminate() };
  },

  async longwirectl(hub) {
    const send = async (topic, data, { expect, key }) => {
      const options = ['--json', '--expect', expect, ...(key ? ['--key', key] : [])];
      const words = ['publish', ...options, topic, JSON.stringify(data)];
      const { code, stdout, stderr } = await longwirectl(hub, words);
      if (code === 0) return JSON.parse(stdout);
      assert.equal(code, 1);
      const { 1: refusal } = /the hub answered: (.+)\n$/.exec(stderr);
      const result = respErrorOf(refusal);
      const { current } = result;
      if (current) assert.deepEqual(JSON.parse(stdout), { error: 'conflict', current });
      else assert.equal(stdout, '');
      return result;
    };
    return { send, close: () => {} };
  },

  async js(hub) {
    const client = new Longwire(hub.url);
    const send = async (topic, data, { expect, key }) => {
      try {
        return await client.publish(topic, data, { expect, key });
      } catch (error) {
        assert.ok(error instanceof LongwireError || error instanceof TypeError, error);
        if (error.kind !== 'conflict') return { refused: error.status ?? error.name };
        assert.equal(error.status, 409);
        return { current: error.current };
      }
    };
    return { send, close: () => client.close() };
  },
};

/** Sends what has to be stored; returns the id. */
export async function stored(way, topic, data, options) {
  const { id, ...rest } = await way.send(topic, data, options);
  assert.match(id ?? JSON.stringify(rest), CURSOR);
  return id;
}

/** Sends what has to be a conflict; returns the cursor that it names. */
export async function collides(way, topic, data, options) {
  const { current, ...rest } = await way.send(topic, data, options);
  assert.match(current ?? JSON.stringify(rest), CURSOR);
  return current;
}
