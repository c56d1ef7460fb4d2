/** The real one with some of its members replaced. What it keeps in private fields only it may read, so its methods are called on it. */
export function bound<Port extends object>(real: Port, own: Partial<Port>): Port {
  return new Proxy(real, {
    get: (target, name) => {
      const value = (own[name as keyof Port] ?? Reflect.get(target, name, target)) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
