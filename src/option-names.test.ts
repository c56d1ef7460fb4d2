// The options of stores, of adapters and of what a runtime is asked: a name that there is not is refused where it is given.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { batchPurges, cloudflarePurger, surrogatePurger, varnishPurger } from './adapters/cdn/index.ts'
import { kafkaRelay } from './adapters/kafka/index.ts'
import { natsRelay } from './adapters/nats/index.ts'
import { telemetry } from './adapters/otel/index.ts'
import { postgres } from './adapters/postgres/index.ts'
import { redisCache } from './adapters/redis/index.ts'
import { sqlite } from './adapters/sqlite/index.ts'
import { webhooks } from './adapters/webhooks/index.ts'
import { events, every, importMap, inbox, memory, runtime } from './index.ts'

const Order = events('order', { Placed: z.object({}) })
const [url, token] = ['http://127.0.0.1:1', 'secret']
const record = z.object({})

/** Each function with one option of its own, as it is right. */
const TAKERS: Readonly<Record<string, readonly [take: (options: never) => unknown, options: object, where: string]>> = {
  memory: [options => memory(options), { now: Date.now }, 'memory'],
  sqlite: [options => sqlite('/nowhere/log.db', options), { migrate: true }, 'sqlite'],
  postgres: [options => postgres('postgres://127.0.0.1:1/x', options), { schema: 'emaki' }, 'postgres'],
  redisCache: [options => redisCache(options), { url: 'redis://127.0.0.1:1', prefix: 'x' }, 'redisCache'],
  cloudflarePurger: [options => cloudflarePurger(options), { zone: 'z', token, url }, 'cloudflarePurger'],
  surrogatePurger: [options => surrogatePurger(options), { service: 's', token, url }, 'surrogatePurger'],
  varnishPurger: [options => varnishPurger(options), { url }, 'varnishPurger'],
  batchPurges: [options => batchPurges({} as never, options), { delayMs: 50 }, 'batchPurges'],
  telemetry: [options => telemetry(options), { serviceName: 'shop' }, 'telemetry'],
  kafkaRelay: [options => kafkaRelay('relay', options), { from: Order, brokers: [], topic: 'orders' }, "kafkaRelay('relay')"],
  natsRelay: [options => natsRelay('relay', options), { from: Order, servers: url, stream: 'SHOP' }, "natsRelay('relay')"],
  webhooks: [
    options => webhooks('hooks', options),
    { from: Order, url, secrets: `whsec_${btoa('x'.repeat(32))}` },
    "webhooks('hooks')",
  ],
  every: [options => every('0 3 * * *', options), { zone: 'UTC' }, 'every("0 3 * * *")'],
  inbox: [options => inbox('payments', options), { message: record, id: () => 'a', command: () => null }, "inbox('payments')"],
  importMap: [options => importMap(options), { from: Order, record, map: () => null }, 'importMap'],
}

describe.each(Object.entries(TAKERS))('the options of %s', (_, [take, options, where]) => {
  test('each whose name has a letter too much is refused with the right name', async () => {
    for (const [name, value] of Object.entries(options)) {
      const refused = (async () => take({ ...options, [`${name}x`]: value } as never))()
      await expect(refused).rejects.toThrow(`${where} has no option ${name}x; did you mean ${name}? there are `)
    }
  })

  test('what is no object is refused', async () => {
    await expect((async () => take('text' as never))()).rejects.toThrow(`${where} takes an object of options, found "text"`)
  })
})

test('an option of follow that there is not is refused with the right name, as is an option of follow of another kind', async () => {
  const emaki = await runtime({ serve: [], store: memory() })
  const first = (options: object) => emaki.follow({ from: Order, until: 'head', ...options } as never).next()
  expect(await first({})).toEqual({ done: true, value: undefined })
  await expect(first({ typs: ['Placed'] })).rejects.toThrow('follow has no option typs; did you mean types? there are from, ')
  await expect(first({ types: 'Placed' })).rejects.toThrow('follow: types takes a list of texts, found "Placed"')
  await emaki.close()
})
