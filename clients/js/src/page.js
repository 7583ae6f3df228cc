// What the page and the system tell: that there is a network again, that the page is back.

/**
 * Calls TELL with 'online', 'offline', 'back' (shown again, woken, or from the back-forward cache),
 * 'hidden', 'leaving' (perhaps for good). Returns a function that ends this.
 */
export function watchPage(tell) {
  const page = globalThis.document;
  const handlers = [
    [globalThis, 'online', () => tell('online')],
    [globalThis, 'offline', () => tell('offline')],
    [globalThis, 'pageshow', () => tell('back')],
    [globalThis, 'pagehide', () => tell('leaving')],
    [page, 'resume', () => tell('back')],
    [page, 'visibilitychange', () => tell(isHidden() ? 'hidden' : 'back')],
  ].filter(([target]) => target?.addEventListener);
  for (const [target, name, handler] of handlers) target.addEventListener(name, handler);
  return () => {
    for (const [target, name, handler] of handlers) target.removeEventListener(name, handler);
  };
}

/** Whether this may be the last that the page can do. */
export const isHidden = () => globalThis.document?.visibilityState === 'hidden';
