// The SSE parser, by the rules and examples of the HTML standard, section 9.2.6.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SseParser } from '../longwire.js';

function parserInto(blocks, retries = []) {
  return new SseParser({
    onBlock: (block) => blocks.push(block),
    onRetry: (ms) => retries.push(ms),
  });
}

function parse(...chunks) {
  const blocks = [];
  const parser = parserInto(blocks);
  for (const chunk of chunks) parser.push(chunk);
  return blocks;
}

const STREAM = [
  '\uFEFFretry: 2500\r\nid: 7-99\r\n\r\n', // the hub's beginning: a cursor without an event
  ': a comment\n\n',
  'event: price_update\ndata: {"a":1}\nid: 8-99\n\n',
  'data: first\rdata: second\r\rdata\ndata:\n\n', // CR ends lines too; a field without a colon
  'data:  two spaces, one kept\nunknown: x\n:\n\n',
  'id: bad\0id\ndata: grüße, 世界, 🚀\n\n',
  'event: nothing\n\nid\nevent: last\ndata: x\r\n\r\n',
  'data: unfinished', // never dispatched
].join('');

const BLOCKS = [
  { id: '7-99', event: 'message', data: null },
  { id: '8-99', event: 'price_update', data: '{"a":1}' },
  { id: '8-99', event: 'message', data: 'first\nsecond' },
  { id: '8-99', event: 'message', data: '\n' },
  { id: '8-99', event: 'message', data: ' two spaces, one kept' },
  { id: '8-99', event: 'message', data: 'grüße, 世界, 🚀' },
  { id: '', event: 'last', data: 'x' },
];

test('a stream is parsed by the standard', () => {
  assert.deepEqual(parse(STREAM.slice(1)), BLOCKS);
});

test('the result does not depend on where the bytes are split', () => {
  const bytes = new TextEncoder().encode(STREAM);
  assert.deepEqual(parse(bytes), BLOCKS, 'whole');
  for (let at = 0; at <= bytes.length; at++) {
    const split = parse(bytes.subarray(0, at), bytes.subarray(at));
    assert.deepEqual(split, BLOCKS, `split at ${at}`);
  }
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  assert.deepEqual(parse(...single), BLOCKS, 'byte by byte');
});

test('a block is given as soon as its last line has ended, CR or not', () => {
  const blocks = [];
  const parser = parserInto(blocks);
  parser.push('data: x\r\n\r');
  assert.equal(blocks.length, 1);
  parser.push('\ndata: y\n');
  assert.equal(blocks.length, 1, 'the LF belongs to the CR before');
  parser.push('\n');
  assert.equal(blocks.length, 2);
});

test('a CRLF cut between two chunks is one end of a line', () => {
  const text = 'event: e\r\ndata: a\r\ndata: b\r\nid: 1-7\r\n\r\ndata: c\r\n\r\n';
  const whole = [
    { id: '1-7', event: 'e', data: 'a\nb' },
    { id: '1-7', event: 'message', data: 'c' },
  ];
  for (let at = 0; at <= text.length; at++) {
    const [before, after] = [text.slice(0, at), text.slice(at)];
    assert.deepEqual(parse(before, after), whole, `cut at ${at}`);
    assert.deepEqual(parse(before, '', new Uint8Array(0), after), whole, `nothing in between, ${at}`);
  }
  assert.deepEqual(parse(...text), whole, 'one by one');
  const lf = text.replaceAll('\r\n', '\r');
  assert.deepEqual(parse(...lf), whole, 'a CR alone is an end too');
});

test('retry takes digits only', () => {
  const retries = [];
  const parser = parserInto([], retries);
  parser.push('retry: 10\nretry: 1e3\nretry: -5\nretry:\nretry: 20\n\n');
  assert.deepEqual(retries, [10, 20]);
});

test('a block of comments and unknown fields is nothing', () => {
  assert.deepEqual(parse(': x\n\nfoo: bar\n\nevent: a\n\n\n\n'), []);
});
