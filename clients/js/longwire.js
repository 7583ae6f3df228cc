/*
 * Longwire's client for browsers and Node.js: what it exports. No dependency.
 *
 * It subscribes to topics over WebSocket, Server-Sent Events or long-polling, whichever works, and
 * keeps its place through every disconnect and change of transport with one cursor. The wire
 * contract is doc/protocol.md; the API is README.md in this folder and longwire.d.ts.
 *
 * The way into the code, from the top: src/client.js (Longwire), src/subscription.js (what one
 * follower has got), src/line.js (the connection that they share), src/entry.js (how one gets onto
 * it), src/links.js (the transports). The hub serves all of it as one file: see bundle.awk.
 */
export { Longwire } from './src/client.js';
export { subscribe } from './src/subscribe.js';
export { after, compareCursors, last, OrderGuard, since } from './src/cursor.js';
export { LongwireError } from './src/errors.js';
export { SseParser } from './src/sse_parser.js';
export { backoff } from './src/time.js';
export { endOfToken, renewalIn } from './src/token.js';
export { topicPath } from './src/topic.js';
