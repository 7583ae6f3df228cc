// The long-poll transport (doc/protocol.md, section 8), and single pages of it. What links have in
// common: links.js.

import { unreachable } from './errors.js';
import { sleep, within } from './time.js';

const POLL_WAIT_S = 25;
const POLL_SLACK_MS = 15_000; // beyond the wait asked for
const POLL_PAUSE_MS = 1_000; // after an empty answer that came too early

export function openPoll({ hub, url, sink, token, topics }) {
  const poll = new Poll(hub, url, token, topics);
  poll.run(sink).catch(sink.fail);
  return poll.verbs();
}

class Poll {
  constructor(hub, url, token, topics) {
    Object.assign(this, { _hub: hub, _url: url, _token: token, _topics: topics });
    this._end = new AbortController();
    this._hold = new AbortController(); // the request that waits, cut short when topics change
  }

  verbs() {
    return {
      close: () => this._end.abort(),
      renew: (token) => (this._token = token), // of the next request
      join: (topics) => this._join(topics),
      leave: (topics) => topics.forEach((topic) => this._topics.delete(topic)),
    };
  }

  async run(sink) {
    const { signal } = this._end;
    // The first answer comes at once, so that there is a cursor before anything can be missed.
    for (let wait = 0; !signal.aborted; wait = POLL_WAIT_S) {
      const asked = Date.now();
      const answer = await this._next(wait);
      if (!answer || signal.aborted) continue;
      sink.heard();
      takeAnswer(answer, sink);
      const hurried = wait > 0 && Date.now() - asked < POLL_PAUSE_MS;
      if (hurried && !answer.messages?.length) await sleep(POLL_PAUSE_MS, signal);
    }
  }

  /** The next answer; undefined when it was cut short. */
  async _next(wait) {
    const hold = new AbortController();
    this._hold = hold;
    const cut = () => hold.abort();
    const { signal } = this._end;
    signal.addEventListener('abort', cut, { once: true });
    try {
      return await ask(this._hub, this._url({ wait }), wait, this._token, hold.signal);
    } catch (error) {
      if (!hold.signal.aborted) throw error;
      return undefined;
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  /** What TOPICS bring from here on comes by the requests from the next one on. */
  async _join(topics) {
    const parameters = topics.map((topic) => ['topic', topic]);
    const url = this._hub.url('t', [...parameters, ['after', 'latest'], ['wait', 0], ['limit', 1]]);
    const { cursor } = await ask(this._hub, url, 0, this._token, this._end.signal);
    topics.forEach((topic) => this._topics.add(topic));
    this._hold.abort();
    return [cursor];
  }
}

function takeAnswer({ messages = [], gap, cursor, live }, sink) {
  if (gap) sink.gap(gap);
  for (const message of messages) sink.message(message);
  if (live) sink.live(cursor);
  else sink.cursor(cursor);
}

/** The answer to one poll of WAIT s, { cursor, messages, gap, live }. */
export function ask(hub, url, wait, token, signal) {
  return within(wait * 1000 + POLL_SLACK_MS, signal, unreachable, async (limited) => {
    const response = await hub.get(url, 'application/json', token, limited);
    return response.json();
  });
}
