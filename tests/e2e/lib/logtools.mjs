// What the tests of longwirectl's tools for logs have in common: running it, and something in a log.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BUILD, run } from './hub.mjs';
import { RespClient, RespError, encode } from './resp.mjs';

export const PROGRAM = join(BUILD, 'longwirectl');
export const lines = (text) => text.split('\n').filter(Boolean);
export const parsed = (text) => lines(text).map((line) => JSON.parse(line));

/** Runs longwirectl to its end; `hub` may be null. */
export const ctl = (hub, args, options) =>
  run(PROGRAM, [...(hub ? ['--socket', hub.socket] : []), ...args], options);

/** The same, for what must succeed; returns its output. */
export async function succeed(hub, args, options) {
  const { code, stdout, stderr } = await ctl(hub, args, options);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** The same for what must fail with `code` and say something like `pattern`. */
export async function fail(hub, args, code, pattern, options) {
  const result = await ctl(hub, args, options);
  assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
  assert.match(result.stderr, pattern);
  return result;
}

/** A folder that goes with the test. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'longwire-tools-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A connection to the local socket that ends with the test. */
export async function open(t, hub) {
  const client = await RespClient.open(hub);
  t.after(() => client.close());
  return client;
}

/** Publishes COUNT messages of text to each topic in turn, many at once; returns their ids. */
export async function fill(hub, topics, count, text = (n) => `message ${n}`) {
  const client = await RespClient.open(hub);
  const ids = [];
  for (let n = 0; n < count; ) {
    const some = [];
    for (let i = 0; i < 500 && n < count; i++, n++) {
      some.push(encode('XADD', topics[n % topics.length], '*', 'data', text(n)));
    }
    await client.write(Buffer.concat(some));
    for (let i = 0; i < some.length; i++) ids.push(await client.reply());
  }
  client.close();
  return ids;
}

export const exported = async (hub, ...words) => parsed(await succeed(hub, ['export', ...words]));

export function assertError(reply, pattern) {
  assert.ok(reply instanceof RespError, `no error: ${JSON.stringify(reply)}`);
  assert.match(reply.text, pattern);
}
