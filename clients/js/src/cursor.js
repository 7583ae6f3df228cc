// Places in the hub's log: what `after` may be, and which of two places is further on.

/** Negative, 0 or positive as A is before, at or after B; NaN when their epochs differ. */
export function compareCursors(a, b) {
  const [offsetA, epochA] = a.split('-');
  const [offsetB, epochB] = b.split('-');
  if (epochA !== epochB) return NaN;
  // Decimal without leading zeros, up to 64 bits: too long for a number, easy as text.
  if (offsetA.length !== offsetB.length) return offsetA.length - offsetB.length;
  return offsetA < offsetB ? -1 : Number(offsetA > offsetB);
}

/** Whether A is surely before B; cursors of two epochs have no order. */
export const isBefore = (a, b) => compareCursors(a, b) < 0;

export const isCursor = (text) => typeof text === 'string' && /^[0-9]+(-[0-9]+)?$/.test(text);

/** Lets each message through once and in order, whatever the connections repeat. */
export class OrderGuard {
  last = null; // id of the last message let through
  dropped = 0;

  accept(id) {
    if (this.last !== null && compareCursors(id, this.last) <= 0) {
      this.dropped++;
      return false;
    }
    this.last = id;
    return true;
  }

  /** After a gap the hub goes on from CURSOR, which may be an earlier offset than before. */
  reset(cursor) {
    this.last = cursor;
  }
}

/** The wire form of `after`: a cursor, 'earliest', 'latest', -N, a Date. */
export function startOf(after = 'latest') {
  if (after instanceof Date) return after.toISOString();
  if (typeof after === 'string' && after !== '') return after;
  if (Number.isSafeInteger(after) && after < 0) return String(after);
  throw new TypeError('after is a cursor, "earliest", "latest", a negative number or a Date');
}

/** As `after`: the last N messages of these topics. */
export function last(n) {
  if (Number.isSafeInteger(n) && n > 0) return -n;
  throw new TypeError('last() takes the number of messages, from 1');
}

/** As `after`: what has been accepted since TIME, a Date, what Date takes, or -MS: so long ago. */
export function since(time) {
  const date = new Date(typeof time === 'number' && time < 0 ? Date.now() + time : time);
  if (Number.isNaN(date.getTime())) throw new TypeError('since() takes a time');
  return date;
}

/** As `after`: what is behind CURSOR. */
export function after(cursor) {
  if (isCursor(cursor)) return cursor;
  throw new TypeError('after() takes a cursor');
}
