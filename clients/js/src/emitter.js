// Being told: callbacks by on() and once(), and the browser's own way, addEventListener().

/** The application's mistake: shown as any uncaught error, and what goes on here goes on. */
export function callSafely(callback, ...args) {
  try {
    callback?.(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

export class Emitter extends EventTarget {
  constructor() {
    super();
    this._callbacks = new Map(); // by name: a Set
    this._listenedTo = new Set(); // names
  }

  /** Calls CALLBACK at each NAME. Returns a function that ends this. */
  on(name, callback) {
    const set = this._callbacks.get(name) ?? new Set();
    const entry = { callback };
    this._callbacks.set(name, set.add(entry));
    this._heeded(name);
    return () => void set.delete(entry);
  }

  once(name, callback) {
    const end = this.on(name, (...args) => {
      end();
      callback(...args);
    });
    return end;
  }

  addEventListener(name, ...rest) {
    this._listenedTo.add(name);
    this._heeded(name);
    super.addEventListener(name, ...rest);
  }

  /** Somebody wants to be told NAME. */
  _heeded() {}

  /** Tells ARGS; of an event, `detail` is the first of them, `info` the second. */
  _emit(name, ...args) {
    for (const { callback } of [...(this._callbacks.get(name) ?? [])]) callSafely(callback, ...args);
    if (!this._listenedTo.has(name)) return;
    const [detail, info] = args;
    this.dispatchEvent(Object.assign(new Event(name), { detail, info, data: detail?.data }));
  }
}
