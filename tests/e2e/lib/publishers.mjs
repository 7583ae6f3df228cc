// Publishers that go on while everything else comes and goes, one for each way to publish.
import http from 'node:http';
import { randomUUID } from 'node:crypto';

import { post } from './http.mjs';
import { RespClient } from './resp.mjs';
import { WsClient } from './ws.mjs';

const json = 'application/json';

/** Each opens its connection and returns { send(topic, data) → id, close() }. */
export const PUBLISHERS = {
  async http(hub) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (topic, data) => {
      const reply = await post(hub, topic, JSON.stringify(data), { type: json, agent });
      if (reply.status !== 201) throw new Error(`${reply.status}: ${reply.text}`);
      return reply.json().id;
    };
    return { send, close: () => agent.destroy() };
  },

  async resp(hub) {
    const client = await RespClient.open(hub);
    const send = (topic, data) => client.command('XADD', topic, '*', 'data', JSON.stringify(data));
    return { send, close: () => client.close() };
  },

  async ws(hub) {
    const client = await WsClient.open(hub, null);
    const send = async (topic, data) => {
      const answer = await client.ask({ op: 'publish', topic, data });
      if (answer.op !== 'published') throw new Error(JSON.stringify(answer));
      return answer.id;
    };
    return { send, close: () => client.terminate() };
  },
};

/**
 * Publishes over ways that may break at any moment, with a key, until it is answered: stored once.
 * `send` is an attempt: (topic, data, key) → id.
 */
export async function insist(send, topic, data, isOver) {
  const key = randomUUID();
  for (;;) {
    try {
      return await send(topic, data, key);
    } catch (error) {
      if (isOver()) throw error;
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }
}
