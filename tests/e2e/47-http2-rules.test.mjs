// RFC 9113 rule by rule, against the hub with prior knowledge: each row of lib/h2rules.mjs comes
// whole, in two halves, and byte by byte.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { RawH2, headers, request } from './lib/h2_raw.mjs';
import { RULES } from './lib/h2rules.mjs';
import { suiteHub } from './lib/hub.mjs';

/** A stream that no row uses. */
const LATER = 1001;
/** An input is not cut into more pieces than this. */
const PIECES = 400;

const halves = (bytes) => {
  const at = Math.ceil(bytes.length / 2);
  return [bytes.subarray(0, at), bytes.subarray(at)];
};

function bytewise(bytes) {
  const size = Math.ceil(bytes.length / PIECES);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

const CUTS = { whole: (bytes) => [bytes], 'in two halves': halves, 'byte by byte': bytewise };

const immediately = () => new Promise((resolve) => setImmediate(resolve));
const among = (list, one) => [list].flat().includes(one);

/** Whether what came on `h2` is what `row` says. */
function isAsTold(row, h2, stream) {
  if (row.connection !== undefined) return h2.closed && among(row.connection, h2.goaway);
  if (!row.last && (h2.closed || h2.goaway !== undefined)) return false;
  if (row.reset !== undefined) return among(row.reset, h2.resetOf(stream));
  if (row.status !== undefined) return among(row.status, h2.answerOf(stream)?.[':status']);
  return h2.resetOf(stream) === undefined && h2.answerOf(stream) === undefined;
}

/** What came, in a row's words. */
function seen(h2, stream) {
  if (h2.closed || h2.goaway !== undefined) return { connection: h2.goaway, closed: h2.closed };
  const reset = h2.resetOf(stream);
  const status = h2.answerOf(stream)?.[':status'];
  if (status !== undefined) return reset === undefined ? { status } : { status, reset };
  return reset === undefined ? { ignored: true } : { reset };
}

/** Waits for what a row tells, or the end. */
async function outcome(row, h2, stream) {
  const came = () => h2.answerOf(stream) !== undefined || h2.resetOf(stream) !== undefined;
  const ends = [row, row.or].every((one) => one === undefined || one.connection !== undefined);
  if (ends) await h2.untilClosed();
  else if (row.ignored) await h2.pinged('ignored');
  else await h2.until(() => came() || h2.goaway !== undefined, `what becomes of stream ${stream}`);
  if (h2.goaway !== undefined && !row.last) await h2.untilClosed();
}

/** The other streams of a connection go on as if nothing had been. */
async function assertLives(h2) {
  await h2.write(headers(LATER, request('/healthz')));
  assert.equal(await h2.answered(LATER), '200', 'a request behind');
}

async function check(hub, row, cut) {
  const h2 = row.bare ? await RawH2.silent(hub) : await RawH2.open(hub);
  try {
    await run(h2, row, cut);
  } finally {
    h2.destroy();
  }
}

async function run(h2, row, cut) {
  const stream = row.stream ?? 1;
  for (const piece of cut(Buffer.concat(row.send))) {
    await h2.write(piece);
    await immediately();
  }
  await outcome(row, h2, stream);
  const told = isAsTold(row, h2, stream) || (row.or && isAsTold(row.or, h2, stream));
  const { name, send, ...wanted } = row;
  assert.ok(told, `${JSON.stringify(seen(h2, stream))} instead of ${JSON.stringify(wanted)}`);
  if (!h2.closed && !row.last) await assertLives(h2);
}

describe('RFC 9113', () => {
  const hub = suiteHub({ set: { 'hub.workers': 1 } });
  for (const [section, rows] of Object.entries(RULES)) {
    describe(section, () => {
      for (const row of rows) {
        for (const [how, cut] of Object.entries(CUTS))
          test(`${row.name}, ${how}`, () => check(hub, row, cut));
      }
    });
  }
});
