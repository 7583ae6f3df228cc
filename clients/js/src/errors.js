// What goes wrong, and what follows from it.

/**
 * What went wrong. `kind` decides what follows: 'blocked' (this transport does not get through),
 * 'unreachable' (nothing does), 'lost' (the connection ended), 'later' (the hub asks to wait),
 * 'timeout' (a call has used up its time), 'conflict' (the topic is not as a publish expected, but
 * at `current`), 'fatal' (the hub refuses; trying again is no use). `code` is the hub's word for a
 * token that does not count ('expired', 'revoked', 'signature', …), for one that is missing
 * ('unauthorized'), for one that grants too little ('forbidden'); or 'six_connections': the browser
 * has given all that it opens to a host by HTTP/1.1, in this tab and others.
 */
export class LongwireError extends Error {
  constructor(kind, message, { cause, status, problem, delay, code } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LongwireError';
    this.kind = kind;
    this.status = status; // of HTTP, when there was an answer
    this.problem = problem; // the hub's application/problem+json
    this.delay = delay; // ms that the hub asks to wait
    this.code = code ?? problem?.code;
    this.current = kind === 'conflict' ? problem?.current : undefined; // a cursor
  }
}

/** What a hub asks to wait, s, as ms; clients that it told the same do not all come at once. */
const delayOf = (seconds) =>
  seconds >= 0 ? seconds * 1000 * (1 + Math.random() / 2) : undefined;

/** The error for an HTTP answer that is not a success. */
export async function answerError(response) {
  const fromHub = /^application\/problem\+json/i.test(response.headers.get('content-type') ?? '');
  const problem = fromHub ? await response.json().catch(() => undefined) : undefined;
  const { status } = response;
  const text = problem?.detail ?? problem?.title ?? response.statusText;
  const delay = delayOf(Number(response.headers.get('retry-after') ?? NaN));
  // Only the hub itself can refuse for good: a 403 of some proxy may be about the transport.
  const refusal = status === 409 && problem?.current ? 'conflict' : 'fatal';
  const kind = status === 429 || status >= 500 ? 'later' : fromHub ? refusal : 'blocked';
  return new LongwireError(kind, `HTTP ${status} ${text}`.trim(), { status, problem, delay });
}

// What the same refusals are by HTTP.
const STATUS = {
  conflict: 409, too_large: 413, limit: 429, rate_limited: 429, too_many: 429, forbidden: 403,
  unauthorized: 401, expired: 401, revoked: 401, no_space: 503, unavailable: 503,
};

/** The error for a WebSocket's answer {"op":"error"}. */
export function frameError({ code, message: detail, current, retry_after: wait }) {
  const status = STATUS[code] ?? 400;
  const kind = status === 409 ? 'conflict' : status === 429 || status >= 500 ? 'later' : 'fatal';
  const problem = { status, detail, current, code };
  return new LongwireError(kind, `${detail ?? code}`, { status, problem, delay: delayOf(wait) });
}

export const unreachable = (cause) =>
  new LongwireError('unreachable', 'the hub cannot be reached', { cause });
export const lost = (message, cause) => new LongwireError('lost', message, { cause });
export const blocked = (message, cause, code) =>
  new LongwireError('blocked', message, { cause, code });
export const timeout = (message, cause, code) =>
  new LongwireError('timeout', message, { cause, code });

export const tokenOver = (code) => {
  const message = code === 'unauthorized' ? 'the hub wants a token' : `the token is ${code}`;
  return new LongwireError('fatal', message, { code });
};
