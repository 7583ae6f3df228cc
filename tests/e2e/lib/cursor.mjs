// Reading cursors: OFFSET-EPOCH.
import assert from 'node:assert/strict';

export function parse(cursor) {
  assert.match(cursor, /^(0|[1-9]\d*)-[1-9]\d*$/);
  const [offset, epoch] = cursor.split('-').map(Number);
  return { offset, epoch };
}

export const offsetOf = (cursor) => parse(cursor).offset;
export const epochOf = (cursor) => parse(cursor).epoch;

/** The cursor `distance` offsets from another one. */
export function moved(cursor, distance) {
  const { offset, epoch } = parse(cursor);
  return `${offset + distance}-${epoch}`;
}
