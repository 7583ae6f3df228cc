// The transports, best first.
//
// Each is opened with { hub, url, sink, token, topics }: the Hub; a function that makes the URL from
// the place and the topics of now; a sink; perhaps a token, which stands in a header or subprotocol
// wherever there can be one; the set of topics that it has, which polls read again. The sink:
//   opened()    something can be sent now            heard()       anything at all came
//   pong(ref)   a ping was answered                  cursor(c)     the place has moved
//   message(m)  an envelope                          gap(g)        something is missing here
//   live(c)     replay has reached the head          subscribed(c) a replay begins; the head
//   fail(error) it is over, nothing follows
// It returns { close(), renew(token), join(topics), leave(topics) }, and where there is such a thing
// ping(ref) and request(body). renew() gives it another token while it runs. join() adds topics from
// now on, and resolves to cursors: whatever they bring behind these has come or will come. leave()
// takes topics out; some of their messages may still come.

import { openPoll } from './link_poll.js';
import { openSse } from './link_sse.js';
import { openWebSocket } from './link_websocket.js';

export const OPEN = { websocket: openWebSocket, sse: openSse, poll: openPoll };
export const TRANSPORTS = Object.keys(OPEN);

/** Which of those that WISH names ('auto', one, or a list, best first) can be used here. */
export function usable(hub, wish = 'auto') {
  const wanted = wish === 'auto' ? TRANSPORTS : [wish].flat();
  const unknown = wanted.find((name) => !TRANSPORTS.includes(name));
  if (unknown !== undefined) throw new TypeError(`no transport is called "${unknown}"`);
  const found = wanted.filter((name) => hub.offers[name]);
  if (found.length === 0) throw new TypeError(`not available here: ${wanted.join(', ')}`);
  return found;
}
