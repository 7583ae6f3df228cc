// What TypeScript has to accept, and what not: compiled by `npm run types`, never run.
import {
  after, last, Longwire, LongwireError, since, subscribe,
  type ClientState, type Gap, type Message, type StateReport,
} from '../../longwire.js';

interface Price {
  price: number;
}

const client = new Longwire('http://hub.example', { token: async () => undefined, debug: true });
new Longwire(undefined, { credentials: 'include', headers: () => ({ 'x-csrf': '1' }), pauseHidden: 5 });

const prices = client.subscribe<Price>(['prices/#', 'news'], {
  after: undefined,
  remember: { name: 'prices' },
  onMessage: ({ data, id }, { replayed, transport }) => {
    const told: [number, string, boolean, 'websocket' | 'sse' | 'poll'] = [data.price, id, replayed, transport];
    return void told;
  },
  onGap: undefined,
  onState: (report: StateReport) => void report.error?.code,
});
const end: () => void = prices.on('message', (message, info) => void [message.data.price, info.replayed]);
prices.once('close', (error) => void error?.kind);
prices.addEventListener('gap', ({ detail }) => {
  const gap: Gap = detail;
  return void gap;
}, { once: true });
// @ts-expect-error: there is no such event
prices.on('massage', () => {});
// @ts-expect-error: a price is a number
prices.on('message', ({ data }) => data.price.trim());
end();
prices.add({ more: ({ data }) => void data.price.toFixed(2) });
prices.remove('news');

async function read(): Promise<void> {
  for await (const message of client.subscribe<Price>('prices/+', { buffer: 10 })) {
    const same: Message<Price> = message;
    void same;
  }
  const { id } = await client.publish('news', { title: 'x' }, { key: null, timeout: 1000, expect: '5-7' });
  const page = await client.history<Price>('prices/x', { before: id, limit: 5 });
  const older: string | undefined = page.before;
  void [older, page.messages[0]?.data.price];
}

const state: ClientState = client.state;
client.on('state', (now) => void (now === 'live' && state === 'idle'));
client.subscribe({ a: (message) => void message.id, b: undefined }, { after: last(3) });
subscribe('http://hub.example', 'a', { after: since(-5), token: 'x' }).close();
client.subscribe('a', { after: after('5-7'), transport: ['sse', 'poll'] });
// @ts-expect-error: no transport is called so
client.subscribe('a', { transport: 'pigeon' });
read().catch((error: unknown) => error instanceof LongwireError && error.current);
