// As 80-roam, with TLS and HTTP/2 among the transports: long-polls, event streams and WebSockets over
// TLS, and as streams of one connection that they share, which is cut now and then.
import { test } from 'node:test';

import { roamingTest } from './lib/roaming.mjs';
import { Authority } from './lib/tls.mjs';

test('roaming subscribers miss nothing and get nothing twice, over TLS and HTTP/2, too', (t) =>
  roamingTest(t, { workers: 2, messages: 300, authority: new Authority() }));
