// Loaded before a node whose clock is wrong: every Date of its process is so many ms ahead.
const aheadMs = Number(process.env['AHEAD_MS'])
const RealDate = Date

globalThis.Date = new Proxy(RealDate, {
  construct: (target, values, made) =>
    Reflect.construct(target, values.length ? values : [target.now() + aheadMs], made === globalThis.Date ? target : made),
  apply: target => new target(target.now() + aheadMs).toString(),
  get: (target, name) => (name === 'now' ? () => target.now() + aheadMs : Reflect.get(target, name, target)),
})
