// Cursors, the order guard and back-off.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backoff, compareCursors, OrderGuard } from '../longwire.js';

test('cursors compare as 64-bit numbers within an epoch', () => {
  assert.ok(compareCursors('9-5', '10-5') < 0);
  assert.ok(compareCursors('10-5', '9-5') > 0);
  assert.equal(compareCursors('10-5', '10-5'), 0);
  // A double cannot tell these apart.
  assert.ok(compareCursors('18446744073709551614-5', '18446744073709551615-5') < 0);
  assert.ok(compareCursors('9007199254740993-5', '9007199254740992-5') > 0);
});

test('cursors of two epochs have no order', () => {
  assert.ok(Number.isNaN(compareCursors('1-5', '2-6')));
  assert.ok(Number.isNaN(compareCursors('1-5', '1')));
  assert.ok(compareCursors('1', '2') < 0);
});

test('the guard lets each message through once and in order', () => {
  const guard = new OrderGuard();
  const ids = ['1-7', '2-7', '2-7', '1-7', '4-7', '3-7', '10-7', '9-7', '11-7'];
  assert.deepEqual(ids.filter((id) => guard.accept(id)), ['1-7', '2-7', '4-7', '10-7', '11-7']);
  assert.equal(guard.dropped, 4);
});

test('the guard takes up a new epoch, and an earlier offset after a gap', () => {
  const guard = new OrderGuard();
  assert.ok(guard.accept('100-7'));
  assert.ok(guard.accept('5-8'), 'a new epoch begins anywhere');
  assert.ok(!guard.accept('5-8'));
  guard.reset('2-8');
  assert.ok(guard.accept('3-8'), 'the hub said that it goes on from 2');
  assert.ok(!guard.accept('2-8'));
});

test('back-off doubles up to its cap, with full jitter', () => {
  const limits = { base: 500, cap: 30_000 };
  const most = (attempt) => backoff(attempt, limits, () => 1);
  assert.deepEqual([0, 1, 2, 5, 6, 7, 1000].map(most),
    [500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(backoff(4, limits, () => 0), 0);
  assert.equal(backoff(4, limits, () => 0.5), 4000);
  for (let i = 0; i < 100; i++) assert.ok(backoff(3) < 4000);
});
