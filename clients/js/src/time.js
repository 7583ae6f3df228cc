// Waiting: back-off, sleep, and time limits.

export const BACKOFF = { base: 500, cap: 30_000 }; // ms

/** Milliseconds before attempt ATTEMPT (from 0): exponential with full jitter. */
export function backoff(attempt, { base, cap } = BACKOFF, random = Math.random) {
  return random() * Math.min(cap, base * 2 ** Math.min(attempt, 30));
}

/** Resolves after MS, or as soon as SIGNAL aborts. */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', done);
  });
}

/**
 * Does WORK(signal) with a signal that aborts after MS, or with SIGNAL; rejects with what LATE()
 * gives if time was the reason.
 */
export async function within(ms, signal, late, work) {
  const aborter = new AbortController();
  const abort = () => aborter.abort(signal.reason);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    aborter.abort();
  }, ms);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  try {
    return await work(aborter.signal);
  } catch (error) {
    throw isLate ? late(error) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
