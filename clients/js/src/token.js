// Tokens: when they end, and when the next one is due.

import { bytesOf } from './encoding.js';

const RENEW_MS = 60_000; // before a token ends another is asked for; of a short one, in its middle
const TIMER_MAX = 86_400_000; // timers cannot wait for weeks

/** When TOKEN ends, in the ms of Date.now(); undefined: it does not say, or is no JWT. */
export function endOfToken(token) {
  try {
    const claims = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(new TextDecoder().decode(bytesOf(claims)));
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** In how many ms one that ends at END is to be replaced; undefined: that would be too late. */
export function renewalIn(end, now = Date.now()) {
  const left = end - now;
  if (!(left > 0)) return undefined;
  return Math.min(Math.max(left - RENEW_MS, left / 2), TIMER_MAX);
}

export const authorization = (token) =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };
