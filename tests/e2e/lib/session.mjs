// A subscriber by event streams whose topics join, leave and come back while they run, by
// POST /session/{id}, and which lose their connection at any moment. It keeps places, and nothing
// else: doc/protocol.md, "Changing the topics", on reconnecting.
import { offsetOf } from './cursor.mjs';
import { get, poll, request } from './http.mjs';
import { SseStream } from './sse.mjs';
import { WAIT_MS, sleep } from './wait.mjs';

/** What is thrown when the stream ended meanwhile. */
class Over extends Error {}

export class SessionRoamer {
  /** Ids of the messages received, by topic. */
  ids = new Map();
  gaps = [];
  connections = 0;
  changes = 0;
  #random;
  /** The stream's place, which speaks for the topics that have joined; others have their own. */
  #cursor;
  #joined;
  #places = new Map();
  #stream = null;

  /** `topics`: different ones, no patterns. */
  constructor(topics, cursor, random) {
    this.topics = topics;
    this.#random = random;
    this.#cursor = cursor;
    this.#joined = new Set(topics);
    for (const topic of topics) {
      this.ids.set(topic, []);
      this.#places.set(topic, cursor);
    }
  }

  get received() {
    return [...this.ids.values()].reduce((sum, list) => sum + list.length, 0);
  }

  #message({ id, topic }) {
    this.ids.get(topic).push(id);
    this.#places.set(topic, id);
  }

  #take(block) {
    if (block.id !== undefined) this.#cursor = block.id;
    if (block.data === undefined) return;
    const data = JSON.parse(block.data);
    if (block.event === 'longwire.gap') this.gaps.push(data);
    else if (block.event !== 'longwire.live') this.#message(data);
    else if (data.topic !== undefined) this.#joined.add(data.topic);
  }

  async #read(stream) {
    for (;;) {
      const block = await stream.next();
      if (stream !== this.#stream) return;
      this.#take(block);
    }
  }

  async #lives(stream, isOver, changes) {
    const end = Date.now() + WAIT_MS;
    while (!isOver() && this.changes < changes && !stream.blocks.ended && Date.now() < end)
      await sleep(10);
  }

  #stillOn(stream) {
    if (stream !== this.#stream) throw new Over();
  }

  async #change(hub, stream, body) {
    const session = await Promise.race([stream.session, stream.over]);
    this.#stillOn(stream);
    const reply = await request(hub, 'POST', `/session/${session}`, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    this.#stillOn(stream);
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
    this.changes++;
  }

  /** The rest of the topics, in one request or several. */
  async #joinAll(hub, stream, topics) {
    const rest = [...topics];
    while (rest.length) {
      const some = rest.splice(0, this.#random.int(1, rest.length));
      const subscribe = some.map((topic) => ({ topic, after: this.#places.get(topic) }));
      await this.#change(hub, stream, { subscribe });
    }
  }

  /** What was on its way when the topic left has come when the stream's place is further on. */
  async #leaveAndReturn(hub, stream, topic) {
    this.#joined.delete(topic);
    await this.#change(hub, stream, { unsubscribe: [topic] });
    const head = offsetOf((await get(hub, '/cursor')).headers['longwire-cursor']);
    while (stream === this.#stream && offsetOf(this.#cursor) < head) await sleep(10);
    this.#stillOn(stream);
    await this.#joinAll(hub, stream, [topic]);
  }

  async #act(hub, stream, others) {
    await this.#joinAll(hub, stream, others);
    for (;;) {
      await sleep(this.#random.int(0, 100));
      this.#stillOn(stream);
      const topic = this.#random.pick(this.topics);
      if (this.#joined.has(topic)) await this.#leaveAndReturn(hub, stream, topic);
    }
  }

  /** Where one has to go on with `topic`. */
  #placeOf(topic) {
    return this.#joined.has(topic) ? this.#cursor : this.#places.get(topic);
  }

  /** One connection, to `hub` or what is in front of it, until `isOver` or so many `changes`. */
  async stream(hub, isOver, changes) {
    const first = this.#random.pick(this.topics);
    const others = this.topics.filter((topic) => topic !== first);
    const places = new Map(this.topics.map((topic) => [topic, this.#placeOf(topic)]));
    this.#places = places;
    this.#cursor = places.get(first);
    this.#joined = new Set([first]);
    this.connections++;
    const stream = await SseStream.open(hub, [first], { after: this.#cursor, format: 'envelope' });
    this.#stream = stream;
    stream.over = this.#lives(stream, isOver, this.changes + changes).then(() => {
      this.#stream = null;
      stream.close();
    });
    const reading = this.#read(stream).catch(() => {});
    try {
      await this.#act(hub, stream, others);
    } catch (error) {
      if (!(error instanceof Over)) throw error;
    } finally {
      await stream.over;
      await reading;
    }
  }

  /** The same by long-polls, which have one place: when the stream's spoke for all. */
  async polls(hub) {
    if (this.topics.some((topic) => this.#placeOf(topic) !== this.#cursor)) return;
    this.connections++;
    this.#joined = new Set(this.topics);
    const parameters = { after: this.#cursor, wait: 0, limit: this.#random.int(1, 100) };
    const answer = await poll(hub, this.topics, parameters);
    if (answer.gap) this.gaps.push(answer.gap);
    for (const message of answer.messages) this.#message(message);
    this.#cursor = answer.cursor;
  }
}
