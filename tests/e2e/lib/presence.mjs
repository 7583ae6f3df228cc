// Who is at a topic: as the hub lists it, and as it tells who comes and goes.
import assert from 'node:assert/strict';

import { get, topicPath } from './http.mjs';
import { SseStream } from './sse.mjs';
import { eventually } from './wait.mjs';

const FOREVER_MS = 3_600_000; /* a follower may hear nothing for long */

/** What a member is called. */
export const nameOf = (member) => member.sub ?? member.connection;

/** One page of the list. */
export async function page(hub, topic, query = '') {
  const reply = await get(hub, `/presence${topicPath(topic).slice(2)}${query}`);
  assert.equal(reply.status, 200, reply.text);
  return reply.json();
}

/** The whole list, by pages of `limit`: { number, cursor, members }, the first page's but for the members. */
export async function list(hub, topic, limit = 1000) {
  const first = await page(hub, topic, `?limit=${limit}`);
  const members = first.members;
  for (let { next } = first; next; ) {
    const more = await page(hub, topic, `?limit=${limit}&page=${next}`);
    assert.ok(more.members.length, 'a page that is announced has members');
    members.push(...more.members);
    next = more.next;
  }
  return { ...first, members };
}

/** Waits until a topic has so many members. */
export const hasMembers = (hub, topic, count) =>
  eventually(async () => (await list(hub, topic)).members.length === count, `${count} members`);

/** A copy of a list, kept by what is told behind it; closed with test `t`. */
export class Follower {
  /** By name. */
  members = new Map();
  /** 'join' and 'leave' with the names, in order. */
  told = [];
  gaps = 0;
  /** Who was listed when it began. */
  known = new Set();
  #hub;
  #topic;
  #stream;

  static async open(t, hub, topic) {
    const follower = new Follower();
    follower.#hub = hub;
    follower.#topic = topic;
    t.after(() => follower.close());
    await follower.#begin();
    return follower;
  }

  async #begin() {
    const listed = await list(this.#hub, this.#topic, 7);
    this.members = new Map(listed.members.map((member) => [nameOf(member), member]));
    this.known = new Set(this.members.keys());
    await this.resume(listed.cursor);
  }

  /** Goes on behind `after`, by default where it was. */
  async resume(after = this.#stream.cursor) {
    this.#stream = await SseStream.open(this.#hub, [`_presence/${this.#topic}`], {
      after,
      format: 'raw',
    });
    this.#read(this.#stream).catch(() => {});
  }

  async #read(stream) {
    for (;;) {
      const block = await stream.blocks.next('a block', () => true, FOREVER_MS);
      if (block.event === 'longwire.gap') this.gaps += 1;
      if (block.event === 'join' || block.event === 'leave') {
        this.#take(block.event, JSON.parse(block.data));
      }
    }
  }

  #take(event, member) {
    this.told.push([event, nameOf(member), member.number]);
    if (event === 'join') this.members.set(nameOf(member), member);
    else this.members.delete(nameOf(member));
  }

  names() {
    return [...this.members.keys()].sort();
  }

  /** Reads the list anew, as one does behind a gap. */
  async again() {
    this.close();
    this.told = [];
    await this.#begin();
  }

  close() {
    this.#stream?.close();
  }
}

/**
 * Each member's joins and leaves alternate. What was listed may be told again, since the list has what
 * is about to be told.
 */
export function assertAlternating({ told, known }) {
  const here = new Map();
  for (const [event, name] of told) {
    const before = here.get(name) ?? (known.has(name) ? event === 'leave' : false);
    assert.equal(before, event === 'leave', `${event} of ${name}`);
    here.set(name, event === 'join');
  }
}
