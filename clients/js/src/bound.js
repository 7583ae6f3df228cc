// Objects that work behind a framework's proxy.

/**
 * Binds the public methods and getters of OBJECT to itself. Frameworks (Vue's ref(), for one) hand out
 * proxies of what they are given; called by such a one, a method would see, and compare, proxies of
 * all that it has. So may methods be taken out and passed on by themselves.
 */
export function bindMethods(object) {
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) {
      if (!isPublic(name) || Object.hasOwn(object, name)) continue;
      const { value, get } = Object.getOwnPropertyDescriptor(at, name);
      const bound = get ? { get: get.bind(object) } : { value: value.bind(object), writable: true };
      Object.defineProperty(object, name, { ...bound, configurable: true });
    }
  }
}

const isPublic = (name) =>
  typeof name === 'string' ? name !== 'constructor' && name[0] !== '_' : name === Symbol.asyncIterator;
